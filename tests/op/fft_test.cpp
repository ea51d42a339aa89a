// Fourier transforms against the sum that defines them.
#include <cmath>
#include <numbers>
#include <random>

#include <gtest/gtest.h>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/op/linalg.h"

namespace ecotone {
namespace {

using Complex = std::complex<double>;
using op::FftType;

Tensor fft(const Tensor& x, FftType type, std::vector<int64_t> length, EvalMode mode = EvalMode::kSpec) {
  Builder b;
  b.output("y", op::fft(b, b.input("x", x.type()), type, std::move(length)));
  const std::vector<Tensor> inputs = {x};
  return backend::evaluate(*std::move(b).build(), inputs, mode)[0];
}

Tensor draw(DType dtype, Shape shape) {
  std::mt19937_64 engine(11);
  std::normal_distribution<double> normal;
  MutableTensor t(dtype, std::move(shape));
  for (int64_t i = 0; i < t.size(); ++i) {
    const double re = normal(engine);
    if (is_complex(dtype))
      t.set_complex(i, {re, normal(engine)});
    else
      t.set_double(i, re);
  }
  return std::move(t).freeze();
}

std::vector<Complex> values(const Tensor& t) {
  std::vector<Complex> v;
  for (int64_t i = 0; i < t.size(); ++i) v.push_back(is_complex(t.dtype()) ? t.at_complex(i) : t.at_double(i));
  return v;
}

// The transform of one line by its definition.
std::vector<Complex> naive(const std::vector<Complex>& x, bool inverse = false) {
  const auto n = static_cast<int64_t>(x.size());
  std::vector<Complex> y(x.size());
  for (int64_t j = 0; j < n; ++j)
    for (int64_t k = 0; k < n; ++k)
      y[static_cast<size_t>(j)] +=
          x[static_cast<size_t>(k)] * std::polar(1.0, (inverse ? 2 : -2) * std::numbers::pi *
                                                          static_cast<double>(j * k % n) / static_cast<double>(n));
  return y;
}

void expect_near(const std::vector<Complex>& got, const std::vector<Complex>& wanted, double relative) {
  ASSERT_EQ(got.size(), wanted.size());
  double scale = 0;
  for (const Complex& v : wanted) scale = std::fmax(scale, std::abs(v));
  for (size_t i = 0; i < got.size(); ++i) ASSERT_LE(std::abs(got[i] - wanted[i]), relative * scale) << "entry " << i;
}

// Errors grow as eps log n for the fast algorithms and eps sqrt(n) for the naive sum: 64 eps up to n = 1024.
const double kTight = 64 * epsilon(DType::kF64);

TEST(Fft, EveryLengthIsTheDefinition) {
  for (int64_t n :
       {1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 30, 31, 37, 49, 62, 64, 74, 97, 100, 101, 128, 210, 331, 1024}) {
    SCOPED_TRACE(n);
    const Tensor x = draw(DType::kC128, {n});
    expect_near(values(fft(x, FftType::kFft, {n})), naive(values(x)), kTight);
    std::vector<Complex> inverse = naive(values(x), true);
    for (Complex& v : inverse) v /= static_cast<double>(n);
    expect_near(values(fft(x, FftType::kIfft, {n})), inverse, kTight);

    const Tensor r = draw(DType::kF64, {n});
    std::vector<Complex> half = naive(values(r));
    half.resize(static_cast<size_t>(n / 2 + 1));
    const Tensor y = fft(r, FftType::kRfft, {n});
    ASSERT_EQ(y.dtype(), DType::kC128);
    expect_near(values(y), half, kTight);
    const Tensor back = fft(y, FftType::kIrfft, {n});
    ASSERT_EQ(back.dtype(), DType::kF64);
    expect_near(values(back), values(r), kTight);
  }
}

TEST(Fft, LongLengths) {
  for (int64_t n : {1 << 16, 65537, 3 * 5 * 7 * 11 * 13 * 4}) {  // 2^16; a prime; mixed
    const Tensor x = draw(DType::kC128, {n});
    const Tensor y = fft(x, FftType::kFft, {n});
    expect_near(values(fft(y, FftType::kIfft, {n})), values(x), kTight);
    double energy = 0, transformed = 0;  // Parseval
    for (const Complex& v : values(x)) energy += std::norm(v);
    for (const Complex& v : values(y)) transformed += std::norm(v) / static_cast<double>(n);
    EXPECT_NEAR(transformed / energy, 1, 1e-12);
  }
}

// Transforms the axes one after the other, by the definition.
std::vector<Complex> naive_axis(const std::vector<Complex>& x, const Shape& shape, size_t axis) {
  int64_t inner = 1;
  for (size_t d = axis + 1; d < shape.size(); ++d) inner *= shape[d];
  const int64_t n = shape[axis];
  std::vector<Complex> y(x.size());
  for (int64_t i = 0; i < static_cast<int64_t>(x.size()) / n; ++i) {
    const int64_t first = i / inner * n * inner + i % inner;
    std::vector<Complex> line;
    for (int64_t k = 0; k < n; ++k) line.push_back(x[static_cast<size_t>(first + k * inner)]);
    line = naive(line);
    for (int64_t k = 0; k < n; ++k) y[static_cast<size_t>(first + k * inner)] = line[static_cast<size_t>(k)];
  }
  return y;
}

TEST(Fft, UpToThreeDimensions) {
  const Shape shape = {2, 4, 37, 6};
  const Tensor x = draw(DType::kC128, shape);
  const Tensor r = draw(DType::kF64, shape);
  std::vector<Complex> wanted = values(x), wanted_real = values(r);
  std::vector<int64_t> length;
  for (size_t axis = 3; axis >= 1; --axis) {
    length.insert(length.begin(), shape[axis]);
    wanted = naive_axis(wanted, shape, axis);
    expect_near(values(fft(x, FftType::kFft, length)), wanted, kTight);
    expect_near(values(fft(fft(x, FftType::kFft, length), FftType::kIfft, length)), values(x), kTight);

    wanted_real = naive_axis(wanted_real, shape, axis);
    std::vector<Complex> half;
    for (size_t i = 0; i < wanted_real.size(); ++i)
      if (i % 6 < 4) half.push_back(wanted_real[i]);
    const Tensor y = fft(r, FftType::kRfft, length);
    EXPECT_EQ(y.shape(), (Shape{2, 4, 37, 4}));
    expect_near(values(y), half, kTight);
    expect_near(values(fft(y, FftType::kIrfft, length)), values(r), kTight);
  }
}

TEST(Fft, RoundsOnceInSinglePrecision) {
  const Tensor x = draw(DType::kC64, {60}), r = draw(DType::kF32, {60});
  const double half_ulp = epsilon(DType::kF32) / 2 + kTight;
  expect_near(values(fft(x, FftType::kFft, {60})), naive(values(x)), half_ulp);
  EXPECT_EQ(fft(r, FftType::kRfft, {60}).dtype(), DType::kC64);
  EXPECT_EQ(fft(draw(DType::kC64, {31}), FftType::kIrfft, {60}).dtype(), DType::kF32);
  expect_near(values(fft(x, FftType::kFft, {60}, EvalMode::kReal)), naive(values(x)), kTight);
}

TEST(Fft, IrfftDropsWhatRealSignalsLack) {
  const Tensor x = Tensor::from<Complex>({{4, 3}, {1, 1}, {2, 5}}, {3}),
               clean = Tensor::from<Complex>({4, {1, 1}, 2}, {3});
  EXPECT_EQ(fft(x, FftType::kIrfft, {4}), fft(clean, FftType::kIrfft, {4}));
  EXPECT_DOUBLE_EQ(fft(x, FftType::kIrfft, {4}).at_double(0), 2);  // (4 + 2 Re(1 + i) + 2) / 4
}

TEST(Fft, TypesAreChecked) {
  const auto zeros = [](DType dtype, Shape shape) { return Tensor::zeros(dtype, std::move(shape)); };
  EXPECT_THROW(fft(zeros(DType::kF32, {4}), FftType::kFft, {4}), Error);
  EXPECT_THROW(fft(zeros(DType::kC64, {4}), FftType::kRfft, {4}), Error);
  EXPECT_THROW(fft(zeros(DType::kF32, {4}), FftType::kIrfft, {4}), Error);
  EXPECT_THROW(fft(zeros(DType::kC64, {4}), FftType::kFft, {5}), Error);
  EXPECT_THROW(fft(zeros(DType::kC64, {4}), FftType::kIrfft, {4}), Error);
  EXPECT_THROW(fft(zeros(DType::kC64, {4}), FftType::kFft, {}), Error);
  EXPECT_THROW(fft(zeros(DType::kC64, {4}), FftType::kFft, {1, 4}), Error);
  EXPECT_THROW(fft(zeros(DType::kC64, {4}), FftType::kFft, {-4}), Error);
  EXPECT_EQ(fft(zeros(DType::kC64, {0, 4}), FftType::kFft, {4}).size(), 0);
  EXPECT_EQ(fft(zeros(DType::kF32, {2, 0}), FftType::kRfft, {0}).size(), 0);
}

}  // namespace
}  // namespace ecotone
