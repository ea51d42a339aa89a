// Fourier transforms of any length, in f64: mixed radix where the length's primes are small, else Bluestein's.
#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <numbers>

#include "ecotone/base/thread_pool.h"
#include "ecotone/op/common.h"
#include "ecotone/op/linalg.h"
#include "ecotone/op/move.h"
#include "ecotone/op/table.h"
#include "ecotone/op/wide.h"

namespace ecotone::op {
namespace {

// The product, without the C standard's recovery of complex infinities.
inline Complex times(Complex x, Complex y) {
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}

// exp(-2 pi i k / n), 0 <= k < n: the angle is folded to [0, pi/4], where sine and cosine lose nothing.
Complex root_of_unity(int64_t k, int64_t n) {
  const int64_t quarter = 4 * k / n, rest = 4 * k - quarter * n;  // angle = pi/2 (quarter + rest / n)
  const bool beyond = 2 * rest > n;
  const double angle = std::numbers::pi / 2 * static_cast<double>(beyond ? n - rest : rest) / static_cast<double>(n);
  double c = std::cos(angle), s = std::sin(angle);
  if (beyond) std::swap(c, s);
  switch (quarter) {
    case 0:
      return {c, -s};
    case 1:
      return {-s, -c};
    case 2:
      return {-c, s};
    default:
      return {s, c};
  }
}

constexpr int64_t kLargestRadix = 31;  // a butterfly of prime p takes p^2 products

// The forward transform of one length.
class Plan {
 public:
  explicit Plan(int64_t n) : n_(n) {
    int64_t rest = n;
    for (int64_t p = 2; p <= kLargestRadix && rest > 1; ++p)
      for (; rest % p == 0; rest /= p) factors_.push_back(p);
    if (rest > 1) {
      prepare_bluestein();
      return;
    }
    for (int64_t k = 0; k < n; ++k) roots_.push_back(root_of_unity(k, n));
  }

  // Transforms x in place; `scratch` grows to what is needed.
  void forward(std::vector<Complex>& x, std::vector<Complex>& scratch) const {
    if (inner_)
      bluestein(x, scratch);
    else
      mixed_radix(x, scratch);
  }

 private:
  // Stockham's: each stage splits off a factor p by decimation in frequency and sorts as it goes.
  void mixed_radix(std::vector<Complex>& x, std::vector<Complex>& y) const {
    y.resize(static_cast<size_t>(n_));
    Complex line[kLargestRadix];
    int64_t length = n_, stride = 1;
    for (int64_t p : factors_) {
      const int64_t m = length / p;
      for (int64_t q = 0; q < m; ++q)
        for (int64_t r = 0; r < stride; ++r) {
          for (int64_t k = 0; k < p; ++k) line[k] = x[static_cast<size_t>(r + stride * (q + m * k))];
          Complex* out = y.data() + r + stride * p * q;
          for (int64_t j = 0; j < p; ++j) {
            Complex sum = line[0];
            for (int64_t k = 1; k < p; ++k)
              sum += p == 2 && j == 1 ? -line[1] : times(line[k], root(j * k % p * (n_ / p)));
            out[stride * j] = times(sum, root(q * j * stride));
          }
        }
      std::swap(x, y);
      length = m;
      stride *= p;
    }
  }
  const Complex& root(int64_t k) const { return roots_[static_cast<size_t>(k)]; }

  // x_k c_k convolved with conj(c), times c again, for the chirp c_k = exp(-pi i k^2 / n) (Bluestein 1970).
  void prepare_bluestein() {
    const auto padded = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(2 * n_ - 1)));
    inner_ = std::make_unique<Plan>(padded);
    kernel_.resize(static_cast<size_t>(padded));
    int64_t square = 0;  // k^2 mod 2n, without overflow
    for (int64_t k = 0; k < n_; ++k) {
      roots_.push_back(root_of_unity(square, 2 * n_));
      kernel_[static_cast<size_t>(k)] = kernel_[static_cast<size_t>((padded - k) % padded)] = std::conj(roots_.back());
      square = (square + 2 * k + 1) % (2 * n_);
    }
    std::vector<Complex> scratch;
    inner_->forward(kernel_, scratch);
  }
  void bluestein(std::vector<Complex>& x, std::vector<Complex>& scratch) const {
    std::vector<Complex> padded(kernel_.size());
    for (size_t k = 0; k < x.size(); ++k) padded[k] = times(x[k], roots_[k]);
    inner_->forward(padded, scratch);
    // The inverse transform is the forward one between conjugations.
    for (size_t k = 0; k < padded.size(); ++k) padded[k] = std::conj(times(padded[k], kernel_[k]));
    inner_->forward(padded, scratch);
    const double scale = 1 / static_cast<double>(padded.size());
    for (size_t k = 0; k < x.size(); ++k) x[k] = times(std::conj(padded[k]) * scale, roots_[k]);
  }

  int64_t n_;
  std::vector<int64_t> factors_;
  std::vector<Complex> roots_;  // of order n; for Bluestein's the chirp
  std::unique_ptr<const Plan> inner_;
  std::vector<Complex> kernel_;
};

// Calls line(x, scratch) on each line along `axis` of a [shape] array, read into x from `from` and written from it to
// `to`, whose axis may have another size.
template <class F>
void for_each_line(const Shape& shape, size_t axis, const Complex* from, Complex* to, int64_t to_length,
                   const F& transform) {
  const int64_t inner = row_major_strides(shape)[axis], length = shape[axis];
  const int64_t lines = length == 0 ? 0 : element_count(shape) / length;
  ThreadPool::global().parallel_for(0, lines, 16, [&](int64_t begin, int64_t end) {
    std::vector<Complex> x, scratch;
    for (int64_t i = begin; i < end; ++i) {
      const Complex* source = from + i / inner * length * inner + i % inner;
      Complex* target = to + i / inner * to_length * inner + i % inner;
      x.resize(static_cast<size_t>(length));
      for (int64_t k = 0; k < length; ++k) x[static_cast<size_t>(k)] = source[k * inner];
      transform(x, scratch);
      for (int64_t k = 0; k < to_length; ++k) target[k * inner] = x[static_cast<size_t>(k)];
    }
  });
}

