// A value on the host: immutable, shared, possibly a view of a mapped file.
#pragma once

#include <complex>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ecotone/ir/dtype.h"
#include "ecotone/ir/type.h"

namespace ecotone {

// How the bytes stand for the elements. A Tensor that is computed with is kPlain: dense, row-major, native byte order,
// one byte per sub-byte element, bools 0 or 1.
enum class Encoding : uint8_t {
  kPlain,
  kPackedLow4,  // two 4-bit elements a byte, the first in the low half
  kPackedLow2,  // four 2-bit elements a byte, the first in the lowest bits
};

// Storage types for elements of a width; the small floats are held as codes (see encode_float).
template <class T>
struct NativeType;  // NativeType<float>::value == DType::kF32

class Tensor {
 public:
  Tensor() = default;  // null: also how a token is passed to an evaluator
  // A view of `bytes`, kept alive by `owner`. The length must be what dtype, shape and encoding need, else Error.
  // The bytes need no alignment.
  Tensor(DType dtype, Shape shape, std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
         Encoding encoding = Encoding::kPlain);

  // Copies `values`; T is a native type: bool, (u)int8..64, float, double, complex.
  template <class T>
  static Tensor from(std::span<const T> values, Shape shape);
  template <class T>
  static Tensor from(std::initializer_list<T> values, Shape shape) {
    return from(std::span<const T>(values.begin(), values.size()), std::move(shape));
  }
  template <class T>
  static Tensor scalar(T value) {
    return from(std::span<const T>(&value, 1), {});
  }
  // Every element `value`, rounded or wrapped to the type. Complex types get a zero imaginary part.
  static Tensor full(DType dtype, Shape shape, double value);
  static Tensor zeros(DType dtype, Shape shape);

  bool is_null() const { return bytes_.data() == nullptr && !owner_; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t size() const { return size_; }  // number of elements
  TensorType type() const { return {dtype_, to_dims(shape_)}; }
  Encoding encoding() const { return encoding_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  const std::shared_ptr<const void>& owner() const { return owner_; }
  bool is_aligned() const;
  // The same value in kPlain encoding at 64-byte or natural alignment; copies only when it must.
  Tensor plain() const;

  // The elements as T, which must be as wide as an element; Error when not plain and aligned (see plain()).
  template <class T>
  std::span<const T> data() const {
    check_access(sizeof(T), alignof(T));
    return {reinterpret_cast<const T*>(bytes_.data()), static_cast<size_t>(size_)};
  }
  // The same elements under another shape of equal size. No copy.
  Tensor reshaped(Shape shape) const;
  // One element as a double (real part), an integer, or its bits; `index` is flat.
  double at_double(int64_t index) const;
  int64_t at_int(int64_t index) const;
  std::complex<double> at_complex(int64_t index) const;
  uint64_t at_bits(int64_t index) const;  // of at most 64-bit elements
  // All elements of an integer or bool tensor.
  std::vector<int64_t> to_ints() const;

  // Same type and bit-equal elements.
  friend bool operator==(const Tensor& a, const Tensor& b);
  size_t hash() const;

 private:
  void check_access(size_t element, size_t alignment) const;

  DType dtype_ = DType::kF32;
  Encoding encoding_ = Encoding::kPlain;
  int64_t size_ = 0;
  Shape shape_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
};

// Storage being filled: 64-byte aligned, zeroed unless asked not to be. `freeze` makes it a Tensor without a copy.
class MutableTensor {
 public:
  enum class Init : uint8_t { kZero, kNone };
  MutableTensor(DType dtype, Shape shape, Init init = Init::kZero);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t size() const { return size_; }
  std::span<std::byte> bytes() { return bytes_; }
  template <class T>
  std::span<T> data() {
    check_access(sizeof(T));
    return {reinterpret_cast<T*>(bytes_.data()), static_cast<size_t>(size_)};
  }
  // Rounds or wraps into the type.
  void set_double(int64_t index, double value);
  void set_int(int64_t index, int64_t value);
  void set_complex(int64_t index, std::complex<double> value);
  void set_bits(int64_t index, uint64_t bits);
  Tensor freeze() &&;

 private:
  void check_access(size_t element) const;

  DType dtype_;
  Shape shape_;
  int64_t size_;
  std::span<std::byte> bytes_;
  std::shared_ptr<void> owner_;
};

// Bytes that `count` elements take in an encoding; Error on overflow.
int64_t encoded_bytes(DType dtype, Encoding encoding, int64_t count);

#define ECOTONE_NATIVE(T, D)                 \
  template <>                                \
  struct NativeType<T> {                     \
    static constexpr DType value = DType::D; \
  };
ECOTONE_NATIVE(bool, kBool)
ECOTONE_NATIVE(int8_t, kI8)
ECOTONE_NATIVE(int16_t, kI16)
ECOTONE_NATIVE(int32_t, kI32)
ECOTONE_NATIVE(int64_t, kI64)
ECOTONE_NATIVE(uint8_t, kU8)
ECOTONE_NATIVE(uint16_t, kU16)
ECOTONE_NATIVE(uint32_t, kU32)
ECOTONE_NATIVE(uint64_t, kU64)
ECOTONE_NATIVE(float, kF32)
ECOTONE_NATIVE(double, kF64)
ECOTONE_NATIVE(std::complex<float>, kC64)
ECOTONE_NATIVE(std::complex<double>, kC128)
#undef ECOTONE_NATIVE

[[noreturn]] void throw_size_mismatch(size_t given, const Shape& shape);

template <class T>
Tensor Tensor::from(std::span<const T> values, Shape shape) {
  MutableTensor t(NativeType<T>::value, std::move(shape), MutableTensor::Init::kNone);
  auto out = t.data<T>();  // checks the element width
  if (values.size() != out.size()) throw_size_mismatch(values.size(), t.shape());
  if (!values.empty()) std::memcpy(out.data(), values.data(), values.size_bytes());
  return std::move(t).freeze();
}

}  // namespace ecotone
