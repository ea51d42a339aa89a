// Quantization.
#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/quantize.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

// Whether scales are scalar, along an axis, or blocked.
op::QuantizeAttributes layout(NodeContext& n, DType dtype) {
  op::QuantizeAttributes a;
  a.dtype = dtype;
  if (n.rank(1) == 0 || n.type(1).size() == Dim(1)) return a;
  a.axis = n.axis_attribute("axis", 1, n.rank(0));
  a.block_size = n.int_attribute("block_size", 0);
  return a;
}

// A scale or zero point as the layout wants it.
ValueId parameter(NodeContext& n, ValueId v, const op::QuantizeAttributes& a) {
  return a.axis < 0 ? op::reshape(n.b, v, {}) : v;
}

ValueId zero_point(NodeContext& n, DType dtype, const op::QuantizeAttributes& a) {
  if (n.has(2)) return parameter(n, n.in(2), a);
  return op::full(n.b, dtype, a.axis < 0 ? std::vector<Dim>{} : n.type(1).shape, 0);
}

std::vector<Value> quantize_linear(NodeContext& n) {
  DType dtype = n.has(2) ? n.dtype(2) : DType::kU8;
  if (const int64_t number = n.int_attribute("output_dtype", 0); number != 0 && !n.has(2)) {
    const auto named = dtype_of(static_cast<int32_t>(number));
    if (!named) fail("output_dtype {} is unknown", number);
    dtype = *named;
  }
  const op::QuantizeAttributes a = layout(n, dtype);
  const ValueId x = is_float(n.dtype(0)) ? n.in(0) : op::convert(n.b, n.in(0), DType::kF32);
  return {n.result(op::quantize(n.b, x, parameter(n, n.in(1), a), zero_point(n, dtype, a), a))};
}

std::vector<Value> dequantize_linear(NodeContext& n) {
  DType dtype = n.dtype(1);
  if (const int64_t number = n.int_attribute("output_dtype", 0); number != 0)
    dtype = dtype_of(static_cast<int32_t>(number)).value_or(dtype);
  const op::QuantizeAttributes a = layout(n, dtype);
  return {n.result(op::dequantize(n.b, n.in(0), parameter(n, n.in(1), a), zero_point(n, n.dtype(0), a), a))};
}

}  // namespace

std::span<const Registration> quant_importers() {
  static constexpr Registration list[] = {
      {"QuantizeLinear", quantize_linear},
      {"DequantizeLinear", dequantize_linear},
      {"com.microsoft:QuantizeLinear", quantize_linear},
      {"com.microsoft:DequantizeLinear", dequantize_linear},
  };
  return list;
}

}  // namespace ecotone::onnx
