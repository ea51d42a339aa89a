#include "ecotone/op/index.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "ecotone/base/thread_pool.h"
#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/combine.h"
#include "ecotone/op/common.h"
#include "ecotone/op/move.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

bool contains(std::span<const int64_t> list, size_t value) {
  return std::ranges::find(list, static_cast<int64_t>(value)) != list.end();
}

// The numbers below `rank` that are in none of the lists.
std::vector<size_t> others(size_t rank, std::initializer_list<std::span<const int64_t>> lists) {
  std::vector<size_t> r;
  for (size_t d = 0; d < rank; ++d)
    if (std::ranges::none_of(lists, [&](std::span<const int64_t> list) { return contains(list, d); })) r.push_back(d);
  return r;
}

// dynamic_slice, dynamic_update_slice ---------------------------------------------------------------------------------

// The starts are operands first, first + 1, ...: integer scalars of one type.
void expect_starts(const InferCall& call, size_t first) {
  const int64_t rank = call.operand(0).rank();
  call.expect_operands(first + static_cast<size_t>(rank));
  for (size_t i = first; i < call.operands.size(); ++i)
    if (call.operand(i).rank() != 0 || !is_integer(call.operand(i).dtype))
      fail("start index {} must be an integer scalar", i - first);
}

// The flat offset of a slice whose starts are clamped so that it fits.
int64_t clamped_offset(const EvalCall& call, size_t first, std::span<const int64_t> whole,
                       std::span<const int64_t> part) {
  const Shape strides = row_major_strides(whole);
  int64_t offset = 0;
  for (size_t d = 0; d < whole.size(); ++d) {
    const Tensor& start = call.operands[first + d];
    const int64_t last = whole[d] - part[d], at = start.at_int(0);
    const bool huge = start.dtype() == DType::kU64 && at < 0;  // above int64's range
    offset += (huge ? last : std::clamp<int64_t>(at, 0, last)) * strides[d];
  }
  return offset;
}

std::vector<Type> infer_dynamic_slice(const InferCall& call) {
  call.expect_operands_at_least(1);
  expect_starts(call, 1);
  const TensorType& x = call.operand(0);
  const auto& sizes = call.get<DynamicSliceAttributes>().slice_sizes;
  if (sizes.size() != x.shape.size())
    fail("slice_sizes has {} entries, but the operand has {} dimensions", sizes.size(), x.rank());
  for (size_t d = 0; d < sizes.size(); ++d)
    if (call.dims.range(sizes[d]).max < 0 || call.dims.less_equal(sizes[d], x.shape[d]) == Decision::kNo)
      fail("slice size {} of dimension {} is not in [0, {}]", sizes[d].str(call.dims.symbols()), d,
           x.shape[d].str(call.dims.symbols()));
  return {Type(TensorType{x.dtype, sizes})};
}

std::vector<Tensor> evaluate_dynamic_slice(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  const Shape shape = call.result().static_shape();
  for (size_t d = 0; d < shape.size(); ++d)
    if (shape[d] > x.shape()[d]) fail("slice size {} of dimension {} is above {}", shape[d], d, x.shape()[d]);
  MutableTensor out(x.dtype(), shape, MutableTensor::Init::kNone);
  const int element = byte_size(x.dtype());
  copy_strided(shape, element, out.bytes().data(), row_major_strides(shape),
               x.bytes().data() + clamped_offset(call, 1, x.shape(), shape) * element, row_major_strides(x.shape()));
  return {std::move(out).freeze()};
}

std::vector<Type> infer_dynamic_update_slice(const InferCall& call) {
  call.expect_operands_at_least(2);
  expect_starts(call, 2);
  expect_equal_dtypes(call, 0, 1);
  const TensorType &x = call.operand(0), &update = call.operand(1);
  if (update.rank() != x.rank()) fail("the update has {} dimensions, the operand {}", update.rank(), x.rank());
  for (size_t d = 0; d < x.shape.size(); ++d)
    if (call.dims.less_equal(update.shape[d], x.shape[d]) == Decision::kNo)
      fail("the update's size {} of dimension {} is above {}", update.shape[d].str(call.dims.symbols()), d,
           x.shape[d].str(call.dims.symbols()));
  return {Type(x)};
}

