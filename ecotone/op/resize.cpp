#include "ecotone/op/resize.h"

#include <algorithm>
#include <cmath>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {
namespace {

// Along axis `a` of the attributes.
double scale_of(const ResizeAttributes& m, size_t a, double in_size, double out_size) {
  return m.scales[a] > 0 ? m.scales[a] : out_size / in_size;
}
double source_position(const ResizeAttributes& m, size_t a, double i, double in_size, double out_size) {
  const double scale = scale_of(m, a, in_size, out_size);
  switch (m.coordinates) {
    case ResizeCoordinates::kHalfPixel:
      return (i + 0.5) / scale - 0.5;
    case ResizeCoordinates::kHalfPixelSymmetric: {
      const double adjustment = out_size / (scale * in_size), center = in_size / 2;
      return center * (1 - adjustment) + (i + 0.5) / scale - 0.5;
    }
    case ResizeCoordinates::kPytorchHalfPixel:
      return out_size > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case ResizeCoordinates::kAlignCorners:
      return out_size == 1 ? 0 : i * (in_size - 1) / (scale * in_size - 1);
    case ResizeCoordinates::kAsymmetric:
      return i / scale;
    case ResizeCoordinates::kTfHalfPixelForNn:
      return (i + 0.5) / scale;
    case ResizeCoordinates::kTfCropAndResize: {
      const double start = m.starts[a], end = m.ends[a];
      return (out_size > 1 ? start + i * (end - start) / (out_size - 1) : (start + end) / 2) * (in_size - 1);
    }
  }
  return i;
}
int64_t nearest(ResizeRounding mode, double x) {
  switch (mode) {
    case ResizeRounding::kRoundPreferFloor:
      return static_cast<int64_t>(std::ceil(x - 0.5));
    case ResizeRounding::kRoundPreferCeil:
      return static_cast<int64_t>(std::floor(x + 0.5));
    case ResizeRounding::kFloor:
      return static_cast<int64_t>(std::floor(x));
    case ResizeRounding::kCeil:
      break;
  }
  return static_cast<int64_t>(std::ceil(x));
}
// Keys' cubic at distance t.
double cubic(double t, double a) {
  t = std::fabs(t);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? a * (((t - 5) * t + 8) * t - 4) : 0;
}

// Row i holds the weights of output position i; indices outside the input count for its ends, or not at all.
Tensor weights(const ResizeAttributes& m, size_t a, int64_t in_size, int64_t out_size) {
  const double scale = scale_of(m, a, static_cast<double>(in_size), static_cast<double>(out_size));
  std::vector<double> w(static_cast<size_t>(in_size * out_size));
  const double stretch = m.antialias && scale < 1 ? 1 / scale : 1;
  const double radius = (m.mode == ResizeMode::kCubic ? 2 : 1) * stretch;
  for (int64_t i = 0; i < out_size; ++i) {
    const double x =
        source_position(m, a, static_cast<double>(i), static_cast<double>(in_size), static_cast<double>(out_size));
    double sum = 0;
    double* row = w.data() + i * in_size;
    for (auto k = static_cast<int64_t>(std::floor(x - radius)); k <= static_cast<int64_t>(std::ceil(x + radius)); ++k) {
      const double t = (static_cast<double>(k) - x) / stretch;
      const double value = m.mode == ResizeMode::kCubic ? cubic(t, m.cubic_a) : std::max(0.0, 1 - std::fabs(t));
      if (value == 0 || (m.exclude_outside && (k < 0 || k >= in_size))) continue;
      row[std::clamp<int64_t>(k, 0, in_size - 1)] += value;
      sum += value;
    }
    for (int64_t k = 0; k < in_size && sum != 0; ++k) row[k] /= sum;
  }
  return Tensor::from(std::span<const double>(w), {out_size, in_size});
}

// Positions outside the input become the extrapolation value.
ValueId extrapolated(Builder& b, ValueId x, int64_t axis, int64_t in_size, const ResizeAttributes& m, size_t a) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  const int64_t out_size = shape[static_cast<size_t>(axis)].constant();
  MutableTensor inside(DType::kBool, {out_size});
  for (int64_t i = 0; i < out_size; ++i) {
    const double at =
        source_position(m, a, static_cast<double>(i), static_cast<double>(in_size), static_cast<double>(out_size));
    inside.set_int(i, at >= 0 && at <= static_cast<double>(in_size - 1));
  }
  const ValueId mask = broadcast_in_dim(b, constant(b, std::move(inside).freeze()), shape, {axis});
  return select(b, mask, x, full_like(b, x, m.extrapolation_value));
}

