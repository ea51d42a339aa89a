// GridSample: x [N, C, d...] read at the places that a grid [N, out..., rank] of coordinates in [-1, 1] names (last
// dimension first).
#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

struct Sampler {
  NodeContext& n;
  Builder& b;
  std::string padding;
  bool align;
  std::vector<Dim> out_shape;  // [N, out...]

  ValueId number(double v) const { return op::broadcast_to(b, op::scalar(b, n.dtype(0), v), out_shape); }
  ValueId size(int64_t d) const {
    return op::broadcast_to(
        b, op::convert(b, op::dim_value(b, n.type(0).shape[static_cast<size_t>(d + 2)], DType::kI64), n.dtype(0)),
        out_shape);
  }
  ValueId clamp(ValueId v, ValueId low, ValueId high) const { return op::minimum(b, op::maximum(b, v, low), high); }

  // The position along spatial dimension d, in entries.
  ValueId position(int64_t d) const {
    const auto rank = static_cast<int64_t>(out_shape.size());
    const int64_t spatial = n.rank(0) - 2;
    std::vector<Dim> start(static_cast<size_t>(rank) + 1, 0), limit = n.type(1).shape;
    start.back() = spatial - 1 - d;
    limit.back() = spatial - d;
    const ValueId grid = op::convert(b, op::reshape(b, op::slice(b, n.in(1), start, limit), out_shape), n.dtype(0));
    const ValueId moved = op::add(b, grid, number(1));
    if (align) return op::multiply(b, op::divide(b, moved, number(2)), op::subtract(b, size(d), number(1)));
    return op::divide(b, op::subtract(b, op::multiply(b, moved, size(d)), number(1)), number(2));
  }

  // A position mirrored at the borders as often as it takes.
  ValueId reflected(ValueId v, int64_t d) const {
    const ValueId low = number(align ? 0 : -0.5), span = align ? op::subtract(b, size(d), number(1)) : size(d);
    const ValueId period = op::multiply(b, span, number(2));
    const ValueId offset = op::abs(b, op::subtract(b, v, low));
    const ValueId rest = op::select(b, op::compare(b, op::ComparisonDirection::kGt, period, number(0)),
                                    op::remainder(b, offset, period), number(0));
    return op::add(b, low, op::minimum(b, rest, op::subtract(b, period, rest)));
  }

  // An index of whole value, made one that exists; whether it existed before.
  std::pair<ValueId, ValueId> index(ValueId whole, int64_t d) const {
    const ValueId last = op::subtract(b, size(d), number(1));
    if (padding == "reflection") whole = reflected(whole, d);
    const ValueId inside = op::and_(b, op::compare(b, op::ComparisonDirection::kGe, whole, number(0)),
                                    op::compare(b, op::ComparisonDirection::kLe, whole, last));
    return {op::convert(b, clamp(whole, number(0), last), DType::kI64), inside};
  }
};

struct Tap {
  ValueId index, inside, weight;
};

// The entries along one dimension that a position mixes, and their weights.
std::vector<Tap> taps(const Sampler& s, ValueId v, int64_t d, const std::string& mode) {
  Builder& b = s.b;
  std::vector<Tap> list;
  const auto add_tap = [&](ValueId whole, ValueId weight) {
    const auto [index, inside] = s.index(whole, d);
    list.push_back({index, inside, weight});
  };
  if (mode == "nearest") {
    add_tap(op::round_nearest_even(b, v), s.number(1));
    return list;
  }
  const ValueId base = op::floor(b, v), t = op::subtract(b, v, base), one = s.number(1);
  if (mode == "linear") {
    add_tap(base, op::subtract(b, one, t));
    add_tap(op::add(b, base, one), t);
    return list;
  }
  // Keys' cubic with a = -0.75 at distances 1 + t, t, 1 - t, 2 - t.
  constexpr double a = -0.75;
  const auto times = [&](ValueId x, ValueId y) { return op::multiply(b, x, y); };
  const auto plus = [&](ValueId x, double y) { return op::add(b, x, s.number(y)); };
  const auto near = [&](ValueId x) { return plus(times(times(plus(times(x, s.number(a + 2)), -(a + 3)), x), x), 1); };
  const auto far = [&](ValueId x) { return times(plus(times(plus(times(plus(x, -5), x), 8), x), -4), s.number(a)); };
  const ValueId rest = op::subtract(b, one, t);
  add_tap(op::subtract(b, base, one), far(plus(t, 1)));
  add_tap(base, near(t));
  add_tap(op::add(b, base, one), near(rest));
  add_tap(plus(base, 2), far(plus(rest, 1)));
  return list;
}

