#include "ecotone/op/linalg.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include "ecotone/base/thread_pool.h"
#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/common.h"
#include "ecotone/op/fold.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

template <class T>
constexpr bool kIsComplex = !std::is_floating_point_v<T>;
template <class T>
T conjugate(T x) {
  if constexpr (kIsComplex<T>)
    return std::conj(x);
  else
    return x;
}
// sum - x y, without the C standard's recovery of complex infinities.
template <class T>
T subtract_product(T sum, T x, T y) {
  if constexpr (kIsComplex<T>)
    return T(sum.real() - (x.real() * y.real() - x.imag() * y.imag()),
             sum.imag() - (x.real() * y.imag() + x.imag() * y.real()));
  else
    return sum - x * y;
}

// As with_fold_type, without integers, which these ops don't take.
template <class F>
void with_inexact_type(DType dtype, const F& body) {
  with_fold_type(dtype, [&](auto type) {
    if constexpr (!std::is_same_v<decltype(type), int64_t>) body(type);
  });
}

// Operand i: matrices in the last two dimensions, square if asked.
const TensorType& expect_matrices(const InferCall& call, size_t i, bool square) {
  const TensorType& t = call.operand(i);
  if (t.rank() < 2) fail("operand {} must be a matrix or a batch of them, but is {}", i, t.str(call.dims.symbols()));
  if (square) call.dims.require_equal(t.shape[t.shape.size() - 2], t.shape.back(), "sizes of a square matrix");
  return t;
}

// cholesky ------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_cholesky(const InferCall& call) {
  call.expect_operands(1);
  call.expect_regions(0);
  expect_declared_dtype(call, 0, cholesky());
  return {Type(expect_matrices(call, 0, true))};
}

// Fills the lower triangle of l, row by row (Cholesky-Banachiewicz); at(i, j) gives an entry of the matrix, i >= j.
// Returns whether the matrix is positive definite.
template <class T, class F>
bool factorize(int64_t n, const F& at, T* l) {
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      T sum = at(i, j);
      for (int64_t k = 0; k < j; ++k) sum = subtract_product(sum, l[i * n + k], conjugate(l[j * n + k]));
      if (i != j) {
        l[i * n + j] = sum / std::real(l[j * n + j]);
        continue;
      }
      const auto pivot = std::real(sum);
      if (!(pivot > 0)) return false;
      l[i * n + i] = T(std::sqrt(pivot));
    }
  return true;
}

std::vector<Tensor> evaluate_cholesky(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  const bool lower = call.get<CholeskyAttributes>().lower;
  MutableTensor out(x.dtype(), x.shape(), MutableTensor::Init::kNone);
  if (x.size() == 0) return {std::move(out).freeze()};
  const int64_t n = x.shape().back(), count = x.size() / (n * n);
  with_inexact_type(x.dtype(), [&](auto type) {
    using T = decltype(type);
    std::vector<T> buffer, result(static_cast<size_t>(x.size()));
    const T* in = load_fold<T>(x, 0, x.size(), buffer);
    ThreadPool::global().parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      std::vector<T> l(static_cast<size_t>(n * n));
      for (int64_t b = begin; b < end; ++b) {
        const T* a = in + b * n * n;
        T* r = result.data() + b * n * n;
        const auto at = [&](int64_t i, int64_t j) { return lower ? a[i * n + j] : conjugate(a[j * n + i]); };
        if (!factorize<T>(n, at, l.data())) {
          std::fill_n(r, n * n, T(std::numeric_limits<double>::quiet_NaN()));
          continue;
        }
        for (int64_t i = 0; i < n; ++i)
          for (int64_t j = 0; j <= i; ++j)
            (lower ? r[i * n + j] : r[j * n + i]) = lower ? l[i * n + j] : conjugate(l[i * n + j]);
      }
    });
    store_fold<T>(out, 0, out.size(), result.data());
  });
  return {std::move(out).freeze()};
}

// triangular_solve ----------------------------------------------------------------------------------------------------

std::vector<Type> infer_triangular_solve(const InferCall& call) {
  call.expect_operands(2);
  call.expect_regions(0);
  expect_declared_dtype(call, 0, triangular_solve());
  expect_equal_dtypes(call, 0, 1);
  const TensorType& a = expect_matrices(call, 0, true);
  TensorType b = expect_matrices(call, 1, false);
  if (a.rank() != b.rank()) fail("a has {} dimensions, but b has {}", a.rank(), b.rank());
  const size_t batch = a.shape.size() - 2;
  for (size_t d = 0; d < batch; ++d) {
    call.dims.require_equal(a.shape[d], b.shape[d], "batch sizes of a and b");
    if (a.shape[d].is_constant()) b.shape[d] = a.shape[d];
  }
  const size_t shared = batch + (call.get<TriangularSolveAttributes>().left_side ? 0 : 1);
  call.dims.require_equal(a.shape.back(), b.shape[shared], "the size of a and that of b's side it is on");
  if (a.shape.back().is_constant()) b.shape[shared] = a.shape.back();
  return {Type(std::move(b))};
}

