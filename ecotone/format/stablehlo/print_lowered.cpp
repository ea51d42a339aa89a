// The StableHLO that stands for our own primitives where a reader does not know them.
#include <numbers>

#include "ecotone/format/stablehlo/printer.h"
#include "ecotone/op/build.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/control.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/quantize.h"
#include "ecotone/op/random.h"
#include "ecotone/op/shape.h"

namespace ecotone::stablehlo {
namespace {

using namespace ecotone::op;

// A Builder with the function's symbols and the equation's operands as inputs.
struct Lowering {
  Builder b;
  std::vector<ValueId> inputs;

  Lowering(std::string name, const PrintCall& call, std::span<const SymbolInfo> symbols) : b(std::move(name)) {
    b.set_location(call.equation.location);
    for (const SymbolInfo& s : symbols) b.symbol(s.name, s.min, s.max);
    for (size_t i = 0; i < call.operand_types.size(); ++i)
      inputs.push_back(b.input("arg" + std::to_string(i), call.operand_types[i]));
  }
  ProgramRef finish(std::span<const ValueId> outputs) {
    for (size_t i = 0; i < outputs.size(); ++i) b.output("out" + std::to_string(i), outputs[i]);
    return std::move(b).build();
  }
};

std::vector<Dim> all_symbols(const Builder& b) {
  std::vector<Dim> dims;
  for (SymbolId s = 0; s < b.symbols().size(); ++s) dims.push_back(Dim::symbol(s));
  return dims;
}

// Scale or zero point, broadcast to x's shape.
ValueId spread(Builder& b, ValueId parameter, const std::vector<Dim>& shape, const QuantizeAttributes& a) {
  if (a.axis < 0) return broadcast_in_dim(b, parameter, shape, {});
  if (a.block_size == 0) return broadcast_in_dim(b, parameter, shape, {a.axis});
  // Each entry repeated block_size times along the axis; what stands over is cut off.
  const auto axis = static_cast<size_t>(a.axis);
  std::vector<Dim> repeated = b.tensor_type(parameter).shape;
  std::vector<int64_t> places;
  for (size_t d = 0; d < repeated.size(); ++d) places.push_back(static_cast<int64_t>(d > axis ? d + 1 : d));
  repeated.insert(repeated.begin() + static_cast<std::ptrdiff_t>(axis) + 1, Dim(a.block_size));
  const ValueId wide = broadcast_in_dim(b, parameter, repeated, places);
  std::vector<Dim> flat = b.tensor_type(parameter).shape;
  flat[axis] = flat[axis] * Dim(a.block_size);
  const ValueId joined = reshape(b, wide, flat);
  if (flat[axis] == shape[axis]) return joined;
  return slice(b, joined, std::vector<Dim>(shape.size(), 0), shape);
}

// The type that differences and products are computed in: what the reference rounds to.
DType working_type(DType d) {
  return d == DType::kF64 ? DType::kF64 : DType::kF32;
}

}  // namespace

ProgramRef scan_program(const PrintCall& call, std::span<const SymbolInfo> symbols) {
  const auto& a = call.get<ScanAttributes>();
  Lowering l("scan", call, symbols);
  Builder& b = l.b;
  const Region step = call.mapped_region(0);
  const auto carries = static_cast<size_t>(a.carry_count);
  const size_t declared = call.declared_count();
  const std::vector<Dim> dims = all_symbols(b);

  // while (i, carries, stacked) with the scanned operands and the captures seen from outside.
  std::vector<ValueId> state = {scalar_int(b, DType::kI64, 0)};
  state.insert(state.end(), l.inputs.begin(), l.inputs.begin() + static_cast<std::ptrdiff_t>(carries));
  for (size_t i = carries; i < call.result_types.size(); ++i)
    state.push_back(full(b, call.result(i).dtype, call.result(i).shape, 0));
  const std::vector<ValueId> outer(l.inputs.begin() + static_cast<std::ptrdiff_t>(carries), l.inputs.end());
  const auto state_count = static_cast<std::ptrdiff_t>(state.size());
  std::vector<Type> types;
  for (ValueId v : state) types.push_back(b.type(v));
  for (ValueId v : outer) types.push_back(b.type(v));

  const Region condition = make_region(b, "condition", types, [&](Builder& r, std::span<const ValueId> x) {
    return std::vector{compare(r, ComparisonDirection::kLt, x[0], dim_value(r, a.length, DType::kI64))};
  });
  const Region body = make_region(b, "body", types, [&](Builder& r, std::span<const ValueId> x) {
    const ValueId one = scalar_int(r, DType::kI64, 1), zero = scalar_int(r, DType::kI64, 0);
    const ValueId at = a.reverse ? subtract(r, dim_value(r, a.length - Dim(1), DType::kI64), x[0]) : x[0];
    const auto outside = x.subspan(static_cast<size_t>(state_count));
    std::vector<ValueId> args(x.begin() + 1, x.begin() + 1 + static_cast<std::ptrdiff_t>(carries));
    const auto starts = [&](size_t rank) {
      std::vector<ValueId> s(rank, zero);
      s[0] = at;
      return s;
    };
    for (size_t i = carries; i < declared; ++i) {
      const ValueId whole = outside[i - carries];
      std::vector<Dim> shape = r.tensor_type(whole).shape;
      shape[0] = 1;
      const ValueId entry = dynamic_slice(r, whole, starts(shape.size()), shape);
      args.push_back(reshape(r, entry, std::vector<Dim>(shape.begin() + 1, shape.end())));
    }
    for (size_t i = declared; i < call.operands.size(); ++i) args.push_back(outside[i - carries]);
    const std::vector<ValueId> results = ecotone::op::call(r, step.body, args, step.dim_args);
    std::vector<ValueId> next = {add(r, x[0], one)};
    next.insert(next.end(), results.begin(), results.begin() + static_cast<std::ptrdiff_t>(carries));
    for (size_t i = carries; i < results.size(); ++i) {
      std::vector<Dim> shape = r.tensor_type(results[i]).shape;
      shape.insert(shape.begin(), Dim(1));
      const ValueId entry = reshape(r, results[i], shape);
      next.push_back(dynamic_update_slice(r, x[1 + i], entry, starts(shape.size())));
    }
    return next;
  });
  const std::vector<ValueId> done = while_(b, state, condition, body, outer);
  return l.finish(std::span(done).subspan(1));
}

ProgramRef quantize_program(const PrintCall& call, std::span<const SymbolInfo> symbols) {
  const auto& a = call.get<QuantizeAttributes>();
  Lowering l("quantize", call, symbols);
  Builder& b = l.b;
  const TensorType x = call.operand(0);
  const DType work = working_type(x.dtype);
  const ValueId scale = spread(b, convert(b, l.inputs[1], work), x.shape, a);
  const ValueId zero = spread(b, convert(b, l.inputs[2], work), x.shape, a);
  ValueId y = divide(b, convert(b, l.inputs[0], work), scale);
  y = convert(b, convert(b, y, x.dtype), work);  // the quotient is rounded to x's type
  if (is_float(a.dtype)) {
    const double limit = max_finite(a.dtype);
    y = clamp(b, scalar(b, work, -limit), add(b, y, zero), scalar(b, work, limit));
  } else {
    const auto low = static_cast<double>(a.min.value_or(integer_min(a.dtype)));
    const double high = a.max ? static_cast<double>(*a.max) : static_cast<double>(integer_max(a.dtype));
    y = clamp(b, scalar(b, work, low), add(b, round_nearest_even(b, y), zero), scalar(b, work, high));
  }
  return l.finish(std::vector{convert(b, y, a.dtype)});
}

ProgramRef dequantize_program(const PrintCall& call, std::span<const SymbolInfo> symbols) {
  const auto& a = call.get<QuantizeAttributes>();
  Lowering l("dequantize", call, symbols);
  Builder& b = l.b;
  const TensorType x = call.operand(0);
  const DType work = working_type(a.dtype);
  // Integers are subtracted exactly.
  const DType exact = is_float(x.dtype) ? work : bit_width(x.dtype) < 32 ? DType::kI32 : DType::kI64;
  const ValueId zero = spread(b, convert(b, l.inputs[2], exact), x.shape, a);
  const ValueId centred = convert(b, subtract(b, convert(b, l.inputs[0], exact), zero), work);
  const ValueId scale = spread(b, convert(b, l.inputs[1], work), x.shape, a);
  return l.finish(std::vector{convert(b, multiply(b, centred, scale), a.dtype)});
}

ProgramRef same_program(const PrintCall& call, std::span<const SymbolInfo> symbols) {
  Lowering l("op", call, symbols);
  std::vector<Region> regions;
  for (size_t i = 0; i < call.equation.regions.size(); ++i) regions.push_back(call.mapped_region(i));
  return l.finish(l.b.add(*call.equation.op, call.attributes, l.inputs, std::move(regions)));
}

// Clamps its starts as gather does.
ProgramRef dynamic_slice_program(const PrintCall& call, std::span<const SymbolInfo> symbols) {
  const std::vector<Dim>& sizes = call.get<DynamicSliceAttributes>().slice_sizes;
  Lowering l("dynamic_slice", call, symbols);
  Builder& b = l.b;
  std::vector<ValueId> starts;
  for (size_t i = 1; i < l.inputs.size(); ++i) starts.push_back(reshape(b, l.inputs[i], {1}));
  GatherAttributes a;
  a.slice_sizes = sizes;
  for (size_t d = 0; d < sizes.size(); ++d) {
    a.offset_dims.push_back(static_cast<int64_t>(d));
    a.start_index_map.push_back(static_cast<int64_t>(d));
  }
  return l.finish(std::vector{gather(b, l.inputs[0], concatenate(b, starts, 0), std::move(a))});
}

namespace {

// The upper half of x y, both ui64: products of halves, none of which overflows.
ValueId multiply_high(Builder& b, ValueId x, ValueId y) {
  const ValueId half = full_like(b, x, 32), mask = full_like(b, x, 0xFFFFFFFF);
  const auto low = [&](ValueId v) { return and_(b, v, mask); };
  const auto high = [&](ValueId v) { return shift_right_logical(b, v, half); };
  const ValueId middle = add(b, multiply(b, high(x), low(y)), high(multiply(b, low(x), low(y))));
  const ValueId other = add(b, multiply(b, low(x), high(y)), low(middle));
  return add(b, multiply(b, high(x), high(y)), add(b, high(middle), high(other)));
}

}  // namespace

// The numbers of op::rng, from the same 64 bits each.
ProgramRef rng_program(const PrintCall& call, std::span<const SymbolInfo> symbols) {
  const auto& a = call.get<RngAttributes>();
  const DType dtype = call.operand(0).dtype;
  Lowering l("rng", call, symbols);
  Builder& b = l.b;
  Dim count = 1;
  for (const Dim& d : a.shape) count = count * d;
  const ValueId bits =
      rng_bit_generator(b, l.inputs[2], TensorType{DType::kU64, {count}}, RngAlgorithm::kThreeFry).second;
  const auto bounds = [&](DType type) {
    const auto spread = [&](ValueId v) { return broadcast_in_dim(b, convert(b, v, type), {count}, {}); };
    return std::pair{spread(l.inputs[0]), spread(l.inputs[1])};
  };
  // The upper bits as a float in [0, 2^n), exactly.
  const auto upper = [&](int n) {
    return convert(b, shift_right_logical(b, bits, full_like(b, bits, 64 - n)), DType::kF64);
  };
  ValueId made = 0;
  if (!is_float(dtype)) {
    const auto [low, high] = bounds(DType::kU64);
    made = convert(b, add(b, low, multiply_high(b, bits, subtract(b, high, low))), dtype);
  } else if (a.distribution == RngDistribution::kNormal) {
    const auto [mean, deviation] = bounds(DType::kF64);
    const ValueId half = add(b, upper(52), full_like(b, mean, 0.5));
    const ValueId x = subtract(b, multiply(b, half, full_like(b, mean, 0x1p-51)), full_like(b, mean, 1));  // in (-1, 1)
    const ValueId scale = multiply(b, deviation, full_like(b, mean, std::numbers::sqrt2));
    made = convert(b, add(b, mean, multiply(b, scale, erf_inv(b, x))), dtype);
  } else {
    const auto [low, high] = bounds(DType::kF64);
    const ValueId x = multiply(b, upper(53), full_like(b, low, 0x1p-53));
    const ValueId y =
        add(b, multiply(b, low, subtract(b, full_like(b, low, 1), x)), multiply(b, high, x));
    const ValueId rounded = convert(b, y, dtype);
    const ValueId below = compare(b, ComparisonDirection::kLt, convert(b, rounded, DType::kF64), high);
    made = select(b, below, rounded, convert(b, low, dtype));  // rounding may reach the upper bound
  }
  return l.finish(std::vector{reshape(b, made, a.shape)});
}

}  // namespace ecotone::stablehlo
