// com.microsoft: products and convolutions fused with activations, activations, weights of few bits, and operators that
// ai.onnx took over later.
#include <algorithm>
#include <numeric>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/activation.h"
#include "ecotone/op/build.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/quantize.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

// Products ------------------------------------------------------------------------------------------------------------

// A factor with its first dimension moved behind the batch (`batch`), then its last two swapped (`swap`).
ValueId turned(Builder& b, ValueId x, bool batch, bool swap) {
  const int64_t rank = b.rank(x);
  if (rank < 2 || (!batch && !swap)) return x;
  std::vector<int64_t> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  if (batch) std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
  if (swap) std::swap(order[order.size() - 2], order[order.size() - 1]);
  return op::transpose(b, x, std::move(order));
}

std::vector<Value> fused_matmul(NodeContext& n) {
  const auto flag = [&](const char* name) { return n.int_attribute(name, 0) != 0; };
  ValueId y = matmul(n.b, turned(n.b, n.in(0), flag("transBatchA"), flag("transA")),
                     turned(n.b, n.in(1), flag("transBatchB"), flag("transB")));
  if (const double alpha = n.float_attribute("alpha", 1); alpha != 1)
    y = op::multiply(n.b, y, op::full_like(n.b, y, alpha));
  return {n.result(y)};
}

// An activation by its name in ai.onnx; alpha and beta as they are called there.
Value activated(NodeContext& n, Value x, const std::string& name, std::optional<double> alpha,
                std::optional<double> beta) {
  static constexpr std::string_view kKnown[] = {"Relu", "LeakyRelu", "Tanh",     "Sigmoid",  "HardSigmoid",    "Elu",
                                                "Selu", "Celu",      "Softplus", "Softsign", "ThresholdedRelu"};
  if (name.empty()) return x;
  if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown))
    fail_kind(ErrorKind::kUnsupported, "activation '{}'", name);
  std::vector<AttributeProto> attributes;
  if (alpha) attributes.push_back(make_attribute("alpha", *alpha));
  if (beta) attributes.push_back(make_attribute(name == "Selu" ? "gamma" : "beta", *beta));
  return n.apply(name, {std::move(x)}, std::move(attributes));
}

std::vector<Value> fused_gemm(NodeContext& n) {
  const auto given = [&](const char* name) {
    return n.attribute(name) ? std::optional(n.float_attribute(name, 0)) : std::nullopt;
  };
  const std::string name = n.string_attribute("activation", "");
  Value y = n.apply("Gemm", {n.operand(0), n.operand(1), n.operand(2)},
                    n.attributes_but({"activation", "activation_alpha", "activation_beta", "activation_gamma"}));
  return {activated(n, std::move(y), name, given("activation_alpha"),
                    given(name == "Selu" ? "activation_gamma" : "activation_beta"))};
}

}  // namespace

// activation_params are alpha and beta, for Clip its bounds.
Value activated_conv(NodeContext& n, Value weight) {
  ValueId y = n.apply_id("Conv", {n.operand(0), std::move(weight), n.operand(2)},
                         n.attributes_but({"activation", "activation_params"}));
  if (n.has(3)) y = op::add(n.b, y, op::broadcast_to(n.b, n.in(3), n.b.tensor_type(y).shape));
  const AttributeProto* a = n.attribute("activation_params");
  const auto given = [&](size_t i) {
    return a && i < a->floats.size() ? std::optional<double>(a->floats[i]) : std::nullopt;
  };
  const std::string name = n.string_attribute("activation", "");
  if (name == "Clip") {
    if (!given(1)) fail("Clip needs two activation_params");
    const auto bound = [&](size_t i) { return op::scalar(n.b, n.b.dtype(y), *given(i)); };
    return n.result(op::clamp(n.b, bound(0), y, bound(1)));
  }
  return activated(n, n.result(y), name, given(0), given(1));
}

