// Matrix products whose sums run serially over k: the arithmetic under dot_general and convolution.
#pragma once

#include <complex>
#include <cstdint>

namespace ecotone::op {

// Columns of a packed panel.
inline constexpr int64_t kPanel = 32;

// c[m, j] = sum over k of a[m, k] * panel[k, j], added in order of k to zero, for j in [0, columns), columns <= kPanel.
// `a` is row-major with row length k_count; `panel` is [k_count, kPanel]; rows of c are c_stride apart. No fused
// multiply-add. T: float, double, int64_t, complex<float>, complex<double>; integers wrap.
template <class T>
void multiply_panel(const T* a, int64_t rows, int64_t k_count, const T* panel, T* c, int64_t c_stride, int64_t columns);

// c = a b for row-major a [m, k], b [k, n], on the thread pool.
template <class T>
void gemm(const T* a, const T* b, T* c, int64_t m, int64_t k, int64_t n);

}  // namespace ecotone::op