std::vector<Value> grid_sample(NodeContext& n) {
  Builder& b = n.b;
  const int64_t spatial = n.rank(0) - 2;
  if (spatial < 1 || n.rank(1) != spatial + 2)
    fail("an input of {} dimensions with a grid of {}", n.rank(0), n.rank(1));
  b.dims().require_equal(n.type(1).shape.back(), spatial, "the grid's last size and the number of spatial dimensions");
  std::string mode = n.string_attribute("mode", n.opset >= 20 ? "linear" : "bilinear");
  if (mode == "bilinear") mode = "linear";
  if (mode == "bicubic") mode = "cubic";
  if (mode != "linear" && mode != "cubic" && mode != "nearest") fail("mode '{}' is unknown", mode);
  const std::vector<Dim>& grid = n.type(1).shape;
  const Sampler s{n,
                  b,
                  n.string_attribute("padding_mode", "zeros"),
                  n.int_attribute("align_corners", 0) != 0,
                  {grid.begin(), grid.end() - 1}};
  std::vector<std::vector<Tap>> axes;
  for (int64_t d = 0; d < spatial; ++d) {
    ValueId v = s.position(d);
    if (mode != "cubic" && s.padding == "border") v = s.clamp(v, s.number(0), op::subtract(b, s.size(d), s.number(1)));
    if (mode != "cubic" && s.padding == "reflection") v = s.reflected(v, d);
    axes.push_back(taps(s, v, d, mode));
  }
  op::GatherAttributes a;
  a.offset_dims = {1};
  a.operand_batching_dims = a.start_indices_batching_dims = {0};
  a.slice_sizes.assign(static_cast<size_t>(n.rank(0)), 1);
  a.slice_sizes[1] = n.type(0).shape[1];
  for (int64_t d = 2; d < n.rank(0); ++d) {
    a.start_index_map.push_back(d);
    a.collapsed_slice_dims.push_back(d);
  }
  a.index_vector_dim = n.rank(1) - 1;
  std::vector<Dim> shape = s.out_shape;
  shape.insert(shape.begin() + 1, n.type(0).shape[1]);
  std::vector<int64_t> places;
  for (int64_t d = 0; d < static_cast<int64_t>(shape.size()); ++d)
    if (d != 1) places.push_back(d);
  const int64_t last[] = {static_cast<int64_t>(s.out_shape.size())};
  ValueId sum = kNoValue;
  std::vector<size_t> corner(axes.size());
  for (bool more = true; more;) {
    std::vector<ValueId> indices;
    ValueId weight = kNoValue, inside = kNoValue;
    for (size_t d = 0; d < axes.size(); ++d) {
      const Tap& tap = axes[d][corner[d]];
      indices.push_back(op::expand_dims(b, tap.index, last));
      weight = d == 0 ? tap.weight : op::multiply(b, weight, tap.weight);
      inside = d == 0 ? tap.inside : op::and_(b, inside, tap.inside);
    }
    if (s.padding == "zeros") weight = op::select(b, inside, weight, s.number(0));
    const ValueId read = op::gather(b, n.in(0), op::concatenate(b, indices, last[0]), a);
    const ValueId term = op::multiply(b, read, op::broadcast_in_dim(b, weight, shape, places));
    sum = sum == kNoValue ? term : op::add(b, sum, term);
    more = false;
    for (size_t d = 0; d < axes.size() && !more; ++d) {
      more = ++corner[d] < axes[d].size();
      if (!more) corner[d] = 0;
    }
  }
  return {n.result(sum)};
}

}  // namespace

std::span<const Registration> grid_importers() {
  static constexpr Registration list[] = {{"GridSample", grid_sample}};
  return list;
}

}  // namespace ecotone::onnx
