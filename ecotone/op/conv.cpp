#include "ecotone/op/conv.h"

#include <algorithm>
#include <numeric>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {
namespace {

// x dilated by the stride, convolved with the kernel turned around.
Results conv_transpose_body(Builder& b, const ConvTransposeAttributes& t, Operands x) {
  const TensorType kernel = b.tensor_type(x[1]);
  const int64_t all = kernel.rank();
  if (all < 3 || b.rank(x[0]) != all) fail("the input has {} dimensions, the kernel {}", b.rank(x[0]), all);
  const auto rank = static_cast<size_t>(all - 2);
  if (t.strides.size() != rank || t.dilations.size() != rank || t.padding_low.size() != rank ||
      t.padding_high.size() != rank || t.groups < 1)
    fail("strides, dilations, padding or groups do not fit {} spatial dimensions", rank);
  ConvolutionAttributes a = nchw_convolution(static_cast<int64_t>(rank));
  a.lhs_dilation = t.strides;
  a.rhs_dilation = t.dilations;
  a.feature_group_count = t.groups;
  a.window_reversal.assign(rank, true);
  for (size_t i = 0; i < rank; ++i) {
    const Dim reach = (kernel.shape[i + 2] - 1) * t.dilations[i];
    a.padding_low[i] = reach - t.padding_low[i];
    a.padding_high[i] = reach - t.padding_high[i];
  }
  if (t.groups == 1) {
    std::swap(a.kernel_input_feature_dimension, a.kernel_output_feature_dimension);
    return {convolution(b, x[0], x[1], std::move(a))};
  }
  // [C, M / groups, ...] to [M, C / groups, ...].
  const Dim in_features = floordiv(kernel.shape[0], t.groups), out_features = kernel.shape[1];
  std::vector<Dim> split{t.groups, in_features}, joined{out_features * t.groups, in_features};
  split.insert(split.end(), kernel.shape.begin() + 1, kernel.shape.end());
  joined.insert(joined.end(), kernel.shape.begin() + 2, kernel.shape.end());
  std::vector<int64_t> order(split.size());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[1], order[2]);
  const ValueId turned = reshape(b, transpose(b, reshape(b, x[1], split), order), joined);
  return {convolution(b, x[0], turned, std::move(a))};
}

ValueId pad_axis(Builder& b, ValueId x, int64_t axis, int64_t low, int64_t high, PadMode mode) {
  const auto d = static_cast<size_t>(axis);
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  const auto part = [&](const Dim& from, const Dim& to) {
    std::vector<Dim> start(shape.size(), 0), limit = shape;
    start[d] = from;
    limit[d] = to;
    return slice(b, x, std::move(start), std::move(limit));
  };
  const auto repeated = [&](ValueId v, int64_t count) {
    std::vector<Dim> wide = shape;
    wide[d] = count;
    return broadcast_to(b, v, wide);
  };
  std::vector<ValueId> parts;
  if (low > 0)
    parts.push_back(mode == PadMode::kEdge      ? repeated(part(0, 1), low)
                    : mode == PadMode::kReflect ? reverse(b, part(1, low + 1), {axis})
                                                : part(shape[d] - low, shape[d]));
  parts.push_back(low < 0 || high < 0 ? part(std::max<int64_t>(0, -low), shape[d] - std::max<int64_t>(0, -high)) : x);
  if (high > 0)
    parts.push_back(mode == PadMode::kEdge      ? repeated(part(shape[d] - 1, shape[d]), high)
                    : mode == PadMode::kReflect ? reverse(b, part(shape[d] - 1 - high, shape[d] - 1), {axis})
                                                : part(0, high));
  return concatenate(b, parts, axis);
}

Results pad_from_itself_body(Builder& b, const PadFromItselfAttributes& a, Operands operands) {
  if (a.low.size() != a.axes.size() || a.high.size() != a.axes.size())
    fail("{} axes, but {} and {} amounts", a.axes.size(), a.low.size(), a.high.size());
  ValueId x = operands[0];
  constexpr int64_t kMost = int64_t{1} << 40;
  for (size_t i = 0; i < a.axes.size(); ++i) {
    for (const int64_t amount : {a.low[i], a.high[i]})
      if (amount < -kMost || amount > kMost) fail("padding of {} entries", amount);
    if (a.low[i] != 0 || a.high[i] != 0)
      x = pad_axis(b, x, normalize_axis(a.axes[i], b.rank(x)), a.low[i], a.high[i], a.mode);
  }
  return {x};
}

}  // namespace

const Op& conv_transpose() {
  static const Op op =
      composite<ConvTransposeAttributes, conv_transpose_body, 2>("ecotone.conv_transpose", DTypeSet::signed_floats());
  return op;
}
ValueId conv_transpose(Builder& b, ValueId x, ValueId kernel, ConvTransposeAttributes attributes) {
  return b.add1(conv_transpose(), make_attributes(std::move(attributes)), {x, kernel});
}
const Op& pad_from_itself() {
  static const Op op =
      composite<PadFromItselfAttributes, pad_from_itself_body, 1>("ecotone.pad_from_itself", DTypeSet::all());
  return op;
}
ValueId pad_from_itself(Builder& b, ValueId x, PadFromItselfAttributes attributes) {
  return b.add1(pad_from_itself(), make_attributes(std::move(attributes)), {x});
}

std::span<const Op* const> conv_ops() {
  static const Op* const ops[] = {&conv_transpose(), &pad_from_itself()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::ConvTransposeAttributes>();
template const AttributesInfo& attributes_info<op::PadFromItselfAttributes>();
}  // namespace ecotone