namespace {

std::vector<Value> fused_conv(NodeContext& n) {
  return {activated_conv(n, n.operand(1))};
}

// Bytes of several numbers each to these, along the last dimension, lowest bits first.
ValueId unpacked_bits(Builder& b, ValueId bytes, int64_t bits) {
  if (bits == 8) return bytes;
  std::vector<Dim> shape = b.tensor_type(bytes).shape;
  if (shape.empty()) fail("packed numbers in a scalar");
  std::vector<ValueId> parts;
  const int64_t last[] = {b.rank(bytes)};
  for (int64_t shift = 0; shift < 8; shift += bits) {
    const ValueId moved = op::shift_right_logical(b, bytes, op::full_like(b, bytes, static_cast<double>(shift)));
    const ValueId mask = op::full_like(b, bytes, static_cast<double>((1 << bits) - 1));
    parts.push_back(op::expand_dims(b, op::and_(b, moved, mask), last));
  }
  shape.back() = shape.back() * (8 / bits);
  return op::reshape(b, op::concatenate(b, parts, last[0]), std::move(shape));
}

// Weights of 2, 4 or 8 bits in blocks along K, each with a scale and a zero point: Y = A . dequantized(B)^T + bias.
std::vector<Value> matmul_nbits(NodeContext& n) {
  Builder& b = n.b;
  const int64_t rows = n.int_attribute("N", 0), columns = n.int_attribute("K", 0), bits = n.int_attribute("bits", 4),
                block = n.int_attribute("block_size", 0);
  if (n.int_attribute("weight_prepacked", 0) != 0 || n.has(4))
    fail_kind(ErrorKind::kUnsupported, "prepacked weights, or g_idx");
  if (bits != 2 && bits != 4 && bits != 8) fail_kind(ErrorKind::kUnsupported, "weights of {} bits", bits);
  constexpr int64_t kMost = int64_t{1} << 31;
  if (rows < 1 || columns < 1 || rows > kMost || columns > kMost || block < 16 || block > kMost ||
      (block & (block - 1)) != 0)
    fail("N {}, K {} or block_size {} is not sound", rows, columns, block);
  const int64_t blocks = (columns + block - 1) / block, in_byte = 8 / bits;
  if (n.dtype(1) != DType::kU8) fail("B is {}, not u8", name(n.dtype(1)));

  const auto unpack = [&](ValueId bytes, int64_t count) {
    return unpacked_bits(b, op::reshape(b, bytes, {rows, count}), bits);
  };
  const auto first = [&](ValueId x, int64_t count) { return op::slice(b, x, {0, 0}, {rows, count}); };
  const ValueId q = unpack(n.in(1), blocks * block / in_byte);
  const ValueId scale = op::reshape(b, n.in(2), {rows, blocks});
  const DType dtype = n.dtype(0);
  ValueId weight;
  if (n.has(3) && is_float(n.dtype(3))) {
    const auto spread = [&](ValueId x) {  // a block's value to each of its entries
      const ValueId wide = op::broadcast_in_dim(b, op::reshape(b, x, {rows, blocks}), {rows, blocks, block}, {0, 1});
      return op::reshape(b, wide, {rows, blocks * block});
    };
    weight = op::multiply(b, op::subtract(b, op::convert(b, q, dtype), spread(n.in(3))), spread(scale));
  } else {
    ValueId zero;
    if (n.has(3))
      zero = first(unpack(n.in(3), (blocks + in_byte - 1) / in_byte), blocks);
    else
      zero = op::full(b, DType::kU8, {rows, blocks}, static_cast<double>(1 << (bits - 1)));
    op::QuantizeAttributes a;
    a.dtype = dtype;
    a.axis = 1;
    a.block_size = block;
    weight = op::dequantize(b, q, scale, zero, a);
  }
  weight = first(weight, columns);
  op::DotAttributes a;
  a.lhs_contracting_dimensions = {n.rank(0) - 1};
  a.rhs_contracting_dimensions = {1};
  ValueId y = op::dot_general(b, n.in(0), weight, std::move(a));
  if (n.has(5)) y = op::add(b, y, op::broadcast_to(b, n.in(5), b.tensor_type(y).shape));
  return {n.result(y)};
}

// Gather from data quantized in blocks along an axis; what an index outside takes is 0.
std::vector<Value> gather_block_quantized(NodeContext& n) {
  Builder& b = n.b;
  const int64_t bits = n.int_attribute("bits", 4), block = n.int_attribute("block_size", 128);
  const bool packed = n.dtype(0) == DType::kU8;
  if (!packed && !(is_integer(n.dtype(0)) && bit_width(n.dtype(0)) <= 4))
    fail_kind(ErrorKind::kUnsupported, "data of {}", name(n.dtype(0)));
  if ((bits != 2 && bits != 4 && bits != 8) || block < 16) fail("{} bits in blocks of {}", bits, block);
  const int64_t rank = n.rank(0), axis = n.axis_attribute("gather_axis", 0, rank);
  op::QuantizeAttributes a;
  a.dtype = n.dtype(2);
  a.axis = n.axis_attribute("quantize_axis", 1, rank);
  a.block_size = block;
  const ValueId q = packed ? unpacked_bits(b, n.in(0), bits) : n.in(0), scale = n.in(2);
  const std::vector<Dim> shape = n.type(2).shape;
  ValueId zero = op::full(b, n.dtype(0), shape, packed ? static_cast<double>(1 << (bits - 1)) : 0);
  if (n.has(3)) {
    zero = packed ? unpacked_bits(b, n.in(3), bits) : n.in(3);
    if (b.tensor_type(zero).shape != shape) zero = op::slice(b, zero, std::vector<Dim>(shape.size(), 0), shape);
  }
  const ValueId table = op::dequantize(b, q, scale, zero, a);
  const Dim size = b.tensor_type(table).shape[static_cast<size_t>(axis)];
  const TensorType at_type{DType::kI64, n.type(1).shape};
  const ValueId at = op::convert(b, n.in(1), DType::kI64);
  const auto spread = [&](const Dim& d) {
    return op::broadcast_to(b, op::dim_value(b, d, DType::kI64), at_type.shape);
  };
  const auto compare = [&](op::ComparisonDirection d, ValueId x, ValueId y) { return op::compare(b, d, x, y); };
  const ValueId none = op::full_like(b, at, 0), length = spread(size);
  const ValueId index = op::select(b, compare(op::ComparisonDirection::kLt, at, none), op::add(b, at, length), at);
  const ValueId inside = op::and_(b, compare(op::ComparisonDirection::kGe, index, none),
                                  compare(op::ComparisonDirection::kLt, index, length));
  const ValueId y = op::take(b, table, index, axis);
  std::vector<int64_t> where(at_type.shape.size());
  std::iota(where.begin(), where.end(), axis);
  const ValueId mask = op::broadcast_in_dim(b, inside, b.tensor_type(y).shape, std::move(where));
  return {n.result(op::select(b, mask, y, op::full_like(b, y, 0)))};
}

// Activations ---------------------------------------------------------------------------------------------------------

// x + bias over the last dimension.
ValueId biased(NodeContext& n) {
  return n.has(1) ? op::add(n.b, n.in(0), op::broadcast_to(n.b, n.in(1), n.type(0).shape)) : n.in(0);
}
std::vector<Value> bias_gelu(NodeContext& n) {
  return {n.apply("Gelu", {n.result(biased(n))})};
}
std::vector<Value> fast_gelu(NodeContext& n) {
  return {n.apply("Gelu", {n.result(biased(n))}, {make_attribute("approximate", std::string("tanh"))})};
}
std::vector<Value> quick_gelu(NodeContext& n) {
  return {n.result(op::swish(n.b, n.in(0), n.float_attribute("alpha", 1.702F)))};
}
// (x + bias) in two halves of the last dimension: the first times the gelu of the second.
std::vector<Value> bias_split_gelu(NodeContext& n) {
  const ValueId x = biased(n);
  const std::vector<Dim> shape = n.type(0).shape;
  if (shape.empty()) fail("a scalar");
  const auto half = [&](const Dim& from, const Dim& to) {
    std::vector<Dim> start(shape.size(), 0), limit = shape;
    start.back() = from;
    limit.back() = to;
    return op::slice(n.b, x, std::move(start), std::move(limit));
  };
  const Dim middle = floordiv(shape.back(), 2);
  return {n.result(op::multiply(n.b, half(0, middle), op::gelu(n.b, half(middle, middle * 2))))};
}
// x + bias + skip
std::vector<Value> bias_add(NodeContext& n) {
  const ValueId x = biased(n);
  return {n.result(op::add(n.b, x, n.in(2)))};
}

// What ai.onnx has too ------------------------------------------------------------------------------------------------

std::vector<Value> same(NodeContext& n) {
  std::vector<Value> inputs;
  for (size_t i = 0; i < n.input_count(); ++i) inputs.push_back(n.operand(i));
  return {n.apply(n.node.op_type, std::move(inputs), n.node.attributes)};
}

std::vector<Value> grid_sample(NodeContext& n) {
  std::vector<AttributeProto> attributes = n.attributes_but({"mode"});
  std::string mode = n.string_attribute("mode", "bilinear");
  if (mode == "bilinear") mode = "linear";
  if (mode == "bicubic") mode = "cubic";
  attributes.push_back(make_attribute("mode", std::move(mode)));
  return {n.apply("GridSample", {n.operand(0), n.operand(1)}, std::move(attributes))};
}

std::vector<Value> expand_dims(NodeContext& n) {
  const std::vector<int64_t> axis = n.ints(1, "axis");
  if (axis.size() != 1) fail("axis has {} entries, not one", axis.size());
  const int64_t rank = n.rank(0), at[] = {op::normalize_axis(axis[0], rank + 1)};
  return {n.result(op::expand_dims(n.b, n.in(0), at))};
}

// Convolution transposed, with its pads as an input: Pads stands third, B fourth.
std::vector<Value> conv_transpose_with_pads(NodeContext& n) {
  std::vector<AttributeProto> attributes = n.node.attributes;
  if (n.has(2)) attributes.push_back(make_attribute("pads", n.ints(2, "Pads")));
  return {n.apply("ConvTranspose", {n.operand(0), n.operand(1), n.operand(3)}, std::move(attributes))};
}

// Distances of all pairs of rows: sqrt(|a|^2 - 2 ab + |b|^2) would cancel, so differences are taken first.
std::vector<Value> cdist(NodeContext& n) {
  Builder& b = n.b;
  if (n.rank(0) != 2 || n.rank(1) != 2) fail("A and B must be matrices");
  const std::vector<Dim> shape{n.type(0).shape[0], n.type(1).shape[0], n.type(0).shape[1]};
  const ValueId difference =
      op::subtract(b, op::broadcast_in_dim(b, n.in(0), shape, {0, 2}), op::broadcast_in_dim(b, n.in(1), shape, {1, 2}));
  const ValueId square = op::reduce(b, op::multiply(b, difference, difference), {2}, op::Reducer::kAdd);
  const std::string metric = n.string_attribute("metric", "sqeuclidean");
  if (metric == "sqeuclidean") return {n.result(square)};
  if (metric != "euclidean") fail_kind(ErrorKind::kUnsupported, "metric '{}'", metric);
  return {n.result(op::sqrt(b, square))};
}

}  // namespace

