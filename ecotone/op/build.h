// Conveniences for whoever writes equations by hand: readers, composites, tests.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

// Constants.
ValueId scalar(Builder& b, DType dtype, double value);
ValueId scalar_int(Builder& b, DType dtype, int64_t value);  // exact for 64-bit integers
ValueId full(Builder& b, DType dtype, std::vector<Dim> shape, double value);
ValueId full_like(Builder& b, ValueId x, double value);

// The shape that NumPy broadcasting gives; an undecided size is an equality assumption when neither is 1.
std::vector<Dim> broadcast_shapes(Builder& b, std::span<const Dim> x, std::span<const Dim> y);
// x under NumPy broadcasting to `shape` (aligned at the last dimension); x itself when it fits already.
ValueId broadcast_to(Builder& b, ValueId x, std::span<const Dim> shape);
// Both operands broadcast against each other, then `binary`.
using BinaryBuilder = ValueId (*)(Builder&, ValueId, ValueId);
ValueId broadcast_binary(Builder& b, BinaryBuilder binary, ValueId x, ValueId y);
// x's shape, with `dimensions` put back as size 1 (undoing a reduction) and broadcast to `shape`.
ValueId broadcast_reduced(Builder& b, ValueId reduced, std::span<const Dim> shape, std::span<const int64_t> dimensions);
// Inserts or removes dimensions of size 1.
ValueId expand_dims(Builder& b, ValueId x, std::span<const int64_t> positions);  // positions in the result
ValueId squeeze(Builder& b, ValueId x, std::span<const int64_t> dimensions);
// A closed region from a function that fills a Builder: `inputs` are the region's types, `make` returns its outputs.
// `like` gives symbols that the types use; the region's dim_args are then all of these.
Region make_region(Builder& like, std::string name, std::span<const Type> inputs,
                   const std::function<std::vector<ValueId>(Builder&, std::span<const ValueId>)>& make);
// axis in [-rank, rank) made non-negative; Error otherwise.
int64_t normalize_axis(int64_t axis, int64_t rank);

}  // namespace ecotone::op
