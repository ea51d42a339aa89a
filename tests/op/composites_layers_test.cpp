// The composites that are layers, against plain loops of doubles.
#include <algorithm>

#include "ecotone/op/attention.h"
#include "ecotone/op/conv.h"
#include "ecotone/op/einsum.h"
#include "ecotone/op/pool.h"
#include "ecotone/op/resize.h"
#include "ecotone/op/rnn.h"

#include "tests/op/composites.h"

namespace ecotone::composites_test {
namespace {

const op::PoolWindow kWindow{{2, 3}, {2, 1}, {1, 2}, {1, 1}, {0, 2}};

// Calls see(value, counted by padding) for each place of the window at output (i, j) over a 5 x 6 image; NaN: padding.
template <class F>
void each_seen(std::span<const double> image, int i, int j, const F& see) {
  for (int p = 0; p < 2; ++p)
    for (int q = 0; q < 3; ++q) {
      const int y = i * 2 + p - 1, x = j + q * 2 - 1;
      const bool inside = y >= 0 && y < 5 && x >= 0 && x < 6;
      see(inside ? image[static_cast<size_t>(y * 6 + x)] : 0.0, inside);
    }
}

TEST(Pool, MaxAverageAndNorm) {
  const Tensor x = random({2, 2, 5, 6}, 21);
  // (5 + 1 - 2) / 2 + 1 rows; (6 + 3 - 5) + 1 columns.
  std::vector<double> largest, average, counting, norm;
  for (size_t n = 0; n < 4; ++n)
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 5; ++j) {
        double top = -INFINITY, sum = 0, count = 0, cubes = 0;
        each_seen(data(x).subspan(n * 30, 30), i, j, [&](double v, bool inside) {
          if (!inside) return;
          top = std::max(top, v);
          sum += v;
          count += 1;
          cubes += std::pow(std::abs(v), 3);
        });
        largest.push_back(top);
        average.push_back(sum / count);
        counting.push_back(sum / 6);
        norm.push_back(std::cbrt(cubes));
      }
  const auto pool = [&](auto make) { return run({{x}}, 0, make)[0]; };
  const Tensor y = pool([](Builder& b, auto in) { return std::vector{op::max_pool(b, in[0], {kWindow})}; });
  EXPECT_EQ(y.shape(), (Shape{2, 2, 3, 5}));
  expect_near(y, largest);
  expect_near(pool([](Builder& b, auto in) { return std::vector{op::average_pool(b, in[0], {kWindow, {}, {}})}; }),
              average);
  expect_near(pool([](Builder& b, auto in) {
                return std::vector{op::average_pool(b, in[0], {kWindow, kWindow.padding_low, kWindow.padding_high})};
              }),
              counting);
  expect_near(pool([](Builder& b, auto in) { return std::vector{op::lp_pool(b, in[0], {kWindow, 3})}; }), norm);
}

TEST(Conv, TransposeAddsEachEntrysKernel) {
  const Tensor x = random({2, 4, 3}, 48);
  for (const size_t groups : {1U, 2U}) {
    const size_t m = 3, in = 4 / groups, full = 2 * 2 + 2 * 2 + 1;  // (n - 1) stride + (k - 1) dilation + 1
    const Tensor w = random({4, 3, 3}, 49);
    std::vector<double> whole(2 * m * groups * full), want;
    for (size_t n = 0; n < 2; ++n)
      for (size_t c = 0; c < 4; ++c)
        for (size_t i = 0; i < 3; ++i)
          for (size_t o = 0; o < m; ++o)
            for (size_t k = 0; k < 3; ++k)
              whole[(n * m * groups + c / in * m + o) * full + i * 2 + k * 2] +=
                  data(x)[(n * 4 + c) * 3 + i] * data(w)[(c * m + o) * 3 + k];
    for (size_t i = 0; i < whole.size(); ++i)  // one entry is cut off in front, and one added behind
      if (i % full != 0) {
        want.push_back(whole[i]);
        if (i % full == full - 1) want.push_back(0);
      }
    expect_near(run({{x}, {w, -1}}, 0,
                    [&](Builder& b, auto in) {
                      return std::vector{
                          op::conv_transpose(b, in[0], in[1], {{2}, {2}, {1}, {-1}, static_cast<int64_t>(groups)})};
                    })[0],
                want);
  }
}

TEST(Conv, PadsFromItself) {
  const Tensor x = Tensor::from<double>({1, 2, 3, 4}, {1, 4});
  const auto padded = [&](int64_t low, int64_t high, op::PadMode mode) {
    return run({{x}}, 0, [&](Builder& b, auto in) {
      return std::vector{op::pad_from_itself(b, in[0], {{1}, {low}, {high}, mode})};
    })[0];
  };
  expect_near(padded(2, 1, op::PadMode::kEdge), {1, 1, 1, 2, 3, 4, 4});
  expect_near(padded(2, 1, op::PadMode::kReflect), {3, 2, 1, 2, 3, 4, 3});
  expect_near(padded(2, 1, op::PadMode::kWrap), {3, 4, 1, 2, 3, 4, 1});
  expect_near(padded(-1, 2, op::PadMode::kReflect), {2, 3, 4, 3, 2});
}

TEST(Resize, NearestOfAnOpenSize) {
  const Tensor x = random({3, 2}, 22);
  std::vector<double> want;
  for (size_t i = 0; i < 9; ++i)
    for (size_t j = 0; j < 2; ++j) want.push_back(data(x)[i / 3 * 2 + j]);
  const Tensor y = run({{x}}, -1, [](Builder& b, auto in) {
    op::ResizeAttributes a;
    a.axes = {0};
    a.scales = {3};
    a.sizes = {b.tensor_type(in[0]).shape[0] * Dim(3)};
    return std::vector{op::resize(b, in[0], a)};
  })[0];
  EXPECT_EQ(y.shape(), (Shape{9, 2}));
  expect_near(y, want);
}

TEST(Resize, EveryCoordinateMode) {
  const Tensor x = random({2, 5}, 23);
  const double n = 5, m = 8, s = 1.6;
  using C = op::ResizeCoordinates;
  const std::pair<C, double (*)(double)> modes[] = {
      {C::kHalfPixel, [](double i) { return (i + 0.5) / 1.6 - 0.5; }},
      {C::kHalfPixelSymmetric, [](double i) { return (i + 0.5) / 1.6 - 0.5; }},  // s n is the output's size exactly
      {C::kPytorchHalfPixel, [](double i) { return (i + 0.5) / 1.6 - 0.5; }},
      {C::kAlignCorners, [](double i) { return i * 4 / 7; }},
      {C::kAsymmetric, [](double i) { return i / 1.6; }},
      {C::kTfHalfPixelForNn, [](double i) { return (i + 0.5) / 1.6; }},
  };
  ASSERT_DOUBLE_EQ(s * n, m);
  for (const auto& [mode, position] : modes) {
    SCOPED_TRACE(EnumNames<C>::kNames[static_cast<size_t>(mode)]);
    std::vector<double> linear, cubic, floors;
    for (size_t row = 0; row < 2; ++row) {
      const auto at = [&](double k) { return data(x)[row * 5 + static_cast<size_t>(std::clamp(k, 0.0, n - 1))]; };
      for (double i = 0; i < m; ++i) {
        const double p = position(i), low = std::floor(p), t = p - low;
        linear.push_back(at(low) * (1 - t) + at(low + 1) * t);
        floors.push_back(at(low));
        // Keys' weights with a = -0.75 at distances 1 + t, t, 1 - t, 2 - t.
        const double a = -0.75;
        const auto inner = [&](double d) { return (a + 2) * d * d * d - (a + 3) * d * d + 1; };
        const auto outer = [&](double d) { return a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a; };
        cubic.push_back(at(low - 1) * outer(1 + t) + at(low) * inner(t) + at(low + 1) * inner(1 - t) +
                        at(low + 2) * outer(2 - t));
      }
    }
    for (const op::ResizeMode kind : {op::ResizeMode::kLinear, op::ResizeMode::kCubic, op::ResizeMode::kNearest}) {
      const Tensor y = run({{x}}, 0, [&](Builder& b, auto in) {
        op::ResizeAttributes a;
        a.axes = {1};
        a.scales = {s};
        a.sizes = {8};
        a.mode = kind;
        a.coordinates = mode;
        a.rounding = op::ResizeRounding::kFloor;
        return std::vector{op::resize(b, in[0], a)};
      })[0];
      expect_near(y, kind == op::ResizeMode::kLinear ? linear : kind == op::ResizeMode::kCubic ? cubic : floors);
    }
  }
}

TEST(Attention, GroupedCausalCappedAndMasked) {
  const size_t B = 2, H = 4, G = 2, Q = 3, K = 5, D = 6, V = 4;
  const Tensor q = random({2, 4, 3, 6}, 24), k = random({2, 2, 5, 6}, 25), v = random({2, 2, 5, 4}, 26),
               mask = random({3, 5}, 27);
  std::vector<double> want, shown;
  for (size_t b = 0; b < B; ++b)
    for (size_t h = 0; h < H; ++h)
      for (size_t i = 0; i < Q; ++i) {
        const size_t g = h / (H / G);
        std::vector<double> weight(K);
        double sum = 0;
        for (size_t j = 0; j < K; ++j) {
          double s = 0;
          for (size_t d = 0; d < D; ++d)
            s += data(q)[((b * H + h) * Q + i) * D + d] * data(k)[((b * G + g) * K + j) * D + d];
          s = 3 * std::tanh(0.4 * s / 3) + data(mask)[i * K + j];
          weight[j] = j <= i + 2 ? std::exp(s) : 0;  // two keys came before
          sum += weight[j];
        }
        for (double& w : weight) shown.push_back(w /= sum);
        for (size_t d = 0; d < V; ++d) {
          double y = 0;
          for (size_t j = 0; j < K; ++j) y += weight[j] * data(v)[((b * G + g) * K + j) * V + d];
          want.push_back(y);
        }
      }
  const auto y = run({{q}, {k}, {v}, {mask, -1}}, 0, [](Builder& b, auto in) {
    op::AttentionAttributes a;
    a.scale = 0.4;
    a.softcap = 3;
    a.causal = true;
    a.past = 2;
    a.has_mask = true;
    a.shown = op::AttentionScores::kWeights;
    return op::attention(b, in, a);
  });
  expect_near(y[0], want);
  expect_near(y[1], shown);
}

TEST(Attention, LengthsWindowsAndRowsWithoutKeys) {
  const Tensor q = random({2, 1, 2, 3}, 28), k = random({2, 1, 4, 3}, 29), v = random({2, 1, 4, 2}, 30);
  const Tensor lengths = Tensor::from<int32_t>({0, 3}, {2});
  std::vector<double> want(4, 0.0);  // the first entry has no keys
  for (size_t i = 0; i < 2; ++i) {
    // Queries stand at the end of three keys: at 1 and 2; each sees its own place and the one before.
    double sum = 0, y[2] = {0, 0};
    for (size_t j = i; j <= i + 1; ++j) {
      double s = 0;
      for (size_t d = 0; d < 3; ++d) s += data(q)[(2 + i) * 3 + d] * data(k)[(4 + j) * 3 + d];
      sum += std::exp(s);
      for (size_t d = 0; d < 2; ++d) y[d] += std::exp(s) * data(v)[(4 + j) * 2 + d];
    }
    want.push_back(y[0] / sum);
    want.push_back(y[1] / sum);
  }
  const auto y = run({{q}, {k}, {v}, {lengths}}, 0, [](Builder& b, auto in) {
    op::AttentionAttributes a;
    a.causal = true;
    a.window_left = 1;
    a.has_lengths = true;
    return op::attention(b, in, a);
  });
  expect_near(y[0], want);
}

// The product of row `row` of w [directions, rows, size] with x.
double product(const Tensor& w, size_t direction, size_t row, std::span<const double> x) {
  double sum = 0;
  const auto size = static_cast<size_t>(w.shape()[2]), rows = static_cast<size_t>(w.shape()[1]);
  for (size_t i = 0; i < size; ++i) sum += data(w)[(direction * rows + row) * size + i] * x[i];
  return sum;
}

constexpr size_t kSeq = 4, kBatch = 2, kIn = 3, kHidden = 2;

TEST(Recurrent, LstmBothWaysWithBiasLengthsAndPeepholes) {
  const Tensor x = random({4, 2, 3}, 31), w = random({2, 8, 3}, 32), r = random({2, 8, 2}, 33),
               bias = random({2, 16}, 34), peep = random({2, 6}, 35), lengths = Tensor::from<int32_t>({4, 3}, {2});
  std::vector<double> all(kSeq * 2 * kBatch * kHidden), last_h(2 * kBatch * kHidden), last_c = last_h;
  for (size_t d = 0; d < 2; ++d)
    for (size_t n = 0; n < kBatch; ++n) {
      std::vector<double> h(kHidden), c(kHidden);
      const size_t length = n == 0 ? 4 : 3;
      for (size_t step = 0; step < length; ++step) {
        const size_t t = d == 0 ? step : length - 1 - step;
        std::vector<double> next_h(kHidden);
        const auto old_c = c;
        for (size_t u = 0; u < kHidden; ++u) {
          const auto gate = [&](size_t g) {
            return product(w, d, g * kHidden + u, data(x).subspan((t * kBatch + n) * kIn, kIn)) +
                   product(r, d, g * kHidden + u, h) + data(bias)[d * 16 + g * kHidden + u] +
                   data(bias)[d * 16 + 8 + g * kHidden + u];
          };
          const auto p = [&](size_t g) { return data(peep)[d * 6 + g * kHidden + u]; };
          const double i = sigmoid(gate(0) + p(0) * old_c[u]), f = sigmoid(gate(2) + p(2) * old_c[u]);
          c[u] = f * old_c[u] + i * std::tanh(gate(3));
          next_h[u] = sigmoid(gate(1) + p(1) * c[u]) * std::tanh(c[u]);
        }
        h = next_h;
        for (size_t u = 0; u < kHidden; ++u) all[((t * 2 + d) * kBatch + n) * kHidden + u] = h[u];
      }
      for (size_t u = 0; u < kHidden; ++u) {
        last_h[(d * kBatch + n) * kHidden + u] = h[u];
        last_c[(d * kBatch + n) * kHidden + u] = c[u];
      }
    }
  const auto y = run({{x, 1}, {w, -1}, {r, -1}, {bias, -1}, {lengths, 0}, {peep, -1}}, -1, [](Builder& b, auto in) {
    op::RecurrentAttributes a;
    a.direction = op::RecurrentDirection::kBidirectional;
    a.has_bias = a.has_lengths = a.has_peepholes = true;
    return op::lstm(b, in, a);
  });
  EXPECT_EQ(y[0].shape(), (Shape{4, 2, 2, 2}));
  expect_near(y[0], all);
  expect_near(y[1], last_h);
  expect_near(y[2], last_c);
}

TEST(Recurrent, GruBothForms) {
  const Tensor x = random({4, 2, 3}, 36), w = random({1, 6, 3}, 37), r = random({1, 6, 2}, 38),
               first = random({1, 2, 2}, 39), bias = random({1, 12}, 40);
  for (const bool linear : {false, true}) {
    std::vector<double> last(kBatch * kHidden);
    for (size_t n = 0; n < kBatch; ++n) {
      std::vector<double> h{data(first)[n * 2], data(first)[n * 2 + 1]};
      for (size_t t = 0; t < kSeq; ++t) {
        const auto input = [&](size_t row) {
          return product(w, 0, row, data(x).subspan((t * kBatch + n) * kIn, kIn)) + data(bias)[row];
        };
        const auto recurrent = [&](size_t row, std::span<const double> state) {
          return product(r, 0, row, state) + data(bias)[6 + row];
        };
        std::vector<double> reset(kHidden), next(kHidden);
        for (size_t u = 0; u < kHidden; ++u) reset[u] = sigmoid(input(2 + u) + recurrent(2 + u, h)) * h[u];
        for (size_t u = 0; u < kHidden; ++u) {
          const double z = sigmoid(input(u) + recurrent(u, h)), gate = sigmoid(input(2 + u) + recurrent(2 + u, h));
          const double inner = linear ? gate * recurrent(4 + u, h) : recurrent(4 + u, reset);
          next[u] = (1 - z) * std::tanh(input(4 + u) + inner) + z * h[u];
        }
        h = next;
      }
      last[n * 2] = h[0], last[n * 2 + 1] = h[1];
    }
    const auto y = run({{x, 1}, {w, -1}, {r, -1}, {bias, -1}, {first, 1}}, -1, [&](Builder& b, auto in) {
      op::RecurrentAttributes a;
      a.has_bias = a.has_h = true;
      a.linear_before_reset = linear;
      return op::gru(b, in, a);
    });
    expect_near(y[1], last);
  }
}

TEST(Recurrent, RnnBatchFirstReversedAndClipped) {
  const Tensor x = random({2, 4, 3}, 41), w = random({1, 2, 3}, 42), r = random({1, 2, 2}, 43);
  std::vector<double> all(kBatch * kSeq * kHidden);
  for (size_t n = 0; n < kBatch; ++n) {
    std::vector<double> h(kHidden);
    for (size_t t = kSeq; t-- > 0;) {
      std::vector<double> next(kHidden);
      for (size_t u = 0; u < kHidden; ++u) {
        const double s = product(w, 0, u, data(x).subspan((n * kSeq + t) * kIn, kIn)) + product(r, 0, u, h);
        const double clipped = std::clamp(s, -1.5, 1.5);
        next[u] = clipped >= 0 ? clipped : 0.2 * clipped;
      }
      h = next;
      for (size_t u = 0; u < kHidden; ++u) all[(n * kSeq + t) * kHidden + u] = h[u];
    }
  }
  const auto y = run({{x}, {w, -1}, {r, -1}}, 0, [](Builder& b, auto in) {
    op::RecurrentAttributes a;
    a.direction = op::RecurrentDirection::kReverse;
    a.batch_first = true;
    a.clip = 1.5;
    a.activations = {{op::CellFunction::kLeakyRelu, 0.2, 0}};
    return op::rnn(b, in, a);
  });
  EXPECT_EQ(y[0].shape(), (Shape{2, 4, 1, 2}));
  expect_near(y[0], all);
}

TEST(Recurrent, OperandsMustBeWhatIsAnnounced) {
  Builder b;
  b.set_location(named_location("test"));
  const ValueId x = b.input("x", TensorType{DType::kF64, {4, 2, 3}}),
                w = b.input("w", TensorType{DType::kF64, {1, 2, 3}}),
                r = b.input("r", TensorType{DType::kF64, {1, 2, 2}}), s = b.input("s", TensorType{DType::kF64, {}});
  op::RecurrentAttributes a;
  a.has_bias = true;
  EXPECT_THROW(op::rnn(b, std::array{x, w, r}, a), Error);
  EXPECT_THROW(op::rnn(b, std::array{x, w, r, s}, a), Error);
  EXPECT_THROW(op::rnn(b, std::array{x, w, s}, {}), Error);
  EXPECT_THROW(op::rnn(b, std::array{x, w, r, s}, {}), Error);
}

TEST(Einsum, ProductsDiagonalsAndEllipses) {
  const Tensor x = random({2, 3, 4}, 44), y = random({2, 4, 5}, 45), z = random({5}, 46),
               square = random({2, 3, 3}, 47);
  std::vector<double> three(2 * 3), diagonal(2 * 3), outer;
  for (size_t b = 0; b < 2; ++b)
    for (size_t i = 0; i < 3; ++i) {
      diagonal[b * 3 + i] = data(square)[b * 9 + i * 4];
      for (size_t j = 0; j < 4; ++j)
        for (size_t k = 0; k < 5; ++k)
          three[b * 3 + i] += data(x)[b * 12 + i * 4 + j] * data(y)[b * 20 + j * 5 + k] * data(z)[k];
    }
  for (size_t i = 0; i < 24; ++i)
    for (size_t k = 0; k < 5; ++k) outer.push_back(data(x)[i] * data(z)[k]);
  expect_near(run({{x}, {y}, {z, -1}}, 0,
                  [](Builder& b, auto in) { return std::vector{op::einsum(b, in, "bij,bjk,k->bi")}; })[0],
              three);
  expect_near(run({{square}}, 0, [](Builder& b, auto in) { return std::vector{op::einsum(b, in, "...ii->...i")}; })[0],
              diagonal);
  expect_near(
      run({{x}, {z, -1}}, 0, [](Builder& b, auto in) { return std::vector{op::einsum(b, in, "...,k->...k")}; })[0],
      outer);
}

}  // namespace
}  // namespace ecotone::composites_test