// Between sizes of which one is open: positions and weights are values, in f64.
class OpenAxis {
 public:
  OpenAxis(Builder& b, ValueId x, const ResizeAttributes& m, size_t a)
      : b_(b), x_(x), m_(m), a_(a), axis_(normalize_axis(m.axes[a], b.rank(x))), shape_{m.sizes[a]} {
    const Dim in = b.tensor_type(x).shape[static_cast<size_t>(axis_)];
    in_ = size(in), out_ = size(m.sizes[a]);
    scale_ = m.scales[a] > 0 ? number(m.scales[a]) : divide(b, out_, in_);
  }

  ValueId resized() {
    const ValueId at = position();
    const ValueId y = m_.mode == ResizeMode::kNearest ? nearest(at) : interpolated(at);
    if (m_.coordinates != ResizeCoordinates::kTfCropAndResize) return y;
    const ValueId last = minus(in_, number(1));
    const ValueId inside =
        and_(b_, compare(b_, ComparisonDirection::kGe, at, number(0)), compare(b_, ComparisonDirection::kLe, at, last));
    const std::vector<Dim> shape = b_.tensor_type(y).shape;
    return select(b_, broadcast_in_dim(b_, inside, shape, {axis_}), y, full_like(b_, y, m_.extrapolation_value));
  }

 private:
  // Vectors of one entry an output position.
  ValueId number(double v) { return full(b_, DType::kF64, shape_, v); }
  ValueId size(const Dim& d) {
    return broadcast_to(b_, convert(b_, dim_value(b_, d, DType::kI64), DType::kF64), shape_);
  }
  ValueId plus(ValueId x, ValueId y) { return add(b_, x, y); }
  ValueId minus(ValueId x, ValueId y) { return subtract(b_, x, y); }
  ValueId times(ValueId x, ValueId y) { return multiply(b_, x, y); }
  ValueId unless_single(ValueId x, ValueId otherwise) {
    return select(b_, compare(b_, ComparisonDirection::kGt, out_, number(1)), x, otherwise);
  }

  // As source_position.
  ValueId position() {
    const ValueId i = iota(b_, {DType::kF64, shape_}, 0), one = number(1), half = number(0.5);
    const ValueId centre = minus(divide(b_, plus(i, half), scale_), half);
    switch (m_.coordinates) {
      case ResizeCoordinates::kHalfPixel:
        break;
      case ResizeCoordinates::kHalfPixelSymmetric: {
        const ValueId adjustment = divide(b_, out_, times(scale_, in_));
        return plus(times(times(in_, half), minus(one, adjustment)), centre);
      }
      case ResizeCoordinates::kPytorchHalfPixel:
        return unless_single(centre, number(0));
      case ResizeCoordinates::kAlignCorners:
        return unless_single(divide(b_, times(i, minus(in_, one)), minus(times(scale_, in_), one)), number(0));
      case ResizeCoordinates::kAsymmetric:
        return divide(b_, i, scale_);
      case ResizeCoordinates::kTfHalfPixelForNn:
        return plus(centre, half);
      case ResizeCoordinates::kTfCropAndResize: {
        const double start = m_.starts[a_], end = m_.ends[a_];
        const ValueId along = plus(number(start), divide(b_, times(i, number(end - start)), minus(out_, one)));
        return times(unless_single(along, number((start + end) / 2)), minus(in_, one));
      }
    }
    return centre;
  }

  // x's entries at positions that are whole, those outside being the ends'.
  ValueId entries(ValueId at) {
    const ValueId inside = maximum(b_, minimum(b_, at, minus(in_, number(1))), number(0));
    return take(b_, x_, convert(b_, inside, DType::kI64), axis_);
  }

