// Moving elements by their bytes: the one loop under slices, transposes, broadcasts, pads and their like.
#pragma once

#include <cstddef>
#include <span>

#include "ecotone/ir/op.h"
#include "ecotone/ir/tensor.h"

namespace ecotone::op {

// Row-major strides of a shape, in elements.
Shape row_major_strides(std::span<const int64_t> shape);

// Steps a row-major walk over `shape`; false after the last index, which becomes all zeros.
bool next_index(Shape& index, std::span<const int64_t> shape);

// For every index of `shape`, copies the element at from + index . from_strides to to + index . to_strides. Strides are
// in elements and may be zero (from) or negative; the ranges must not overlap. Big copies use the thread pool.
void copy_strided(std::span<const int64_t> shape, int element_size, std::byte* to, std::span<const int64_t> to_strides,
                  const std::byte* from, std::span<const int64_t> from_strides);

// Repeats the element at `value` into all of `out`.
void fill_elements(MutableTensor& out, const std::byte* value);

}  // namespace ecotone::op
