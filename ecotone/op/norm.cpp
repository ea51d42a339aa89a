#include "ecotone/op/norm.h"

#include <numeric>

#include "ecotone/ir/attributes_info.h"
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

// Sums of narrow integers, and their counts, need not fit the type.
Results mean_body(Builder& b, const MeanAttributes& a, Operands x) {
  const TensorType type = b.tensor_type(x[0]);
  const ValueId wide = is_float(type.dtype)              ? x[0]
                       : is_unsigned_integer(type.dtype) ? convert(b, x[0], DType::kU64)
                                                         : convert(b, x[0], DType::kI64);
  const ValueId y = mean_over(b, wide, a.dimensions);
  return {a.keep_dimensions ? kept(b, y, type.shape, a.dimensions) : y};
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

Results layer_norm_body(Builder& b, const LayerNormAttributes& a, Operands operands) {
  const TensorType type = b.tensor_type(operands[0]);
  const std::vector<ValueId> x = at_least_f32(b, operands);
  const Axes axes = axes_from(normalize_axis(a.axis, type.rank()), type.rank());
  const Normalized r = normalize(b, x[0], axes, a.epsilon);
  ValueId y = multiply(b, r.value, broadcast_to(b, x[1], type.shape));
  if (x.size() > 2) y = add(b, y, broadcast_to(b, x[2], type.shape));
  return {convert(b, y, type.dtype), kept(b, r.mean, type.shape, axes), kept(b, r.inverse, type.shape, axes)};
}

Results rms_norm_body(Builder& b, const LayerNormAttributes& a, Operands x) {
  const std::vector<Dim> shape = b.tensor_type(x[0]).shape;
  const auto rank = static_cast<int64_t>(shape.size());
  const Axes axes = axes_from(normalize_axis(a.axis, rank), rank);
  const ValueId mean = mean_over(b, multiply(b, x[0], x[0]), axes);
  const ValueId inverse = rsqrt(b, add(b, mean, full_like(b, mean, a.epsilon)));
  const ValueId y = multiply(b, x[0], broadcast_reduced(b, inverse, shape, axes));
  return {multiply(b, y, broadcast_to(b, x[1], shape))};
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
  const int64_t axis = normalize_axis(a.axis, b.rank(x));
  ValueId norm = reduce(b, a.p == 1 ? abs(b, x) : multiply(b, x, x), {axis}, Reducer::kAdd);
  if (a.p == 2) norm = sqrt(b, norm);
  const ValueId wide = broadcast_reduced(b, norm, b.tensor_type(x).shape, std::array{axis}), zero = full_like(b, x, 0);
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

template <class A, auto F, size_t kCount>
Op normalizer(const char* name, const DTypeSet& dtypes = DTypeSet::signed_floats()) {
  return composite<A, F, kCount, kCount, Precision::kAtLeastF32>(name, dtypes);
}

}  // namespace

const Op& mean() {
  static const Op op =
      normalizer<MeanAttributes, mean_body, 1>("ecotone.mean", DTypeSet::signed_floats() | DTypeSet::integers());
  return op;
}
ValueId mean(Builder& b, ValueId x, std::vector<int64_t> dimensions, bool keep_dimensions) {
  return b.add1(mean(), make_attributes(MeanAttributes{std::move(dimensions), keep_dimensions}), {x});
}
const Op& layer_norm() {
  static const Op op =
      composite<LayerNormAttributes, layer_norm_body, 2, 3>("ecotone.layer_norm", DTypeSet::signed_floats());
  return op;
}
std::vector<ValueId> layer_norm(Builder& b, std::span<const ValueId> x_scale_bias, LayerNormAttributes attributes) {
  return b.add(layer_norm(), make_attributes(attributes), x_scale_bias);
}
const Op& rms_norm() {
  static const Op op = normalizer<LayerNormAttributes, rms_norm_body, 2>("ecotone.rms_norm");
  return op;
}
ValueId rms_norm(Builder& b, ValueId x, ValueId scale, LayerNormAttributes attributes) {
  return b.add1(rms_norm(), make_attributes(attributes), {x, scale});
}
const Op& batch_norm() {
  static const Op op = normalizer<NormAttributes, batch_norm_body, 5>("ecotone.batch_norm");
  return op;
}
ValueId batch_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, ValueId mean, ValueId variance, double epsilon) {
  return b.add1(batch_norm(), make_attributes(NormAttributes{epsilon}), {x, scale, bias, mean, variance});
}
const Op& instance_norm() {
  static const Op op = normalizer<NormAttributes, instance_norm_body, 3>("ecotone.instance_norm");
  return op;
}
ValueId instance_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, double epsilon) {
  return b.add1(instance_norm(), make_attributes(NormAttributes{epsilon}), {x, scale, bias});
}
const Op& group_norm() {
  static const Op op = normalizer<GroupNormAttributes, group_norm_body, 3>("ecotone.group_norm");
  return op;
}
ValueId group_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, GroupNormAttributes attributes) {
  return b.add1(group_norm(), make_attributes(attributes), {x, scale, bias});
}
const Op& lp_norm() {
  static const Op op = normalizer<LpNormAttributes, lp_norm_body, 1>("ecotone.lp_norm");
  return op;
}
ValueId lp_norm(Builder& b, ValueId x, LpNormAttributes attributes) {
  return b.add1(lp_norm(), make_attributes(attributes), {x});
}
const Op& local_response_norm() {
  static const Op op =
      normalizer<LocalResponseNormAttributes, local_response_norm_body, 1>("ecotone.local_response_norm");
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

namespace ecotone {
template const AttributesInfo& attributes_info<op::MeanAttributes>();
template const AttributesInfo& attributes_info<op::LayerNormAttributes>();
template const AttributesInfo& attributes_info<op::NormAttributes>();
template const AttributesInfo& attributes_info<op::GroupNormAttributes>();
template const AttributesInfo& attributes_info<op::LpNormAttributes>();
template const AttributesInfo& attributes_info<op::LocalResponseNormAttributes>();
}  // namespace ecotone
