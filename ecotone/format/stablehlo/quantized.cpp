// Quantized types, expanded: values are their storage integers, and an operation on them is dequantize, the operation
// on floats, quantize.
#include <algorithm>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/import.h"
#include "ecotone/op/quantize.h"
#include "ecotone/op/shape.h"

namespace ecotone::stablehlo {
namespace {

struct Expanded {
  ValueId scale, zero_point;
  op::QuantizeAttributes attributes;
};

Tensor filled(DType dtype, Shape shape, const std::vector<double>& values) {
  MutableTensor t(dtype, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) t.set_double(static_cast<int64_t>(i), values[i]);
  return std::move(t).freeze();
}

Expanded expand(OpCall& c, const syntax::Quantization& q, const TensorType& type) {
  op::QuantizeAttributes a;
  a.min = q.min;
  a.max = q.max;
  Shape shape;
  if (q.axes.size() > 1) c.fail_here("blocks along several axes are not supported");
  if (!q.axes.empty()) {
    a.axis = q.axes[0].first;
    a.block_size = q.axes[0].second;
    if (a.axis < 0 || a.axis >= type.rank())
      c.fail_here(fmt::format("the quantized axis {} is not in the type", a.axis));
    if (a.block_size > 0) {
      shape.assign(static_cast<size_t>(type.rank()), 1);
      shape[static_cast<size_t>(a.axis)] = static_cast<int64_t>(q.scales.size());
    } else {
      shape = {static_cast<int64_t>(q.scales.size())};
    }
  } else if (q.scales.size() != 1) {
    c.fail_here(fmt::format("a type without an axis has one scale, not {}", q.scales.size()));
  }
  std::vector<double> zeros(q.zero_points.begin(), q.zero_points.end());
  return {op::constant(c.b(), filled(q.expressed, shape, q.scales)),
          op::constant(c.b(), filled(q.storage, shape, zeros)), a};
}

ValueId to_float(OpCall& c, ValueId x, const syntax::Quantization& q) {
  Expanded e = expand(c, q, c.b().tensor_type(x));
  e.attributes.dtype = q.expressed;
  e.attributes.min = e.attributes.max = std::nullopt;  // of storage alone
  return op::dequantize(c.b(), x, e.scale, e.zero_point, e.attributes);
}

ValueId to_storage(OpCall& c, ValueId x, const syntax::Quantization& q) {
  Expanded e = expand(c, q, c.b().tensor_type(x));
  e.attributes.dtype = q.storage;
  return op::quantize(c.b(), x, e.scale, e.zero_point, e.attributes);
}

bool calls_or_returns(std::string_view name) {
  return name == "func.call" || name == "stablehlo.composite" || name == "stablehlo.while" || name == "stablehlo.if" ||
         name == "stablehlo.case" || name == "stablehlo.optimization_barrier";
}

}  // namespace

void note_quantized(Frame& frame, const syntax::Type& type, ValueId value) {
  if (type.quantization && !frame.strip_quantization) frame.quantized.emplace(value, type.quantization);
}

bool touches_quantized(const OpCall& c) {
  for (const ValueId v : c.operands)
    if (c.frame.quantized.contains(v)) return true;
  if (c.frame.strip_quantization) return false;
  return std::any_of(c.op.result_types.begin(), c.op.result_types.end(), [](const auto& t) { return t->quantization; });
}

std::vector<ValueId> read_quantized(OpCall& c, OpReader reader) {
  std::vector<ValueId> results;
  if (calls_or_returns(c.op.name) || c.op.name == "stablehlo.constant") {
    // Storage goes through as it is.
    results = reader(c);
  } else {
    for (ValueId& v : c.operands)
      if (const auto q = c.frame.quantized.find(v); q != c.frame.quantized.end()) v = to_float(c, v, *q->second);
    const bool saved = c.frame.strip_quantization;
    c.frame.strip_quantization = true;
    const bool converts = c.op.name == "stablehlo.uniform_quantize" || c.op.name == "stablehlo.uniform_dequantize";
    if (converts) {
      c.expect_operands(1);
      results = c.operands;
    } else {
      results = reader(c);
    }
    c.frame.strip_quantization = saved;
    for (size_t i = 0; i < results.size() && i < c.op.result_types.size(); ++i)
      if (const auto& q = c.op.result_types[i]->quantization; q && !saved) results[i] = to_storage(c, results[i], *q);
  }
  for (size_t i = 0; i < results.size() && i < c.op.result_types.size(); ++i)
    note_quantized(c.frame, *c.op.result_types[i], results[i]);
  return results;
}

}  // namespace ecotone::stablehlo
