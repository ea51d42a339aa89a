// Operators that pick or place single elements, and masks over positions.
#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/cumulative.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/select.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

// Indices in [-size, size) made non-negative.
ValueId wrapped(Builder& b, ValueId indices, const Dim& size) {
  const ValueId length = op::broadcast_to(b, op::dim_value(b, size, b.dtype(indices)), b.tensor_type(indices).shape);
  const ValueId negative = op::compare(b, op::ComparisonDirection::kLt, indices, op::full_like(b, indices, 0));
  return op::select(b, negative, op::add(b, indices, length), indices);
}

// For each element of `indices` its full index into x: its own place, but along `axis` what it says. Shape [..., rank].
ValueId full_indices(NodeContext& n, ValueId indices, int64_t axis) {
  Builder& b = n.b;
  const TensorType type = b.tensor_type(indices);
  const int64_t last[] = {type.rank()};
  std::vector<ValueId> parts;
  for (int64_t d = 0; d < type.rank(); ++d) {
    const ValueId at = d == axis ? wrapped(b, indices, n.type(0).shape[static_cast<size_t>(d)]) : op::iota(b, type, d);
    parts.push_back(op::expand_dims(b, at, last));
  }
  return op::concatenate(b, parts, type.rank());
}

std::vector<int64_t> up_to(int64_t count) {
  std::vector<int64_t> r;
  for (int64_t d = 0; d < count; ++d) r.push_back(d);
  return r;
}

std::vector<Value> gather_elements(NodeContext& n) {
  const int64_t rank = n.rank(0), axis = n.axis_attribute("axis", 0, rank);
  if (n.rank(1) != rank) fail("the indices have {} dimensions, the data {}", n.rank(1), rank);
  op::GatherAttributes a;
  a.collapsed_slice_dims = a.start_index_map = up_to(rank);
  a.index_vector_dim = rank;
  a.slice_sizes.assign(static_cast<size_t>(rank), 1);
  return {n.result(op::gather(n.b, n.in(0), full_indices(n, n.in(1), axis), std::move(a)))};
}

// What combines an update with the old element.
Region reduction(NodeContext& n) {
  const std::string name = n.string_attribute("reduction", "none");
  const Type scalar = TensorType{n.dtype(0), {}};
  const Type types[] = {scalar, scalar};
  return op::make_region(n.b, "update", types, [&](Builder& b, std::span<const ValueId> args) -> std::vector<ValueId> {
    if (name == "none") return {args[1]};
    if (name == "add") return {op::add(b, args[0], args[1])};
    if (name == "mul") return {op::multiply(b, args[0], args[1])};
    if (name == "max") return {op::maximum(b, args[0], args[1])};
    if (name == "min") return {op::minimum(b, args[0], args[1])};
    fail("reduction '{}' is unknown", name);
  });
}

std::vector<Value> scatter_elements(NodeContext& n) {
  const int64_t rank = n.rank(0), axis = n.axis_attribute("axis", 0, rank);
  if (n.rank(1) != rank || n.rank(2) != rank) fail("data, indices and updates differ in their number of dimensions");
  op::ScatterAttributes a;
  a.inserted_window_dims = a.scatter_dims_to_operand_dims = up_to(rank);
  a.index_vector_dim = rank;
  const ValueId x = n.in(0), updates = n.in(2);
  return {n.result(
      op::scatter(n.b, {&x, 1}, full_indices(n, n.in(1), axis), {&updates, 1}, std::move(a), reduction(n))[0])};
}

// Index vectors along the last dimension, each entry made non-negative by the size it indexes.
ValueId wrapped_vectors(NodeContext& n, int64_t batch_dims) {
  const TensorType type = n.type(1);
  if (type.rank() == 0) fail("the indices must have a dimension");
  const int64_t depth = type.shape.back().constant();
  if (depth + batch_dims > n.rank(0)) fail("index vectors of {} entries for data of {} dimensions", depth, n.rank(0));
  std::vector<Dim> sizes;
  for (int64_t d = 0; d < depth; ++d) sizes.push_back(n.type(0).shape[static_cast<size_t>(batch_dims + d)]);
  const ValueId indices = n.in(1),
                lengths = op::broadcast_to(n.b, n.graph.materialize(Value::of_dims(sizes, n.dtype(1))), type.shape);
  const ValueId negative = op::compare(n.b, op::ComparisonDirection::kLt, indices, op::full_like(n.b, indices, 0));
  return op::select(n.b, negative, op::add(n.b, indices, lengths), indices);
}

