#include "ecotone/op/wide.h"

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>

#include "ecotone/base/error.h"
#include "ecotone/base/thread_pool.h"

namespace ecotone::op {
namespace {

constexpr int64_t kChunk = 512;
constexpr int64_t kGrain = 16384;
constexpr size_t kMaxOperands = 3;

// Values of every code of a type of at most 8 bits.
const std::array<double, 256>& code_values(DType dtype) {
  static std::array<std::array<double, 256>, kDTypeCount> tables;
  static std::array<std::once_flag, kDTypeCount> made;
  const auto index = static_cast<size_t>(dtype);
  std::call_once(made[index], [&] {
    const uint64_t mask = (uint64_t{1} << bit_width(dtype)) - 1;
    for (uint64_t code = 0; code < 256; ++code) tables[index][code] = decode_float(dtype, code & mask);
  });
  return tables[index];
}

double decode_f16(uint16_t code) {
  const uint32_t magnitude = code & 0x7fffu;
  if (magnitude >= 0x7c00u) return decode_float(DType::kF16, code);
  // The exponent's bias differs by 112; the product also normalizes what is subnormal.
  const float value = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return code & 0x8000u ? -value : value;
}

template <class T, class W>
void widen(const Tensor& t, int64_t begin, int64_t count, W* out) {
  const T* p = t.data<T>().data() + begin;
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<W>(p[i]);
}

template <class W>
void repeat(int64_t count, W* out) {
  for (int64_t i = 1; i < count; ++i) out[i] = out[0];
}

template <class T>
void narrow(MutableTensor& t, int64_t begin, int64_t count, const int64_t* values) {
  T* p = t.data<T>().data() + begin;
  for (int64_t i = 0; i < count; ++i) p[i] = static_cast<T>(values[i]);
}

[[noreturn]] void throw_kind(DType dtype, const char* wanted) {
  fail_kind(ErrorKind::kInternal, "a tensor of {} is taken as {}", name(dtype), wanted);
}

}  // namespace

void load_wide(const Tensor& t, int64_t begin, int64_t count, double* out) {
  if (t.rank() == 0 && count > 1) {
    load_wide(t, 0, 1, out);
    return repeat(count, out);
  }
  if (t.rank() == 0) begin = 0;
  switch (t.dtype()) {
    case DType::kF64:
      return widen<double>(t, begin, count, out);
    case DType::kF32:
      return widen<float>(t, begin, count, out);
    case DType::kBF16: {
      const uint16_t* p = t.data<uint16_t>().data() + begin;
      for (int64_t i = 0; i < count; ++i) out[i] = std::bit_cast<float>(uint32_t{p[i]} << 16);
      return;
    }
    case DType::kF16: {
      const uint16_t* p = t.data<uint16_t>().data() + begin;
      for (int64_t i = 0; i < count; ++i) out[i] = decode_f16(p[i]);
      return;
    }
    default:
      break;
  }
  if (!is_float(t.dtype())) throw_kind(t.dtype(), "floats");
  const auto& values = code_values(t.dtype());
  const uint8_t* p = t.data<uint8_t>().data() + begin;
  for (int64_t i = 0; i < count; ++i) out[i] = values[p[i]];
}

void load_wide(const Tensor& t, int64_t begin, int64_t count, int64_t* out) {
  if (t.rank() == 0 && count > 1) {
    load_wide(t, 0, 1, out);
    return repeat(count, out);
  }
  if (t.rank() == 0) begin = 0;
  switch (t.dtype()) {
    case DType::kI64:
    case DType::kU64:
      return widen<int64_t>(t, begin, count, out);
    case DType::kI32:
      return widen<int32_t>(t, begin, count, out);
    case DType::kU32:
      return widen<uint32_t>(t, begin, count, out);
    case DType::kI16:
      return widen<int16_t>(t, begin, count, out);
    case DType::kU16:
      return widen<uint16_t>(t, begin, count, out);
    case DType::kI8:
      return widen<int8_t>(t, begin, count, out);
    case DType::kU8:
      return widen<uint8_t>(t, begin, count, out);
    case DType::kBool: {
      widen<uint8_t>(t, begin, count, out);
      for (int64_t i = 0; i < count; ++i) out[i] = out[i] != 0;
      return;
    }
    default:
      break;
  }
  if (!is_integer(t.dtype())) throw_kind(t.dtype(), "integers");
  const IntFormat format = IntFormat::of(t.dtype());
  const uint8_t* p = t.data<uint8_t>().data() + begin;
  for (int64_t i = 0; i < count; ++i)
    out[i] = format.is_signed ? format.sign_extend(p[i]) : static_cast<int64_t>(format.mask(p[i]));
}

void load_wide(const Tensor& t, int64_t begin, int64_t count, Complex* out) {
  if (t.rank() == 0 && count > 1) {
    load_wide(t, 0, 1, out);
    return repeat(count, out);
  }
  if (t.rank() == 0) begin = 0;
  if (t.dtype() == DType::kC64) return widen<std::complex<float>>(t, begin, count, out);
  if (t.dtype() == DType::kC128) return widen<Complex>(t, begin, count, out);
  throw_kind(t.dtype(), "complex numbers");
}

uint64_t encode_quickly(DType dtype, double value) {
  const FloatFormat& f = info(dtype).format;
  const auto bits = std::bit_cast<uint64_t>(value);
  const uint64_t magnitude = bits & ~(uint64_t{1} << 63);
  // Normal in the type even after rounding up; everything else takes the careful way.
  const auto low = static_cast<uint64_t>(1023 + 1 - f.bias) << 52;
  const int max_exponent = (1 << f.exponent_bits) - 2 - f.bias;  // a binade lower for FN types: no harm
  const auto high = static_cast<uint64_t>(1023 + max_exponent) << 52;
  if (!f.is_signed || magnitude < low || magnitude >= high) return encode_float(dtype, value);
  const int shift = 52 - f.mantissa_bits;
  const uint64_t rounded = (magnitude + (uint64_t{1} << (shift - 1)) - 1 + ((magnitude >> shift) & 1)) >> shift;
  const uint64_t code = rounded - (static_cast<uint64_t>(1023 - f.bias) << f.mantissa_bits);
  return code | (bits >> 63) << (f.exponent_bits + f.mantissa_bits);
}

void store_wide(MutableTensor& t, int64_t begin, int64_t count, const double* values) {
  const DType dtype = t.dtype();
  if (dtype == DType::kF64) {
    std::copy(values, values + count, t.data<double>().data() + begin);
  } else if (dtype == DType::kF32) {
    float* p = t.data<float>().data() + begin;
    for (int64_t i = 0; i < count; ++i) p[i] = static_cast<float>(values[i]);
  } else if (!is_float(dtype)) {
    throw_kind(dtype, "floats");
  } else if (byte_size(dtype) == 2) {
    uint16_t* p = t.data<uint16_t>().data() + begin;
    for (int64_t i = 0; i < count; ++i) p[i] = static_cast<uint16_t>(encode_quickly(dtype, values[i]));
  } else {
    uint8_t* p = t.data<uint8_t>().data() + begin;
    for (int64_t i = 0; i < count; ++i) p[i] = static_cast<uint8_t>(encode_float(dtype, values[i]));
  }
}

void store_wide(MutableTensor& t, int64_t begin, int64_t count, const int64_t* values) {
  switch (t.dtype()) {
    case DType::kI64:
    case DType::kU64:
      return narrow<int64_t>(t, begin, count, values);
    case DType::kI32:
    case DType::kU32:
      return narrow<uint32_t>(t, begin, count, values);
    case DType::kI16:
    case DType::kU16:
      return narrow<uint16_t>(t, begin, count, values);
    case DType::kI8:
    case DType::kU8:
      return narrow<uint8_t>(t, begin, count, values);
    case DType::kBool: {
      uint8_t* p = t.data<uint8_t>().data() + begin;
      for (int64_t i = 0; i < count; ++i) p[i] = values[i] & 1;
      return;
    }
    default:
      break;
  }
  if (!is_integer(t.dtype())) throw_kind(t.dtype(), "integers");
  for (int64_t i = 0; i < count; ++i) t.set_bits(begin + i, static_cast<uint64_t>(values[i]));
}

void store_wide(MutableTensor& t, int64_t begin, int64_t count, const Complex* values) {
  if (t.dtype() == DType::kC128) {
    std::copy(values, values + count, t.data<Complex>().data() + begin);
  } else if (t.dtype() == DType::kC64) {
    auto* p = t.data<std::complex<float>>().data() + begin;
    for (int64_t i = 0; i < count; ++i) p[i] = std::complex<float>(values[i]);
  } else {
    throw_kind(t.dtype(), "complex numbers");
  }
}

namespace {

union WideBuffer {
  double f[kChunk];
  int64_t i[kChunk];
  double c[2 * kChunk];  // complex has a constructor that a union can't hold
};

bool is_wide(DType d) {
  return d == DType::kF64 || d == DType::kI64 || d == DType::kU64 || d == DType::kC128;
}

void run_range(Kernel kernel, std::span<const Tensor> in, MutableTensor& out, int64_t begin, int64_t end) {
  alignas(64) WideBuffer buffers[kMaxOperands];
  alignas(64) WideBuffer result;
  const IntFormat format = IntFormat::of(in[0].dtype());
  const bool direct_out = is_wide(out.dtype());
  for (int64_t at = begin; at < end; at += kChunk) {
    const int64_t n = std::min(kChunk, end - at);
    const void* pointers[kMaxOperands];
    for (size_t k = 0; k < in.size(); ++k) {
      const Tensor& t = in[k];
      if (is_wide(t.dtype()) && t.rank() > 0) {
        pointers[k] = t.bytes().data() + at * byte_size(t.dtype());
        continue;
      }
      pointers[k] = &buffers[k];
      if (is_float(t.dtype()))
        load_wide(t, at, n, buffers[k].f);
      else if (is_complex(t.dtype()))
        load_wide(t, at, n, reinterpret_cast<Complex*>(buffers[k].c));
      else
        load_wide(t, at, n, buffers[k].i);
    }
    if (direct_out) {
      kernel(pointers, out.bytes().data() + at * byte_size(out.dtype()), n, format);
      continue;
    }
    kernel(pointers, &result, n, format);
    if (is_float(out.dtype()))
      store_wide(out, at, n, result.f);
    else if (is_complex(out.dtype()))
      store_wide(out, at, n, reinterpret_cast<const Complex*>(result.c));
    else
      store_wide(out, at, n, result.i);
  }
}

}  // namespace

void run_kernel(Kernel kernel, std::span<const Tensor> in, MutableTensor& out) {
  if (in.empty() || in.size() > kMaxOperands) fail_kind(ErrorKind::kInternal, "a kernel of {} operands", in.size());
  for (const Tensor& t : in)
    if (t.rank() != 0 && t.size() != out.size())
      fail_kind(ErrorKind::kInternal, "an elementwise operand of {} elements, the result has {}", t.size(), out.size());
  if (out.size() <= 2 * kGrain) return run_range(kernel, in, out, 0, out.size());
  ThreadPool::global().parallel_for(0, out.size(), kGrain,
                                    [&](int64_t begin, int64_t end) { run_range(kernel, in, out, begin, end); });
}

std::vector<Tensor> evaluate_kernels(const EvalCall& call, const Kernels& kernels) {
  const DType dtype = call.operands[0].dtype();
  const Kernel kernel = is_float(dtype)                                 ? kernels.f
                        : is_complex(dtype)                             ? kernels.c
                        : dtype == DType::kBool && kernels.b != nullptr ? kernels.b
                                                                        : kernels.i;
  if (kernel == nullptr) fail_kind(ErrorKind::kInternal, "no evaluation for {}", name(dtype));
  MutableTensor out(call.result_storage(), call.result().static_shape(), MutableTensor::Init::kNone);
  run_kernel(kernel, call.operands, out);
  std::vector<Tensor> results;
  results.push_back(std::move(out).freeze());
  return results;
}

}  // namespace ecotone::op
