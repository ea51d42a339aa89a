#include "ecotone/op/elementwise.h"

#include <bit>
#include <cmath>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/common.h"
#include "ecotone/op/complex_math.h"
#include "ecotone/op/table.h"
#include "ecotone/op/wide.h"

namespace ecotone::op {

const DTypeSet& floats_complexes() {
  static const DTypeSet set = DTypeSet::floats() | DTypeSet::complexes();
  return set;
}
const DTypeSet& numbers() {
  static const DTypeSet set = floats_complexes() | DTypeSet::integers();
  return set;
}

namespace {

const DTypeSet& signed_numbers() {
  static const DTypeSet set = floats_complexes() | DTypeSet::signed_integers();
  return set;
}
const DTypeSet& bits() {
  static const DTypeSet set = DTypeSet::integers() | DTypeSet::booleans();
  return set;
}
const DTypeSet& integers_floats() {
  static const DTypeSet set = DTypeSet::integers() | DTypeSet::floats();
  return set;
}

uint64_t u(int64_t v) {
  return static_cast<uint64_t>(v);
}
int64_t s(uint64_t v) {
  return static_cast<int64_t>(v);
}

bool less(int64_t a, int64_t b, IntFormat f) {
  return f.is_signed ? a < b : u(a) < u(b);
}

double real_sign(double x) {
  return x == 0 || std::isnan(x) ? x : std::copysign(1.0, x);
}
double real_logistic(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);  // keeps the tail that 1 / (1 + inf) would lose
  return e / (1 + e);
}
double real_maximum(double a, double b) {
  if (std::isnan(a)) return a;
  if (std::isnan(b)) return b;
  if (a == b) return std::signbit(a) ? b : a;  // -0 < +0
  return a > b ? a : b;
}
double real_minimum(double a, double b) {
  if (std::isnan(a)) return a;
  if (std::isnan(b)) return b;
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

// Division by zero and overflow as XLA defines them.
int64_t int_divide(int64_t a, int64_t b, IntFormat f) {
  if (b == 0) return -1;  // all ones for unsigned types
  if (!f.is_signed) return s(u(a) / u(b));
  return b == -1 ? s(0 - u(a)) : a / b;
}
int64_t int_remainder(int64_t a, int64_t b, IntFormat f) {
  if (b == 0) return a;
  if (!f.is_signed) return s(u(a) % u(b));
  return b == -1 ? 0 : a % b;
}
int64_t int_power(int64_t base, int64_t exponent, IntFormat f) {
  if (f.is_signed && exponent < 0) {
    if (base == 1) return 1;
    if (base == -1) return exponent & 1 ? -1 : 1;
    return 0;
  }
  uint64_t result = 1, square = u(base);
  for (uint64_t e = u(exponent); e != 0; e >>= 1) {
    if (e & 1) result *= square;
    square *= square;
  }
  return s(result);
}
// Shift amounts are unsigned: a negative one is too large.
int64_t shift_left_int(int64_t x, int64_t n, IntFormat f) {
  const uint64_t amount = f.mask(n);
  return amount >= static_cast<uint64_t>(f.bits) ? 0 : s(u(x) << amount);
}
int64_t shift_right_arithmetic_int(int64_t x, int64_t n, IntFormat f) {
  const uint64_t amount = std::min<uint64_t>(f.mask(n), static_cast<uint64_t>(f.bits) - 1);
  return f.sign_extend(x) >> amount;
}
int64_t shift_right_logical_int(int64_t x, int64_t n, IntFormat f) {
  const uint64_t amount = f.mask(n);
  return amount >= static_cast<uint64_t>(f.bits) ? 0 : s(f.mask(x) >> amount);
}

// Lexicographic, as the specification orders complex numbers.
bool complex_less(Complex a, Complex b) {
  return a.real() < b.real() || (a.real() == b.real() && a.imag() < b.imag());
}
bool has_nan(Complex z) {
  return std::isnan(z.real()) || std::isnan(z.imag());
}

}  // namespace

#define ECOTONE_UNARY(function, text, dtypes, ...)                                                              \
  const Op& function() {                                                                                        \
    static const Op op =                                                                                        \
        primitive("stablehlo." text, nullptr, dtypes, &infer_same<&function, 1>, ECOTONE_KERNELS(__VA_ARGS__)); \
    return op;                                                                                                  \
  }                                                                                                             \
  ValueId function(Builder& b, ValueId x) {                                                                     \
    return b.add1(function(), {}, {x});                                                                         \
  }
#define ECOTONE_BINARY(function, text, dtypes, ...)                                                             \
  const Op& function() {                                                                                        \
    static const Op op =                                                                                        \
        primitive("stablehlo." text, nullptr, dtypes, &infer_same<&function, 2>, ECOTONE_KERNELS(__VA_ARGS__)); \
    return op;                                                                                                  \
  }                                                                                                             \
  ValueId function(Builder& b, ValueId x, ValueId y) {                                                          \
    return b.add1(function(), {}, {x, y});                                                                      \
  }

ECOTONE_UNARY(cbrt, "cbrt", floats_complexes(), .f = kReal1<[](double x) { return std::cbrt(x); }>,
              .c = kComplex1<complex_cbrt>)
ECOTONE_UNARY(ceil, "ceil", DTypeSet::floats(), .f = kReal1<[](double x) { return std::ceil(x); }>)
ECOTONE_UNARY(cosine, "cosine", floats_complexes(), .f = kReal1<[](double x) { return std::cos(x); }>,
              .c = kComplex1<[](Complex z) { return std::cos(z); }>)
ECOTONE_UNARY(count_leading_zeros, "count_leading_zeros", DTypeSet::integers(),
              .i = kInt1<[](int64_t x, IntFormat f) -> int64_t { return std::countl_zero(f.mask(x)) - (64 - f.bits); }>)
ECOTONE_UNARY(exponential, "exponential", floats_complexes(), .f = kReal1<[](double x) { return std::exp(x); }>,
              .c = kComplex1<[](Complex z) { return std::exp(z); }>)
ECOTONE_UNARY(exponential_minus_one, "exponential_minus_one", floats_complexes(),
              .f = kReal1<[](double x) { return std::expm1(x); }>, .c = kComplex1<complex_expm1>)
ECOTONE_UNARY(floor, "floor", DTypeSet::floats(), .f = kReal1<[](double x) { return std::floor(x); }>)
ECOTONE_UNARY(log, "log", floats_complexes(), .f = kReal1<[](double x) { return std::log(x); }>,
              .c = kComplex1<[](Complex z) { return std::log(z); }>)
ECOTONE_UNARY(log_plus_one, "log_plus_one", floats_complexes(), .f = kReal1<[](double x) { return std::log1p(x); }>,
              .c = kComplex1<complex_log1p>)
ECOTONE_UNARY(logistic, "logistic", floats_complexes(), .f = kReal1<real_logistic>, .c = kComplex1<complex_logistic>)
ECOTONE_UNARY(negate, "negate", numbers(), .f = kReal1<[](double x) { return -x; }>,
              .i = kInt1<[](int64_t x) { return s(0 - u(x)); }>, .c = kComplex1<[](Complex z) { return -z; }>)
ECOTONE_UNARY(not_, "not", bits(), .i = kInt1<[](int64_t x) { return ~x; }>)
ECOTONE_UNARY(popcnt, "popcnt", DTypeSet::integers(),
              .i = kInt1<[](int64_t x, IntFormat f) -> int64_t { return std::popcount(f.mask(x)); }>)
ECOTONE_UNARY(round_nearest_afz, "round_nearest_afz", DTypeSet::floats(),
              .f = kReal1<[](double x) { return std::round(x); }>)
ECOTONE_UNARY(round_nearest_even, "round_nearest_even", DTypeSet::floats(),
              .f = kReal1<[](double x) { return std::nearbyint(x); }>)
ECOTONE_UNARY(rsqrt, "rsqrt", floats_complexes(), .f = kReal1<[](double x) { return 1 / std::sqrt(x); }>,
              .c = kComplex1<[](Complex z) { return 1.0 / std::sqrt(z); }>)
ECOTONE_UNARY(sign, "sign", signed_numbers(), .f = kReal1<real_sign>,
              .i = kInt1<[](int64_t x) -> int64_t { return (x > 0) - (x < 0); }>, .c = kComplex1<complex_sign>)
ECOTONE_UNARY(sine, "sine", floats_complexes(), .f = kReal1<[](double x) { return std::sin(x); }>,
              .c = kComplex1<[](Complex z) { return std::sin(z); }>)
ECOTONE_UNARY(sqrt, "sqrt", floats_complexes(), .f = kReal1<[](double x) { return std::sqrt(x); }>,
              .c = kComplex1<[](Complex z) { return std::sqrt(z); }>)
ECOTONE_UNARY(tan, "tan", floats_complexes(), .f = kReal1<[](double x) { return std::tan(x); }>,
              .c = kComplex1<[](Complex z) { return std::tan(z); }>)
ECOTONE_UNARY(tanh, "tanh", floats_complexes(), .f = kReal1<[](double x) { return std::tanh(x); }>,
              .c = kComplex1<[](Complex z) { return std::tanh(z); }>)

ECOTONE_BINARY(add, "add", DTypeSet::all(), .f = kReal2<[](double x, double y) { return x + y; }>,
               .i = kInt2<[](int64_t x, int64_t y) { return s(u(x) + u(y)); }>,
               .c = kComplex2<[](Complex x, Complex y) { return x + y; }>,
               .b = kInt2<[](int64_t x, int64_t y) { return x | y; }>)
ECOTONE_BINARY(and_, "and", bits(), .i = kInt2<[](int64_t x, int64_t y) { return x & y; }>)
ECOTONE_BINARY(atan2, "atan2", floats_complexes(), .f = kReal2<[](double y, double x) { return std::atan2(y, x); }>,
               .c = kComplex2<complex_atan2>)
ECOTONE_BINARY(divide, "divide", numbers(), .f = kReal2<[](double x, double y) { return x / y; }>,
               .i = kInt2<int_divide>, .c = kComplex2<[](Complex x, Complex y) { return x / y; }>)
ECOTONE_BINARY(
    maximum, "maximum", DTypeSet::all(), .f = kReal2<real_maximum>,
    .i = kInt2<[](int64_t x, int64_t y, IntFormat f) { return less(x, y, f) ? y : x; }>,
    .c = kComplex2<[](Complex x, Complex y) { return !has_nan(x) && (has_nan(y) || complex_less(x, y)) ? y : x; }>)
ECOTONE_BINARY(
    minimum, "minimum", DTypeSet::all(), .f = kReal2<real_minimum>,
    .i = kInt2<[](int64_t x, int64_t y, IntFormat f) { return less(y, x, f) ? y : x; }>,
    .c = kComplex2<[](Complex x, Complex y) { return !has_nan(x) && (has_nan(y) || complex_less(y, x)) ? y : x; }>)
ECOTONE_BINARY(multiply, "multiply", DTypeSet::all(), .f = kReal2<[](double x, double y) { return x * y; }>,
               .i = kInt2<[](int64_t x, int64_t y) { return s(u(x) * u(y)); }>, .c = kComplex2<complex_multiply>,
               .b = kInt2<[](int64_t x, int64_t y) { return x & y; }>)
ECOTONE_BINARY(or_, "or", bits(), .i = kInt2<[](int64_t x, int64_t y) { return x | y; }>)
ECOTONE_BINARY(power, "power", numbers(), .f = kReal2<[](double x, double y) { return std::pow(x, y); }>,
               .i = kInt2<int_power>, .c = kComplex2<complex_power>)
ECOTONE_BINARY(remainder, "remainder", integers_floats(),
               .f = kReal2<[](double x, double y) { return std::fmod(x, y); }>, .i = kInt2<int_remainder>)
ECOTONE_BINARY(shift_left, "shift_left", DTypeSet::integers(), .i = kInt2<shift_left_int>)
ECOTONE_BINARY(shift_right_arithmetic, "shift_right_arithmetic", DTypeSet::integers(),
               .i = kInt2<shift_right_arithmetic_int>)
ECOTONE_BINARY(shift_right_logical, "shift_right_logical", DTypeSet::integers(), .i = kInt2<shift_right_logical_int>)
ECOTONE_BINARY(subtract, "subtract", numbers(), .f = kReal2<[](double x, double y) { return x - y; }>,
               .i = kInt2<[](int64_t x, int64_t y) { return s(u(x) - u(y)); }>,
               .c = kComplex2<[](Complex x, Complex y) { return x - y; }>)
ECOTONE_BINARY(xor_, "xor", bits(), .i = kInt2<[](int64_t x, int64_t y) { return x ^ y; }>)

namespace {

std::vector<Type> infer_abs(const InferCall& call) {
  TensorType type = tensor(infer_same<&abs, 1>(call)[0]);
  type.dtype = real_part(type.dtype);
  return {Type(std::move(type))};
}

std::vector<Type> infer_is_finite(const InferCall& call) {
  TensorType type = tensor(infer_same<&is_finite, 1>(call)[0]);
  type.dtype = DType::kBool;
  return {Type(std::move(type))};
}

}  // namespace

const Op& abs() {
  static const Op op =
      primitive("stablehlo.abs", nullptr, signed_numbers(), infer_abs,
                ECOTONE_KERNELS(.f = kReal1<[](double x) { return std::fabs(x); }>,
                                .i = kInt1<[](int64_t x) { return x < 0 ? s(0 - u(x)) : x; }>,
                                .c = &map1<[](Complex z) { return std::hypot(z.real(), z.imag()); }, double, Complex>));
  return op;
}
ValueId abs(Builder& b, ValueId x) {
  return b.add1(abs(), {}, {x});
}

const Op& is_finite() {
  static const Op op =
      primitive("stablehlo.is_finite", nullptr, DTypeSet::floats(), infer_is_finite,
                ECOTONE_KERNELS(.f = &map1<[](double x) -> int64_t { return std::isfinite(x); }, int64_t, double>));
  return op;
}
ValueId is_finite(Builder& b, ValueId x) {
  return b.add1(is_finite(), {}, {x});
}

// --- compare, select, clamp ------------------------------------------------------------------------------------------
namespace {

// Integers whose order is IEEE 754's totalOrder.
int64_t total_order_key(double x) {
  const auto bits = std::bit_cast<int64_t>(x);
  return bits < 0 ? bits ^ std::numeric_limits<int64_t>::max() : bits;
}

template <ComparisonDirection D, class T>
bool holds(T x, T y) {
  if constexpr (D == ComparisonDirection::kEq) return x == y;
  if constexpr (D == ComparisonDirection::kNe) return x != y;
  if constexpr (D == ComparisonDirection::kGe) return x >= y;
  if constexpr (D == ComparisonDirection::kGt) return x > y;
  if constexpr (D == ComparisonDirection::kLe) return x <= y;
  if constexpr (D == ComparisonDirection::kLt) return x < y;
}
template <ComparisonDirection D>
Kernel compare_kernel(DType dtype, bool total_order) {
  if (is_float(dtype)) {
    if (total_order)
      return &map2<[](double x, double y) -> int64_t { return holds<D>(total_order_key(x), total_order_key(y)); },
                   int64_t, double>;
    return &map2<[](double x, double y) -> int64_t { return holds<D>(x, y); }, int64_t, double>;
  }
  if (is_complex(dtype)) {
    if constexpr (D == ComparisonDirection::kEq || D == ComparisonDirection::kNe)
      return &map2<[](Complex x, Complex y) -> int64_t { return holds<D>(x, y); }, int64_t, Complex>;
    return nullptr;
  }
  return kInt2<[](int64_t x, int64_t y, IntFormat f) -> int64_t {
    return f.is_signed ? holds<D>(x, y) : holds<D>(u(x), u(y));
  }>;
}

std::vector<Type> infer_compare(const InferCall& call) {
  TensorType type = tensor(infer_same<&compare, 2>(call)[0]);
  const auto& a = call.get<CompareAttributes>();
  const DType d = type.dtype;
  if (is_complex(d) && a.direction != ComparisonDirection::kEq && a.direction != ComparisonDirection::kNe)
    fail("complex numbers have no order; compare takes EQ and NE only");
  const bool fits = a.type == ComparisonType::kDefault ||
                    (is_float(d)            ? a.type == ComparisonType::kFloat || a.type == ComparisonType::kTotalOrder
                     : is_complex(d)        ? a.type == ComparisonType::kFloat
                     : is_signed_integer(d) ? a.type == ComparisonType::kSigned
                                            : a.type == ComparisonType::kUnsigned);
  if (!fits)
    fail("compare of {} can't be of type {}", name(d), EnumNames<ComparisonType>::kNames[static_cast<size_t>(a.type)]);
  type.dtype = DType::kBool;
  return {Type(std::move(type))};
}

std::vector<Tensor> evaluate_compare(const EvalCall& call) {
  const auto& a = call.get<CompareAttributes>();
  const DType dtype = call.operands[0].dtype();
  const bool total = a.type == ComparisonType::kTotalOrder;
  using enum ComparisonDirection;
  Kernel kernel = nullptr;
  switch (a.direction) {
    case kEq:
      kernel = compare_kernel<kEq>(dtype, total);
      break;
    case kNe:
      kernel = compare_kernel<kNe>(dtype, total);
      break;
    case kGe:
      kernel = compare_kernel<kGe>(dtype, total);
      break;
    case kGt:
      kernel = compare_kernel<kGt>(dtype, total);
      break;
    case kLe:
      kernel = compare_kernel<kLe>(dtype, total);
      break;
    case kLt:
      kernel = compare_kernel<kLt>(dtype, total);
      break;
  }
  return evaluate_kernels(call, {kernel, kernel, kernel, kernel});
}

std::vector<Type> infer_select(const InferCall& call) {
  call.expect_operands(3);
  call.expect_regions(0);
  if (call.operand(0).dtype != DType::kBool)
    fail("select's first operand must be i1, not {}", name(call.operand(0).dtype));
  expect_equal_dtypes(call, 1, 2);
  TensorType type{call.operand(1).dtype, expect_equal_shapes(call, 1, 2)};
  if (call.operand(0).rank() != 0) {
    const auto shape = expect_equal_shapes(call, 1, 0);
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d].is_constant()) type.shape[d] = shape[d];
  }
  return {Type(std::move(type))};
}

