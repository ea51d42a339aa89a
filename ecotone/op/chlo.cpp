#include "ecotone/op/chlo.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/combine.h"
#include "ecotone/op/common.h"
#include "ecotone/op/special.h"
#include "ecotone/op/table.h"
#include "ecotone/op/wide.h"

namespace ecotone::op {
namespace {

template <OpDefinition Definition>
std::vector<Type> infer_predicate(const InferCall& call) {
  TensorType type = tensor(infer_same<Definition, 1>(call)[0]);
  type.dtype = DType::kBool;
  return {Type(std::move(type))};
}

// The next value after x towards y, in a type of f32's or f64's spacing; small types step in their own codes.
double next_towards(DType dtype, double x, double y) {
  if (std::isnan(x) || std::isnan(y)) return std::numeric_limits<double>::quiet_NaN();
  if (x == y) return y;
  if (dtype == DType::kF64) return std::nextafter(x, y);
  if (dtype == DType::kF32) return std::nextafterf(static_cast<float>(x), static_cast<float>(y));
  const bool away = (x > 0) == (y > x);
  const uint64_t code = encode_float(dtype, x);
  if (dtype == DType::kF8E8M0FNU) return decode_float(dtype, away ? code + 1 : code - 1);  // no zero and no sign
  if (x == 0) return std::copysign(decode_float(dtype, 1), y);
  const uint64_t sign = code & (uint64_t{1} << (bit_width(dtype) - 1));
  const uint64_t magnitude = away ? (code ^ sign) + 1 : (code ^ sign) - 1;
  // "FNUZ" types have one zero; the code of -0 is their NaN.
  if (magnitude == 0 && info(dtype).format.specials == FloatSpecials::kNegZero) return 0;
  return decode_float(dtype, sign | magnitude);
}

std::vector<Tensor> evaluate_next_after(const EvalCall& call) {
  const Tensor &x = call.operands[0], &y = call.operands[1];
  MutableTensor out(x.dtype(), x.shape(), MutableTensor::Init::kNone);
  for (int64_t i = 0; i < out.size(); ++i)
    out.set_double(i, next_towards(call.declared(0), x.at_double(i), y.at_double(i)));
  return {std::move(out).freeze()};
}

// top_k ---------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_top_k(const InferCall& call) {
  call.expect_operands(1);
  const int64_t k = call.get<TopKAttributes>().k;
  TensorType values = call.operand(0);
  if (values.rank() == 0) fail("top_k needs a dimension");
  if (k < 0 || call.dims.less_equal(k, values.shape.back()) == Decision::kNo)
    fail("k is {}, but the last dimension has {} entries", k, values.shape.back().str(call.dims.symbols()));
  values.shape.back() = k;
  TensorType indices{DType::kI32, values.shape};
  return {Type(std::move(values)), Type(std::move(indices))};
}

std::vector<Tensor> evaluate_top_k(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  const int64_t k = call.get<TopKAttributes>().k, length = x.shape().back();
  if (k > length) fail("k is {}, but the last dimension has {} entries", k, length);
  Shape shape = x.shape();
  shape.back() = k;
  MutableTensor values(x.dtype(), shape, MutableTensor::Init::kNone),
      indices(DType::kI32, shape, MutableTensor::Init::kNone);
  std::vector<int64_t> order(static_cast<size_t>(length));
  for (int64_t line = 0, lines = length == 0 ? 0 : x.size() / length; line < lines; ++line) {
    const auto sort_by = [&](auto key, auto before) {
      std::vector<decltype(key(0))> keys;
      for (int64_t i = 0; i < length; ++i) keys.push_back(key(line * length + i));
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return before(keys[static_cast<size_t>(a)], keys[static_cast<size_t>(b)]);
      });
    };
    if (is_float(x.dtype()))
      sort_by([&](int64_t i) { return x.at_double(i); },
              [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a > b; });
    else if (is_unsigned_integer(x.dtype()))
      sort_by([&](int64_t i) { return x.at_bits(i); }, [](uint64_t a, uint64_t b) { return a > b; });
    else
      sort_by([&](int64_t i) { return x.at_int(i); }, [](int64_t a, int64_t b) { return a > b; });
    for (int64_t i = 0; i < k; ++i) {
      const int64_t from = order[static_cast<size_t>(i)];
      set_element(values, line * k + i, element(x, line * length + from));
      indices.set_int(line * k + i, from);
    }
  }
  return {std::move(values).freeze(), std::move(indices).freeze()};
}

}  // namespace

#define ECOTONE_CHLO_UNARY(function, text, dtypes, ...)                                                    \
  const Op& function() {                                                                                   \
    static const Op op =                                                                                   \
        primitive("chlo." text, nullptr, dtypes, &infer_same<&function, 1>, ECOTONE_KERNELS(__VA_ARGS__)); \
    return op;                                                                                             \
  }                                                                                                        \
  ValueId function(Builder& b, ValueId x) {                                                                \
    return b.add1(function(), {}, {x});                                                                    \
  }
#define ECOTONE_CHLO_BINARY(function, text, dtypes, evaluate)                                           \
  const Op& function() {                                                                                \
    static const Op op = primitive("chlo." text, nullptr, dtypes, &infer_same<&function, 2>, evaluate); \
    return op;                                                                                          \
  }                                                                                                     \
  ValueId function(Builder& b, ValueId x, ValueId y) {                                                  \
    return b.add1(function(), {}, {x, y});                                                              \
  }
#define ECOTONE_CHLO_PREDICATE(function, text, expression)                                                       \
  const Op& function() {                                                                                         \
    static const Op op =                                                                                         \
        primitive("chlo." text, nullptr, DTypeSet::floats(), &infer_predicate<&function>,                        \
                  ECOTONE_KERNELS(.f = &map1<[](double x) -> int64_t { return expression; }, int64_t, double>)); \
    return op;                                                                                                   \
  }                                                                                                              \
  ValueId function(Builder& b, ValueId x) {                                                                      \
    return b.add1(function(), {}, {x});                                                                          \
  }