  ValueId nearest(ValueId at) {
    switch (m_.rounding) {
      case ResizeRounding::kRoundPreferFloor:
        return entries(ceil(b_, minus(at, number(0.5))));
      case ResizeRounding::kRoundPreferCeil:
        return entries(floor(b_, plus(at, number(0.5))));
      case ResizeRounding::kFloor:
        return entries(floor(b_, at));
      case ResizeRounding::kCeil:
        break;
    }
    return entries(ceil(b_, at));
  }

  // As the function of a distance; 0 beyond its reach.
  ValueId weight(ValueId distance) {
    const ValueId t = abs(b_, distance), one = number(1);
    if (m_.mode == ResizeMode::kLinear) return maximum(b_, minus(one, t), number(0));
    const double a = m_.cubic_a;
    const auto polynomial = [&](std::initializer_list<double> coefficients) {  // Horner's scheme
      ValueId y = number(0);
      for (double c : coefficients) y = plus(times(y, t), number(c));
      return y;
    };
    const ValueId near = polynomial({a + 2, -(a + 3), 0, 1}), far = polynomial({a, -5 * a, 8 * a, -4 * a});
    const auto below = [&](double limit) { return compare(b_, ComparisonDirection::kLt, t, number(limit)); };
    return select(b_, below(1), near, select(b_, below(2), far, number(0)));
  }

  ValueId interpolated(ValueId at) {
    constexpr double kMostTaps = 4096;
    const double scale = m_.scales[a_];
    if (m_.antialias && scale == 0)
      fail_kind(ErrorKind::kUnsupported, "antialias between open sizes; fix them with --shape");
    const double stretch = m_.antialias && scale < 1 ? 1 / scale : 1;
    const double radius = (m_.mode == ResizeMode::kCubic ? 2 : 1) * stretch;
    if (radius > kMostTaps) fail_kind(ErrorKind::kUnsupported, "antialias by {}", scale);
    const DType dtype = b_.dtype(x_);
    const ValueId last = minus(in_, number(1));
    const ValueId first = minus(floor(b_, at), number(std::ceil(radius) - 1));
    std::vector<ValueId> places, weights;
    ValueId sum = number(0);
    for (int64_t tap = 0; tap < 2 * static_cast<int64_t>(std::ceil(radius)); ++tap) {
      const ValueId place = plus(first, number(static_cast<double>(tap)));
      ValueId w = weight(divide(b_, minus(place, at), number(stretch)));
      if (m_.exclude_outside) {
        const ValueId inside = and_(b_, compare(b_, ComparisonDirection::kGe, place, number(0)),
                                    compare(b_, ComparisonDirection::kLe, place, last));
        w = select(b_, inside, w, number(0));
      }
      sum = plus(sum, w);
      places.push_back(place);
      weights.push_back(w);
    }
    sum = select(b_, compare(b_, ComparisonDirection::kEq, sum, number(0)), number(1), sum);
    std::vector<Dim> shape = b_.tensor_type(x_).shape;
    shape[static_cast<size_t>(axis_)] = shape_[0];
    ValueId y = full(b_, dtype, shape, 0);
    for (size_t i = 0; i < places.size(); ++i) {
      const ValueId w = convert(b_, divide(b_, weights[i], sum), dtype);
      y = plus(y, times(entries(places[i]), broadcast_in_dim(b_, w, shape, {axis_})));
    }
    return y;
  }

  Builder& b_;
  ValueId x_;
  const ResizeAttributes& m_;
  size_t a_;
  int64_t axis_;
  std::vector<Dim> shape_;  // of a vector along the output
  ValueId in_ = 0, out_ = 0, scale_ = 0;
};