struct Wide16 {
  uint64_t parts[2];
};
template <class T>
void select_elements(const Tensor& pred, const Tensor& on_true, const Tensor& on_false, MutableTensor& out) {
  const uint8_t* p = pred.data<uint8_t>().data();
  const T* a = reinterpret_cast<const T*>(on_true.bytes().data());
  const T* b = reinterpret_cast<const T*>(on_false.bytes().data());
  T* r = reinterpret_cast<T*>(out.bytes().data());
  for (int64_t i = 0, n = out.size(); i < n; ++i) r[i] = p[i] ? a[i] : b[i];
}

std::vector<Tensor> evaluate_select(const EvalCall& call) {
  const Tensor &pred = call.operands[0], &on_true = call.operands[1], &on_false = call.operands[2];
  if (pred.rank() == 0) return {pred.data<uint8_t>()[0] ? on_true : on_false};
  if (pred.size() != on_true.size() || on_true.size() != on_false.size())
    fail_kind(ErrorKind::kInternal, "select of unequal sizes");
  MutableTensor out(on_true.dtype(), on_true.shape(), MutableTensor::Init::kNone);
  switch (byte_size(out.dtype())) {
    case 1:
      select_elements<uint8_t>(pred, on_true, on_false, out);
      break;
    case 2:
      select_elements<uint16_t>(pred, on_true, on_false, out);
      break;
    case 4:
      select_elements<uint32_t>(pred, on_true, on_false, out);
      break;
    case 8:
      select_elements<uint64_t>(pred, on_true, on_false, out);
      break;
    default:
      select_elements<Wide16>(pred, on_true, on_false, out);
      break;
  }
  return {std::move(out).freeze()};
}

