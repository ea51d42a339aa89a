#include "ecotone/op/norm.h"

#include <numeric>

#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {
namespace {

using Axes = std::vector<int64_t>;

Axes axes_from(int64_t first, int64_t rank) {
  if (first < 0 || first > rank) fail("axis {} of {} dimensions", first, rank);
  Axes axes(static_cast<size_t>(rank - first));
  std::iota(axes.begin(), axes.end(), first);
  return axes;
}

// A per-channel vector [C] in x's shape [N, C, ...].
ValueId per_channel(Builder& b, ValueId v, ValueId x) {
  return broadcast_in_dim(b, v, b.tensor_type(x).shape, {1});
}

ValueId mean_over(Builder& b, ValueId x, const Axes& axes) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  const ValueId sum = reduce(b, x, axes, Reducer::kAdd);
  Dim count = 1;
  for (int64_t d : axes) count = count * shape[static_cast<size_t>(d)];
  const ValueId divisor = convert(b, dim_value(b, count, DType::kI64), b.dtype(x));
  return divide(b, sum, broadcast_to(b, divisor, b.tensor_type(sum).shape));
}

ValueId kept(Builder& b, ValueId reduced, std::vector<Dim> shape, const Axes& axes) {
  for (int64_t d : axes) shape[static_cast<size_t>(d)] = 1;
  return reshape(b, reduced, std::move(shape));
}

Results mean_body(Builder& b, const MeanAttributes& a, Operands x) {
  const ValueId y = mean_over(b, x[0], a.dimensions);
  return {a.keep_dimensions ? kept(b, y, b.tensor_type(x[0]).shape, a.dimensions) : y};
}

// (x - mean) / sqrt(var + epsilon) over `axes`; also the mean and the inverse deviation.
struct Normalized {
  ValueId value, mean, inverse;
};
Normalized normalize(Builder& b, ValueId x, const Axes& axes, double epsilon) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  const ValueId mean = mean_over(b, x, axes);
  const ValueId centred = subtract(b, x, broadcast_reduced(b, mean, shape, axes));
  const ValueId variance = mean_over(b, multiply(b, centred, centred), axes);
  const ValueId inverse = rsqrt(b, add(b, variance, full_like(b, variance, epsilon)));
  return {multiply(b, centred, broadcast_reduced(b, inverse, shape, axes)), mean, inverse};
}

// Small types are computed in f32.
ValueId widened(Builder& b, ValueId x) {
  return bit_width(b.dtype(x)) < 32 ? convert(b, x, DType::kF32) : x;
}

Results layer_norm_body(Builder& b, const LayerNormAttributes& a, Operands x) {
  const TensorType type = b.tensor_type(x[0]);
  const Axes axes = axes_from(a.axis, type.rank());
  const Normalized r = normalize(b, widened(b, x[0]), axes, a.epsilon);
  ValueId y = convert(b, r.value, type.dtype);
  y = multiply(b, y, broadcast_to(b, x[1], type.shape));
  if (x.size() > 2) y = add(b, y, broadcast_to(b, x[2], type.shape));
  return {y, kept(b, r.mean, type.shape, axes), kept(b, r.inverse, type.shape, axes)};
}

Results rms_norm_body(Builder& b, const LayerNormAttributes& a, Operands operands) {
  const TensorType type = b.tensor_type(operands[0]);
  const Axes axes = axes_from(a.axis, type.rank());
  const ValueId x = widened(b, operands[0]), power = mean_over(b, multiply(b, x, x), axes);
  const ValueId inverse = rsqrt(b, add(b, power, full_like(b, power, a.epsilon)));
  const ValueId y = convert(b, multiply(b, x, broadcast_reduced(b, inverse, type.shape, axes)), type.dtype);
  return {multiply(b, y, broadcast_to(b, operands[1], type.shape))};
}

Results batch_norm_body(Builder& b, const NormAttributes& a, Operands x) {
  const ValueId inverse = rsqrt(b, add(b, x[4], full_like(b, x[4], a.epsilon)));
  const ValueId centred = subtract(b, x[0], per_channel(b, x[3], x[0]));
  const ValueId scaled = multiply(b, multiply(b, centred, per_channel(b, inverse, x[0])), per_channel(b, x[1], x[0]));
  return {add(b, scaled, per_channel(b, x[2], x[0]))};
}

Results instance_norm_body(Builder& b, const NormAttributes& a, Operands x) {
  const ValueId y = normalize(b, x[0], axes_from(2, b.rank(x[0])), a.epsilon).value;
  return {add(b, multiply(b, y, per_channel(b, x[1], x[0])), per_channel(b, x[2], x[0]))};
}

Results group_norm_body(Builder& b, const GroupNormAttributes& a, Operands x) {
  const std::vector<Dim> shape = b.tensor_type(x[0]).shape;
  if (shape.size() < 2 || a.groups < 1) fail("{} dimensions in {} groups", shape.size(), a.groups);
  Dim rest = floordiv(shape[1], a.groups);
  for (size_t d = 2; d < shape.size(); ++d) rest = rest * shape[d];
  const ValueId grouped = reshape(b, x[0], {shape[0], a.groups, rest});
  const ValueId y = reshape(b, normalize(b, grouped, {2}, a.epsilon).value, shape);
  return {add(b, multiply(b, y, per_channel(b, x[1], x[0])), per_channel(b, x[2], x[0]))};
}

