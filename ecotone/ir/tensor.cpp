#include "ecotone/ir/tensor.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/hash.h"

namespace ecotone {
namespace {

constexpr size_t kAlignment = 64;

// Systems promise more memory than there is, and end who uses it: a claim above all of it is refused at once.
size_t physical_memory() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

uint64_t load_bits(const std::byte* p, int size) {
  uint64_t bits = 0;
  std::memcpy(&bits, p, static_cast<size_t>(size));  // little-endian hosts only, as the file formats are
  return bits;
}

int64_t sign_extend(uint64_t bits, int width) {
  const int shift = 64 - width;
  return static_cast<int64_t>(bits << shift) >> shift;
}

uint64_t mask_to(uint64_t bits, int width) {
  return width >= 64 ? bits : bits & ((uint64_t{1} << width) - 1);
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "host tensors are little-endian");

void throw_size_mismatch(size_t given, const Shape& shape) {
  fail("{} values are given for a tensor of shape {}", given, shape_str(shape));
}

int64_t encoded_bytes(DType dtype, Encoding encoding, int64_t count) {
  switch (encoding) {
    case Encoding::kPackedLow4:
      return count / 2 + count % 2;
    case Encoding::kPackedLow2:
      return count / 4 + (count % 4 != 0);
    case Encoding::kPlain:
      break;
  }
  int64_t r;
  if (__builtin_mul_overflow(count, int64_t{byte_size(dtype)}, &r)) fail("a tensor of {} elements is too large", count);
  return r;
}

Tensor::Tensor(DType dtype, Shape shape, std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
               Encoding encoding)
    : dtype_(dtype),
      encoding_(encoding),
      size_(element_count(shape)),
      shape_(std::move(shape)),
      bytes_(bytes),
      owner_(std::move(owner)) {
  const int64_t need = encoded_bytes(dtype_, encoding_, size_);
  if (static_cast<uint64_t>(need) != bytes_.size())
    fail("a tensor {}x{} needs {} bytes but {} are given", shape_str(shape_), name(dtype_), need, bytes_.size());
  static constexpr std::byte kEmpty{};
  if (bytes_.data() == nullptr) bytes_ = {&kEmpty, 0};  // an empty tensor is not a null one
}

Tensor Tensor::zeros(DType dtype, Shape shape) {
  return MutableTensor(dtype, std::move(shape)).freeze();
}

Tensor Tensor::full(DType dtype, Shape shape, double value) {
  MutableTensor t(dtype, std::move(shape));
  if (t.size() == 0) return std::move(t).freeze();
  t.set_double(0, value);
  const auto width = static_cast<size_t>(byte_size(dtype));
  auto bytes = t.bytes();
  for (size_t done = width; done < bytes.size();) {  // doubles the filled prefix each time
    const size_t n = std::min(done, bytes.size() - done);
    std::memcpy(bytes.data() + done, bytes.data(), n);
    done += n;
  }
  return std::move(t).freeze();
}

bool Tensor::is_aligned() const {
  const auto a = static_cast<uintptr_t>(std::min(byte_size(dtype_), 8));
  return reinterpret_cast<uintptr_t>(bytes_.data()) % a == 0;
}

Tensor Tensor::plain() const {
  if (is_null() || (encoding_ == Encoding::kPlain && (is_aligned() || size_ == 0))) return *this;
  MutableTensor out(dtype_, shape_, MutableTensor::Init::kNone);
  if (encoding_ == Encoding::kPlain) {
    std::memcpy(out.bytes().data(), bytes_.data(), bytes_.size());
    return std::move(out).freeze();
  }
  const int width = encoding_ == Encoding::kPackedLow4 ? 4 : 2;
  const int64_t per_byte = 8 / width;
  for (int64_t i = 0; i < size_; ++i) {
    const auto byte = static_cast<uint64_t>(bytes_[static_cast<size_t>(i / per_byte)]);
    out.set_bits(i, byte >> (width * (i % per_byte)));
  }
  return std::move(out).freeze();
}

void Tensor::check_access(size_t element, size_t alignment) const {
  if (element != static_cast<size_t>(byte_size(dtype_)) || encoding_ != Encoding::kPlain)
    fail_kind(ErrorKind::kInternal, "a tensor of {} is read as elements of {} bytes", name(dtype_), element);
  if (size_ != 0 && reinterpret_cast<uintptr_t>(bytes_.data()) % alignment != 0)
    fail_kind(ErrorKind::kInternal, "an unaligned tensor is read; call plain() first");
}

Tensor Tensor::reshaped(Shape shape) const {
  if (element_count(shape) != size_)
    fail("can't reshape {} elements of shape {} to {}", size_, shape_str(shape_), shape_str(shape));
  Tensor r = *this;
  r.shape_ = std::move(shape);
  return r;
}

uint64_t Tensor::at_bits(int64_t index) const {
  if (index < 0 || index >= size_) fail("index {} is outside a tensor of {} elements", index, size_);
  if (encoding_ != Encoding::kPlain) return plain().at_bits(index);
  const int width = byte_size(dtype_);
  if (width > 8) fail("a {} element has no 64-bit code", name(dtype_));
  return load_bits(bytes_.data() + index * width, width);
}

int64_t Tensor::at_int(int64_t index) const {
  const uint64_t bits = at_bits(index);
  switch (info(dtype_).kind) {
    case DTypeKind::kBool:
      return bits != 0;
    case DTypeKind::kSigned:
      return sign_extend(bits, bit_width(dtype_));
    case DTypeKind::kUnsigned:
      return static_cast<int64_t>(mask_to(bits, bit_width(dtype_)));
    default:
      fail("a {} tensor is read as integers", name(dtype_));
  }
}

double Tensor::at_double(int64_t index) const {
  switch (info(dtype_).kind) {
    case DTypeKind::kFloat:
      return decode_float(dtype_, at_bits(index));
    case DTypeKind::kComplex:
      return at_complex(index).real();
    case DTypeKind::kUnsigned:
      return static_cast<double>(mask_to(at_bits(index), bit_width(dtype_)));
    default:
      return static_cast<double>(at_int(index));
  }
}

std::complex<double> Tensor::at_complex(int64_t index) const {
  if (!is_complex(dtype_)) return at_double(index);
  if (index < 0 || index >= size_) fail("index {} is outside a tensor of {} elements", index, size_);
  const std::byte* p = bytes_.data() + index * byte_size(dtype_);
  if (dtype_ == DType::kC64) {
    float v[2];
    std::memcpy(v, p, sizeof v);
    return {v[0], v[1]};
  }
  double v[2];
  std::memcpy(v, p, sizeof v);
  return {v[0], v[1]};
}

std::vector<int64_t> Tensor::to_ints() const {
  std::vector<int64_t> r(static_cast<size_t>(size_));
  const Tensor t = plain();
  for (int64_t i = 0; i < size_; ++i) r[static_cast<size_t>(i)] = t.at_int(i);
  return r;
}

bool operator==(const Tensor& a, const Tensor& b) {
  if (a.is_null() || b.is_null()) return a.is_null() == b.is_null();
  if (a.dtype_ != b.dtype_ || a.shape_ != b.shape_) return false;
  if (a.encoding_ != b.encoding_) return a.plain() == b.plain();
  return a.bytes_.empty() || std::memcmp(a.bytes_.data(), b.bytes_.data(), a.bytes_.size()) == 0;
}

size_t Tensor::hash() const {
  const Tensor t = encoding_ == Encoding::kPlain ? *this : plain();
  size_t h = hash_combine(static_cast<size_t>(t.dtype_), ecotone::hash(t.type()));
  // Large tensors hash by a sample; equality still compares all.
  const size_t n = t.bytes_.size(), step = std::max<size_t>(1, n / 256);
  for (size_t i = 0; i < n; i += step) h = hash_combine(h, static_cast<size_t>(t.bytes_[i]));
  return h;
}

MutableTensor::MutableTensor(DType dtype, Shape shape, Init init)
    : dtype_(dtype), shape_(std::move(shape)), size_(element_count(shape_)) {
  const auto n = static_cast<size_t>(encoded_bytes(dtype_, Encoding::kPlain, size_));
  const size_t rounded = (n + kAlignment - 1) / kAlignment * kAlignment + kAlignment;
  if (rounded < n || rounded > physical_memory())
    fail("out of memory: a tensor of shape {} and type {} needs {} bytes", shape_str(shape_), name(dtype_), n);
  void* p = nullptr;
  // calloc gets zero pages from the system for free; its alignment is mended by hand.
  if (init == Init::kZero) {
    std::byte* raw = static_cast<std::byte*>(std::calloc(rounded, 1));
    if (!raw) fail("out of memory: a tensor of shape {} needs {} bytes", shape_str(shape_), n);
    owner_ = std::shared_ptr<void>(raw, [](void* q) { std::free(q); });
    const auto address = reinterpret_cast<uintptr_t>(raw);
    p = raw + (kAlignment - address % kAlignment) % kAlignment;
  } else {
    p = std::aligned_alloc(kAlignment, rounded);
    if (!p) fail("out of memory: a tensor of shape {} needs {} bytes", shape_str(shape_), n);
    owner_ = std::shared_ptr<void>(p, [](void* q) { std::free(q); });
  }
  bytes_ = {static_cast<std::byte*>(p), n};
}

void MutableTensor::check_access(size_t element) const {
  if (element != static_cast<size_t>(byte_size(dtype_)))
    fail_kind(ErrorKind::kInternal, "a tensor of {} is written as elements of {} bytes", name(dtype_), element);
}

void MutableTensor::set_bits(int64_t index, uint64_t bits) {
  const int width = byte_size(dtype_);
  // Sub-byte integers are kept sign- or zero-extended in their byte.
  if (bit_width(dtype_) < 8) {
    if (is_signed_integer(dtype_))
      bits = static_cast<uint64_t>(sign_extend(bits, bit_width(dtype_)));
    else
      bits = mask_to(bits, bit_width(dtype_));
  }
  std::memcpy(bytes_.data() + index * width, &bits, static_cast<size_t>(width));
}

void MutableTensor::set_int(int64_t index, int64_t value) {
  switch (info(dtype_).kind) {
    case DTypeKind::kBool:
      return set_bits(index, value != 0);
    case DTypeKind::kSigned:
    case DTypeKind::kUnsigned:
      return set_bits(index, static_cast<uint64_t>(value));
    default:
      return set_double(index, static_cast<double>(value));
  }
}

void MutableTensor::set_double(int64_t index, double value) {
  switch (info(dtype_).kind) {
    case DTypeKind::kFloat:
      return set_bits(index, encode_float(dtype_, value));
    case DTypeKind::kComplex:
      return set_complex(index, value);
    case DTypeKind::kBool:
      return set_bits(index, value != 0);
    case DTypeKind::kUnsigned:
      return set_bits(index, value >= 9223372036854775808.0 ? static_cast<uint64_t>(value)
                                                            : static_cast<uint64_t>(static_cast<int64_t>(value)));
    default:
      return set_int(index, static_cast<int64_t>(value));
  }
}

void MutableTensor::set_complex(int64_t index, std::complex<double> value) {
  if (dtype_ == DType::kC64) {
    data<std::complex<float>>()[static_cast<size_t>(index)] = std::complex<float>(value);
  } else if (dtype_ == DType::kC128) {
    data<std::complex<double>>()[static_cast<size_t>(index)] = value;
  } else {
    set_double(index, value.real());
  }
}

Tensor MutableTensor::freeze() && {
  return Tensor(dtype_, std::move(shape_), bytes_, std::move(owner_));
}

}  // namespace ecotone