std::vector<Tensor> evaluate_dynamic_update_slice(const EvalCall& call) {
  const Tensor &x = call.operands[0], &update = call.operands[1];
  for (size_t d = 0; d < x.shape().size(); ++d)
    if (update.shape()[d] > x.shape()[d])
      fail("the update's size {} of dimension {} is above {}", update.shape()[d], d, x.shape()[d]);
  MutableTensor out(x.dtype(), x.shape(), MutableTensor::Init::kNone);
  if (x.size() > 0) std::memcpy(out.bytes().data(), x.bytes().data(), x.bytes().size());
  const int element = byte_size(x.dtype());
  copy_strided(update.shape(), element,
               out.bytes().data() + clamped_offset(call, 2, x.shape(), update.shape()) * element,
               row_major_strides(x.shape()), update.bytes().data(), row_major_strides(update.shape()));
  return {std::move(out).freeze()};
}

// Start indices of gather and scatter ---------------------------------------------------------------------------------

// The start vectors, one per batch index in row-major order.
struct Starts {
  Shape batch_shape;            // indices' shape without index_vector_dim
  std::vector<int64_t> values;  // of all indices, in their order
  Shape batch_strides;          // into values
  int64_t vector_stride = 0;

  Starts(const Tensor& indices, int64_t index_vector_dim) : values(indices.to_ints()) {
    const Shape strides = row_major_strides(indices.shape());
    for (size_t d = 0; d < strides.size(); ++d) {
      if (static_cast<int64_t>(d) == index_vector_dim) {
        vector_stride = strides[d];
        continue;
      }
      batch_shape.push_back(indices.shape()[d]);
      batch_strides.push_back(strides[d]);
    }
  }
  int64_t at(std::span<const int64_t> batch, size_t k) const {
    int64_t offset = static_cast<int64_t>(k) * vector_stride;
    for (size_t d = 0; d < batch.size(); ++d) offset += batch[d] * batch_strides[d];
    return values[static_cast<size_t>(offset)];
  }
};

// A dimension of the start indices, as one of its batch dimensions.
size_t batch_dimension(int64_t dimension, int64_t index_vector_dim) {
  return static_cast<size_t>(dimension > index_vector_dim ? dimension - 1 : dimension);
}

std::vector<Dim> batch_dims(const TensorType& indices, int64_t index_vector_dim) {
  std::vector<Dim> dims = indices.shape;
  if (index_vector_dim < indices.rank()) dims.erase(dims.begin() + index_vector_dim);
  return dims;
}

void expect_indices(const InferCall& call, const TensorType& indices, int64_t index_vector_dim, size_t map_size) {
  if (!is_integer(indices.dtype)) fail("indices must be integers, not {}", name(indices.dtype));
  if (index_vector_dim < 0 || index_vector_dim > indices.rank())
    fail("index_vector_dim is {}, but must be in [0, {}]", index_vector_dim, indices.rank());
  const Dim length = index_vector_dim == indices.rank() ? Dim(1) : indices.shape[static_cast<size_t>(index_vector_dim)];
  call.dims.require_equal(length, static_cast<int64_t>(map_size),
                          "the length of an index vector and of the dimension map");
}

void expect_dimensions(std::span<const int64_t> list, int64_t rank, const char* what) {
  std::vector<bool> seen(static_cast<size_t>(rank));
  for (int64_t d : list) {
    if (d < 0 || d >= rank) fail("{} has {}, but must be in [0, {})", what, d, rank);
    if (seen[static_cast<size_t>(d)]) fail("{} has {} twice", what, d);
    seen[static_cast<size_t>(d)] = true;
  }
}

