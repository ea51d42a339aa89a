// Elementwise operators, comparisons, casts, matrix products.
#include <cmath>
#include <limits>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {

ValueId matmul(Builder& b, ValueId x, ValueId y) {
  const int64_t x_rank = b.rank(x), y_rank = b.rank(y);
  if (x_rank == 0 || y_rank == 0) fail("MatMul of a scalar");
  if (x_rank <= 2 || y_rank <= 2) {
    if (y_rank <= 2) {  // one product for all of x's leading dimensions
      op::DotAttributes a;
      a.lhs_contracting_dimensions = {x_rank - 1};
      a.rhs_contracting_dimensions = {0};
      return op::dot_general(b, x, y, std::move(a));
    }
  }
  const int64_t vector_axis[] = {0};
  const ValueId rows = x_rank == 1 ? op::expand_dims(b, x, vector_axis) : x;
  const std::vector<Dim> x_shape = b.tensor_type(rows).shape, y_shape = b.tensor_type(y).shape;
  std::vector<Dim> batch = op::broadcast_shapes(b, std::span(x_shape).first(x_shape.size() - 2),
                                                std::span(y_shape).first(y_shape.size() - 2));
  const auto widened = [&](ValueId v, const std::vector<Dim>& shape) {
    std::vector<Dim> wide = batch;
    wide.insert(wide.end(), shape.end() - 2, shape.end());
    return op::broadcast_to(b, v, wide);
  };
  const ValueId product = op::batch_matmul(b, widened(rows, x_shape), widened(y, y_shape));
  const int64_t row_axis[] = {b.rank(product) - 2};
  return x_rank == 1 ? op::squeeze(b, product, row_axis) : product;
}
namespace {

using Unary = ValueId (*)(Builder&, ValueId);
using op::BinaryBuilder;

template <Unary F>
std::vector<Value> unary(NodeContext& n) {
  return {n.result(F(n.b, n.in(0)))};
}

// Opset 6 aligned a smaller second operand by attributes; later ones broadcast as NumPy does.
ValueId second_operand(NodeContext& n) {
  if (n.opset >= 7 || n.rank(1) == n.rank(0) || n.int_attribute("broadcast", 0) == 0) return n.in(1);
  const int64_t axis = n.attribute("axis") ? n.axis_attribute("axis", 0, n.rank(0)) : n.rank(0) - n.rank(1);
  std::vector<int64_t> trailing;
  for (int64_t d = n.rank(1); d < n.rank(0) - axis; ++d) trailing.push_back(d);
  return op::expand_dims(n.b, n.in(1), trailing);
}

// Shape arithmetic: entry by entry, scalars repeated.
template <class F>
std::optional<Value> fold(NodeContext& n, DType dtype, const F& f) {
  const auto *x = n.dims(0), *y = n.dims(1);
  if (!x || !y || n.rank(0) > 1 || n.rank(1) > 1) return std::nullopt;
  if (x->size() != y->size() && x->size() != 1 && y->size() != 1) return std::nullopt;
  std::vector<Dim> dims;
  for (size_t i = 0, size = x->size() == 1 ? y->size() : x->size(); i < size; ++i) {
    const std::optional<Dim> d = f((*x)[x->size() == 1 ? 0 : i], (*y)[y->size() == 1 ? 0 : i]);
    if (!d) return std::nullopt;
    dims.push_back(*d);
  }
  return Value::of_dims(std::move(dims), dtype, n.rank(0) == 0 && n.rank(1) == 0);
}

using DimFold = std::optional<Dim> (*)(const Dim&, const Dim&);
template <BinaryBuilder F, DimFold Fold = nullptr>
std::vector<Value> binary(NodeContext& n) {
  if constexpr (Fold != nullptr)
    if (auto folded = fold(n, n.dtype(0), Fold)) return {std::move(*folded)};
  const ValueId x = n.in(0), y = second_operand(n);
  return {n.result(op::broadcast_binary(n.b, F, x, y))};
}

std::optional<Dim> fold_add(const Dim& x, const Dim& y) {
  return x + y;
}
std::optional<Dim> fold_subtract(const Dim& x, const Dim& y) {
  return x - y;
}
std::optional<Dim> fold_multiply(const Dim& x, const Dim& y) {
  return x * y;
}
// ONNX's integer division truncates; sizes are not negative.
std::optional<Dim> fold_divide(const Dim& x, const Dim& y) {
  if (!y.is_constant() || y.constant() <= 0) return std::nullopt;
  if (x.is_constant()) return Dim(x.constant() / y.constant());
  return floordiv(x, y);
}

// Ops of any number of operands.
template <BinaryBuilder F>
std::vector<Value> variadic(NodeContext& n) {
  ValueId x = n.in(0);
  for (size_t i = 1; i < n.input_count(); ++i) x = op::broadcast_binary(n.b, F, x, n.in(i));
  return {n.result(x)};
}
std::vector<Value> mean(NodeContext& n) {
  const Value sum = variadic<op::add>(n)[0];
  return {n.result(op::divide(n.b, sum.id, op::full_like(n.b, sum.id, static_cast<double>(n.input_count()))))};
}

template <op::ComparisonDirection Direction>
std::vector<Value> comparison(NodeContext& n) {
  const auto symbols = n.b.symbols();
  auto folded = fold(n, DType::kBool, [&](const Dim& x, const Dim& y) -> std::optional<Dim> {
    using D = op::ComparisonDirection;
    const auto decided = [](Decision d, bool negate = false) -> std::optional<Dim> {
      if (d == Decision::kUnknown) return std::nullopt;
      return Dim((d == Decision::kYes) != negate);
    };
    if constexpr (Direction == D::kEq) return decided(decide_equal(x, y, symbols));
    if constexpr (Direction == D::kLt) return decided(decide_less_equal(y, x, symbols), true);
    if constexpr (Direction == D::kGt) return decided(decide_less_equal(x, y, symbols), true);
    if constexpr (Direction == D::kLe) return decided(decide_less_equal(x, y, symbols));
    return decided(decide_less_equal(y, x, symbols));
  });
  if (folded) return {std::move(*folded)};
  const BinaryBuilder compare = [](Builder& b, ValueId x, ValueId y) { return op::compare(b, Direction, x, y); };
  return {n.result(op::broadcast_binary(n.b, compare, n.in(0), second_operand(n)))};
}

std::vector<Value> logical_not(NodeContext& n) {
  if (const auto* x = n.dims(0)) {
    std::vector<Dim> dims;
    for (const Dim& d : *x) dims.push_back(Dim(1) - d);
    return {Value::of_dims(std::move(dims), DType::kBool, n.rank(0) == 0)};
  }
  return unary<op::not_>(n);
}

std::vector<Value> where(NodeContext& n) {
  const auto *c = n.dims(0), *x = n.dims(1), *y = n.dims(2);
  if (c && x && y && c->size() == x->size() && x->size() == y->size()) {
    std::vector<Dim> dims;
    for (size_t i = 0; i < c->size(); ++i)
      if ((*c)[i].is_constant()) dims.push_back((*c)[i].constant() ? (*x)[i] : (*y)[i]);
    if (dims.size() == c->size()) return {Value::of_dims(std::move(dims), n.dtype(1), n.rank(0) == 0)};
  }
  auto shape = op::broadcast_shapes(n.b, n.type(0).shape, n.type(1).shape);
  shape = op::broadcast_shapes(n.b, shape, n.type(2).shape);
  const auto wide = [&](size_t i) { return op::broadcast_to(n.b, n.in(i), shape); };
  const ValueId pred = wide(0), on_true = wide(1), on_false = wide(2);
  return {n.result(op::select(n.b, pred, on_true, on_false))};
}

// Cast ----------------------------------------------------------------------------------------------------------------

// x's magnitude as a power of two, rounded up, down or to nearest (the larger of equals); NaN stays. f8e8m0 has no
// sign, zero or infinity: what is too small or, when `saturate`, too large becomes the nearest end.
ValueId power_of_two(Builder& b, ValueId x, const std::string& mode, bool saturate) {
  const ValueId wide = op::convert(b, x, DType::kF32);
  const ValueId bits = op::bitcast_convert(b, op::abs(b, wide), DType::kU32);
  const auto number = [&](double v) { return op::full_like(b, bits, v); };
  const double added = mode == "up" ? 0x7FFFFF : mode == "nearest" ? 0x400000 : 0;
  const ValueId exponent = op::and_(b, op::add(b, bits, number(added)), number(0x7F800000));
  const auto limit = [&](ValueId v, double low, double high) {
    const ValueId raised = op::maximum(b, v, op::full_like(b, v, low));
    return saturate ? op::minimum(b, raised, op::full_like(b, raised, high)) : raised;
  };
  const ValueId rounded = limit(op::bitcast_convert(b, exponent, DType::kF32), 0x1p-126, 0x1p127);
  const ValueId nan = op::compare(b, op::ComparisonDirection::kNe, wide, wide);
  return op::convert(b, op::select(b, nan, wide, rounded), DType::kF8E8M0FNU);
}

Value cast(NodeContext& n, DType to, bool saturate) {
  const DType from = n.dtype(0);
  if (const auto* d = n.dims(0); d && is_integer(to) && is_integer(from) && bit_width(to) >= 32)
    return Value::of_dims(*d, to, n.rank(0) == 0);
  if (const auto* d = n.dims(0); d && to == DType::kBool && d->size() == 1) {
    const Decision zero = decide_equal((*d)[0], 0, n.b.symbols());
    if (zero != Decision::kUnknown) return Value::of_dims({zero == Decision::kNo}, to, n.rank(0) == 0);
  }
  const ValueId x = n.in(0);
  if (to == DType::kF8E8M0FNU && is_float(from) && from != to)
    return n.result(power_of_two(n.b, x, n.string_attribute("round_mode", "up"), saturate));
  // Small floats without infinities saturate by default; infinities then become the largest value.
  if (saturate && is_float(to) && bit_width(to) == 8 && to != DType::kF8E8M0FNU && (is_float(from))) {
    const double limit = max_finite(to);
    const ValueId wide = op::convert(n.b, x, DType::kF32);
    const ValueId clamped =
        op::clamp(n.b, op::scalar(n.b, DType::kF32, -limit), wide, op::scalar(n.b, DType::kF32, limit));
    return n.result(op::convert(n.b, clamped, to));
  }
  // ONNX wraps what does not fit into 2 or 4 bits.
  if (is_integer(to) && bit_width(to) < 8 && is_float(from))
    return n.result(op::convert(n.b, op::convert(n.b, x, DType::kI32), to));
  return n.result(op::convert(n.b, x, to));
}
std::vector<Value> cast(NodeContext& n) {
  const int64_t number = n.int_attribute("to", 0);
  if (number == 8) fail_kind(ErrorKind::kUnsupported, "a cast to strings");
  const auto to = dtype_of(static_cast<int32_t>(number));
  if (!to) fail("element type {} is unknown", number);
  return {cast(n, *to, n.int_attribute("saturate", 1) != 0)};
}
std::vector<Value> cast_like(NodeContext& n) {
  return {cast(n, n.dtype(1), n.int_attribute("saturate", 1) != 0)};
}

// Arithmetic with rules of its own ------------------------------------------------------------------------------------

std::vector<Value> power(NodeContext& n) {
  const DType dtype = n.dtype(0);
  ValueId x = n.in(0), y = second_operand(n);
  if (n.dtype(1) != dtype) {  // the result has the base's type
    const DType wide = is_float(dtype) || !is_float(n.dtype(1)) ? dtype : DType::kF64;
    x = op::convert(n.b, x, wide);
    y = op::convert(n.b, y, wide);
  }
  return {n.result(op::convert(n.b, op::broadcast_binary(n.b, op::power, x, y), dtype))};
}

std::vector<Value> modulo(NodeContext& n) {
  const bool fmod = n.int_attribute("fmod", 0) != 0;
  if (fmod || is_unsigned_integer(n.dtype(0))) return binary<op::remainder>(n);
  const BinaryBuilder floor_mod = [](Builder& b, ValueId x, ValueId y) {  // the sign of the divisor, as Python's %
    const ValueId r = op::remainder(b, x, y), zero = op::full_like(b, r, 0);
    const ValueId wrong =
        op::compare(b, op::ComparisonDirection::kNe, op::compare(b, op::ComparisonDirection::kLt, r, zero),
                    op::compare(b, op::ComparisonDirection::kLt, y, zero));
    const ValueId inexact = op::compare(b, op::ComparisonDirection::kNe, r, zero);
    return op::select(b, op::and_(b, wrong, inexact), op::add(b, r, y), r);
  };
  return {n.result(op::broadcast_binary(n.b, floor_mod, n.in(0), n.in(1)))};
}

// Integers truncate toward zero, which is StableHLO's division.
std::vector<Value> reciprocal(NodeContext& n) {
  return {n.result(op::divide(n.b, op::full_like(n.b, n.in(0), 1), n.in(0)))};
}

std::vector<Value> clip(NodeContext& n) {
  ValueId x = n.in(0);
  const DType dtype = n.dtype(0);
  const auto bound = [&](size_t i, const char* attribute, auto limit) {
    if (n.opset < 11) {
      if (n.attribute(attribute)) x = limit(n.b, x, op::full_like(n.b, x, n.float_attribute(attribute, 0)));
    } else if (n.has(i)) {
      x = limit(n.b, x, op::broadcast_to(n.b, op::reshape(n.b, n.in(i), {}), n.b.tensor_type(x).shape));
    }
  };
  if (n.opset >= 11 && n.has(1) && n.dtype(1) != dtype) fail("the bounds must be of the input's type");
  bound(1, "min", [](Builder& b, ValueId v, ValueId limit) { return op::maximum(b, v, limit); });
  bound(2, "max", [](Builder& b, ValueId v, ValueId limit) { return op::minimum(b, v, limit); });
  return {n.result(x)};
}

std::vector<Value> bit_shift(NodeContext& n) {
  if (n.string_attribute("direction", "") == "LEFT") return binary<op::shift_left>(n);
  return is_signed_integer(n.dtype(0)) ? binary<op::shift_right_arithmetic>(n) : binary<op::shift_right_logical>(n);
}

std::vector<Value> is_inf(NodeContext& n) {
  const bool negative = n.int_attribute("detect_negative", 1) != 0,
             positive = n.int_attribute("detect_positive", 1) != 0;
  const ValueId x = n.in(0);
  if (negative && positive) return {n.result(op::is_inf(n.b, x))};
  if (negative) return {n.result(op::is_neg_inf(n.b, x))};
  if (positive) return {n.result(op::is_pos_inf(n.b, x))};
  return {n.result(op::full(n.b, DType::kBool, n.type(0).shape, 0))};
}
ValueId is_nan(Builder& b, ValueId x) {
  return op::compare(b, op::ComparisonDirection::kNe, x, x);
}

// MatMul, Gemm --------------------------------------------------------------------------------------------------------

std::vector<Value> matmul_node(NodeContext& n) {
  return {n.result(matmul(n.b, n.in(0), n.in(1)))};
}

std::vector<Value> gemm(NodeContext& n) {
  op::DotAttributes a;
  a.lhs_contracting_dimensions = {n.int_attribute("transA", 0) ? 0 : 1};
  a.rhs_contracting_dimensions = {n.int_attribute("transB", 0) ? 1 : 0};
  const double alpha = n.float_attribute("alpha", 1), beta = n.float_attribute("beta", 1);
  ValueId y = op::dot_general(n.b, n.in(0), n.in(1), std::move(a));
  if (alpha != 1) y = op::multiply(n.b, y, op::full_like(n.b, y, alpha));
  if (n.has(2) && beta != 0) {
    ValueId c = n.in(2);
    if (beta != 1) c = op::multiply(n.b, c, op::full_like(n.b, c, beta));
    y = op::add(n.b, y, op::broadcast_to(n.b, c, n.b.tensor_type(y).shape));
  }
  return {n.result(y)};
}

std::vector<Value> identity(NodeContext& n) {
  return {n.input(0)};
}

}  // namespace

