#include "ecotone/op/gemm.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ecotone/base/thread_pool.h"
#include "ecotone/op/complex_math.h"

namespace ecotone::op {
namespace {

// Six rows by a panel, in vectors that GCC lowers to what the machine has.
#define ECOTONE_MULTIPLY_ROWS(function, T, kRows)                                                         \
  __attribute__((target_clones("avx512f", "avx2", "default"))) void function(const T* a, int64_t k_count, \
                                                                             const T* panel, T* sums) {   \
    typedef T Vector __attribute__((vector_size(64)));                                                    \
    constexpr int64_t kLanes = 64 / sizeof(T), kVectors = kPanel / kLanes;                                \
    Vector sum[kRows][kVectors] = {};                                                                     \
    for (int64_t k = 0; k < k_count; ++k) {                                                               \
      Vector b[kVectors];                                                                                 \
      std::memcpy(b, panel + k * kPanel, sizeof(b));                                                      \
      for (int r = 0; r < kRows; ++r)                                                                     \
        for (int64_t v = 0; v < kVectors; ++v) sum[r][v] += b[v] * a[r * k_count + k];                    \
    }                                                                                                     \
    std::memcpy(sums, sum, sizeof(sum));                                                                  \
  }
constexpr int64_t kFloatRows = 6, kDoubleRows = 3;
ECOTONE_MULTIPLY_ROWS(multiply_rows, float, 6)
ECOTONE_MULTIPLY_ROWS(multiply_row, float, 1)
ECOTONE_MULTIPLY_ROWS(multiply_rows, double, 3)
ECOTONE_MULTIPLY_ROWS(multiply_row, double, 1)
#undef ECOTONE_MULTIPLY_ROWS

template <class T>
T product(T x, T y) {
  if constexpr (std::is_same_v<T, int64_t>)
    return static_cast<int64_t>(static_cast<uint64_t>(x) * static_cast<uint64_t>(y));
  else
    return T(complex_multiply(x, y));
}
template <class T>
T sum(T x, T y) {
  if constexpr (std::is_same_v<T, int64_t>)
    return static_cast<int64_t>(static_cast<uint64_t>(x) + static_cast<uint64_t>(y));
  else
    return x + y;
}

}  // namespace

template <class T>
void multiply_panel(const T* a, int64_t rows, int64_t k_count, const T* panel, T* c, int64_t c_stride,
                    int64_t columns) {
  if constexpr (std::is_floating_point_v<T>) {
    constexpr int64_t kRows = std::is_same_v<T, float> ? kFloatRows : kDoubleRows;
    T sums[kRows * kPanel];
    for (int64_t r = 0; r < rows;) {
      const int64_t n = rows - r >= kRows ? kRows : 1;
      if (n == kRows)
        multiply_rows(a + r * k_count, k_count, panel, sums);
      else
        multiply_row(a + r * k_count, k_count, panel, sums);
      for (int64_t i = 0; i < n; ++i) std::copy_n(sums + i * kPanel, columns, c + (r + i) * c_stride);
      r += n;
    }
  } else {
    for (int64_t r = 0; r < rows; ++r) {
      T sums[kPanel] = {};
      for (int64_t k = 0; k < k_count; ++k)
        for (int64_t j = 0; j < kPanel; ++j) sums[j] = sum(sums[j], product(a[r * k_count + k], panel[k * kPanel + j]));
      std::copy_n(sums, columns, c + r * c_stride);
    }
  }
}

template <class T>
void gemm(const T* a, const T* b, T* c, int64_t m, int64_t k, int64_t n) {
  const int64_t panels = (n + kPanel - 1) / kPanel;
  const int64_t work = std::max<int64_t>(1, m * k * kPanel);
  ThreadPool::global().parallel_for(0, panels, std::max<int64_t>(1, (1 << 18) / work), [&](int64_t begin, int64_t end) {
    std::vector<T> panel(static_cast<size_t>(k * kPanel));
    for (int64_t p = begin; p < end; ++p) {
      const int64_t columns = std::min(kPanel, n - p * kPanel);
      for (int64_t i = 0; i < k; ++i) std::copy_n(b + i * n + p * kPanel, columns, panel.data() + i * kPanel);
      multiply_panel(a, m, k, panel.data(), c + p * kPanel, n, columns);
    }
  });
}

#define ECOTONE_GEMM_TYPE(T)                                                                   \
  template void multiply_panel<T>(const T*, int64_t, int64_t, const T*, T*, int64_t, int64_t); \
  template void gemm<T>(const T*, const T*, T*, int64_t, int64_t, int64_t);
ECOTONE_GEMM_TYPE(float)
ECOTONE_GEMM_TYPE(double)
ECOTONE_GEMM_TYPE(int64_t)
ECOTONE_GEMM_TYPE(std::complex<float>)
ECOTONE_GEMM_TYPE(std::complex<double>)
#undef ECOTONE_GEMM_TYPE

}  // namespace ecotone::op
