// Convolutions of integers: ConvInteger and QLinearConv.
#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/quantize.h"

namespace ecotone::onnx {
namespace {

// One number, or one an output channel, beside weights or outputs: `channel` is that dimension.
Expr spread(const Expr& x, int64_t channel, int64_t rank) {
  if (x.type().size() == Dim(1)) return x.reshape({});
  std::vector<Dim> shape(static_cast<size_t>(rank), 1);
  shape.at(static_cast<size_t>(channel)) = x.type().size();
  return x.reshape(std::move(shape));
}

// (x - x's zero point) convolved with (w - w's zero point), in i32.
Expr integer_convolution(NodeContext& n, size_t x_zero, size_t weight, size_t w_zero) {
  Expr x = input(n, 0).to(DType::kI32), w = input(n, weight).to(DType::kI32);
  if (n.has(x_zero)) x = x - spread(input(n, x_zero).to(DType::kI32), 1, x.rank());
  if (n.has(w_zero)) w = w - spread(input(n, w_zero).to(DType::kI32), 0, w.rank());
  return x.made(op::convolution(n.b, x, w, convolution_attributes(n, weight)));
}

std::vector<Value> conv_integer(NodeContext& n) {
  return {n.result(integer_convolution(n, 2, 1, 3))};
}

std::vector<Value> qlinear_conv(NodeContext& n) {
  Expr y = integer_convolution(n, 2, 3, 5);
  if (n.has(8)) y = y + spread(input(n, 8), 1, y.rank());
  const Expr scale = input(n, 1).reshape({}) * input(n, 4).to(n.dtype(1));
  op::QuantizeAttributes a;
  a.dtype = n.dtype(7);
  const Expr value = y.to(DType::kF32) * spread(scale, 1, y.rank());
  return {n.result(op::quantize(n.b, value, input(n, 6).reshape({}), input(n, 7).reshape({}), a))};
}

}  // namespace

std::span<const Registration> integer_conv_importers() {
  static constexpr Registration list[] = {{"ConvInteger", conv_integer}, {"QLinearConv", qlinear_conv}};
  return list;
}

}  // namespace ecotone::onnx
