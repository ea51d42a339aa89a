// com.microsoft: normalizations fused with what precedes them, as ONNX Runtime's optimizer writes them.
#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/activation.h"
#include "ecotone/op/build.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/norm.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

// The deviations that the optional outputs of training want are not made: the reader refuses a node that names them.
std::vector<Value> with_sum(Value y, Value sum) {
  return {std::move(y), Value::absent(), Value::absent(), std::move(sum)};
}

void refuse_statistics(NodeContext& n) {
  if (n.wants(1) || n.wants(2)) fail_kind(ErrorKind::kUnsupported, "the outputs mean and inv_std_var");
}

// input + skip + bias; skip may lack the batch or have a batch of 1.
ValueId skip_sum(NodeContext& n, size_t bias) {
  const std::vector<Dim>& shape = n.type(0).shape;
  ValueId sum = op::add(n.b, n.in(0), op::broadcast_to(n.b, n.in(1), shape));
  if (n.has(bias)) sum = op::add(n.b, sum, op::broadcast_to(n.b, n.in(bias), shape));
  return sum;
}

std::vector<Value> skip_layer_normalization(NodeContext& n) {
  refuse_statistics(n);
  const Value sum = n.result(skip_sum(n, 4));
  return with_sum(n.apply("LayerNormalization", {sum, n.operand(2), n.operand(3)},
                          {make_attribute("epsilon", n.float_attribute("epsilon", 1e-12))}),
                  sum);
}

std::vector<Value> skip_simplified_layer_normalization(NodeContext& n) {
  refuse_statistics(n);
  const Value sum = n.result(skip_sum(n, 3));
  return with_sum(n.apply("RMSNormalization", {sum, n.operand(2)},
                          {make_attribute("epsilon", n.float_attribute("epsilon", 1e-12))}),
                  sum);
}

std::vector<Value> simplified_layer_normalization(NodeContext& n) {
  return {n.apply("RMSNormalization", {n.operand(0), n.operand(1)},
                  {make_attribute("axis", n.int_attribute("axis", -1)),
                   make_attribute("epsilon", n.float_attribute("epsilon", 1e-5))})};
}

// word[ids] + position[0, 1, ... or position_ids] + segment[ids], normalized. The second output counts each row's ones
// in the mask.
std::vector<Value> embed_layer_normalization(NodeContext& n) {
  Builder& b = n.b;
  const std::vector<Dim> ids = n.type(0).shape;
  if (ids.size() != 2) fail("input_ids has {} dimensions, not 2", ids.size());
  ValueId sum = op::take(b, n.in(2), n.in(0), 0);
  const std::vector<Dim> shape = b.tensor_type(sum).shape;
  const ValueId position = n.has(8) ? n.in(8) : op::iota(b, {DType::kI32, {ids[1]}}, 0);
  sum = op::add(b, sum, op::broadcast_to(b, op::take(b, n.in(3), position, 0), shape));
  if (n.has(1) && n.has(4)) sum = op::add(b, sum, op::take(b, n.in(4), n.in(1), 0));
  ValueId counts = op::full(b, DType::kI32, {ids[0]}, 0);
  if (n.has(7)) {
    const ValueId mask = n.in(7);
    const ValueId ones = op::compare(b, op::ComparisonDirection::kEq, mask, op::full_like(b, mask, 1));
    counts = op::reduce(b, op::convert(b, ones, DType::kI32), {1}, op::Reducer::kAdd);
  }
  const Value total = n.result(sum);
  return {n.apply("LayerNormalization", {total, n.operand(5), n.operand(6)},
                  {make_attribute("epsilon", n.float_attribute("epsilon", 1e-12))}),
          n.result(counts), total};
}

// GroupNorm and, with skip and bias added first, SkipGroupNorm.
std::vector<Value> group_norm(NodeContext& n) {
  Builder& b = n.b;
  const bool last = n.int_attribute("channels_last", 1) != 0;
  const std::vector<Dim> shape = n.type(0).shape;
  if (shape.size() != 4) fail("the input has {} dimensions, not 4", shape.size());
  ValueId sum = n.in(0);
  const auto add_channels = [&](ValueId v) {  // [C] or [N, C]
    const int64_t channel = last ? 3 : 1;
    sum = op::add(
        b, sum,
        op::broadcast_in_dim(b, v, shape, b.rank(v) == 1 ? std::vector{channel} : std::vector<int64_t>{0, channel}));
  };
  if (n.has(3)) {
    if (n.rank(3) == 2)
      add_channels(n.in(3));
    else
      sum = op::add(b, sum, op::broadcast_to(b, n.in(3), shape));
  }
  if (n.has(4)) add_channels(n.in(4));
  const DType dtype = b.dtype(sum), wide = n.dtype(1);
  const ValueId x = op::convert(b, last ? channels_first(b, sum) : sum, wide), scale = n.in(1), bias = n.in(2);
  ValueId y = op::group_norm(b, x, scale, bias, {n.int_attribute("groups", 1), n.float_attribute("epsilon", 1e-5F)});
  const int64_t activation = n.int_attribute("activation", 0);
  if (activation != 0 && activation != 1) fail("activation {} is unknown", activation);
  if (activation == 1) y = op::swish(b, y, 1);
  y = op::convert(b, y, dtype);
  return {n.result(last ? channels_last(b, y) : y), n.result(sum)};
}

// EmbedLayerNormalization whose tables and vectors are quantized, each with a scale and a zero point.
std::vector<Value> quantized_embed_layer_normalization(NodeContext& n) {
  const auto table = [&](size_t x, size_t scale, size_t zero) {
    if (!n.has(x)) return Value::absent();
    return n.apply("DequantizeLinear", {n.operand(x), n.operand(scale), n.operand(zero)});
  };
  return n.apply_all("com.microsoft:EmbedLayerNormalization",
                     {n.operand(0), n.operand(1), table(2, 8, 13), table(3, 9, 14), table(4, 10, 15), table(5, 11, 16),
                      table(6, 12, 17), n.operand(7)},
                     {make_attribute("epsilon", n.float_attribute("epsilon", 1e-12F))});
}

}  // namespace

std::span<const Registration> contrib_norm_importers() {
  static constexpr Registration list[] = {
      {"com.microsoft:SkipLayerNormalization", skip_layer_normalization},
      {"com.microsoft:SkipSimplifiedLayerNormalization", skip_simplified_layer_normalization},
      {"SimplifiedLayerNormalization", simplified_layer_normalization},  // ONNX Runtime puts it into ai.onnx
      {"com.microsoft:SimplifiedLayerNormalization", simplified_layer_normalization},
      {"com.microsoft:EmbedLayerNormalization", embed_layer_normalization},
      {"com.microsoft:QEmbedLayerNormalization", quantized_embed_layer_normalization},
      {"com.microsoft:GroupNorm", group_norm},
      {"com.microsoft:SkipGroupNorm", group_norm},
  };
  return list;
}

}  // namespace ecotone::onnx
