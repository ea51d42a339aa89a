// Serial folds over one axis, many outputs at a time.
#pragma once

#include "ecotone/ir/tensor.h"
#include "ecotone/op/reduce.h"

namespace ecotone::op {

// out[o, i] = (...(init op x[o, 0, i]) op x[o, 1, i]...) for x [outer, count, inner]. Floats narrower than f64 are
// combined in f32, complex<f32> in f32 parts, and rounded to out's type at the end; integers wrap.
void fold(Reducer reducer, const Tensor& x, int64_t outer, int64_t count, int64_t inner, const Tensor& init,
          MutableTensor& out);

// accumulators[i] = accumulators[i] op x[i * stride] for i in [0, n), in the types that fold computes in.
template <class T>
void combine_into(Reducer reducer, T* accumulators, const T* x, int64_t stride, int64_t n, bool is_unsigned);

// Calls body(T{}) with the type that values of `dtype` are folded in: float, double, int64_t, complex<float> or
// complex<double>.
template <class F>
void with_fold_type(DType dtype, const F& body) {
  if (dtype == DType::kF64)
    body(double{});
  else if (is_float(dtype))
    body(float{});
  else if (dtype == DType::kC64)
    body(std::complex<float>{});
  else if (is_complex(dtype))
    body(std::complex<double>{});
  else
    body(int64_t{});
}

// Elements [begin, begin + count) of x as T (see with_fold_type): those of x itself where it has that type, else
// `buffer` filled.
template <class T>
const T* load_fold(const Tensor& x, int64_t begin, int64_t count, std::vector<T>& buffer);
template <class T>
void store_fold(MutableTensor& out, int64_t begin, int64_t count, const T* values);

}  // namespace ecotone::op