// gather --------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_gather(const InferCall& call) {
  call.expect_operands(2);
  const auto& a = call.get<GatherAttributes>();
  const TensorType &x = call.operand(0), &indices = call.operand(1);
  expect_indices(call, indices, a.index_vector_dim, a.start_index_map.size());
  expect_dimensions(a.start_index_map, x.rank(), "start_index_map");
  expect_dimensions(a.collapsed_slice_dims, x.rank(), "collapsed_slice_dims");
  expect_dimensions(a.operand_batching_dims, x.rank(), "operand_batching_dims");
  expect_dimensions(a.start_indices_batching_dims, indices.rank(), "start_indices_batching_dims");
  if (a.operand_batching_dims.size() != a.start_indices_batching_dims.size())
    fail("operand_batching_dims and start_indices_batching_dims differ in length");
  if (contains(a.start_indices_batching_dims, static_cast<size_t>(a.index_vector_dim)))
    fail("start_indices_batching_dims has index_vector_dim");
  if (a.slice_sizes.size() != x.shape.size())
    fail("slice_sizes has {} entries, but the operand has {} dimensions", a.slice_sizes.size(), x.rank());
  for (size_t d = 0; d < x.shape.size(); ++d) {
    if (call.dims.range(a.slice_sizes[d]).max < 0 ||
        call.dims.less_equal(a.slice_sizes[d], x.shape[d]) == Decision::kNo)
      fail("slice size {} of dimension {} is not in [0, {}]", a.slice_sizes[d].str(call.dims.symbols()), d,
           x.shape[d].str(call.dims.symbols()));
    if ((contains(a.collapsed_slice_dims, d) || contains(a.operand_batching_dims, d)) &&
        call.dims.less_equal(a.slice_sizes[d], 1) == Decision::kNo)
      fail("slice size {} of dimension {}, which is collapsed, must be at most 1",
           a.slice_sizes[d].str(call.dims.symbols()), d);
  }
  const std::vector<Dim> batch = batch_dims(indices, a.index_vector_dim);
  const std::vector<size_t> window = others(x.shape.size(), {a.collapsed_slice_dims, a.operand_batching_dims});
  const size_t rank = batch.size() + window.size();
  expect_dimensions(a.offset_dims, static_cast<int64_t>(rank), "offset_dims");
  if (a.offset_dims.size() != window.size())
    fail("offset_dims has {} entries, but {} dimensions are kept", a.offset_dims.size(), window.size());
  TensorType result{x.dtype, {}};
  for (size_t d = 0, next_batch = 0, next_window = 0; d < rank; ++d)
    result.shape.push_back(contains(a.offset_dims, d) ? a.slice_sizes[window[next_window++]] : batch[next_batch++]);
  return {Type(std::move(result))};
}

std::vector<Tensor> evaluate_gather(const EvalCall& call) {
  const auto& a = call.get<GatherAttributes>();
  const Tensor& x = call.operands[0];
  const Starts starts(call.operands[1], a.index_vector_dim);
  MutableTensor out(x.dtype(), call.result().static_shape(), MutableTensor::Init::kNone);
  if (out.size() == 0) return {std::move(out).freeze()};
  const Shape x_strides = row_major_strides(x.shape()), out_strides = row_major_strides(out.shape());
  const std::vector<size_t> window = others(x.shape().size(), {a.collapsed_slice_dims, a.operand_batching_dims});
  const std::vector<size_t> batch_out = others(out.shape().size(), {a.offset_dims});
  Shape part, to, from;
  for (size_t i = 0; i < window.size(); ++i) {
    const auto d = static_cast<size_t>(a.offset_dims[i]);
    part.push_back(out.shape()[d]);
    to.push_back(out_strides[d]);
    from.push_back(x_strides[window[i]]);
  }
  const int64_t part_size = element_count(part), batches = element_count(starts.batch_shape);
  const bool rows = to == row_major_strides(part) && from == to;  // a slice is one piece of memory on both sides
  const int element = byte_size(x.dtype());
  std::byte* out_bytes = out.bytes().data();
  const int64_t grain = std::max<int64_t>(1, (1 << 14) / part_size);
  ThreadPool::global().parallel_for(0, batches, grain, [&](int64_t begin, int64_t end) {
    Shape batch(starts.batch_shape.size());
    for (int64_t rest = begin, d = static_cast<int64_t>(batch.size()) - 1; d >= 0; --d) {
      batch[static_cast<size_t>(d)] = rest % starts.batch_shape[static_cast<size_t>(d)];
      rest /= starts.batch_shape[static_cast<size_t>(d)];
    }
    for (int64_t n = begin; n < end; ++n, next_index(batch, starts.batch_shape)) {
      int64_t source = 0, target = 0;
      for (size_t k = 0; k < a.start_index_map.size(); ++k) {
        const auto d = static_cast<size_t>(a.start_index_map[k]);
        source +=
            std::clamp<int64_t>(starts.at(batch, k), 0, x.shape()[d] - a.slice_sizes[d].constant()) * x_strides[d];
      }
      for (size_t k = 0; k < a.operand_batching_dims.size(); ++k)
        source += batch[batch_dimension(a.start_indices_batching_dims[k], a.index_vector_dim)] *
                  x_strides[static_cast<size_t>(a.operand_batching_dims[k])];
      for (size_t k = 0; k < batch_out.size(); ++k) target += batch[k] * out_strides[batch_out[k]];
      if (rows)
        std::memcpy(out_bytes + target * element, x.bytes().data() + source * element,
                    static_cast<size_t>(part_size * element));
      else
        copy_strided(part, element, out_bytes + target * element, to, x.bytes().data() + source * element, from);
    }
  });
  return {std::move(out).freeze()};
}

