// Elementwise evaluation over wide values: floats as double, integers and bools as int64_t, complex as complex<double>.
// Small types are widened chunk by chunk, computed on, and rounded once on the way back.
#pragma once

#include <complex>
#include <cstdint>
#include <span>

#include "ecotone/ir/op.h"
#include "ecotone/ir/tensor.h"

namespace ecotone::op {

using Complex = std::complex<double>;

// Loads elements [begin, begin + count) as wide values; a scalar tensor is repeated. u64 comes as its bits.
void load_wide(const Tensor& t, int64_t begin, int64_t count, double* out);   // floats
void load_wide(const Tensor& t, int64_t begin, int64_t count, int64_t* out);  // integers and bool
void load_wide(const Tensor& t, int64_t begin, int64_t count, Complex* out);  // complex
// Rounds (floats, complex) or wraps (integers; bool keeps the lowest bit) into the tensor's type.
void store_wide(MutableTensor& t, int64_t begin, int64_t count, const double* values);
void store_wide(MutableTensor& t, int64_t begin, int64_t count, const int64_t* values);
void store_wide(MutableTensor& t, int64_t begin, int64_t count, const Complex* values);

// encode_float for types of at most 32 bits, quick in the normal range.
uint64_t encode_quickly(DType dtype, double value);

// Width and signedness of the integers that a kernel works on; bool is 1 bit, unsigned.
struct IntFormat {
  int bits = 64;
  bool is_signed = true;

  uint64_t mask(int64_t v) const {
    return bits == 64 ? static_cast<uint64_t>(v) : static_cast<uint64_t>(v) & ((uint64_t{1} << bits) - 1);
  }
  int64_t sign_extend(int64_t v) const {
    return static_cast<int64_t>(static_cast<uint64_t>(v) << (64 - bits)) >> (64 - bits);
  }
  static IntFormat of(DType d) { return {bit_width(d), is_signed_integer(d)}; }
};

// Computes `count` wide results from wide operands; `format` is operand 0's.
using Kernel = void (*)(const void* const* in, void* out, int64_t count, IntFormat format);
// Applies a kernel to all elements, on the thread pool when there are many. Operands have `out`'s size or are scalars.
void run_kernel(Kernel kernel, std::span<const Tensor> in, MutableTensor& out);

// The kernels of one op by the kind of its operand 0; null where the kind isn't allowed. `b` null: bool goes to `i`.
struct Kernels {
  Kernel f = nullptr, i = nullptr, c = nullptr, b = nullptr;
};
std::vector<Tensor> evaluate_kernels(const EvalCall& call, const Kernels& kernels);
// An evaluator from the initializers of Kernels.
#define ECOTONE_KERNELS(...)                       \
  [](const EvalCall& call) {                       \
    static constexpr Kernels kernels{__VA_ARGS__}; \
    return evaluate_kernels(call, kernels);        \
  }

// Kernels from functions of one element: map<F, Result, Operands...>.
template <auto F, class R, class A>
void map1(const void* const* in, void* out, int64_t n, IntFormat format) {
  const A* x = static_cast<const A*>(in[0]);
  R* r = static_cast<R*>(out);
  for (int64_t i = 0; i < n; ++i)
    if constexpr (std::is_invocable_v<decltype(F), A, IntFormat>)
      r[i] = F(x[i], format);
    else
      r[i] = F(x[i]);
}
template <auto F, class R, class A>
void map2(const void* const* in, void* out, int64_t n, IntFormat format) {
  const A *x = static_cast<const A*>(in[0]), *y = static_cast<const A*>(in[1]);
  R* r = static_cast<R*>(out);
  for (int64_t i = 0; i < n; ++i)
    if constexpr (std::is_invocable_v<decltype(F), A, A, IntFormat>)
      r[i] = F(x[i], y[i], format);
    else
      r[i] = F(x[i], y[i]);
}
template <auto F>
inline constexpr Kernel kReal1 = &map1<F, double, double>;
template <auto F>
inline constexpr Kernel kReal2 = &map2<F, double, double>;
template <auto F>
inline constexpr Kernel kInt1 = &map1<F, int64_t, int64_t>;
template <auto F>
inline constexpr Kernel kInt2 = &map2<F, int64_t, int64_t>;
template <auto F>
inline constexpr Kernel kComplex1 = &map1<F, Complex, Complex>;
template <auto F>
inline constexpr Kernel kComplex2 = &map2<F, Complex, Complex>;

}  // namespace ecotone::op
