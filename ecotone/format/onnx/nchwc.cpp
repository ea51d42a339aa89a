// com.microsoft.nchwc: what ONNX Runtime's optimizer makes of convolutions and pools at its highest level, for channels
// in blocks of the vector width of the machine that it ran on. Here such a tensor is NCHW with its channels padded to
// whole blocks: only weights, which stand in the file as blocks, are moved.
#include <algorithm>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

constexpr std::string_view kDomain = "com.microsoft.nchwc";

// Channels of a block, 16 or 8. A file does not say; where a weight's channels are whole blocks of 8 alone they tell,
// else it is what ONNX Runtime itself would take: this machine's.
int64_t block_size(NodeContext& n) {
  std::optional<int64_t>& block = n.graph.model().nchwc_block;
  if (block) return *block;
  const GraphProto& graph = *n.graph.model().proto.graph;
  const auto is_eight = [&](const NodeProto& node) {
    if (node.domain != kDomain || node.op_type != "Conv" || node.inputs.size() < 2) return false;
    return std::ranges::any_of(graph.initializers, [&](const TensorProto& t) {
      return t.name == node.inputs[1] && !t.dims.empty() && t.dims[0] % 16 != 0;
    });
  };
#if defined(__x86_64__)
  const bool wide = __builtin_cpu_supports("avx512f");
#else
  const bool wide = true;
#endif
  block = !wide || std::ranges::any_of(graph.nodes, is_eight) ? 8 : 16;
  return *block;
}

// Weights to [out, in, ...]: from [out / b, in / b, ..., b of in, b of out], or [out / b, in, ..., b of out] where the
// channels of the input are not in blocks.
ValueId plain_weights(NodeContext& n) {
  const std::vector<Dim> shape = n.type(1).shape;
  const int64_t block = block_size(n), groups = n.int_attribute("group", 1);
  if (shape.size() != 4) fail("the weights have {} dimensions, not 4", shape.size());
  const Dim &out = shape[0], &in = shape[1];
  const bool whole = in.constant() % block == 0 && !(in == Dim(1) && groups > 1);
  if (out.constant() % block != 0 || (!whole && in.constant() >= block))
    fail("weights of {} and {} channels are no whole blocks of {}", out.constant(), in.constant(), block);
  std::vector<Dim> blocks{floordiv(out, block), whole ? floordiv(in, block) : in, shape[2], shape[3]};
  if (whole) blocks.emplace_back(block);
  blocks.emplace_back(block);
  const ValueId x = op::reshape(n.b, n.in(1), std::move(blocks));
  return op::reshape(
      n.b, op::transpose(n.b, x, whole ? std::vector<int64_t>{0, 5, 1, 4, 2, 3} : std::vector<int64_t>{0, 4, 1, 2, 3}),
      shape);
}

std::vector<Value> nchwc_conv(NodeContext& n) {
  return {activated_conv(n, n.result(plain_weights(n)))};
}

std::vector<Value> same(NodeContext& n) {
  return {n.apply(n.node.op_type, {n.operand(0)}, n.node.attributes)};
}

// Channels filled up with zeros to whole blocks.
std::vector<Value> reorder_input(NodeContext& n) {
  ValueId x = n.in(0);
  if (n.int_attribute("channels_last", 0) != 0) x = channels_first(n.b, x);
  const std::vector<Dim> shape = n.b.tensor_type(x).shape;
  if (shape.size() != 4) fail("the input has {} dimensions, not 4", shape.size());
  const Dim block = block_size(n);
  std::vector<Dim> low(4, 0), high(4, 0);
  high[1] = ceildiv(shape[1], block) * block - shape[1];
  if (high[1] != Dim(0)) x = op::pad(n.b, x, op::scalar(n.b, n.b.dtype(x), 0), low, high);
  return {n.result(x)};
}

std::vector<Value> reorder_output(NodeContext& n) {
  const std::vector<Dim> shape = n.type(0).shape;
  if (shape.size() != 4) fail("the input has {} dimensions, not 4", shape.size());
  const int64_t channels = n.int_attribute("channels", 0);
  if (channels < 1) fail("channels must be positive");
  ValueId x = n.in(0);
  if (shape[1] != Dim(channels)) x = op::slice(n.b, x, {0, 0, 0, 0}, {shape[0], channels, shape[2], shape[3]});
  if (n.int_attribute("channels_last", 0) != 0) x = channels_last(n.b, x);
  return {n.result(x)};
}

std::vector<Value> upsample(NodeContext& n) {
  std::vector<float> scales;
  for (int64_t s : n.ints_attribute("scales").value_or(std::vector<int64_t>{})) scales.push_back(static_cast<float>(s));
  const auto count = static_cast<int64_t>(scales.size());
  const Value given = Value::of_constant(Tensor::from(std::span<const float>(scales), {count}));
  return {n.apply("Resize", {n.operand(0), Value::absent(), given},
                  {make_attribute("mode", n.string_attribute("mode", "nearest")),
                   make_attribute("coordinate_transformation_mode",
                                  n.string_attribute("coordinate_transformation_mode", "asymmetric")),
                   make_attribute("nearest_mode", std::string("floor"))})};
}

}  // namespace

std::span<const Registration> nchwc_importers() {
  static constexpr Registration list[] = {
      {"com.microsoft.nchwc:Conv", nchwc_conv},
      {"com.microsoft.nchwc:MaxPool", same},
      {"com.microsoft.nchwc:AveragePool", same},
      {"com.microsoft.nchwc:GlobalMaxPool", same},
      {"com.microsoft.nchwc:GlobalAveragePool", same},
      {"com.microsoft.nchwc:ReorderInput", reorder_input},
      {"com.microsoft.nchwc:ReorderOutput", reorder_output},
      {"com.microsoft.nchwc:Upsample", upsample},
  };
  return list;
}

}  // namespace ecotone::onnx
