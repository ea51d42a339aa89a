#include "ecotone/op/attention.h"

#include <cmath>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {
namespace {

// Each of the heads of keys or values, for all the query heads that share it.
ValueId repeat_heads(Builder& b, ValueId x, const Dim& heads) {
  const std::vector<Dim> s = b.tensor_type(x).shape;
  if (s[1] == heads) return x;
  const Dim repeats = floordiv(heads, s[1]);
  const ValueId wide = broadcast_in_dim(b, x, {s[0], s[1], repeats, s[2], s[3]}, {0, 1, 3, 4});
  return reshape(b, wide, {s[0], heads, s[2], s[3]});
}

// Which keys each query may see, of `shape` [batch, heads, queries, keys]; nothing when it is all.
std::optional<ValueId> visible(Builder& b, const AttentionAttributes& a, const std::vector<Dim>& shape,
                               std::optional<ValueId> lengths) {
  const TensorType places{DType::kI64, shape};
  std::optional<ValueId> mask;
  const auto allow = [&](ComparisonDirection direction, ValueId x, ValueId y) {
    const ValueId allowed = compare(b, direction, x, y);
    mask = mask ? and_(b, *mask, allowed) : allowed;
  };
  const auto spread = [&](ValueId scalar) { return broadcast_to(b, scalar, shape); };
  const bool bounded = a.causal || a.window_left >= 0 || a.window_right >= 0;
  if (!bounded && !lengths) return std::nullopt;
  const ValueId key = iota(b, places, 3);
  const ValueId ends = lengths ? broadcast_in_dim(b, convert(b, *lengths, DType::kI64), shape, {0}) : key;
  if (bounded) {
    const ValueId offset = lengths ? subtract(b, ends, spread(dim_value(b, shape[2], DType::kI64)))
                                   : spread(dim_value(b, a.past, DType::kI64));
    const ValueId position = add(b, iota(b, places, 2), offset);
    const auto moved = [&](int64_t by) { return add(b, position, spread(scalar_int(b, DType::kI64, by))); };
    if (a.causal) allow(ComparisonDirection::kLe, key, position);
    if (a.window_left >= 0) allow(ComparisonDirection::kGe, key, moved(-a.window_left));
    if (a.window_right >= 0) allow(ComparisonDirection::kLe, key, moved(a.window_right));
  }
  if (lengths) allow(ComparisonDirection::kLt, key, ends);
  return mask;
}

Results attention_body(Builder& b, const AttentionAttributes& a, Operands x) {
  if (x.size() !=
      3 + static_cast<size_t>(a.has_mask) + static_cast<size_t>(a.has_lengths) + static_cast<size_t>(a.has_sink))
    fail("has_mask, has_lengths and has_sink do not fit {} operands", x.size());
  if (!(a.scale >= 0)) fail("the scale is {}", a.scale);
  for (size_t i = 0; i < 3; ++i)
    if (b.rank(x[i]) != 4) fail("operand {} has {} dimensions, not 4", i, b.rank(x[i]));
  const DType given = b.dtype(x[0]), value_type = b.dtype(x[2]);
  const Dim heads = b.tensor_type(x[0]).shape[1];
  const std::vector<ValueId> wide_qk = at_least_f32(b, x.first(2));
  const ValueId q = wide_qk[0], k = repeat_heads(b, wide_qk[1], heads);
  const DType dtype = b.dtype(q);
  const auto scaled = [&](ValueId y) { return multiply(b, y, full_like(b, y, std::sqrt(a.scale))); };
  ValueId scores = batch_matmul(b, scaled(q), transpose(b, scaled(k), {0, 1, 3, 2}));
  const std::vector<Dim> shape = b.tensor_type(scores).shape;
  ValueId shown = scores;
  if (a.softcap != 0) {
    const ValueId limit = full_like(b, scores, a.softcap);
    scores = multiply(b, limit, tanh(b, divide(b, scores, limit)));
  }
  if (a.shown == AttentionScores::kCapped) shown = scores;
  std::optional<ValueId> mask =
      visible(b, a, shape, a.has_lengths ? std::optional(x[a.has_mask ? 4 : 3]) : std::nullopt);
  if (a.has_mask) {
    const ValueId bias = broadcast_to(b, x[3], shape);
    if (b.dtype(bias) == DType::kBool)
      mask = mask ? and_(b, *mask, bias) : bias;
    else
      scores = add(b, scores, convert(b, bias, dtype));
  }
  if (mask) scores = select(b, *mask, scores, full_like(b, scores, -std::numeric_limits<double>::infinity()));
  if (a.shown == AttentionScores::kMasked) shown = scores;

  // A softmax that gives a row without keys zeros.
  const ValueId wide = convert(b, scores, a.softmax_dtype.value_or(dtype));
  const std::vector<int64_t> axes{3};
  const auto spread = [&](ValueId y) { return broadcast_reduced(b, y, shape, axes); };
  ValueId top = reduce(b, wide, axes, Reducer::kMaximum), sink = 0;
  if (a.has_sink) {
    sink = broadcast_in_dim(b, convert(b, x.back(), b.dtype(wide)), {shape[0], shape[1], shape[2]}, {1});
    top = maximum(b, top, sink);
  }
  top = select(b, is_finite(b, top), top, full_like(b, top, 0));
  const ValueId e = exponential(b, subtract(b, wide, spread(top)));
  ValueId sum = reduce(b, e, axes, Reducer::kAdd);
  if (a.has_sink) sum = add(b, sum, exponential(b, subtract(b, sink, top)));
  sum = spread(sum);
  const ValueId zero = full_like(b, sum, 0);
  const ValueId weights = select(b, compare(b, ComparisonDirection::kEq, sum, zero), zero, divide(b, e, sum));
  if (a.shown == AttentionScores::kWeights) shown = convert(b, weights, dtype);
  const ValueId v = repeat_heads(b, at_least_f32(b, x.subspan(2, 1))[0], heads);
  const ValueId y = batch_matmul(b, convert(b, weights, b.dtype(v)), v);
  return {convert(b, y, value_type), convert(b, shown, given)};
}

}  // namespace

const Op& attention() {
  static const Op op =
      composite<AttentionAttributes, attention_body, 3, 6>("ecotone.attention", DTypeSet::signed_floats());
  return op;
}
std::vector<ValueId> attention(Builder& b, std::span<const ValueId> operands, AttentionAttributes attributes) {
  return b.add(attention(), make_attributes(std::move(attributes)), operands);
}

std::span<const Op* const> attention_ops() {
  static const Op* const ops[] = {&attention()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::AttentionAttributes>();
}  // namespace ecotone