void transform(const Plan& plan, bool inverse, std::vector<Complex>& x, std::vector<Complex>& scratch) {
  if (!inverse) return plan.forward(x, scratch);
  const auto n = static_cast<double>(x.size());
  for (Complex& v : x) v = std::conj(v);
  plan.forward(x, scratch);
  for (Complex& v : x) v = std::conj(v) / n;
}

std::vector<Type> infer_fft(const InferCall& call) {
  const auto& a = call.get<FftAttributes>();
  call.expect_operands(1);
  call.expect_regions(0);
  expect_declared_dtype(call, 0, fft());
  TensorType type = call.operand(0);
  const auto rank = static_cast<int64_t>(a.length.size());
  if (rank < 1 || rank > 3) fail("fft_length must have 1 to 3 entries, not {}", rank);
  if (rank > type.rank()) fail("fft_length has {} entries, but the operand {} dimensions", rank, type.rank());
  if (is_complex(type.dtype) == (a.type == FftType::kRfft))
    fail("{} does not take {}", EnumNames<FftType>::kNames[static_cast<size_t>(a.type)], name(type.dtype));
  const size_t first = type.shape.size() - a.length.size();
  for (size_t i = 0; i < a.length.size(); ++i) {
    const int64_t n = a.length[i];
    if (n < 0) fail("fft_length has the negative entry {}", n);
    const bool half = a.type == FftType::kIrfft && i + 1 == a.length.size();
    call.dims.require_equal(type.shape[first + i], half && n > 0 ? n / 2 + 1 : n, "the operand's size and fft_length");
    type.shape[first + i] = n;
  }
  if (a.type == FftType::kRfft) {
    type.dtype = complex_of(type.dtype);
    if (a.length.back() > 0) type.shape.back() = a.length.back() / 2 + 1;
  } else if (a.type == FftType::kIrfft) {
    type.dtype = real_part(type.dtype);
  }
  return {Type(std::move(type))};
}

std::vector<Tensor> evaluate_fft(const EvalCall& call) {
  const auto& a = call.get<FftAttributes>();
  const Tensor& operand = call.operands[0];
  MutableTensor out(call.result_storage(), call.result().static_shape(), MutableTensor::Init::kNone);
  if (out.size() == 0) return {std::move(out).freeze()};
  std::vector<Complex> x(static_cast<size_t>(operand.size()));
  if (is_complex(operand.dtype())) {
    load_wide(operand, 0, operand.size(), x.data());
  } else {
    std::vector<double> real(x.size());
    load_wide(operand, 0, operand.size(), real.data());
    std::copy(real.begin(), real.end(), x.begin());
  }
  Shape shape = operand.shape();
  const size_t first = shape.size() - a.length.size(), last = shape.size() - 1;
  const bool inverse = a.type == FftType::kIfft || a.type == FftType::kIrfft;
  if (a.type == FftType::kRfft) {
    const Plan plan(shape[last]);
    std::vector<Complex> half(static_cast<size_t>(out.size()));
    for_each_line(shape, last, x.data(), half.data(), out.shape()[last],
                  [&](auto& line, auto& scratch) { plan.forward(line, scratch); });
    x = std::move(half);
    shape = out.shape();
  }
  const bool real = a.type == FftType::kRfft || a.type == FftType::kIrfft;
  for (size_t axis = first; axis < shape.size() - (real ? 1 : 0); ++axis) {
    const Plan plan(shape[axis]);
    for_each_line(shape, axis, x.data(), x.data(), shape[axis],
                  [&](auto& line, auto& scratch) { transform(plan, inverse, line, scratch); });
  }
  if (a.type != FftType::kIrfft) {
    store_wide(out, 0, out.size(), x.data());
    return {std::move(out).freeze()};
  }
  const int64_t n = a.length.back();
  const Plan plan(n);
  std::vector<Complex> full(static_cast<size_t>(out.size()));
  for_each_line(shape, last, x.data(), full.data(), n, [&](auto& line, auto& scratch) {
    line.resize(static_cast<size_t>(n));
    // What a real signal can't have is dropped: the imaginary parts of the first and the middle entry.
    line[0].imag(0);
    if (n % 2 == 0) line[static_cast<size_t>(n / 2)].imag(0);
    for (int64_t k = n / 2 + 1; k < n; ++k) line[static_cast<size_t>(k)] = std::conj(line[static_cast<size_t>(n - k)]);
    transform(plan, true, line, scratch);
  });
  std::vector<double> values(full.size());
  std::ranges::transform(full, values.begin(), [](Complex v) { return v.real(); });
  store_wide(out, 0, out.size(), values.data());
  return {std::move(out).freeze()};
}

}  // namespace

const Op& fft() {
  // Rounded once here; a transform in the type itself loses a few eps per factor of the length.
  static const Op op =
      primitive("stablehlo.fft", &attributes_info<FftAttributes>(),
                DTypeSet{DType::kF32, DType::kF64, DType::kC64, DType::kC128}, infer_fft, evaluate_fft, 8);
  return op;
}
ValueId fft(Builder& b, ValueId x, FftType type, std::vector<int64_t> length) {
  FftAttributes attributes{type, std::move(length)};
  return b.add1(fft(), make_attributes(std::move(attributes)), {x});
}

}  // namespace ecotone::op