// Along axis `a` of the attributes.
ValueId resize_axis(Builder& b, ValueId x, const ResizeAttributes& m, size_t a) {
  const int64_t axis = normalize_axis(m.axes[a], b.rank(x));
  const double scale = m.scales[a];
  const Dim in = b.tensor_type(x).shape[static_cast<size_t>(axis)], out = m.sizes[a];
  const bool crops = m.coordinates == ResizeCoordinates::kTfCropAndResize;
  const bool shifts = crops || m.coordinates == ResizeCoordinates::kTfHalfPixelForNn;
  if (in == out && (scale == 1 || scale == 0) && !shifts) return x;
  if (!in.is_constant() || !out.is_constant()) {
    // floor(i / k) for the modes that agree on it.
    const bool prefers =
        m.rounding == ResizeRounding::kRoundPreferFloor || m.rounding == ResizeRounding::kRoundPreferCeil;
    const bool half =
        m.coordinates == ResizeCoordinates::kHalfPixel || m.coordinates == ResizeCoordinates::kPytorchHalfPixel;
    const bool floors = m.coordinates == ResizeCoordinates::kAsymmetric && m.rounding == ResizeRounding::kFloor;
    const bool whole = scale == std::floor(scale) && scale >= 1;
    if (m.mode != ResizeMode::kNearest || !whole || !((half && prefers) || floors))
      return OpenAxis(b, x, m, a).resized();
    const ValueId position = iota(b, {DType::kI64, {out}}, 0);
    return take(b, x, divide(b, position, full_like(b, position, scale)), axis);
  }
  const int64_t in_size = in.constant(), out_size = out.constant();
  // What a resize is computed from is made now, so it must be of a sane size.
  constexpr int64_t kMostWeights = int64_t{1} << 26;
  if (in_size < 1 || out_size < 0 || out_size > kMostWeights / in_size)
    fail("a resize from {} to {} entries", in_size, out_size);
  if (m.mode == ResizeMode::kNearest) {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < out_size; ++i) {
      const double at =
          source_position(m, a, static_cast<double>(i), static_cast<double>(in_size), static_cast<double>(out_size));
      indices.push_back(std::clamp<int64_t>(nearest(m.rounding, at), 0, in_size - 1));
    }
    const ValueId y = take(b, x, constant(b, Tensor::from(std::span<const int64_t>(indices), {out_size})), axis);
    return crops ? extrapolated(b, y, axis, in_size, m, a) : y;
  }
  const ValueId w = convert(b, constant(b, weights(m, a, in_size, out_size)), b.dtype(x));
  DotAttributes dot;
  dot.lhs_contracting_dimensions = {axis};
  dot.rhs_contracting_dimensions = {1};
  const ValueId y = dot_general(b, x, w, std::move(dot));  // the axis comes out last
  std::vector<int64_t> order;
  const int64_t rank = b.rank(x);
  for (int64_t d = 0; d < rank; ++d) order.push_back(d < axis ? d : d == axis ? rank - 1 : d - 1);
  const ValueId placed = transpose(b, y, std::move(order));
  return crops ? extrapolated(b, placed, axis, in_size, m, a) : placed;
}

Results resize_body(Builder& b, const ResizeAttributes& a, Operands operands) {
  if (a.sizes.size() != a.axes.size() || a.scales.size() != a.axes.size())
    fail("{} axes, but {} sizes and {} scales", a.axes.size(), a.sizes.size(), a.scales.size());
  if (a.coordinates == ResizeCoordinates::kTfCropAndResize &&
      (a.starts.size() != a.axes.size() || a.ends.size() != a.axes.size()))
    fail("{} axes, but {} starts and {} ends", a.axes.size(), a.starts.size(), a.ends.size());
  const DType given = b.dtype(operands[0]);
  ValueId x = operands[0];
  if (a.mode != ResizeMode::kNearest)
    x = is_float(given) ? at_least_f32(b, operands)[0] : convert(b, operands[0], DType::kF64);
  for (size_t i = 0; i < a.axes.size(); ++i) {
    if (!(a.scales[i] >= 0 && a.scales[i] < 1e6)) fail("a scale must be positive and below a million");
    x = resize_axis(b, x, a, i);
  }
  return {convert(b, x, given)};
}

}  // namespace

const Op& resize() {
  static const Op op =
      composite<ResizeAttributes, resize_body, 1>("ecotone.resize", DTypeSet::floats() | DTypeSet::integers());
  return op;
}
ValueId resize(Builder& b, ValueId x, ResizeAttributes attributes) {
  return b.add1(resize(), make_attributes(std::move(attributes)), {x});
}

std::span<const Op* const> resize_ops() {
  static const Op* const ops[] = {&resize()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::ResizeAttributes>();
}  // namespace ecotone
