// Attention, by ONNX's definition at opset 25, whose masks are those of 23 and 24 where these had them.
#include <cmath>
#include <limits>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// [batch, seq, heads * size] to [batch, heads, seq, size]; four dimensions stay.
ValueId split_heads(NodeContext& n, size_t i, const char* heads_attribute) {
  const std::vector<Dim> shape = n.type(i).shape;
  if (shape.size() == 4) return n.in(i);
  const int64_t heads = n.int_attribute(heads_attribute, 0);
  if (shape.size() != 3 || heads < 1)
    fail("input {} has {} dimensions; three need a positive {}", i, shape.size(), heads_attribute);
  const ValueId x = op::reshape(n.b, n.in(i), {shape[0], shape[1], heads, floordiv(shape[2], heads)});
  return op::transpose(n.b, x, {0, 2, 1, 3});
}

// Each of the heads of keys or values, for all the query heads that share it.
ValueId repeat_heads(Builder& b, ValueId x, const Dim& heads) {
  const std::vector<Dim> s = b.tensor_type(x).shape;
  if (s[1] == heads) return x;
  const Dim repeats = floordiv(heads, s[1]);
  const ValueId wide = op::broadcast_in_dim(b, x, {s[0], s[1], repeats, s[2], s[3]}, {0, 1, 3, 4});
  return op::reshape(b, wide, {s[0], heads, s[2], s[3]});
}

// Which keys each query may see, of `shape` [batch, heads, queries, keys]; nothing when it is all.
std::optional<ValueId> visible(NodeContext& n, const std::vector<Dim>& shape, const Dim& past) {
  Builder& b = n.b;
  const TensorType places{DType::kI64, shape};
  const bool causal = n.int_attribute("is_causal", 0) != 0, padded = n.has(6);
  const int64_t left = n.int_attribute("left_window_size", -1), right = n.int_attribute("right_window_size", -1);
  std::optional<ValueId> mask;
  const auto allow = [&](op::ComparisonDirection direction, ValueId x, ValueId y) {
    const ValueId allowed = op::compare(b, direction, x, y);
    mask = mask ? op::and_(b, *mask, allowed) : allowed;
  };
  const auto spread = [&](ValueId scalar) { return op::broadcast_to(b, scalar, shape); };
  const ValueId key = op::iota(b, places, 3);
  if (causal || left >= 0 || right >= 0) {
    ValueId offset = spread(op::dim_value(b, past, DType::kI64));
    if (padded) {
      const ValueId lengths = op::broadcast_in_dim(b, op::convert(b, n.in(6), DType::kI64), shape, {0});
      offset = op::subtract(b, lengths, spread(op::dim_value(b, shape[2], DType::kI64)));
    }
    const ValueId position = op::add(b, op::iota(b, places, 2), offset);
    const auto moved = [&](int64_t by) { return op::add(b, position, spread(op::scalar_int(b, DType::kI64, by))); };
    if (causal) allow(op::ComparisonDirection::kLe, key, position);
    if (left >= 0) allow(op::ComparisonDirection::kGe, key, moved(-left));
    if (right >= 0) allow(op::ComparisonDirection::kLe, key, moved(right));
  }
  if (padded)
    allow(op::ComparisonDirection::kLt, key, op::broadcast_in_dim(b, op::convert(b, n.in(6), DType::kI64), shape, {0}));
  return mask;
}

// The mask input in the scores' shape; a shorter last dimension is padded with what hides.
ValueId read_mask(NodeContext& n, const std::vector<Dim>& shape) {
  ValueId mask = n.in(3);
  const TensorType type = n.type(3);
  const bool flags = type.dtype == DType::kBool;
  const Dim missing = shape.back() - type.shape.back();
  if (missing.is_constant() && missing.constant() > 0 && type.shape.back() != Dim(1)) {
    std::vector<Dim> low(type.shape.size(), 0), high = low;
    high.back() = missing;
    mask = op::pad(n.b, mask, op::scalar(n.b, type.dtype, flags ? 0 : -kInfinity), low, high);
  }
  return op::broadcast_to(n.b, mask, shape);
}