std::span<const Registration> contrib_math_importers() {
  static constexpr Registration list[] = {
      {"com.microsoft:FusedMatMul", fused_matmul},
      {"com.microsoft:TransposeMatMul", fused_matmul},
      {"com.microsoft:FusedGemm", fused_gemm},
      {"com.microsoft:FusedConv", fused_conv},
      {"com.microsoft:MatMulNBits", matmul_nbits},
      {"com.microsoft:GatherBlockQuantized", gather_block_quantized},
      {"com.microsoft:BiasGelu", bias_gelu},
      {"com.microsoft:FastGelu", fast_gelu},
      {"com.microsoft:QuickGelu", quick_gelu},
      {"com.microsoft:BiasSplitGelu", bias_split_gelu},
      {"com.microsoft:BiasAdd", bias_add},
      {"com.microsoft:Trilu", same},
      {"com.microsoft:GatherND", same},
      {"com.microsoft:Pad", same},
      {"com.microsoft:Range", same},
      {"com.microsoft:GridSample", grid_sample},
      {"com.microsoft:ExpandDims", expand_dims},
      {"com.microsoft:ConvTransposeWithDynamicPads", conv_transpose_with_pads},
      {"com.microsoft:CDist", cdist},
  };
  return list;
}

}  // namespace ecotone::onnx
