// Fourier transforms of signals, and mel filters.
#include <cmath>
#include <numbers>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/index.h"

namespace ecotone::onnx {
namespace {

// Cosines and sines of 2 pi k i / length, for [rows, columns]; made in f64, from angles in [0, 2 pi).
std::pair<Expr, Expr> waves(Builder& b, const Dim& rows, const Dim& columns, const Dim& length, DType dtype) {
  const std::vector<Dim> shape{rows, columns};
  const Expr at = places(b, shape, 0) * places(b, shape, 1);
  const Expr turns = (at % at.scalar(length)).to(DType::kF64);
  const Expr angle = turns * (2 * std::numbers::pi) / turns.scalar(length);
  return {angle.made(op::cosine(b, angle)).to(dtype), angle.made(op::sine(b, angle)).to(dtype)};
}

// Contracts axis `axis` of x with dimension 0 of a table, whose dimension 1 takes its place.
Expr along(const Expr& x, const Expr& table, int64_t axis) {
  op::DotAttributes a;
  a.lhs_contracting_dimensions = {axis};
  a.rhs_contracting_dimensions = {0};
  const Expr y = x.made(op::dot_general(x.builder(), x, table, std::move(a)));
  std::vector<int64_t> order;
  for (int64_t d = 0; d < x.rank(); ++d) order.push_back(d < axis ? d : d == axis ? x.rank() - 1 : d - 1);
  return y.transpose(std::move(order));
}

// x [..., 1 or 2] (real, or real and imaginary parts) transformed along `axis` as a product with the table of waves, in
// f64 so that what cancels is zero to f32's last bit.
Expr transform(const Expr& given, int64_t axis, const Dim& length, bool inverse, bool onesided) {
  Builder& b = given.builder();
  const int64_t last = given.rank() - 1;
  const Dim parts = given.size(-1);
  if (axis >= last || !(parts == Dim(1) || parts == Dim(2)))
    fail("the axis must not be the last, and the last must have 1 or 2 entries");
  Expr x = given.to(DType::kF64);
  const Dim half = floordiv(length, 2) + 1, have = x.size(axis), want = inverse && onesided ? half : length;
  if (have != want) {  // cut, or filled up with zeros
    std::vector<Dim> low(static_cast<size_t>(x.rank()), 0), high = low;
    high[static_cast<size_t>(axis)] = want - have;
    x = x.made(op::pad(b, x, x.scalar(0.0), low, high));
  }
  const Expr re = x.entry(last, 0);
  const std::optional<Expr> im = parts == Dim(2) ? std::optional(x.entry(last, 1)) : std::nullopt;
  if (inverse && onesided) {
    // A real signal from half of its spectrum: all but the first (and, of an even length, the last) count twice.
    auto [c, s] = waves(b, half, length, length, DType::kF64);
    const Expr k = places(b, {half, 1}, 0);
    const Expr single = (k == 0.0) | ((k + k) == k.scalar(length));
    const Expr weight = where(single, c.scalar(1.0), c.scalar(2.0)) / c.scalar(length);
    Expr y = along(re, c * weight, axis);
    if (im) y = y - along(*im, s * weight, axis);
    return y.expand({last}).to(given.dtype());
  }
  auto [c, s] = waves(b, length, onesided ? half : length, length, DType::kF64);
  if (!inverse) s = 0.0 - s;
  Expr y_re = along(re, c, axis), y_im = along(re, s, axis);
  if (im) {
    y_re = y_re - along(*im, s, axis);
    y_im = y_im + along(*im, c, axis);
  }
  Expr y = stacked({y_re, y_im}, last);
  if (inverse) y = y / y.scalar(length);
  return y.to(given.dtype());
}

std::vector<Value> dft(NodeContext& n) {
  const Expr x = input(n, 0);
  const int64_t axis = n.opset < 20 ? n.axis_attribute("axis", 1, x.rank())
                                    : op::normalize_axis(n.has(2) ? n.ints(2, "the axis").at(0) : -2, x.rank());
  const bool inverse = n.int_attribute("inverse", 0) != 0, onesided = n.int_attribute("onesided", 0) != 0;
  Dim length = inverse && onesided ? (x.size(axis) - 1) * 2 : x.size(axis);
  if (n.has(1)) length = n.sizes(1, "dft_length").at(0);
  if (length.is_constant() && length.constant() < 1) fail("a transform of length {}", length.constant());
  return {n.result(transform(x, axis, length, inverse, onesided))};
}

std::vector<Value> stft(NodeContext& n) {
  const Expr given = input(n, 0);
  const Expr x = given.rank() == 2 ? given.expand({2}) : given;  // [batch, time, parts]
  if (x.rank() != 3) fail("STFT takes a signal of three dimensions");
  const Dim step = n.sizes(1, "frame_step").at(0);
  Dim length = x.size(1);
  if (n.has(2)) length = input(n, 2).size(0);
  if (n.has(3)) length = n.sizes(3, "frame_length").at(0);
  const Dim frames = floordiv(x.size(1) - length, step) + 1;
  const std::vector<Dim> grid{frames, length};
  const Expr start = places(n.b, grid, 0);
  const Expr at = start * start.scalar(step) + places(n.b, grid, 1);
  Expr framed = x.made(op::take(n.b, x, at, 1));  // [batch, frames, length, parts]
  if (n.has(2)) framed = framed * input(n, 2).reshape({1, 1, length, 1});
  return {n.result(transform(framed, 2, length, false, n.int_attribute("onesided", 1) != 0))};
}

// Triangular filters, evenly spaced on the mel scale, from spectrogram bins to mel bins.
std::vector<Value> mel_weight_matrix(NodeContext& n) {
  const auto number = [&](size_t i) {
    const Tensor* t = n.constant(i);
    if (!t || t->size() != 1)
      fail_kind(ErrorKind::kUnsupported, "input {} of MelWeightMatrix is computed from data", i);
    return t->plain().at_double(0);
  };
  const double bins = number(0), length = number(1), rate = number(2), low = number(3), high = number(4);
  constexpr double kMost = 1 << 16;
  if (!(bins >= 0 && bins <= kMost && length >= 0 && length <= kMost && bins * length <= (1 << 26) && rate > 0))
    fail("{} mel bins of a transform of length {} at rate {}", bins, length, rate);
  const auto columns = static_cast<int64_t>(bins), rows = static_cast<int64_t>(length) / 2 + 1;
  const auto to_mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double step = (to_mel(high) - to_mel(low)) / (bins + 2);
  std::vector<int64_t> edge;
  for (int64_t i = 0; i < columns + 2; ++i) {
    const double hertz = 700 * (std::pow(10, (static_cast<double>(i) * step + to_mel(low)) / 2595) - 1);
    const double bin = std::floor((length + 1) * hertz / rate);
    if (!(bin >= 0 && bin < static_cast<double>(rows))) fail("the edges lie outside the spectrogram");
    edge.push_back(static_cast<int64_t>(bin));
  }
  MutableTensor w(DType::kF64, {rows, columns});
  for (int64_t i = 0; i < columns; ++i) {
    const auto at = static_cast<size_t>(i);
    const int64_t left = edge[at], centre = edge[at + 1], right = edge[at + 2];
    for (int64_t j = left; j <= centre; ++j)
      w.set_double(j * columns + i,
                   left == centre ? 1 : static_cast<double>(j - left) / static_cast<double>(centre - left));
    for (int64_t j = centre; j < right; ++j)
      w.set_double(j * columns + i, static_cast<double>(right - j) / static_cast<double>(right - centre));
  }
  const auto dtype = dtype_of(static_cast<int32_t>(n.int_attribute("output_datatype", 1))).value_or(DType::kF32);
  return {n.result(op::convert(n.b, op::constant(n.b, std::move(w).freeze()), dtype))};
}

}  // namespace

std::span<const Registration> signal_importers() {
  static constexpr Registration list[] = {{"DFT", dft}, {"STFT", stft}, {"MelWeightMatrix", mel_weight_matrix}};
  return list;
}

}  // namespace ecotone::onnx
