#include "ecotone/ir/dtype.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "ecotone/base/error.h"

namespace ecotone {
namespace {

constexpr FloatFormat kNoFormat{0, 0, 0, FloatSpecials::kNone, true};

constexpr DTypeInfo integer(std::string_view name, DTypeKind kind, int bits) {
  return {name, kind, bits, bits < 8 ? 1 : bits / 8, kNoFormat};
}

constexpr DTypeInfo floating(std::string_view name, int exponent, int mantissa, int bias, FloatSpecials specials,
                             bool is_signed = true) {
  const int bits = exponent + mantissa + (is_signed ? 1 : 0);
  return {name, DTypeKind::kFloat, bits, bits < 8 ? 1 : bits / 8, {exponent, mantissa, bias, specials, is_signed}};
}

constexpr std::array<DTypeInfo, kDTypeCount> kInfos = {{
    {"i1", DTypeKind::kBool, 1, 1, kNoFormat},
    integer("i2", DTypeKind::kSigned, 2),
    integer("i4", DTypeKind::kSigned, 4),
    integer("i8", DTypeKind::kSigned, 8),
    integer("i16", DTypeKind::kSigned, 16),
    integer("i32", DTypeKind::kSigned, 32),
    integer("i64", DTypeKind::kSigned, 64),
    integer("ui2", DTypeKind::kUnsigned, 2),
    integer("ui4", DTypeKind::kUnsigned, 4),
    integer("ui8", DTypeKind::kUnsigned, 8),
    integer("ui16", DTypeKind::kUnsigned, 16),
    integer("ui32", DTypeKind::kUnsigned, 32),
    integer("ui64", DTypeKind::kUnsigned, 64),
    floating("f4E2M1FN", 2, 1, 1, FloatSpecials::kNone),
    floating("f6E2M3FN", 2, 3, 1, FloatSpecials::kNone),
    floating("f6E3M2FN", 3, 2, 3, FloatSpecials::kNone),
    floating("f8E3M4", 3, 4, 3, FloatSpecials::kIeee),
    floating("f8E4M3", 4, 3, 7, FloatSpecials::kIeee),
    floating("f8E4M3B11FNUZ", 4, 3, 11, FloatSpecials::kNegZero),
    floating("f8E4M3FN", 4, 3, 7, FloatSpecials::kNanOnly),
    floating("f8E4M3FNUZ", 4, 3, 8, FloatSpecials::kNegZero),
    floating("f8E5M2", 5, 2, 15, FloatSpecials::kIeee),
    floating("f8E5M2FNUZ", 5, 2, 16, FloatSpecials::kNegZero),
    floating("f8E8M0FNU", 8, 0, 127, FloatSpecials::kNanOnly, false),
    floating("bf16", 8, 7, 127, FloatSpecials::kIeee),
    floating("f16", 5, 10, 15, FloatSpecials::kIeee),
    floating("f32", 8, 23, 127, FloatSpecials::kIeee),
    floating("f64", 11, 52, 1023, FloatSpecials::kIeee),
    {"complex<f32>", DTypeKind::kComplex, 64, 8, kNoFormat},
    {"complex<f64>", DTypeKind::kComplex, 128, 16, kNoFormat},
}};

// E8M0 has no mantissa, no sign and no zero: code c is 2^(c-127), 255 is NaN.
double decode_e8m0(uint64_t code) {
  return code == 0xFF ? std::numeric_limits<double>::quiet_NaN() : std::ldexp(1.0, static_cast<int>(code) - 127);
}

uint64_t encode_e8m0(double value) {
  if (std::isnan(value) || value < 0) return 0xFF;
  if (value == 0) return 0;
  if (std::isinf(value)) return 0xFF;
  int exponent;
  double fraction = std::frexp(value, &exponent);  // value = fraction * 2^exponent, fraction in [0.5, 1)
  int code = exponent - 1 + 127;
  const double scaled = fraction * 2;  // in [1, 2): ties at 1.5 go to the even code
  if (scaled > 1.5 || (scaled == 1.5 && (code & 1))) ++code;
  if (code < 0) return 0;
  return code >= 0xFF ? 0xFF : static_cast<uint64_t>(code);
}

// The largest finite magnitude's code, without sign.
uint64_t max_finite_code(const FloatFormat& f) {
  const uint64_t all = (uint64_t{1} << (f.exponent_bits + f.mantissa_bits)) - 1;
  switch (f.specials) {
    case FloatSpecials::kIeee:
      return all - (uint64_t{1} << f.mantissa_bits);
    case FloatSpecials::kNanOnly:
      return all - 1;
    default:
      return all;
  }
}

}  // namespace

const DTypeInfo& info(DType dtype) {
  return kInfos[static_cast<size_t>(dtype)];
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (int i = 0; i < kDTypeCount; ++i)
    if (kInfos[i].name == name) return static_cast<DType>(i);
  return std::nullopt;
}

DType real_part(DType dtype) {
  if (dtype == DType::kC64) return DType::kF32;
  if (dtype == DType::kC128) return DType::kF64;
  return dtype;
}

DType complex_of(DType dtype) {
  if (dtype == DType::kF32) return DType::kC64;
  if (dtype == DType::kF64) return DType::kC128;
  fail("no complex type has parts of type {}; only f32 and f64 do", name(dtype));
}

double decode_float(DType dtype, uint64_t code) {
  if (dtype == DType::kF64) return std::bit_cast<double>(code);
  if (dtype == DType::kF32) return std::bit_cast<float>(static_cast<uint32_t>(code));
  if (dtype == DType::kBF16) return std::bit_cast<float>(static_cast<uint32_t>(code) << 16);
  if (dtype == DType::kF8E8M0FNU) return decode_e8m0(code);
  const FloatFormat& f = info(dtype).format;
  const int sign_shift = f.exponent_bits + f.mantissa_bits;
  const bool negative = (code >> sign_shift) & 1;
  const uint64_t magnitude = code & ((uint64_t{1} << sign_shift) - 1);
  const uint64_t mantissa_mask = (uint64_t{1} << f.mantissa_bits) - 1;
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  if (f.specials == FloatSpecials::kNegZero && negative && magnitude == 0) return nan;
  if (magnitude > max_finite_code(f)) {
    if (f.specials == FloatSpecials::kIeee && (magnitude & mantissa_mask) == 0)
      return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
    return nan;
  }
  const int exponent = static_cast<int>(magnitude >> f.mantissa_bits);
  const auto mantissa = static_cast<double>(magnitude & mantissa_mask);
  const double value = exponent == 0 ? std::ldexp(mantissa, 1 - f.bias - f.mantissa_bits)
                                     : std::ldexp(mantissa + static_cast<double>(mantissa_mask + 1),
                                                  exponent - f.bias - f.mantissa_bits);
  return negative ? -value : value;
}

uint64_t encode_float(DType dtype, double value) {
  if (dtype == DType::kF64) return std::bit_cast<uint64_t>(value);
  if (dtype == DType::kF32) return std::bit_cast<uint32_t>(static_cast<float>(value));
  if (dtype == DType::kF8E8M0FNU) return encode_e8m0(value);
  const FloatFormat& f = info(dtype).format;
  const int sign_shift = f.exponent_bits + f.mantissa_bits;
  const uint64_t sign = uint64_t{std::signbit(value)} << sign_shift;
  const uint64_t exponent_mask = ((uint64_t{1} << f.exponent_bits) - 1) << f.mantissa_bits;
  const uint64_t max_code = max_finite_code(f);
  auto nan = [&]() -> uint64_t {
    switch (f.specials) {
      case FloatSpecials::kIeee:
        return sign | exponent_mask | (uint64_t{1} << (f.mantissa_bits - 1));
      case FloatSpecials::kNanOnly:
        return sign | (max_code + 1);
      case FloatSpecials::kNegZero:
        return uint64_t{1} << sign_shift;
      case FloatSpecials::kNone:
        return uint64_t{1} << sign_shift;  // no NaN: negative zero, as ml_dtypes does
    }
    return 0;
  };
  if (std::isnan(value)) return nan();
  auto overflow = [&]() -> uint64_t {
    switch (f.specials) {
      case FloatSpecials::kIeee:
        return sign | exponent_mask;
      case FloatSpecials::kNone:
        return sign | max_code;
      default:
        return nan();
    }
  };
  if (std::isinf(value)) return overflow();
  const double magnitude = std::fabs(value);
  const bool no_negative_zero = f.specials == FloatSpecials::kNegZero;
  if (magnitude == 0) return no_negative_zero ? 0 : sign;

  // Below the smallest normal the spacing is constant; above, it follows the exponent.
  int exponent = std::ilogb(magnitude);
  const int min_exponent = 1 - f.bias;
  if (exponent < min_exponent) exponent = min_exponent;
  const double scaled = std::ldexp(magnitude, f.mantissa_bits - exponent);  // exact
  const auto rounded = static_cast<uint64_t>(std::nearbyint(scaled));       // ties to even
  // The leading 1, if any, adds itself to the exponent field.
  const uint64_t code = (static_cast<uint64_t>(exponent - min_exponent) << f.mantissa_bits) + rounded;
  if (code > max_code) return overflow();
  if (code == 0 && no_negative_zero) return 0;
  return sign | code;
}

double round_to(DType dtype, double value) {
  return decode_float(dtype, encode_float(dtype, value));
}

double max_finite(DType dtype) {
  if (dtype == DType::kF8E8M0FNU) return std::ldexp(1.0, 127);
  return decode_float(dtype, max_finite_code(info(real_part(dtype)).format));
}

double epsilon(DType dtype) {
  return std::ldexp(1.0, -info(real_part(dtype)).format.mantissa_bits);
}

int64_t integer_min(DType dtype) {
  return is_signed_integer(dtype) ? static_cast<int64_t>(~uint64_t{0} << (bit_width(dtype) - 1)) : 0;
}

uint64_t integer_max(DType dtype) {
  const int bits = bit_width(dtype);
  if (is_signed_integer(dtype)) return (uint64_t{1} << (bits - 1)) - 1;
  return bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
}

namespace {
DTypeSet of_kind(DTypeKind kind) {
  DTypeSet set;
  for (int i = 0; i < kDTypeCount; ++i)
    if (kInfos[i].kind == kind) set = set | DTypeSet{static_cast<DType>(i)};
  return set;
}
}  // namespace

const DTypeSet& DTypeSet::floats() {
  static const DTypeSet set = of_kind(DTypeKind::kFloat);
  return set;
}
const DTypeSet& DTypeSet::signed_floats() {
  static const DTypeSet set = [] {
    DTypeSet s;
    for (int i = 0; i < kDTypeCount; ++i)
      if (kInfos[i].kind == DTypeKind::kFloat && kInfos[i].format.is_signed) s = s | DTypeSet{static_cast<DType>(i)};
    return s;
  }();
  return set;
}
const DTypeSet& DTypeSet::complexes() {
  static const DTypeSet set = of_kind(DTypeKind::kComplex);
  return set;
}
const DTypeSet& DTypeSet::signed_integers() {
  static const DTypeSet set = of_kind(DTypeKind::kSigned);
  return set;
}
const DTypeSet& DTypeSet::unsigned_integers() {
  static const DTypeSet set = of_kind(DTypeKind::kUnsigned);
  return set;
}
const DTypeSet& DTypeSet::integers() {
  static const DTypeSet set = signed_integers() | unsigned_integers();
  return set;
}
const DTypeSet& DTypeSet::booleans() {
  static const DTypeSet set = of_kind(DTypeKind::kBool);
  return set;
}
const DTypeSet& DTypeSet::all() {
  static const DTypeSet set = floats() | complexes() | integers() | booleans();
  return set;
}

}  // namespace ecotone