std::vector<Value> attention(NodeContext& n) {
  Builder& b = n.b;
  const DType dtype = n.dtype(0);
  const ValueId q = split_heads(n, 0, "q_num_heads");
  ValueId k = split_heads(n, 1, "kv_num_heads"), v = split_heads(n, 2, "kv_num_heads");
  Dim past = 0;
  if (n.has(4) && n.has(5)) {
    past = n.type(4).shape.at(2);
    const ValueId keys[] = {n.in(4), k}, values[] = {n.in(5), v};
    k = op::concatenate(b, keys, 2);
    v = op::concatenate(b, values, 2);
  }
  const ValueId present_key = k, present_value = v;
  const std::vector<Dim> q_shape = b.tensor_type(q).shape;
  k = repeat_heads(b, k, q_shape[1]);
  v = repeat_heads(b, v, q_shape[1]);

  double scale = n.float_attribute("scale", 0);
  if (!n.attribute("scale")) scale = 1 / std::sqrt(static_cast<double>(q_shape[3].constant()));
  const auto scaled = [&](ValueId x) { return op::multiply(b, x, op::full_like(b, x, std::sqrt(scale))); };
  ValueId scores = op::batch_matmul(b, scaled(q), op::transpose(b, scaled(k), {0, 1, 3, 2}));
  const std::vector<Dim> shape = b.tensor_type(scores).shape;
  const int64_t mode = n.int_attribute("qk_matmul_output_mode", 0);
  ValueId shown = scores;  // the optional fourth output

  if (const double cap = n.float_attribute("softcap", 0); cap != 0) {
    const ValueId limit = op::full_like(b, scores, cap);
    scores = op::multiply(b, limit, op::tanh(b, op::divide(b, scores, limit)));
  }
  if (mode == 1) shown = scores;
  std::optional<ValueId> mask = visible(n, shape, past);
  if (n.has(3)) {
    const ValueId given = read_mask(n, shape);
    if (n.dtype(3) == DType::kBool)
      mask = mask ? op::and_(b, *mask, given) : given;
    else
      scores = op::add(b, scores, op::convert(b, given, dtype));
  }
  if (mask) scores = op::select(b, *mask, scores, op::full_like(b, scores, -kInfinity));
  if (mode == 2) shown = scores;

  const int64_t precision = n.int_attribute("softmax_precision", 0);
  const ValueId wide =
      precision ? op::convert(b, scores, dtype_of(static_cast<int32_t>(precision)).value_or(dtype)) : scores;
  const std::vector<int64_t> axes{3};
  const auto spread = [&](ValueId x) { return op::broadcast_reduced(b, x, shape, axes); };
  ValueId top = op::reduce(b, wide, axes, op::Reducer::kMaximum);
  top = op::select(b, op::is_finite(b, top), top, op::full_like(b, top, 0));  // a row without keys
  const ValueId e = op::exponential(b, op::subtract(b, wide, spread(top)));
  const ValueId sum = spread(op::reduce(b, e, axes, op::Reducer::kAdd)), zero = op::full_like(b, sum, 0);
  const ValueId weights =
      op::select(b, op::compare(b, op::ComparisonDirection::kEq, sum, zero), zero, op::divide(b, e, sum));
  const ValueId narrow = op::convert(b, weights, dtype);
  if (mode == 3) shown = narrow;

  ValueId y = op::batch_matmul(b, op::convert(b, narrow, n.b.dtype(v)), v);
  if (n.rank(0) == 3) {
    y = op::transpose(b, y, {0, 2, 1, 3});
    const std::vector<Dim> s = b.tensor_type(y).shape;
    y = op::reshape(b, y, {s[0], s[1], s[2] * s[3]});
  }
  return {n.result(y), n.result(present_key), n.result(present_value), n.result(shown)};
}

}  // namespace

std::span<const Registration> attention_importers() {
  static constexpr Registration list[] = {{"Attention", attention}};
  return list;
}

}  // namespace ecotone::onnx