// Solves m x = b in place for one vector, of which entry i is x[i * stride]; at(i, j) gives m.
template <class T, class F>
void substitute_back(int64_t n, bool lower, bool unit, const F& at, T* x, int64_t stride) {
  for (int64_t step = 0; step < n; ++step) {
    const int64_t i = lower ? step : n - 1 - step;
    T sum = x[i * stride];
    for (int64_t j = lower ? 0 : i + 1; j < (lower ? i : n); ++j) sum = subtract_product(sum, at(i, j), x[j * stride]);
    x[i * stride] = unit ? sum : sum / at(i, i);
  }
}

std::vector<Tensor> evaluate_triangular_solve(const EvalCall& call) {
  const auto& attributes = call.get<TriangularSolveAttributes>();
  const Tensor &a = call.operands[0], &b = call.operands[1];
  MutableTensor out(b.dtype(), b.shape(), MutableTensor::Init::kNone);
  if (b.size() == 0) return {std::move(out).freeze()};
  const bool left = attributes.left_side;
  const bool transposed = attributes.transpose_a != Transpose::kNoTranspose;
  const bool conjugated = attributes.transpose_a == Transpose::kAdjoint;
  // x op(a) = b is op(a)^T x^T = b^T: one more transposition, along rows instead of columns.
  const bool swapped = transposed == left, lower = attributes.lower != swapped;
  const int64_t n = a.shape().back(), columns = b.shape().back(), rows = b.shape()[b.shape().size() - 2];
  const int64_t vectors = left ? columns : rows, stride = left ? columns : 1, next = left ? 1 : columns;
  with_inexact_type(b.dtype(), [&](auto type) {
    using T = decltype(type);
    std::vector<T> buffer_a, buffer_b;
    const T *matrices = load_fold<T>(a, 0, a.size(), buffer_a), *given = load_fold<T>(b, 0, b.size(), buffer_b);
    std::vector<T> x(given, given + b.size());
    ThreadPool::global().parallel_for(0, b.size() / n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t v = begin; v < end; ++v) {
        const T* m = matrices + v / vectors * n * n;
        const auto at = [&](int64_t i, int64_t j) {
          const T entry = swapped ? m[j * n + i] : m[i * n + j];
          return conjugated ? conjugate(entry) : entry;
        };
        T* first = x.data() + v / vectors * rows * columns + v % vectors * next;
        substitute_back<T>(n, lower, attributes.unit_diagonal, at, first, stride);
      }
    });
    store_fold<T>(out, 0, out.size(), x.data());
  });
  return {std::move(out).freeze()};
}

// Blocked algorithms add up in other orders, and errors grow with the condition number.
constexpr double kErrorFactor = 8;

}  // namespace

const Op& cholesky() {
  static const Op op =
      primitive("stablehlo.cholesky", &attributes_info<CholeskyAttributes>(),
                DTypeSet::floats() | DTypeSet::complexes(), infer_cholesky, evaluate_cholesky, kErrorFactor);
  return op;
}
ValueId cholesky(Builder& b, ValueId x, bool lower) {
  return b.add1(cholesky(), make_attributes(CholeskyAttributes{lower}), {x});
}

const Op& triangular_solve() {
  static const Op op = primitive("stablehlo.triangular_solve", &attributes_info<TriangularSolveAttributes>(),
                                 DTypeSet::floats() | DTypeSet::complexes(), infer_triangular_solve,
                                 evaluate_triangular_solve, kErrorFactor);
  return op;
}
ValueId triangular_solve(Builder& b, ValueId a, ValueId rhs, TriangularSolveAttributes attributes) {
  return b.add1(triangular_solve(), make_attributes(attributes), {a, rhs});
}

std::span<const Op* const> linalg_ops() {
  static const Op* const ops[] = {&cholesky(), &triangular_solve(), &fft()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::CholeskyAttributes>();
template const AttributesInfo& attributes_info<op::TriangularSolveAttributes>();
template const AttributesInfo& attributes_info<op::FftAttributes>();
}  // namespace ecotone
