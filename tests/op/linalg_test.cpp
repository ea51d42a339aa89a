// Factorizations and solves, judged by multiplying back.
#include "ecotone/op/linalg.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "ecotone/backend/reference/reference.h"

namespace ecotone {
namespace {

using Complex = std::complex<double>;
using Matrix = std::vector<Complex>;  // n x n or n x m, row-major

struct Draw {
  std::mt19937_64 engine{7};
  std::normal_distribution<double> normal;
  Complex operator()(DType dtype) { return {normal(engine), is_complex(dtype) ? normal(engine) : 0}; }
};

Tensor to_tensor(DType dtype, Shape shape, const Matrix& values) {
  MutableTensor t(dtype, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) {
    if (is_complex(dtype))
      t.set_complex(static_cast<int64_t>(i), values[i]);
    else
      t.set_double(static_cast<int64_t>(i), values[i].real());
  }
  return std::move(t).freeze();
}
Complex at(const Tensor& t, int64_t i) {
  return is_complex(t.dtype()) ? t.at_complex(i) : t.at_double(i);
}
// The unit roundoff of the type that sums are kept in.
double roundoff(DType dtype) {
  return epsilon(dtype == DType::kC64 ? DType::kF32 : dtype == DType::kC128 ? DType::kF64 : dtype);
}

Tensor cholesky(const Tensor& x, bool lower) {
  Builder b;
  b.output("l", op::cholesky(b, b.input("x", x.type()), lower));
  const std::vector<Tensor> inputs = {x};
  return backend::evaluate(*std::move(b).build(), inputs)[0];
}

TEST(Cholesky, MultipliesBack) {
  Draw draw;
  for (DType dtype : {DType::kF16, DType::kF32, DType::kF64, DType::kC64, DType::kC128})
    for (bool lower : {true, false})
      for (int64_t n : {1, 2, 5, 13}) {
        SCOPED_TRACE(testing::Message() << name(dtype) << " lower=" << lower << " n=" << n);
        const int64_t batch = 2;
        Matrix a(static_cast<size_t>(batch * n * n)), half = a;
        for (Complex& v : half) v = draw(dtype);
        for (int64_t b = 0; b < batch; ++b)
          for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < n; ++j) {
              Complex& v = a[static_cast<size_t>((b * n + i) * n + j)] = i == j ? 1 : 0;
              for (int64_t k = 0; k < n; ++k)
                v += half[static_cast<size_t>((b * n + i) * n + k)] *
                     std::conj(half[static_cast<size_t>((b * n + j) * n + k)]) / static_cast<double>(n);
            }
        Matrix given = a;  // what is in the other triangle must not matter
        for (int64_t b = 0; b < batch; ++b)
          for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < n; ++j)
              if (lower ? j > i : j < i) given[static_cast<size_t>((b * n + i) * n + j)] = 1e3;
        const Tensor l = cholesky(to_tensor(dtype, {batch, n, n}, given), lower);
        // Backward error of a Cholesky factorization: (n + 1) u |L||L^H| (Higham, theorem 10.3); entries here are
        // below 8. One rounding more for the stored factors of narrow types, and of the matrix itself.
        const double tolerance = static_cast<double>(n + 3) * roundoff(dtype) * 8;
        for (int64_t b = 0; b < batch; ++b)
          for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < n; ++j) {
              if (lower ? j > i : j < i) {
                EXPECT_EQ(at(l, (b * n + i) * n + j), Complex(0));
              }
              Complex sum = 0;
              for (int64_t k = 0; k < n; ++k)
                sum += lower ? at(l, (b * n + i) * n + k) * std::conj(at(l, (b * n + j) * n + k))
                             : std::conj(at(l, (b * n + k) * n + i)) * at(l, (b * n + k) * n + j);
              EXPECT_LE(std::abs(sum - a[static_cast<size_t>((b * n + i) * n + j)]), tolerance);
            }
      }
}

TEST(Cholesky, IndefiniteGivesNan) {
  // The first matrix of the batch has eigenvalues 3 and -1; the second must come out right all the same.
  for (bool lower : {true, false}) {
    const Tensor l = cholesky(to_tensor(DType::kF32, {2, 2, 2}, {1, 2, 2, 1, 4, 2, 2, 10}), lower);
    for (int64_t i = 0; i < 4; ++i) EXPECT_TRUE(std::isnan(l.at_double(i)));
    EXPECT_EQ(l.at_double(4), 2);
    EXPECT_EQ(l.at_double(lower ? 6 : 5), 1);
    EXPECT_EQ(l.at_double(7), 3);
  }
  EXPECT_TRUE(std::isnan(cholesky(to_tensor(DType::kF64, {1, 1}, {NAN}), true).at_double(0)));
  EXPECT_TRUE(std::isnan(cholesky(to_tensor(DType::kF64, {1, 1}, {0}), true).at_double(0)));
  EXPECT_EQ(cholesky(Tensor::zeros(DType::kF32, {3, 0, 0}), true).size(), 0);
  EXPECT_THROW(cholesky(Tensor::zeros(DType::kF32, {3, 2}), true), Error);
  EXPECT_THROW(cholesky(Tensor::zeros(DType::kF32, {3}), true), Error);
  EXPECT_THROW(cholesky(Tensor::zeros(DType::kI32, {3, 3}), true), Error);
}

