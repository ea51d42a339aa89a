// Attention, by ONNX's definition at opset 25, whose masks are those of 23 and 24 where these had them.
#include "ecotone/op/attention.h"

#include <cmath>
#include <limits>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
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

// The mask input for so many keys: a shorter last dimension is padded with what hides.
ValueId read_mask(NodeContext& n, const Dim& keys) {
  ValueId mask = n.in(3);
  const TensorType type = n.type(3);
  const bool flags = type.dtype == DType::kBool;
  if (type.rank() == 0) return mask;
  const Dim missing = keys - type.shape.back();
  if (missing.is_constant() && missing.constant() > 0 && type.shape.back() != Dim(1)) {
    std::vector<Dim> low(type.shape.size(), 0), high = low;
    high.back() = missing;
    mask = op::pad(n.b, mask, op::scalar(n.b, type.dtype, flags ? 0 : -kInfinity), low, high);
  }
  return mask;
}

std::vector<Value> attention(NodeContext& n) {
  Builder& b = n.b;
  const ValueId q = split_heads(n, 0, "q_num_heads");
  ValueId k = split_heads(n, 1, "kv_num_heads"), v = split_heads(n, 2, "kv_num_heads");
  op::AttentionAttributes a;
  if (n.has(4) && n.has(5)) {
    a.past = n.type(4).shape.at(2);
    const ValueId keys[] = {n.in(4), k}, values[] = {n.in(5), v};
    k = op::concatenate(b, keys, 2);
    v = op::concatenate(b, values, 2);
  }
  const std::vector<Dim> q_shape = b.tensor_type(q).shape, k_shape = b.tensor_type(k).shape;
  a.scale = n.attribute("scale") ? n.float_attribute("scale", 0)
                                 : 1 / std::sqrt(static_cast<double>(q_shape.at(3).constant()));
  a.softcap = n.float_attribute("softcap", 0);
  a.causal = n.int_attribute("is_causal", 0) != 0;
  a.window_left = n.int_attribute("left_window_size", -1);
  a.window_right = n.int_attribute("right_window_size", -1);
  if (const int64_t precision = n.int_attribute("softmax_precision", 0))
    a.softmax_dtype = dtype_of(static_cast<int32_t>(precision));
  const int64_t mode = n.int_attribute("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) fail("qk_matmul_output_mode {} is unknown", mode);
  a.shown = static_cast<op::AttentionScores>(mode);
  a.has_mask = n.has(3);
  a.has_lengths = n.has(6);
  std::vector<ValueId> operands{q, k, v};
  if (n.has(3)) operands.push_back(read_mask(n, k_shape.at(2)));
  if (n.has(6)) operands.push_back(n.in(6));
  const std::vector<ValueId> results = op::attention(b, operands, a);
  ValueId y = results[0];
  if (n.rank(0) == 3) {
    y = op::transpose(b, y, {0, 2, 1, 3});
    const std::vector<Dim> s = b.tensor_type(y).shape;
    y = op::reshape(b, y, {s[0], s[1], s[2] * s[3]});
  }
  return {n.result(y), n.result(k), n.result(v), n.result(results[1])};
}

}  // namespace

std::span<const Registration> attention_importers() {
  static constexpr Registration list[] = {{"Attention", attention}};
  return list;
}

}  // namespace ecotone::onnx
