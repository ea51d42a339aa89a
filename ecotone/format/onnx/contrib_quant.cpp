// com.microsoft: quantized operators. Each is its float operator between a dequantization and a quantization; integer
// products are exact.
#include <algorithm>
#include <numeric>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/quantize.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

// Inputs x, x + 1 and x + 2 are a tensor, its scale and its zero point.
Value dequantized(NodeContext& n, size_t x) {
  return n.apply("DequantizeLinear", {n.operand(x), n.operand(x + 1), n.operand(x + 2)});
}
// By inputs `scale` and scale + 1; `dtype` is the result's when there is no zero point.
Value quantized(NodeContext& n, ValueId y, size_t scale, DType dtype) {
  op::QuantizeAttributes a;
  a.dtype = n.has(scale + 1) ? n.dtype(scale + 1) : dtype;
  const ValueId zero = n.has(scale + 1) ? op::reshape(n.b, n.in(scale + 1), {}) : op::scalar_int(n.b, dtype, 0);
  return n.result(op::quantize(n.b, y, op::reshape(n.b, n.in(scale), {}), zero, a));
}
ValueId id(NodeContext& n, const Value& v) {
  return n.graph.materialize(v);
}

template <op::BinaryBuilder F>
std::vector<Value> binary(NodeContext& n) {
  const ValueId x = id(n, dequantized(n, 0)), y = id(n, dequantized(n, 3));
  return {quantized(n, op::broadcast_binary(n.b, F, x, y), 6, n.dtype(0))};
}

// Inputs x, its scale and zero point, the result's scale and zero point.
std::vector<Value> unary(NodeContext& n, const char* name, std::vector<AttributeProto> attributes) {
  return {quantized(n, n.apply_id(name, {dequantized(n, 0)}, std::move(attributes)), 3, n.dtype(0))};
}
std::vector<Value> sigmoid(NodeContext& n) {
  return unary(n, "Sigmoid", {});
}
std::vector<Value> leaky_relu(NodeContext& n) {
  return unary(n, "LeakyRelu", {make_attribute("alpha", n.float_attribute("alpha", 0.01F))});
}

// Before opset 13 over all dimensions from `axis` on, as one.
std::vector<Value> softmax(NodeContext& n) {
  Builder& b = n.b;
  const bool old = n.int_attribute("opset", 13) < 13;
  const int64_t axis = n.axis_attribute("axis", -1, n.rank(0));
  const std::vector<Dim> shape = n.type(0).shape;
  ValueId x = id(n, dequantized(n, 0));
  if (old) {
    Dim rows = 1, columns = 1;
    for (size_t d = 0; d < shape.size(); ++d) {
      Dim& side = static_cast<int64_t>(d) < axis ? rows : columns;
      side = side * shape[d];
    }
    x = op::reshape(b, x, {rows, columns});
  }
  const ValueId y = n.apply_id("Softmax", {n.result(x)}, {make_attribute("axis", old ? int64_t{1} : axis)});
  return {quantized(n, op::reshape(b, y, shape), 3, n.dtype(0))};
}

}  // namespace

ValueId channels_first(Builder& b, ValueId x) {
  std::vector<int64_t> order{0, b.rank(x) - 1};
  for (int64_t d = 1; d < b.rank(x) - 1; ++d) order.push_back(d);
  return op::transpose(b, x, std::move(order));
}
ValueId channels_last(Builder& b, ValueId x) {
  std::vector<int64_t> order{0};
  for (int64_t d = 2; d < b.rank(x); ++d) order.push_back(d);
  order.push_back(1);
  return op::transpose(b, x, std::move(order));
}

