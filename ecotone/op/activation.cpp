#include "ecotone/op/activation.h"

#include <cmath>
#include <numbers>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/elementwise.h"

namespace ecotone::op {
namespace {

ValueId where_positive(Builder& b, ValueId x, ValueId otherwise) {
  return select(b, compare(b, ComparisonDirection::kGe, x, full_like(b, x, 0)), x, otherwise);
}
ValueId times(Builder& b, ValueId x, double factor) {
  return multiply(b, x, full_like(b, x, factor));
}

ValueId softplus_of(Builder& b, ValueId x) {
  const ValueId tail = log_plus_one(b, exponential(b, negate(b, abs(b, x))));
  return add(b, maximum(b, x, full_like(b, x, 0)), tail);
}
Results softplus_body(Builder& b, Operands x) {
  return {softplus_of(b, x[0])};
}
Results softsign_body(Builder& b, Operands x) {
  return {divide(b, x[0], add(b, full_like(b, x[0], 1), abs(b, x[0])))};
}
Results mish_body(Builder& b, Operands x) {
  return {multiply(b, x[0], tanh(b, softplus_of(b, x[0])))};
}
ValueId hard_sigmoid_of(Builder& b, ValueId x, double alpha, double beta) {
  const ValueId line = add(b, times(b, x, alpha), full_like(b, x, beta));
  return clamp(b, scalar(b, b.dtype(x), 0), line, scalar(b, b.dtype(x), 1));
}
Results hard_swish_body(Builder& b, Operands x) {
  return {multiply(b, x[0], hard_sigmoid_of(b, x[0], static_cast<double>(1.0F / 6.0F), 0.5))};
}

Results leaky_relu_body(Builder& b, const AlphaAttributes& a, Operands x) {
  return {where_positive(b, x[0], times(b, x[0], a.alpha))};
}
Results elu_body(Builder& b, const AlphaAttributes& a, Operands x) {
  return {where_positive(b, x[0], times(b, exponential_minus_one(b, x[0]), a.alpha))};
}
Results celu_body(Builder& b, const AlphaAttributes& a, Operands x) {
  const ValueId alpha = full_like(b, x[0], a.alpha);
  return {where_positive(b, x[0], multiply(b, alpha, exponential_minus_one(b, divide(b, x[0], alpha))))};
}
Results thresholded_relu_body(Builder& b, const AlphaAttributes& a, Operands x) {
  const ValueId above = compare(b, ComparisonDirection::kGt, x[0], full_like(b, x[0], a.alpha));
  return {select(b, above, x[0], full_like(b, x[0], 0))};
}
Results swish_body(Builder& b, const AlphaAttributes& a, Operands x) {
  return {multiply(b, x[0], logistic(b, times(b, x[0], a.alpha)))};
}

Results selu_body(Builder& b, const SeluAttributes& a, Operands x) {
  return {times(b, where_positive(b, x[0], times(b, exponential_minus_one(b, x[0]), a.alpha)), a.gamma)};
}
Results hard_sigmoid_body(Builder& b, const HardSigmoidAttributes& a, Operands x) {
  return {hard_sigmoid_of(b, x[0], a.alpha, a.beta)};
}
// Integers are compared with lambda, and moved by bias, in f64.
Results shrink_body(Builder& b, const ShrinkAttributes& a, Operands operands) {
  const ValueId x = is_float(b.dtype(operands[0])) ? operands[0] : convert(b, operands[0], DType::kF64);
  const ValueId bias = full_like(b, x, a.bias);
  const ValueId below = compare(b, ComparisonDirection::kLt, x, full_like(b, x, -a.lambda));
  const ValueId above = compare(b, ComparisonDirection::kGt, x, full_like(b, x, a.lambda));
  const ValueId upper = select(b, above, subtract(b, x, bias), full_like(b, x, 0));
  return {select(b, below, add(b, x, bias), upper)};
}
Results gelu_body(Builder& b, const GeluAttributes& a, Operands operands) {
  const ValueId x = operands[0];
  ValueId inner;
  if (a.form == GeluForm::kTanh) {
    const ValueId cube = multiply(b, multiply(b, x, x), x);
    inner = tanh(b, times(b, add(b, x, times(b, cube, 0.044715)), std::sqrt(2 / std::numbers::pi)));
  } else {
    inner = erf(b, times(b, x, 1 / std::numbers::sqrt2));
  }
  return {multiply(b, times(b, x, 0.5), add(b, full_like(b, x, 1), inner))};
}
Results relu_body(Builder& b, Operands x) {
  return {maximum(b, x[0], full_like(b, x[0], 0))};
}
Results prelu_body(Builder& b, Operands x) {
  return {where_positive(b, x[0], multiply(b, x[0], broadcast_to(b, x[1], b.tensor_type(x[0]).shape)))};
}

DTypeSet real_numbers() {
  return DTypeSet::signed_floats() | DTypeSet::integers();
}

// What computes more than one rounding, in f32 at least.
template <class A, auto F>
Op activation(const char* name, const DTypeSet& dtypes = DTypeSet::signed_floats()) {
  return composite<A, F, 1, 1, Precision::kAtLeastF32>(name, dtypes);
}

}  // namespace

#define ECOTONE_PLAIN(name)                                               \
  const Op& name() {                                                      \
    static const Op op = activation<void, name##_body>("ecotone." #name); \
    return op;                                                            \
  }                                                                       \
  ValueId name(Builder& b, ValueId x) {                                   \
    return b.add1(name(), {}, {x});                                       \
  }
#define ECOTONE_ALPHA(name)                                                          \
  const Op& name() {                                                                 \
    static const Op op = activation<AlphaAttributes, name##_body>("ecotone." #name); \
    return op;                                                                       \
  }                                                                                  \
  ValueId name(Builder& b, ValueId x, double alpha) {                                \
    return b.add1(name(), make_attributes(AlphaAttributes{alpha}), {x});             \
  }
ECOTONE_PLAIN_ACTIVATIONS(ECOTONE_PLAIN)
ECOTONE_ALPHA_ACTIVATIONS(ECOTONE_ALPHA)

const Op& relu() {
  static const Op op = composite<void, relu_body, 1>("ecotone.relu", real_numbers());
  return op;
}
ValueId relu(Builder& b, ValueId x) {
  return b.add1(relu(), {}, {x});
}
const Op& selu() {
  static const Op op = activation<SeluAttributes, selu_body>("ecotone.selu");
  return op;
}
ValueId selu(Builder& b, ValueId x, SeluAttributes attributes) {
  return b.add1(selu(), make_attributes(attributes), {x});
}
const Op& hard_sigmoid() {
  static const Op op = activation<HardSigmoidAttributes, hard_sigmoid_body>("ecotone.hard_sigmoid");
  return op;
}
ValueId hard_sigmoid(Builder& b, ValueId x, HardSigmoidAttributes attributes) {
  return b.add1(hard_sigmoid(), make_attributes(attributes), {x});
}
const Op& shrink() {
  static const Op op = activation<ShrinkAttributes, shrink_body>("ecotone.shrink", real_numbers());
  return op;
}
ValueId shrink(Builder& b, ValueId x, ShrinkAttributes attributes) {
  return b.add1(shrink(), make_attributes(attributes), {x});
}
const Op& gelu() {
  static const Op op = activation<GeluAttributes, gelu_body>("ecotone.gelu");
  return op;
}
ValueId gelu(Builder& b, ValueId x, GeluForm form) {
  return b.add1(gelu(), make_attributes(GeluAttributes{form}), {x});
}
const Op& prelu() {
  static const Op op = composite<void, prelu_body, 2>("ecotone.prelu", real_numbers());
  return op;
}
ValueId prelu(Builder& b, ValueId x, ValueId slope) {
  return b.add1(prelu(), {}, {x, slope});
}

std::span<const Op* const> activation_ops() {
#define ECOTONE_ADDRESS(name) &name(),
  static const Op* const ops[] = {
      ECOTONE_PLAIN_ACTIVATIONS(ECOTONE_ADDRESS) ECOTONE_ALPHA_ACTIVATIONS(ECOTONE_ADDRESS) & relu(),
      &selu(),
      &hard_sigmoid(),
      &shrink(),
      &gelu(),
      &prelu()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::AlphaAttributes>();
template const AttributesInfo& attributes_info<op::SeluAttributes>();
template const AttributesInfo& attributes_info<op::HardSigmoidAttributes>();
template const AttributesInfo& attributes_info<op::ShrinkAttributes>();
template const AttributesInfo& attributes_info<op::GeluAttributes>();
}  // namespace ecotone