Results lp_norm_body(Builder& b, const LpNormAttributes& a, Operands operands) {
  if (a.p != 1 && a.p != 2) fail("p is {}, not 1 or 2", a.p);
  const ValueId x = operands[0];
  ValueId norm = reduce(b, a.p == 1 ? abs(b, x) : multiply(b, x, x), {a.axis}, Reducer::kAdd);
  if (a.p == 2) norm = sqrt(b, norm);
  const ValueId wide = broadcast_reduced(b, norm, b.tensor_type(x).shape, std::array{a.axis}),
                zero = full_like(b, x, 0);
  return {select(b, compare(b, ComparisonDirection::kEq, wide, zero), zero, divide(b, x, wide))};
}

Results local_response_norm_body(Builder& b, const LocalResponseNormAttributes& a, Operands operands) {
  const ValueId x = operands[0];
  const auto rank = static_cast<size_t>(b.rank(x));
  if (rank < 2 || a.size < 1) fail("{} neighbours in {} dimensions", a.size, rank);
  WindowAttributes w;
  w.window_dimensions.assign(rank, 1);
  w.padding_low.assign(rank, 0);
  w.padding_high = w.padding_low;
  w.window_dimensions[1] = a.size;
  w.padding_low[1] = (a.size - 1) / 2;
  w.padding_high[1] = a.size - 1 - (a.size - 1) / 2;
  w.reducer = Reducer::kAdd;
  const ValueId sum = reduce_window(b, multiply(b, x, x), scalar(b, b.dtype(x), 0), std::move(w));
  const ValueId base =
      add(b, full_like(b, x, a.bias), multiply(b, sum, full_like(b, x, a.alpha / static_cast<double>(a.size))));
  return {divide(b, x, power(b, base, full_like(b, x, a.beta)))};
}

}  // namespace

const Op& mean() {
  static const Op op =
      composite<MeanAttributes, mean_body, 1>("ecotone.mean", DTypeSet::floats() | DTypeSet::integers());
  return op;
}
ValueId mean(Builder& b, ValueId x, std::vector<int64_t> dimensions, bool keep_dimensions) {
  return b.add1(mean(), make_attributes(MeanAttributes{std::move(dimensions), keep_dimensions}), {x});
}
const Op& layer_norm() {
  static const Op op = composite<LayerNormAttributes, layer_norm_body, 2, 3>("ecotone.layer_norm", DTypeSet::floats());
  return op;
}
std::vector<ValueId> layer_norm(Builder& b, std::span<const ValueId> x_scale_bias, LayerNormAttributes attributes) {
  return b.add(layer_norm(), make_attributes(attributes), x_scale_bias);
}
const Op& rms_norm() {
  static const Op op = composite<LayerNormAttributes, rms_norm_body, 2>("ecotone.rms_norm", DTypeSet::floats());
  return op;
}
ValueId rms_norm(Builder& b, ValueId x, ValueId scale, LayerNormAttributes attributes) {
  return b.add1(rms_norm(), make_attributes(attributes), {x, scale});
}
const Op& batch_norm() {
  static const Op op = composite<NormAttributes, batch_norm_body, 5>("ecotone.batch_norm", DTypeSet::floats());
  return op;
}
ValueId batch_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, ValueId mean, ValueId variance, double epsilon) {
  return b.add1(batch_norm(), make_attributes(NormAttributes{epsilon}), {x, scale, bias, mean, variance});
}
const Op& instance_norm() {
  static const Op op = composite<NormAttributes, instance_norm_body, 3>("ecotone.instance_norm", DTypeSet::floats());
  return op;
}
ValueId instance_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, double epsilon) {
  return b.add1(instance_norm(), make_attributes(NormAttributes{epsilon}), {x, scale, bias});
}
const Op& group_norm() {
  static const Op op = composite<GroupNormAttributes, group_norm_body, 3>("ecotone.group_norm", DTypeSet::floats());
  return op;
}
ValueId group_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, GroupNormAttributes attributes) {
  return b.add1(group_norm(), make_attributes(attributes), {x, scale, bias});
}
const Op& lp_norm() {
  static const Op op = composite<LpNormAttributes, lp_norm_body, 1>("ecotone.lp_norm", DTypeSet::floats());
  return op;
}
ValueId lp_norm(Builder& b, ValueId x, LpNormAttributes attributes) {
  return b.add1(lp_norm(), make_attributes(attributes), {x});
}
const Op& local_response_norm() {
  static const Op op = composite<LocalResponseNormAttributes, local_response_norm_body, 1>(
      "ecotone.local_response_norm", DTypeSet::floats());
  return op;
}
ValueId local_response_norm(Builder& b, ValueId x, LocalResponseNormAttributes attributes) {
  return b.add1(local_response_norm(), make_attributes(attributes), {x});
}

std::span<const Op* const> norm_ops() {
  static const Op* const ops[] = {&mean(),          &layer_norm(), &rms_norm(), &batch_norm(),
                                  &instance_norm(), &group_norm(), &lp_norm(),  &local_response_norm()};
  return ops;
}

}  // namespace ecotone::op
