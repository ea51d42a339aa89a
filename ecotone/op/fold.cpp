#include "ecotone/op/fold.h"

#include <algorithm>
#include <cmath>

#include "ecotone/base/thread_pool.h"
#include "ecotone/op/combine.h"
#include "ecotone/op/wide.h"

namespace ecotone::op {
namespace {

template <class T>
T apply(Reducer reducer, T x, T y, bool is_unsigned) {
  if constexpr (std::is_same_v<T, int64_t>)
    return combine(reducer, x, y, is_unsigned);
  else if constexpr (std::is_floating_point_v<T>)
    return static_cast<T>(combine(reducer, static_cast<double>(x), static_cast<double>(y)));
  else
    return T(combine(reducer, std::complex<double>(x), std::complex<double>(y)));
}

template <class T>
void maximum_into(T* accumulators, const T* x, int64_t stride, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T a = accumulators[i], b = x[i * stride];
    // NaN stays; of equal zeros the positive one wins.
    const T larger = a > b || (a == b && !std::signbit(a)) ? a : b;
    accumulators[i] = a != a ? a : larger;
  }
}

template <class T>
using WideOf = std::conditional_t<std::is_floating_point_v<T>, double,
                                  std::conditional_t<std::is_same_v<T, int64_t>, int64_t, Complex>>;

template <class T>
void fold_rows(Reducer reducer, const Tensor& x, int64_t count, int64_t begin, int64_t end, T init, bool is_unsigned,
               MutableTensor& out) {
  constexpr int64_t kPiece = 4096;
  std::vector<T> buffer;
  for (int64_t o = begin; o < end; ++o) {
    T sum = init;
    for (int64_t k = 0; k < count; k += kPiece) {
      const int64_t n = std::min(kPiece, count - k);
      const T* values = load_fold<T>(x, o * count + k, n, buffer);
      if (reducer == Reducer::kAdd)
        for (int64_t i = 0; i < n; ++i) sum = static_cast<T>(sum + values[i]);
      else
        for (int64_t i = 0; i < n; ++i) sum = apply(reducer, sum, values[i], is_unsigned);
    }
    store_fold<T>(out, o, 1, &sum);
  }
}

template <class T>
void fold_columns(Reducer reducer, const Tensor& x, int64_t o, int64_t count, int64_t inner, int64_t begin, int64_t end,
                  T init, bool is_unsigned, MutableTensor& out) {
  std::vector<T> sums(static_cast<size_t>(end - begin), init), buffer;
  for (int64_t k = 0; k < count; ++k)
    combine_into<T>(reducer, sums.data(), load_fold<T>(x, (o * count + k) * inner + begin, end - begin, buffer), 1,
                    end - begin, is_unsigned);
  store_fold<T>(out, o * inner + begin, end - begin, sums.data());
}

}  // namespace

template <class T>
const T* load_fold(const Tensor& x, int64_t begin, int64_t count, std::vector<T>& buffer) {
  if (x.dtype() == NativeType<T>::value) return x.data<T>().data() + begin;
  buffer.resize(static_cast<size_t>(count));
  if constexpr (std::is_same_v<T, WideOf<T>>) {
    load_wide(x, begin, count, buffer.data());
  } else {
    std::vector<WideOf<T>> wide(static_cast<size_t>(count));
    load_wide(x, begin, count, wide.data());
    std::transform(wide.begin(), wide.end(), buffer.begin(), [](WideOf<T> v) { return static_cast<T>(v); });
  }
  return buffer.data();
}

template <class T>
void store_fold(MutableTensor& out, int64_t begin, int64_t count, const T* values) {
  if (out.dtype() == NativeType<T>::value) {
    std::copy_n(values, count, out.data<T>().data() + begin);
  } else if (out.dtype() == DType::kBool) {  // a sum of bools is their disjunction
    if constexpr (std::is_same_v<T, int64_t>)
      for (int64_t i = 0; i < count; ++i) out.set_int(begin + i, values[i] != 0);
  } else {
    const std::vector<WideOf<T>> wide(values, values + count);
    store_wide(out, begin, count, wide.data());
  }
}

template <class T>
void combine_into(Reducer reducer, T* accumulators, const T* x, int64_t stride, int64_t n, bool is_unsigned) {
  if (reducer == Reducer::kAdd) {
    for (int64_t i = 0; i < n; ++i) accumulators[i] = static_cast<T>(accumulators[i] + x[i * stride]);
    return;
  }
  if constexpr (std::is_floating_point_v<T>)
    if (reducer == Reducer::kMaximum) return maximum_into(accumulators, x, stride, n);
  for (int64_t i = 0; i < n; ++i) accumulators[i] = apply(reducer, accumulators[i], x[i * stride], is_unsigned);
}

void fold(Reducer reducer, const Tensor& x, int64_t outer, int64_t count, int64_t inner, const Tensor& init,
          MutableTensor& out) {
  if (out.size() == 0) return;
  const bool is_unsigned = !is_signed_integer(x.dtype());
  with_fold_type(x.dtype(), [&](auto type) {
    using T = decltype(type);
    std::vector<T> buffer;
    const T start = *load_fold<T>(init, 0, 1, buffer);
    constexpr int64_t kGrain = 1 << 16;  // elements a task
    if (inner == 1) {
      ThreadPool::global().parallel_for(
          0, outer, std::max<int64_t>(1, kGrain / std::max<int64_t>(count, 1)),
          [&](int64_t begin, int64_t end) { fold_rows<T>(reducer, x, count, begin, end, start, is_unsigned, out); });
      return;
    }
    constexpr int64_t kColumns = 1024;
    const int64_t parts = (inner + kColumns - 1) / kColumns;
    ThreadPool::global().parallel_for(0, outer * parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const int64_t first = p % parts * kColumns;
        fold_columns<T>(reducer, x, p / parts, count, inner, first, std::min(first + kColumns, inner), start,
                        is_unsigned, out);
      }
    });
  });
}

#define ECOTONE_FOLD_TYPE(T)                                                        \
  template void combine_into<T>(Reducer, T*, const T*, int64_t, int64_t, bool);     \
  template const T* load_fold<T>(const Tensor&, int64_t, int64_t, std::vector<T>&); \
  template void store_fold<T>(MutableTensor&, int64_t, int64_t, const T*);
ECOTONE_FOLD_TYPE(float)
ECOTONE_FOLD_TYPE(double)
ECOTONE_FOLD_TYPE(int64_t)
ECOTONE_FOLD_TYPE(std::complex<float>)
ECOTONE_FOLD_TYPE(std::complex<double>)
#undef ECOTONE_FOLD_TYPE

}  // namespace ecotone::op