std::vector<Type> infer_clamp(const InferCall& call) {
  call.expect_operands(3);
  call.expect_regions(0);
  expect_declared_dtype(call, 1, clamp());
  TensorType type = call.operand(1);
  for (size_t i : {0, 2}) {
    expect_equal_dtypes(call, 1, i);
    if (call.operand(i).rank() != 0) type.shape = expect_equal_shapes(call, 1, i);
  }
  return {Type(std::move(type))};
}

template <auto Max, auto Min, class T>
void clamp_kernel(const void* const* in, void* out, int64_t n, IntFormat format) {
  const T *lo = static_cast<const T*>(in[0]), *x = static_cast<const T*>(in[1]), *hi = static_cast<const T*>(in[2]);
  T* r = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) r[i] = Min(Max(lo[i], x[i], format), hi[i], format);
}
constexpr auto kComplexMax = [](Complex x, Complex y, IntFormat) {
  return !has_nan(x) && (has_nan(y) || complex_less(x, y)) ? y : x;
};
constexpr auto kComplexMin = [](Complex x, Complex y, IntFormat) {
  return !has_nan(x) && (has_nan(y) || complex_less(y, x)) ? y : x;
};

}  // namespace

const Op& compare() {
  static const Op op = primitive("stablehlo.compare", &attributes_info<CompareAttributes>(), DTypeSet::all(),
                                 infer_compare, evaluate_compare);
  return op;
}
ValueId compare(Builder& b, ComparisonDirection direction, ValueId x, ValueId y, ComparisonType type) {
  return b.add1(compare(), make_attributes(CompareAttributes{direction, type}), {x, y});
}