namespace {

std::vector<Value> pool(NodeContext& n, const char* name) {
  if (n.rank(0) < 3) fail("the input has {} dimensions", n.rank(0));
  const bool last = n.int_attribute("channels_last", 0) != 0;
  ValueId x = id(n, dequantized(n, 0));
  if (last) x = channels_first(n.b, x);
  ValueId y = n.apply_id(name, {n.result(x)}, n.attributes_but({"channels_last"}));
  if (last) y = channels_last(n.b, y);
  return {quantized(n, y, 3, n.dtype(0))};
}
std::vector<Value> average_pool(NodeContext& n) {
  return pool(n, "AveragePool");
}
std::vector<Value> global_average_pool(NodeContext& n) {
  return pool(n, "GlobalAveragePool");
}
std::vector<Value> nhwc_max_pool(NodeContext& n) {
  if (n.rank(0) < 3) fail("the input has {} dimensions", n.rank(0));
  const ValueId y = n.apply_id("MaxPool", {n.result(channels_first(n.b, n.in(0)))}, n.node.attributes);
  return {n.result(channels_last(n.b, y))};
}

// Inputs: the result's scale and zero point, then three of each tensor.
std::vector<Value> concat(NodeContext& n) {
  std::vector<ValueId> parts;
  for (size_t i = 2; i + 2 < n.input_count(); i += 3) parts.push_back(id(n, dequantized(n, i)));
  if (parts.empty() || n.input_count() % 3 != 2) fail("{} inputs, not 2 and three of each tensor", n.input_count());
  const int64_t axis = n.axis_attribute("axis", 0, n.rank(2));
  return {quantized(n, op::concatenate(n.b, parts, axis), 0, n.dtype(2))};
}

std::vector<Value> where(NodeContext& n) {
  const Value x = dequantized(n, 1), y = dequantized(n, 4);
  return {quantized(n, n.apply_id("Where", {n.operand(0), x, y}), 7, n.dtype(1))};
}

// Integer products ----------------------------------------------------------------------------------------------------

// A scale of one entry, or one of each column, in the shape of a product.
ValueId spread(Builder& b, ValueId x, const std::vector<Dim>& shape) {
  return b.tensor_type(x).size() == Dim(1) ? op::broadcast_to(b, op::reshape(b, x, {}), shape)
                                           : op::broadcast_to(b, x, shape);
}

// An integer product times both scales, plus a bias.
Value scaled(NodeContext& n, ValueId product, ValueId x_scale, ValueId y_scale, size_t bias) {
  Builder& b = n.b;
  const std::vector<Dim> shape = b.tensor_type(product).shape;
  const DType dtype = b.dtype(y_scale);
  ValueId y = op::multiply(b, op::convert(b, product, dtype),
                           op::multiply(b, spread(b, x_scale, shape), spread(b, y_scale, shape)));
  if (n.has(bias)) y = op::add(b, y, op::broadcast_to(b, n.in(bias), shape));
  return n.result(y);
}

std::vector<Value> matmul_integer_to_float(NodeContext& n) {
  const ValueId product = n.apply_id("MatMulInteger", {n.operand(0), n.operand(1), n.operand(4), n.operand(5)});
  return {scaled(n, product, n.in(2), n.in(3), 6)};
}

// A quantized to u8 by its own range, as DynamicQuantizeLinear does.
std::vector<Value> dynamic_quantize_matmul(NodeContext& n) {
  const std::vector<Value> a = n.apply_all("DynamicQuantizeLinear", {n.operand(0)});
  const ValueId product = n.apply_id("MatMulInteger", {a.at(0), n.operand(1), a.at(2), n.operand(3)});
  return {scaled(n, product, id(n, a.at(1)), n.in(2), 4)};
}

// alpha * A B + C with A and B quantized; C is i32 in units of both scales. The result is f32 without y_scale.
std::vector<Value> qgemm(NodeContext& n) {
  Builder& b = n.b;
  const auto factor = [&](size_t i, const char* transposed) {
    ValueId x = n.in(i);
    if (n.rank(i) != 2) fail("a factor has {} dimensions, not 2", n.rank(i));
    if (n.int_attribute(transposed, 0) != 0) x = op::transpose(b, x, {1, 0});
    return n.result(x);
  };
  ValueId product = n.apply_id("MatMulInteger", {factor(0, "transA"), factor(3, "transB"), n.operand(2), n.operand(5)});
  const std::vector<Dim> shape = b.tensor_type(product).shape;
  if (n.has(6)) product = op::add(b, product, op::broadcast_to(b, n.in(6), shape));
  const double alpha = n.float_attribute("alpha", 1);
  ValueId a_scale = n.in(1);
  if (alpha != 1) a_scale = op::multiply(b, a_scale, op::full_like(b, a_scale, alpha));
  const Value y = scaled(n, product, a_scale, n.in(4), n.input_count());
  if (!n.has(7)) return {y};
  return {quantized(n, id(n, y), 7, n.dtype(0))};
}

// Convolution of integers; weights' scale and zero point are scalars or run along their first dimension.
std::vector<Value> qlinear_conv(NodeContext& n) {
  Builder& b = n.b;
  const bool last = n.int_attribute("channels_last", 0) != 0;
  if (n.rank(0) < 3) fail("the input has {} dimensions", n.rank(0));
  const auto centred = [&](ValueId x, size_t zero) {
    const ValueId wide = op::convert(b, x, DType::kI32);
    if (!n.has(zero)) return wide;
    const ValueId z = op::convert(b, n.in(zero), DType::kI32);
    const std::vector<Dim> shape = b.tensor_type(wide).shape;
    return op::subtract(b, wide,
                        n.type(zero).size() == Dim(1) ? op::broadcast_to(b, op::reshape(b, z, {}), shape)
                                                      : op::broadcast_in_dim(b, z, shape, {0}));
  };
  const ValueId x = centred(last ? channels_first(b, n.in(0)) : n.in(0), 2), w = centred(n.in(3), 5);
  const ValueId sum = n.apply_id("Conv", {n.result(x), n.result(w), n.operand(8)}, n.attributes_but({"channels_last"}));
  const std::vector<Dim> shape = b.tensor_type(sum).shape;
  const auto scale = [&](size_t i) {
    return n.type(i).size() == Dim(1) ? op::broadcast_to(b, op::reshape(b, n.in(i), {}), shape)
                                      : op::broadcast_in_dim(b, n.in(i), shape, {1});
  };
  ValueId y = op::multiply(b, op::convert(b, sum, DType::kF32), op::multiply(b, scale(1), scale(4)));
  if (last) y = channels_last(b, y);
  return {quantized(n, y, 6, n.dtype(0))};
}

}  // namespace

std::span<const Registration> contrib_quant_importers() {
  static constexpr Registration list[] = {
      {"com.microsoft:QLinearAdd", binary<op::add>},
      {"com.microsoft:QLinearMul", binary<op::multiply>},
      {"com.microsoft:QLinearSigmoid", sigmoid},
      {"com.microsoft:QLinearLeakyRelu", leaky_relu},
      {"com.microsoft:QLinearSoftmax", softmax},
      {"com.microsoft:QLinearAveragePool", average_pool},
      {"com.microsoft:QLinearGlobalAveragePool", global_average_pool},
      {"com.microsoft:QLinearConcat", concat},
      {"com.microsoft:QLinearWhere", where},
      {"com.microsoft:QLinearConv", qlinear_conv},
      {"com.microsoft:NhwcMaxPool", nhwc_max_pool},
      {"com.microsoft:MatMulIntegerToFloat", matmul_integer_to_float},
      {"com.microsoft:DynamicQuantizeMatMul", dynamic_quantize_matmul},
      {"com.microsoft:QGemm", qgemm},
  };
  return list;
}

}  // namespace ecotone::onnx