// scatter -------------------------------------------------------------------------------------------------------------

size_t input_count(size_t operands) {
  if (operands < 3 || operands % 2 == 0)
    fail("scatter takes N inputs, indices and N updates, not {} operands", operands);
  return (operands - 1) / 2;
}

std::vector<Type> infer_scatter(const InferCall& call) {
  const auto& a = call.get<ScatterAttributes>();
  const size_t n = input_count(call.operands.size());
  call.expect_regions(1);
  const TensorType &x = call.operand(0), &indices = call.operand(n);
  expect_indices(call, indices, a.index_vector_dim, a.scatter_dims_to_operand_dims.size());
  expect_dimensions(a.scatter_dims_to_operand_dims, x.rank(), "scatter_dims_to_operand_dims");
  expect_dimensions(a.inserted_window_dims, x.rank(), "inserted_window_dims");
  expect_dimensions(a.input_batching_dims, x.rank(), "input_batching_dims");
  expect_dimensions(a.scatter_indices_batching_dims, indices.rank(), "scatter_indices_batching_dims");
  if (a.input_batching_dims.size() != a.scatter_indices_batching_dims.size())
    fail("input_batching_dims and scatter_indices_batching_dims differ in length");
  if (contains(a.scatter_indices_batching_dims, static_cast<size_t>(a.index_vector_dim)))
    fail("scatter_indices_batching_dims has index_vector_dim");
  const std::vector<Dim> batch = batch_dims(indices, a.index_vector_dim);
  const std::vector<size_t> window = others(x.shape.size(), {a.inserted_window_dims, a.input_batching_dims});
  std::vector<Type> results;
  for (size_t i = 0; i < n; ++i) {
    const TensorType &input = call.operand(i), &update = call.operand(n + 1 + i);
    if (i > 0) expect_equal_shapes(call, 0, i);
    if (update.shape.size() != batch.size() + window.size())
      fail("update {} has {} dimensions, but needs {}", i, update.rank(), batch.size() + window.size());
    expect_dimensions(a.update_window_dims, update.rank(), "update_window_dims");
    if (a.update_window_dims.size() != window.size())
      fail("update_window_dims has {} entries, but windows have {} dimensions", a.update_window_dims.size(),
           window.size());
    for (size_t k = 0; k < window.size(); ++k) {
      const Dim& size = update.shape[static_cast<size_t>(a.update_window_dims[k])];
      if (call.dims.less_equal(size, x.shape[window[k]]) == Decision::kNo)
        fail("update {}'s window is larger than the operand's dimension {}", i, window[k]);
    }
    size_t next = 0;
    for (size_t d = 0; d < update.shape.size(); ++d)
      if (!contains(a.update_window_dims, d))
        call.dims.require_equal(update.shape[d], batch[next++], "sizes of updates and of indices");
    results.emplace_back(input);
  }
  return results;
}

std::vector<Tensor> evaluate_scatter(const EvalCall& call) {
  const auto& a = call.get<ScatterAttributes>();
  const size_t n = input_count(call.operands.size());
  const Starts starts(call.operands[n], a.index_vector_dim);
  const Shape &shape = call.operands[0].shape(), &update_shape = call.operands[n + 1].shape();
  std::vector<MutableTensor> outs;
  for (size_t i = 0; i < n; ++i) {
    const Tensor& x = call.operands[i];
    outs.emplace_back(x.dtype(), x.shape(), MutableTensor::Init::kNone);
    if (x.size() > 0) std::memcpy(outs[i].bytes().data(), x.bytes().data(), x.bytes().size());
  }
  const ElementCombiner combine(call, call.regions[0]);
  const std::vector<size_t> window = others(shape.size(), {a.inserted_window_dims, a.input_batching_dims});
  const std::vector<size_t> batch_updates = others(update_shape.size(), {a.update_window_dims});
  const Shape strides = row_major_strides(shape);
  Shape index(update_shape.size()), batch(batch_updates.size()), at(shape.size());
  const int64_t updates = element_count(update_shape);
  for (int64_t u = 0; u < updates; ++u, next_index(index, update_shape)) {
    for (size_t k = 0; k < batch.size(); ++k) batch[k] = index[batch_updates[k]];
    std::ranges::fill(at, 0);
    for (size_t k = 0; k < a.scatter_dims_to_operand_dims.size(); ++k)
      at[static_cast<size_t>(a.scatter_dims_to_operand_dims[k])] = starts.at(batch, k);
    for (size_t k = 0; k < a.input_batching_dims.size(); ++k)
      at[static_cast<size_t>(a.input_batching_dims[k])] =
          batch[batch_dimension(a.scatter_indices_batching_dims[k], a.index_vector_dim)];
    int64_t target = 0;
    bool inside = true;
    for (size_t k = 0; k < window.size(); ++k) {
      const int64_t offset = index[static_cast<size_t>(a.update_window_dims[k])];
      // A start near int64's end must not wrap into range.
      inside = inside && at[window[k]] < shape[window[k]];
      if (inside) at[window[k]] += offset;
    }
    for (size_t d = 0; d < shape.size() && inside; ++d) {
      inside = at[d] >= 0 && at[d] < shape[d];
      target += at[d] * strides[d];
    }
    if (inside) combine(outs, target, call.operands.subspan(n + 1), u);
  }
  std::vector<Tensor> results;
  for (MutableTensor& out : outs) results.push_back(std::move(out).freeze());
  return results;
}

}  // namespace

