#include "ecotone/op/move.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "ecotone/base/error.h"
#include "ecotone/base/thread_pool.h"

namespace ecotone::op {
namespace {

using Bytes16 = std::array<uint64_t, 2>;

struct Axis {
  int64_t size, to, from;
};

// The axes with more than one index, neighbours joined where both sides allow it.
std::vector<Axis> joined_axes(std::span<const int64_t> shape, std::span<const int64_t> to,
                              std::span<const int64_t> from) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    const Axis axis{shape[i], to[i], from[i]};
    if (!axes.empty() && axes.back().to == axis.to * axis.size && axes.back().from == axis.from * axis.size)
      axes.back() = {axes.back().size * axis.size, axis.to, axis.from};
    else
      axes.push_back(axis);
  }
  return axes;
}

template <class T>
void copy_row(T* to, const T* from, const Axis& axis) {
  if (axis.to == 1 && axis.from == 1) {
    std::memcpy(to, from, static_cast<size_t>(axis.size) * sizeof(T));
  } else if (axis.to == 1 && axis.from == 0) {
    std::fill_n(to, axis.size, *from);
  } else {
    for (int64_t i = 0; i < axis.size; ++i) to[i * axis.to] = from[i * axis.from];
  }
}

// The last two axes, in tiles when the sources run across the rows (a transpose), so that both sides stay in cache.
template <class T>
void copy_plane(T* to, const T* from, const Axis& rows, const Axis& columns) {
  constexpr int64_t kTile = 16;
  if (rows.from != 1 || columns.from == 1) {
    for (int64_t r = 0; r < rows.size; ++r) copy_row(to + r * rows.to, from + r * rows.from, columns);
    return;
  }
  for (int64_t c = 0; c < columns.size; c += kTile)
    for (int64_t r = 0; r < rows.size; r += kTile)
      for (int64_t i = r; i < std::min(r + kTile, rows.size); ++i)
        for (int64_t j = c; j < std::min(c + kTile, columns.size); ++j)
          to[i * rows.to + j * columns.to] = from[i * rows.from + j * columns.from];
}

template <class T>
void copy_axes(T* to, const T* from, std::span<const Axis> axes) {
  if (axes.empty()) {
    *to = *from;
  } else if (axes.size() == 1) {
    copy_row(to, from, axes[0]);
  } else if (axes.size() == 2) {
    copy_plane(to, from, axes[0], axes[1]);
  } else {
    for (int64_t i = 0; i < axes[0].size; ++i) copy_axes(to + i * axes[0].to, from + i * axes[0].from, axes.subspan(1));
  }
}

template <class T>
void copy_as(std::byte* to_bytes, const std::byte* from_bytes, std::vector<Axis> axes, int64_t elements) {
  T* to = reinterpret_cast<T*>(to_bytes);
  const T* from = reinterpret_cast<const T*>(from_bytes);
  constexpr int64_t kParallel = 1 << 16;  // elements a piece
  if (elements < 2 * kParallel) return copy_axes<T>(to, from, axes);
  // One long row is as good as many short ones.
  if (axes[0].size == elements) {
    const int64_t pieces = elements / kParallel, length = elements / pieces;
    ThreadPool::global().parallel_for(0, pieces, 1, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * length, last = end == pieces ? elements : end * length;
      const Axis part{last - first, axes[0].to, axes[0].from};
      copy_row(to + first * part.to, from + first * part.from, part);
    });
    return;
  }
  const int64_t grain = std::max<int64_t>(1, kParallel / (elements / axes[0].size));
  ThreadPool::global().parallel_for(0, axes[0].size, grain, [&](int64_t begin, int64_t end) {
    std::vector<Axis> part = axes;
    part[0].size = end - begin;
    copy_axes<T>(to + begin * part[0].to, from + begin * part[0].from, part);
  });
}

}  // namespace

Shape row_major_strides(std::span<const int64_t> shape) {
  Shape strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

bool next_index(Shape& index, std::span<const int64_t> shape) {
  for (size_t d = shape.size(); d-- > 0;) {
    if (++index[d] < shape[d]) return true;
    index[d] = 0;
  }
  return false;
}

void copy_strided(std::span<const int64_t> shape, int element_size, std::byte* to, std::span<const int64_t> to_strides,
                  const std::byte* from, std::span<const int64_t> from_strides) {
  const int64_t elements = element_count(shape);
  if (elements == 0) return;
  std::vector<Axis> axes = joined_axes(shape, to_strides, from_strides);
  switch (element_size) {
    case 1:
      return copy_as<uint8_t>(to, from, std::move(axes), elements);
    case 2:
      return copy_as<uint16_t>(to, from, std::move(axes), elements);
    case 4:
      return copy_as<uint32_t>(to, from, std::move(axes), elements);
    case 8:
      return copy_as<uint64_t>(to, from, std::move(axes), elements);
    case 16:
      return copy_as<Bytes16>(to, from, std::move(axes), elements);
    default:
      fail_kind(ErrorKind::kInternal, "elements of {} bytes can't be moved", element_size);
  }
}

void fill_elements(MutableTensor& out, const std::byte* value) {
  const Shape shape{out.size()}, step{1}, still{0};
  copy_strided(shape, byte_size(out.dtype()), out.bytes().data(), step, value, still);
}

}  // namespace ecotone::op