Tensor solve(const Tensor& a, const Tensor& rhs, const op::TriangularSolveAttributes& attributes) {
  Builder b;
  const ValueId left = b.input("a", a.type()), right = b.input("b", rhs.type());
  b.output("x", op::triangular_solve(b, left, right, attributes));
  const std::vector<Tensor> inputs = {a, rhs};
  return backend::evaluate(*std::move(b).build(), inputs)[0];
}

TEST(TriangularSolve, MultipliesBack) {
  Draw draw;
  const int64_t batch = 2, n = 5, m = 3;
  for (DType dtype : {DType::kF32, DType::kF64, DType::kC64, DType::kC128})
    for (int flags = 0; flags < 24; ++flags) {
      op::TriangularSolveAttributes attributes;
      attributes.left_side = flags & 1;
      attributes.lower = flags & 2;
      attributes.unit_diagonal = flags & 4;
      attributes.transpose_a = static_cast<op::Transpose>(flags / 8);
      SCOPED_TRACE(testing::Message() << name(dtype) << " left=" << attributes.left_side
                                      << " lower=" << attributes.lower << " unit=" << attributes.unit_diagonal
                                      << " transpose=" << flags / 8);
      Matrix a(static_cast<size_t>(batch * n * n)), rhs(static_cast<size_t>(batch * n * m));
      for (Complex& v : a) v = draw(dtype) / 4.0;
      for (Complex& v : rhs) v = draw(dtype);
      for (int64_t i = 0; i < batch * n; ++i) a[static_cast<size_t>(i * n + i % n)] += 2;
      const int64_t rows = attributes.left_side ? n : m, columns = attributes.left_side ? m : n;
      const Tensor ta = to_tensor(dtype, {batch, n, n}, a), tb = to_tensor(dtype, {batch, rows, columns}, rhs);
      const Tensor x = solve(ta, tb, attributes);
      const auto entry = [&](int64_t b, int64_t i, int64_t j) -> Complex {  // of op(a), from what the op may read
        const bool transposed = attributes.transpose_a != op::Transpose::kNoTranspose;
        if (transposed) std::swap(i, j);
        if (i == j && attributes.unit_diagonal) return 1;
        if (attributes.lower ? j > i : j < i) return 0;
        const Complex v = at(ta, (b * n + i) * n + j);
        return attributes.transpose_a == op::Transpose::kAdjoint ? std::conj(v) : v;
      };
      // The residual of a substitution is below n u |A||x| (Higham, theorem 8.5); |A||x| is below 16 here. Complex
      // products and quotients lose 4 times as much.
      const double tolerance = 4 * n * roundoff(dtype) * 16;
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            Complex sum = 0;
            for (int64_t k = 0; k < n; ++k)
              sum += attributes.left_side ? entry(b, i, k) * at(x, (b * n + k) * m + j)
                                          : at(x, (b * m + i) * n + k) * entry(b, k, j);
            EXPECT_LE(std::abs(sum - at(tb, (b * rows + i) * columns + j)), tolerance);
          }
    }
}

TEST(TriangularSolve, ShapesAreChecked) {
  const auto zeros = [](Shape shape) { return Tensor::zeros(DType::kF32, std::move(shape)); };
  EXPECT_THROW(solve(zeros({3, 3}), zeros({2, 3}), {}), Error);
  EXPECT_EQ(solve(zeros({3, 3}), zeros({2, 3}), {.left_side = false}).shape(), (Shape{2, 3}));
  EXPECT_THROW(solve(zeros({3, 2}), zeros({3, 1}), {}), Error);
  EXPECT_THROW(solve(zeros({2, 3, 3}), zeros({3, 3}), {}), Error);
  EXPECT_EQ(solve(zeros({0, 0}), zeros({0, 3}), {}).size(), 0);
  EXPECT_TRUE(std::isinf(solve(zeros({1, 1}), Tensor::full(DType::kF32, {1, 1}, 1), {}).at_double(0)));
}

}  // namespace
}  // namespace ecotone