std::span<const Registration> math_importers() {
  using D = op::ComparisonDirection;
  static constexpr Registration list[] = {
      {"Abs", unary<op::abs>},
      {"Acos", unary<op::acos>},
      {"Acosh", unary<op::acosh>},
      {"Asin", unary<op::asin>},
      {"Asinh", unary<op::asinh>},
      {"Atan", unary<op::atan>},
      {"Atanh", unary<op::atanh>},
      {"Ceil", unary<op::ceil>},
      {"Cos", unary<op::cosine>},
      {"Cosh", unary<op::cosh>},
      {"Erf", unary<op::erf>},
      {"Exp", unary<op::exponential>},
      {"Floor", unary<op::floor>},
      {"IsNaN", unary<is_nan>},
      {"IsInf", is_inf},
      {"Log", unary<op::log>},
      {"Neg", unary<op::negate>},
      {"Not", logical_not},
      {"BitwiseNot", unary<op::not_>},
      {"Reciprocal", reciprocal},
      {"Round", unary<op::round_nearest_even>},
      {"Sigmoid", unary<op::logistic>},
      {"Sign", unary<op::sign>},
      {"Sin", unary<op::sine>},
      {"Sinh", unary<op::sinh>},
      {"Sqrt", unary<op::sqrt>},
      {"Tan", unary<op::tan>},
      {"Tanh", unary<op::tanh>},
      {"Add", binary<op::add, fold_add>},
      {"Sub", binary<op::subtract, fold_subtract>},
      {"Mul", binary<op::multiply, fold_multiply>},
      {"Div", binary<op::divide, fold_divide>},
      {"Pow", power},
      {"Mod", modulo},
      {"And", binary<op::and_>},
      {"Or", binary<op::or_>},
      {"Xor", binary<op::xor_>},
      {"BitwiseAnd", binary<op::and_>},
      {"BitwiseOr", binary<op::or_>},
      {"BitwiseXor", binary<op::xor_>},
      {"BitShift", bit_shift},
      {"Max", variadic<op::maximum>},
      {"Min", variadic<op::minimum>},
      {"Sum", variadic<op::add>},
      {"Mean", mean},
      {"Equal", comparison<D::kEq>},
      {"Less", comparison<D::kLt>},
      {"LessOrEqual", comparison<D::kLe>},
      {"Greater", comparison<D::kGt>},
      {"GreaterOrEqual", comparison<D::kGe>},
      {"Where", where},
      {"Clip", clip},
      {"Cast", cast},
      {"CastLike", cast_like},
      {"MatMul", matmul_node},
      {"Gemm", gemm},
      {"Identity", identity},
  };
  return list;
}

}  // namespace ecotone::onnx
