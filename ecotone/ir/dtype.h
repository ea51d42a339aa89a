// Element types, their names, sizes and numeric formats.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace ecotone {

// The element types of StableHLO, plus f32/f64's complex pairs. Order is stable: it is used in hashes of saved keys.
enum class DType : uint8_t {
  kBool,
  kI2,
  kI4,
  kI8,
  kI16,
  kI32,
  kI64,
  kU2,
  kU4,
  kU8,
  kU16,
  kU32,
  kU64,
  kF4E2M1FN,
  kF6E2M3FN,
  kF6E3M2FN,
  kF8E3M4,
  kF8E4M3,
  kF8E4M3B11FNUZ,
  kF8E4M3FN,
  kF8E4M3FNUZ,
  kF8E5M2,
  kF8E5M2FNUZ,
  kF8E8M0FNU,
  kBF16,
  kF16,
  kF32,
  kF64,
  kC64,
  kC128,
};
inline constexpr int kDTypeCount = 30;

enum class DTypeKind : uint8_t { kBool, kSigned, kUnsigned, kFloat, kComplex };

// How a float type spends the code points that IEEE 754 gives to infinities and NaNs.
enum class FloatSpecials : uint8_t {
  kIeee,     // infinities and NaNs as in IEEE 754
  kNanOnly,  // "FN": no infinity, all-ones is NaN
  kNegZero,  // "FNUZ": no infinity, no negative zero, the code of -0 is NaN
  kNone,     // neither infinity nor NaN
};

struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  FloatSpecials specials;
  bool is_signed;
};

struct DTypeInfo {
  std::string_view name;  // as MLIR prints it: "i1", "i32", "ui8", "f8E4M3FN", "complex<f32>"
  DTypeKind kind;
  int bits;       // logical width of an element
  int byte_size;  // bytes an element takes in a host Tensor (sub-byte values: one per byte; bool: one byte, 0 or 1)
  FloatFormat format;
};

const DTypeInfo& info(DType dtype);
inline std::string_view name(DType dtype) {
  return info(dtype).name;
}
inline int byte_size(DType dtype) {
  return info(dtype).byte_size;
}
inline int bit_width(DType dtype) {
  return info(dtype).bits;
}
std::optional<DType> dtype_from_name(std::string_view name);

inline bool is_float(DType d) {
  return info(d).kind == DTypeKind::kFloat;
}
inline bool is_complex(DType d) {
  return info(d).kind == DTypeKind::kComplex;
}
inline bool is_signed_integer(DType d) {
  return info(d).kind == DTypeKind::kSigned;
}
inline bool is_unsigned_integer(DType d) {
  return info(d).kind == DTypeKind::kUnsigned;
}
// True for the signed and unsigned integers; bool is not one.
inline bool is_integer(DType d) {
  return is_signed_integer(d) || is_unsigned_integer(d);
}
// The real part's type of a complex type, else the type itself.
DType real_part(DType dtype);
// c64 for f32 and c128 for f64; throws Error for any other type.
DType complex_of(DType dtype);

// The value that `code`, the element's bits, stands for in a float type of at most 64 bits.
double decode_float(DType dtype, uint64_t code);
// The bits of `value` rounded to nearest, ties to even. What is too large becomes infinity, else NaN where the type has
// one, else the largest finite value. Rounds once, directly from f64.
uint64_t encode_float(DType dtype, double value);
// decode(encode(value)): `value` as the type can hold it.
double round_to(DType dtype, double value);

// Largest finite value and the gap between 1 and the next value.
double max_finite(DType dtype);
double epsilon(DType dtype);
// Range of an integer type (bool: 0..1); the maximum of u64 is given as its bits.
int64_t integer_min(DType dtype);
uint64_t integer_max(DType dtype);

// A set of element types, as the op table declares them.
class DTypeSet {
 public:
  constexpr DTypeSet() = default;
  DTypeSet(std::initializer_list<DType> types) {
    for (DType t : types) bits_.set(static_cast<size_t>(t));
  }
  bool contains(DType d) const { return bits_.test(static_cast<size_t>(d)); }
  DTypeSet operator|(const DTypeSet& other) const {
    DTypeSet r = *this;
    r.bits_ |= other.bits_;
    return r;
  }
  bool empty() const { return bits_.none(); }

  static const DTypeSet& floats();
  static const DTypeSet& signed_floats();  // all but f8E8M0FNU, a type of scales without zero and sign
  static const DTypeSet& complexes();
  static const DTypeSet& signed_integers();
  static const DTypeSet& unsigned_integers();
  static const DTypeSet& integers();
  static const DTypeSet& booleans();
  static const DTypeSet& all();

 private:
  std::bitset<kDTypeCount> bits_;
};

}  // namespace ecotone