const Op& dynamic_slice() {
  static const Op op = primitive("stablehlo.dynamic_slice", &attributes_info<DynamicSliceAttributes>(), DTypeSet::all(),
                                 infer_dynamic_slice, evaluate_dynamic_slice);
  return op;
}
ValueId dynamic_slice(Builder& b, ValueId x, std::span<const ValueId> starts, std::vector<Dim> sizes) {
  std::vector<ValueId> operands{x};
  operands.insert(operands.end(), starts.begin(), starts.end());
  return b.add1(dynamic_slice(), make_attributes(DynamicSliceAttributes{std::move(sizes)}), operands);
}

const Op& dynamic_update_slice() {
  static const Op op = primitive("stablehlo.dynamic_update_slice", nullptr, DTypeSet::all(), infer_dynamic_update_slice,
                                 evaluate_dynamic_update_slice);
  return op;
}
ValueId dynamic_update_slice(Builder& b, ValueId x, ValueId update, std::span<const ValueId> starts) {
  std::vector<ValueId> operands{x, update};
  operands.insert(operands.end(), starts.begin(), starts.end());
  return b.add1(dynamic_update_slice(), {}, operands);
}

const Op& gather() {
  static const Op op = primitive("stablehlo.gather", &attributes_info<GatherAttributes>(), DTypeSet::all(),
                                 infer_gather, evaluate_gather);
  return op;
}
ValueId gather(Builder& b, ValueId x, ValueId indices, GatherAttributes attributes) {
  return b.add1(gather(), make_attributes(std::move(attributes)), {x, indices});
}

ValueId take(Builder& b, ValueId x, ValueId indices, int64_t axis) {
  const TensorType& type = b.tensor_type(x);
  const int64_t index_rank = b.rank(indices);
  GatherAttributes a;
  a.collapsed_slice_dims = {axis};
  a.start_index_map = {axis};
  a.index_vector_dim = index_rank;
  a.slice_sizes = type.shape;
  a.slice_sizes[static_cast<size_t>(axis)] = 1;
  for (int64_t d = 0; d < type.rank() - 1; ++d) a.offset_dims.push_back(d < axis ? d : d + index_rank);
  return gather(b, x, indices, std::move(a));
}

const Op& scatter() {
  static const Op op = primitive("stablehlo.scatter", &attributes_info<ScatterAttributes>(), DTypeSet::all(),
                                 infer_scatter, evaluate_scatter);
  return op;
}
std::vector<ValueId> scatter(Builder& b, std::span<const ValueId> inputs, ValueId indices,
                             std::span<const ValueId> updates, ScatterAttributes attributes, Region region,
                             std::span<const ValueId> captures) {
  std::vector<ValueId> operands(inputs.begin(), inputs.end());
  operands.push_back(indices);
  operands.insert(operands.end(), updates.begin(), updates.end());
  return b.add(scatter(), make_attributes(std::move(attributes)), operands, {std::move(region)}, captures);
}

std::span<const Op* const> index_ops() {
  static const Op* const ops[] = {&dynamic_slice(), &dynamic_update_slice(), &gather(), &scatter()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::DynamicSliceAttributes>();
template const AttributesInfo& attributes_info<op::GatherAttributes>();
template const AttributesInfo& attributes_info<op::ScatterAttributes>();
}  // namespace ecotone