std::vector<Value> gather_nd(NodeContext& n) {
  const int64_t batch = n.int_attribute("batch_dims", 0), rank = n.rank(0);
  if (batch < 0 || batch >= n.rank(1) || batch > rank) fail("batch_dims {} does not fit", batch);
  const ValueId indices = wrapped_vectors(n, batch);
  const int64_t depth = n.type(1).shape.back().constant();
  op::GatherAttributes a;
  a.operand_batching_dims = a.start_indices_batching_dims = up_to(batch);
  a.index_vector_dim = n.rank(1) - 1;
  a.slice_sizes = n.type(0).shape;
  for (int64_t d = 0; d < batch + depth; ++d) {
    a.slice_sizes[static_cast<size_t>(d)] = 1;
    if (d < batch) continue;
    a.start_index_map.push_back(d);
    a.collapsed_slice_dims.push_back(d);
  }
  for (int64_t d = batch + depth; d < rank; ++d) a.offset_dims.push_back(n.rank(1) - 1 + d - batch - depth);
  return {n.result(op::gather(n.b, n.in(0), indices, std::move(a)))};
}

std::vector<Value> scatter_nd(NodeContext& n) {
  const ValueId indices = wrapped_vectors(n, 0);
  const int64_t depth = n.type(1).shape.back().constant();
  op::ScatterAttributes a;
  a.inserted_window_dims = a.scatter_dims_to_operand_dims = up_to(depth);
  a.index_vector_dim = n.rank(1) - 1;
  for (int64_t d = depth; d < n.rank(0); ++d) a.update_window_dims.push_back(n.rank(1) - 1 + d - depth);
  const ValueId x = n.in(0), updates = n.in(2);
  return {n.result(op::scatter(n.b, {&x, 1}, indices, {&updates, 1}, std::move(a), reduction(n))[0])};
}

std::vector<Value> trilu(NodeContext& n) {
  const int64_t rank = n.rank(0), k = n.has(1) ? n.ints(1, "k").at(0) : 0;
  if (rank < 2) fail("Trilu needs two dimensions");
  const TensorType places{DType::kI64, n.type(0).shape};
  const ValueId row = op::iota(n.b, places, rank - 2), column = op::iota(n.b, places, rank - 1);
  const ValueId diagonal = op::add(n.b, row, op::full(n.b, DType::kI64, places.shape, static_cast<double>(k)));
  const bool upper = n.int_attribute("upper", 1) != 0;
  const ValueId kept =
      op::compare(n.b, upper ? op::ComparisonDirection::kGe : op::ComparisonDirection::kLe, column, diagonal);
  return {n.result(op::select(n.b, kept, n.in(0), op::full_like(n.b, n.in(0), 0)))};
}

std::vector<Value> one_hot(NodeContext& n) {
  const int64_t depth =
      n.constant(1) ? static_cast<int64_t>(n.constant(1)->plain().at_double(0)) : n.ints(1, "depth").at(0);
  const auto value = [&](int64_t i) { return op::reshape(n.b, op::slice(n.b, n.in(2), {i}, {i + 1}), {}); };
  const ValueId off = value(0), on = value(1);
  const ValueId indices = op::convert(n.b, n.in(0), DType::kI64);
  return {n.result(op::one_hot(n.b, indices, off, on, {depth, n.axis_attribute("axis", -1, n.rank(0) + 1)}))};
}

template <ValueId (*F)(Builder&, ValueId, op::CumulativeAttributes)>
std::vector<Value> cumulative(NodeContext& n) {
  const int64_t axis = op::normalize_axis(n.ints(1, "axis").at(0), n.rank(0));
  const bool exclusive = n.int_attribute("exclusive", 0) != 0, reverse = n.int_attribute("reverse", 0) != 0;
  return {n.result(F(n.b, n.in(0), {axis, exclusive, reverse}))};
}

}  // namespace

std::span<const Registration> element_importers() {
  static constexpr Registration list[] = {
      {"GatherElements", gather_elements},
      {"ScatterElements", scatter_elements},
      {"Scatter", scatter_elements},
      {"GatherND", gather_nd},
      {"ScatterND", scatter_nd},
      {"Trilu", trilu},
      {"OneHot", one_hot},
      {"CumSum", cumulative<op::cumsum>},
      {"CumProd", cumulative<op::cumprod>},
  };
  return list;
}

}  // namespace ecotone::onnx