ECOTONE_CHLO_UNARY(acos, "acos", floats_complexes(), .f = kReal1<[](double x) { return std::acos(x); }>,
                   .c = kComplex1<[](Complex z) { return std::acos(z); }>)
ECOTONE_CHLO_UNARY(acosh, "acosh", floats_complexes(), .f = kReal1<[](double x) { return std::acosh(x); }>,
                   .c = kComplex1<[](Complex z) { return std::acosh(z); }>)
ECOTONE_CHLO_UNARY(asin, "asin", floats_complexes(), .f = kReal1<[](double x) { return std::asin(x); }>,
                   .c = kComplex1<[](Complex z) { return std::asin(z); }>)
ECOTONE_CHLO_UNARY(asinh, "asinh", floats_complexes(), .f = kReal1<[](double x) { return std::asinh(x); }>,
                   .c = kComplex1<[](Complex z) { return std::asinh(z); }>)
ECOTONE_CHLO_UNARY(atan, "atan", floats_complexes(), .f = kReal1<[](double x) { return std::atan(x); }>,
                   .c = kComplex1<[](Complex z) { return std::atan(z); }>)
ECOTONE_CHLO_UNARY(atanh, "atanh", floats_complexes(), .f = kReal1<[](double x) { return std::atanh(x); }>,
                   .c = kComplex1<[](Complex z) { return std::atanh(z); }>)
ECOTONE_CHLO_UNARY(bessel_i1e, "bessel_i1e", DTypeSet::floats(), .f = kReal1<bessel_i1_scaled>)
ECOTONE_CHLO_UNARY(conj, "conj", numbers(), .f = kReal1<[](double x) { return x; }>,
                   .i = kInt1<[](int64_t x) { return x; }>, .c = kComplex1<[](Complex z) { return std::conj(z); }>)
ECOTONE_CHLO_UNARY(cosh, "cosh", floats_complexes(), .f = kReal1<[](double x) { return std::cosh(x); }>,
                   .c = kComplex1<[](Complex z) { return std::cosh(z); }>)
ECOTONE_CHLO_UNARY(digamma_, "digamma", DTypeSet::floats(), .f = kReal1<[](double x) { return digamma(x); }>)
ECOTONE_CHLO_UNARY(erf, "erf", DTypeSet::floats(), .f = kReal1<[](double x) { return std::erf(x); }>)
ECOTONE_CHLO_UNARY(erf_inv, "erf_inv", DTypeSet::floats(), .f = kReal1<erf_inverse>)
ECOTONE_CHLO_UNARY(erfc, "erfc", DTypeSet::floats(), .f = kReal1<[](double x) { return std::erfc(x); }>)
ECOTONE_CHLO_UNARY(lgamma_, "lgamma", DTypeSet::floats(), .f = kReal1<[](double x) { return std::lgamma(x); }>)
ECOTONE_CHLO_UNARY(sinh, "sinh", floats_complexes(), .f = kReal1<[](double x) { return std::sinh(x); }>,
                   .c = kComplex1<[](Complex z) { return std::sinh(z); }>)
ECOTONE_CHLO_UNARY(
    square, "square", numbers(), .f = kReal1<[](double x) { return x * x; }>,
    .i = kInt1<[](int64_t x) { return static_cast<int64_t>(static_cast<uint64_t>(x) * static_cast<uint64_t>(x)); }>,
    .c = kComplex1<[](Complex z) {
      return Complex((z.real() - z.imag()) * (z.real() + z.imag()), 2 * z.real() * z.imag());
    }>)
ECOTONE_CHLO_PREDICATE(is_inf, "is_inf", std::isinf(x))
ECOTONE_CHLO_PREDICATE(is_neg_inf, "is_neg_inf", std::isinf(x) && std::signbit(x))
ECOTONE_CHLO_PREDICATE(is_pos_inf, "is_pos_inf", std::isinf(x) && !std::signbit(x))
ECOTONE_CHLO_BINARY(next_after, "next_after", DTypeSet::floats(), evaluate_next_after)
ECOTONE_CHLO_BINARY(polygamma_, "polygamma", DTypeSet::floats(),
                    ECOTONE_KERNELS(.f = kReal2<[](double n, double x) { return polygamma(n, x); }>))
ECOTONE_CHLO_BINARY(zeta, "zeta", DTypeSet::floats(), ECOTONE_KERNELS(.f = kReal2<hurwitz_zeta>))

const Op& chlo_top_k() {
  static const Op op =
      primitive("chlo.top_k", &attributes_info<TopKAttributes>(),
                DTypeSet::floats() | DTypeSet::integers() | DTypeSet::booleans(), infer_top_k, evaluate_top_k);
  return op;
}
std::pair<ValueId, ValueId> chlo_top_k(Builder& b, ValueId x, int64_t k) {
  const std::vector<ValueId> r = b.add(chlo_top_k(), make_attributes(TopKAttributes{k}), {&x, 1});
  return {r[0], r[1]};
}

std::span<const Op* const> chlo_ops() {
#define ECOTONE_LIST(name) &name(),
  static const Op* const ops[] = {ECOTONE_CHLO_UNARY_OPS(ECOTONE_LIST) ECOTONE_CHLO_PREDICATES(ECOTONE_LIST)
                                      ECOTONE_CHLO_BINARY_OPS(ECOTONE_LIST) &
                                  chlo_top_k()};
#undef ECOTONE_LIST
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::TopKAttributes>();
}  // namespace ecotone