const Op& select() {
  static const Op op = primitive("stablehlo.select", nullptr, DTypeSet::booleans(), infer_select, evaluate_select);
  return op;
}
ValueId select(Builder& b, ValueId pred, ValueId on_true, ValueId on_false) {
  return b.add1(select(), {}, {pred, on_true, on_false});
}

const Op& clamp() {
  static const Op op = primitive(
      "stablehlo.clamp", nullptr, DTypeSet::all(), infer_clamp,
      ECOTONE_KERNELS(
              .f = &clamp_kernel<[](double x, double y, IntFormat) { return real_maximum(x, y); },
                                 [](double x, double y, IntFormat) { return real_minimum(x, y); }, double>,
              .i = &clamp_kernel<[](int64_t x, int64_t y, IntFormat f) { return less(x, y, f) ? y : x; },
                                 [](int64_t x, int64_t y, IntFormat f) { return less(y, x, f) ? y : x; }, int64_t>,
              .c = &clamp_kernel<kComplexMax, kComplexMin, Complex>));
  return op;
}
ValueId clamp(Builder& b, ValueId lo, ValueId x, ValueId hi) {
  return b.add1(clamp(), {}, {lo, x, hi});
}

std::span<const Op* const> elementwise_ops() {
#define ECOTONE_LIST(name) &name(),
  static const Op* const ops[] = {ECOTONE_UNARY_OPS(ECOTONE_LIST) ECOTONE_BINARY_OPS(ECOTONE_LIST) & compare(),
                                  &select(), &clamp()};
#undef ECOTONE_LIST
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::CompareAttributes>();
}  // namespace ecotone
