#include "ecotone/op/pool.h"

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {

WindowAttributes pool_attributes(const PoolWindow& w, Reducer reducer) {
  const auto widened = [](auto values, int64_t front) {
    values.insert(values.begin(), 2, front);
    return values;
  };
  WindowAttributes a;
  a.window_dimensions = widened(to_dims(w.size), 1);
  a.window_strides = widened(w.strides, 1);
  a.window_dilations = widened(w.dilations, 1);
  a.base_dilations.assign(w.size.size() + 2, 1);
  a.padding_low = widened(w.padding_low, 0);
  a.padding_high = widened(w.padding_high, 0);
  a.reducer = reducer;
  return a;
}

namespace {

ValueId pooled(Builder& b, ValueId x, const PoolWindow& w, Reducer reducer) {
  const size_t rank = w.size.size();
  if (b.rank(x) != static_cast<int64_t>(rank) + 2 || w.strides.size() != rank || w.dilations.size() != rank ||
      w.padding_low.size() != rank || w.padding_high.size() != rank)
    fail("a window of {} dimensions, its strides, dilations or padding do not fit an input of {}", rank, b.rank(x));
  return reduce_window(b, x, constant(b, reducer_identity(reducer, b.dtype(x))), pool_attributes(w, reducer));
}

Results max_pool_body(Builder& b, const MaxPoolAttributes& a, Operands x) {
  return {pooled(b, x[0], a.window, Reducer::kMaximum)};
}

Results average_pool_body(Builder& b, const AveragePoolAttributes& a, Operands x) {
  const ValueId sum = pooled(b, x[0], a.window, Reducer::kAdd);
  ValueId ones = full_like(b, x[0], 1);
  PoolWindow counted = a.window;
  if (!a.counted_low.empty()) {
    if (a.counted_low.size() != counted.padding_low.size() || a.counted_high.size() != a.counted_low.size())
      fail("the padding that counts does not fit the window");
    std::vector<Dim> low{0, 0}, high{0, 0};
    low.insert(low.end(), a.counted_low.begin(), a.counted_low.end());
    high.insert(high.end(), a.counted_high.begin(), a.counted_high.end());
    ones = pad(b, ones, scalar(b, b.dtype(x[0]), 1), low, high);
    for (size_t i = 0; i < counted.padding_low.size(); ++i) {
      counted.padding_low[i] = counted.padding_low[i] - low[i + 2];
      counted.padding_high[i] = counted.padding_high[i] - high[i + 2];
    }
  }
  return {divide(b, sum, pooled(b, ones, counted, Reducer::kAdd))};
}

Results lp_pool_body(Builder& b, const LpPoolAttributes& a, Operands operands) {
  const ValueId x = abs(b, operands[0]);
  const ValueId sum = pooled(b, power(b, x, full_like(b, x, a.p)), a.window, Reducer::kAdd);
  return {power(b, sum, full_like(b, sum, 1 / a.p))};
}

}  // namespace

const Op& max_pool() {
  static const Op op =
      composite<MaxPoolAttributes, max_pool_body, 1>("ecotone.max_pool", DTypeSet::floats() | DTypeSet::integers());
  return op;
}
ValueId max_pool(Builder& b, ValueId x, MaxPoolAttributes attributes) {
  return b.add1(max_pool(), make_attributes(std::move(attributes)), {x});
}
const Op& average_pool() {
  static const Op op = composite<AveragePoolAttributes, average_pool_body, 1, 1, Precision::kAtLeastF32>(
      "ecotone.average_pool", DTypeSet::signed_floats());
  return op;
}
ValueId average_pool(Builder& b, ValueId x, AveragePoolAttributes attributes) {
  return b.add1(average_pool(), make_attributes(std::move(attributes)), {x});
}
const Op& lp_pool() {
  static const Op op = composite<LpPoolAttributes, lp_pool_body, 1, 1, Precision::kAtLeastF32>(
      "ecotone.lp_pool", DTypeSet::signed_floats());
  return op;
}
ValueId lp_pool(Builder& b, ValueId x, LpPoolAttributes attributes) {
  return b.add1(lp_pool(), make_attributes(std::move(attributes)), {x});
}

std::span<const Op* const> pool_ops() {
  static const Op* const ops[] = {&max_pool(), &average_pool(), &lp_pool()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::MaxPoolAttributes>();
template const AttributesInfo& attributes_info<op::AveragePoolAttributes>();
template const AttributesInfo& attributes_info<op::LpPoolAttributes>();
}  // namespace ecotone
