#include "ecotone/op/select.h"

#include <numeric>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {
namespace {

Results one_hot_body(Builder& b, const OneHotAttributes& a, Operands x) {
  const DType type = b.dtype(x[0]);
  if (!is_integer(type)) fail("the indices are {}, not integers", name(type));
  ValueId index = convert(b, x[0], DType::kI64);
  std::vector<Dim> shape = b.tensor_type(index).shape;
  if (is_signed_integer(type)) {  // ui64 beyond i64 becomes negative, and so hits nothing
    const ValueId negative = compare(b, ComparisonDirection::kLt, index, full_like(b, index, 0));
    const ValueId size = broadcast_to(b, dim_value(b, a.depth, DType::kI64), shape);
    index = select(b, negative, add(b, index, size), index);
  }
  const auto rank = static_cast<int64_t>(shape.size()) + 1, axis = normalize_axis(a.axis, rank);
  shape.insert(shape.begin() + axis, a.depth);
  std::vector<int64_t> places;
  for (int64_t d = 0; d < rank; ++d)
    if (d != axis) places.push_back(d);
  const ValueId wide = broadcast_in_dim(b, index, shape, places);
  const ValueId hit = compare(b, ComparisonDirection::kEq, wide, iota(b, {DType::kI64, shape}, axis));
  return {select(b, hit, broadcast_in_dim(b, x[2], shape, {}), broadcast_in_dim(b, x[1], shape, {}))};
}

Results top_k_body(Builder& b, const TopKAlongAttributes& a, Operands operands) {
  const TensorType type = b.tensor_type(operands[0]);
  const int64_t axis = normalize_axis(a.axis, type.rank());
  std::vector<int64_t> order(type.shape.size());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<size_t>(axis)], order.back());  // its own inverse
  const auto turned = [&](ValueId v) {
    return is_float(type.dtype) ? negate(b, v) : not_(b, v);
  };  // reverses the order
  ValueId x = transpose(b, operands[0], order);
  if (!a.largest) x = turned(at_least_f32(b, {&x, 1})[0]);  // f8E8M0FNU has no sign to turn
  auto [values, indices] = chlo_top_k(b, x, a.k);
  if (!a.largest) values = convert(b, turned(values), type.dtype);
  return {transpose(b, values, order), convert(b, transpose(b, indices, order), DType::kI64)};
}

template <bool kLargest>
Results arg_body(Builder& b, const ArgAttributes& a, Operands operands) {
  const ValueId x = operands[0];
  const TensorType type = b.tensor_type(x);
  const std::vector<int64_t> axes{normalize_axis(a.axis, type.rank())};
  if (type.shape[static_cast<size_t>(axes[0])] == Dim(0)) fail("dimension {} has no entries", axes[0]);
  const ValueId best = reduce(b, x, axes, kLargest ? Reducer::kMaximum : Reducer::kMinimum);
  ValueId hit = compare(b, ComparisonDirection::kEq, x, broadcast_reduced(b, best, type.shape, axes));
  if (is_float(type.dtype)) hit = or_(b, hit, compare(b, ComparisonDirection::kNe, x, x));  // NaN is best
  const ValueId index = iota(b, {DType::kI64, type.shape}, axes[0]);
  const ValueId none = full(b, DType::kI64, type.shape, a.last ? -1 : 9e15);
  return {reduce(b, select(b, hit, index, none), axes, a.last ? Reducer::kMaximum : Reducer::kMinimum)};
}

DTypeSet ordered() {
  return DTypeSet::floats() | DTypeSet::integers();
}

}  // namespace

const Op& one_hot() {
  static const Op op = composite<OneHotAttributes, one_hot_body, 3>("ecotone.one_hot", DTypeSet::all());
  return op;
}
ValueId one_hot(Builder& b, ValueId indices, ValueId off, ValueId on, OneHotAttributes attributes) {
  return b.add1(one_hot(), make_attributes(std::move(attributes)), {indices, off, on});
}
const Op& top_k() {
  static const Op op = composite<TopKAlongAttributes, top_k_body, 1>("ecotone.top_k", ordered());
  return op;
}
std::pair<ValueId, ValueId> top_k(Builder& b, ValueId x, TopKAlongAttributes attributes) {
  const auto r = b.add(top_k(), make_attributes(attributes), {&x, 1});
  return {r[0], r[1]};
}
const Op& arg_max() {
  static const Op op = composite<ArgAttributes, arg_body<true>, 1>("ecotone.arg_max", ordered());
  return op;
}
ValueId arg_max(Builder& b, ValueId x, ArgAttributes attributes) {
  return b.add1(arg_max(), make_attributes(attributes), {x});
}
const Op& arg_min() {
  static const Op op = composite<ArgAttributes, arg_body<false>, 1>("ecotone.arg_min", ordered());
  return op;
}
ValueId arg_min(Builder& b, ValueId x, ArgAttributes attributes) {
  return b.add1(arg_min(), make_attributes(attributes), {x});
}

ValueId true_places_first(Builder& b, ValueId mask) {
  const ValueId key = convert(b, not_(b, mask), DType::kI32);
  const ValueId operands[] = {key, iota(b, {DType::kI64, b.tensor_type(mask).shape}, 0)};
  const Type k = TensorType{DType::kI32, {}}, place = TensorType{DType::kI64, {}};
  const Type types[] = {k, k, place, place};
  Region before = make_region(b, "before", types, [](Builder& g, Operands x) -> Results {
    return {compare(g, ComparisonDirection::kLt, x[0], x[1])};
  });
  return sort(b, operands, 0, std::move(before))[1];
}

std::span<const Op* const> select_ops() {
  static const Op* const ops[] = {&one_hot(), &top_k(), &arg_max(), &arg_min()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::OneHotAttributes>();
template const AttributesInfo& attributes_info<op::TopKAlongAttributes>();
template const AttributesInfo& attributes_info<op::ArgAttributes>();
}  // namespace ecotone
