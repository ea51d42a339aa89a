#include "ecotone/op/softmax.h"

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"

namespace ecotone::op {
namespace {

struct Exponentials {
  ValueId shifted, exponential, sum;
};
Exponentials exponentials(Builder& b, ValueId x, const std::vector<int64_t>& dimensions) {
  const ValueId top = reduce(b, x, dimensions, Reducer::kMaximum);
  const ValueId shifted = subtract(b, x, broadcast_reduced(b, top, b.tensor_type(x).shape, dimensions));
  const ValueId e = exponential(b, shifted);
  return {shifted, e, reduce(b, e, dimensions, Reducer::kAdd)};
}

Results softmax_body(Builder& b, const SoftmaxAttributes& a, Operands x) {
  const Exponentials e = exponentials(b, x[0], a.dimensions);
  return {divide(b, e.exponential, broadcast_reduced(b, e.sum, b.tensor_type(x[0]).shape, a.dimensions))};
}

Results log_softmax_body(Builder& b, const SoftmaxAttributes& a, Operands x) {
  const Exponentials e = exponentials(b, x[0], a.dimensions);
  return {subtract(b, e.shifted, broadcast_reduced(b, log(b, e.sum), b.tensor_type(x[0]).shape, a.dimensions))};
}

Results log_sum_exp_body(Builder& b, const SoftmaxAttributes& a, Operands x) {
  const ValueId top = reduce(b, x[0], a.dimensions, Reducer::kMaximum);
  // An infinite maximum would make inf - inf.
  const ValueId finite = select(b, is_finite(b, top), top, full_like(b, top, 0));
  const ValueId shifted = subtract(b, x[0], broadcast_reduced(b, finite, b.tensor_type(x[0]).shape, a.dimensions));
  const ValueId sum = reduce(b, exponential(b, shifted), a.dimensions, Reducer::kAdd);
  return {add(b, log(b, sum), finite)};
}

template <auto F>
Op normalizer(const char* name) {
  return composite<SoftmaxAttributes, F, 1, 1, Precision::kAtLeastF32>(name, DTypeSet::signed_floats());
}

}  // namespace

const Op& softmax() {
  static const Op op = normalizer<softmax_body>("ecotone.softmax");
  return op;
}
ValueId softmax(Builder& b, ValueId x, std::vector<int64_t> dimensions) {
  return b.add1(softmax(), make_attributes(SoftmaxAttributes{std::move(dimensions)}), {x});
}
const Op& log_softmax() {
  static const Op op = normalizer<log_softmax_body>("ecotone.log_softmax");
  return op;
}
ValueId log_softmax(Builder& b, ValueId x, std::vector<int64_t> dimensions) {
  return b.add1(log_softmax(), make_attributes(SoftmaxAttributes{std::move(dimensions)}), {x});
}
const Op& log_sum_exp() {
  static const Op op = normalizer<log_sum_exp_body>("ecotone.log_sum_exp");
  return op;
}
ValueId log_sum_exp(Builder& b, ValueId x, std::vector<int64_t> dimensions) {
  return b.add1(log_sum_exp(), make_attributes(SoftmaxAttributes{std::move(dimensions)}), {x});
}

std::span<const Op* const> softmax_ops() {
  static const Op* const ops[] = {&softmax(), &log_softmax(), &log_sum_exp()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::SoftmaxAttributes>();
}  // namespace ecotone
