// Operators that sample or fill regions of images: RoiAlign, MaxRoiPool, DeformConv, Col2Im, AffineGrid, MaxUnpool, and
// MaxPool's indices.
#include <array>
#include <limits>
#include <numeric>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/control.h"
#include "ecotone/op/index.h"

namespace ecotone::onnx {
namespace {

// x at each index vector (the last dimension) into its leading dimensions: result shape indices[:-1] + the rest of x.
Expr gathered(const Expr& x, const Expr& indices) {
  const int64_t depth = indices.size(-1).constant();
  op::GatherAttributes a;
  a.index_vector_dim = indices.rank() - 1;
  a.slice_sizes = x.shape();
  for (int64_t d = 0; d < x.rank(); ++d) {
    if (d < depth) {
      a.slice_sizes[static_cast<size_t>(d)] = 1;
      a.collapsed_slice_dims.push_back(d);
      a.start_index_map.push_back(d);
    } else {
      a.offset_dims.push_back(indices.rank() - 1 + d - depth);
    }
  }
  return x.made(op::gather(x.builder(), x, indices, std::move(a)));
}

// The two pixels beside a position along one axis, and their weights.
struct Corner {
  Expr at, weight;
};
std::pair<Corner, Corner> corners(const Expr& position, const Expr& last, bool clamp) {
  const Expr p = clamp ? clamped(position, position.scalar(0.0), last) : position;
  const Expr low = p.made(op::floor(p.builder(), p));
  const Expr fraction = p - low;
  if (clamp) return {{low, 1.0 - fraction}, {smaller(low + 1.0, last), fraction}};
  const auto inside = [&](const Expr& at, const Expr& weight) {  // what lies outside counts for nothing
    return Corner{clamped(at, at.scalar(0.0), last), where((at >= 0.0) & (at <= last), weight, at.scalar(0.0))};
  };
  return {inside(low, 1.0 - fraction), inside(low + 1.0, fraction)};
}

// RoiAlign ------------------------------------------------------------------------------------------------------------

// Regions along one axis: where each begins, a bin's length and how many samples a bin has, all [regions, 1, 1].
struct RegionAxis {
  Expr low, bin, samples;
  int64_t bins;
  Dim size;  // of the image

  RegionAxis in(Builder& g, std::span<const ValueId> v) const { return {{g, v[0]}, {g, v[1]}, {g, v[2]}, bins, size}; }
};

// The sum (or largest value) of bilinear samples number `row` and `column` of each bin; x is [batch, height, width,
// channels], `batch` each region's entry of it, the sample numbers broadcast to [regions, 1, samples]. Gives [regions,
// bins, bins, channels].
Expr sampled(const Expr& x, const Expr& batch, const std::array<RegionAxis, 2>& axes, const std::array<Expr, 2>& at,
             bool average) {
  Builder& b = x.builder();
  // Positions [regions, bins, samples], and whether they are near enough to the image to count.
  struct Axis {
    Expr counts;
    std::pair<Corner, Corner> beside;
  };
  const auto positions = [&](size_t d) {
    const RegionAxis& a = axes[d];
    const Expr bin = places(b, {1, a.bins, 1}, 1, a.low.dtype());
    const Expr position = a.low + a.bin * (bin + (at[d] + 0.5) / a.samples), size = position.scalar(a.size);
    return Axis{(position >= -1.0) & (position <= size), corners(position, size - 1.0, true)};
  };
  const Axis row = positions(0), column = positions(1);
  const std::vector<Dim> grid{batch.size(0), axes[0].bins, at[0].size(2), axes[1].bins, at[1].size(2)};
  const Expr counts = row.counts.expand({3, 4}) & column.counts.expand({1, 2});
  const auto index = [&](const Expr& e) { return e.to(DType::kI64).broadcast(grid).expand({5}); };
  const Expr entry = index(batch.expand({1, 2, 3, 4}));
  std::optional<Expr> all;
  for (const Corner& r : {row.beside.first, row.beside.second})
    for (const Corner& c : {column.beside.first, column.beside.second}) {
      const Expr weight = (r.weight.expand({3, 4}) * c.weight.expand({1, 2})).to(x.dtype());
      const Expr pixel = joined({entry, index(r.at.expand({3, 4})), index(c.at.expand({1, 2}))}, 5);
      const Expr value = gathered(x, pixel) * where(counts, weight, weight.scalar(0.0)).expand({5});
      all = !all ? value : average ? *all + value : larger(*all, value);
    }
  return all->reduced({2, 4}, average ? op::Reducer::kAdd : op::Reducer::kMaximum);
}

// As many samples as a bin has pixels, so that a region's number depends on its size: samples are taken one a step, for
// as many steps as the largest region needs. A region without samples gives zeros.
Expr adaptively_sampled(const Expr& x, const Expr& batch, const std::array<RegionAxis, 2>& axes, bool average) {
  Builder& b = x.builder();
  const Expr wanted = axes[0].samples * axes[1].samples;  // [regions, 1, 1]
  const double none = average ? 0 : -std::numeric_limits<double>::infinity();
  const ValueId carries[] = {op::scalar(b, wanted.dtype(), 0),
                             op::full(b, x.dtype(), {batch.size(0), axes[0].bins, axes[1].bins, x.size(3)}, none)};
  const std::vector<ValueId> captures{
      x, batch, wanted, axes[0].low, axes[0].bin, axes[0].samples, axes[1].low, axes[1].bin, axes[1].samples};
  std::vector<Type> types;
  for (ValueId v : carries) types.push_back(b.type(v));
  for (ValueId v : captures) types.push_back(b.type(v));
  Region goes_on = op::make_region(b, "goes_on", types, [](Builder& g, std::span<const ValueId> v) {
    return std::vector<ValueId>{(Expr{g, v[4]} > Expr{g, v[0]}).reduced({0, 1, 2}, op::Reducer::kOr)};
  });
  Region step = op::make_region(b, "sample", types, [&](Builder& g, std::span<const ValueId> v) {
    const Expr k{g, v[0]}, sum{g, v[1]}, count{g, v[4]};
    const std::array inner{axes[0].in(g, v.subspan(5)), axes[1].in(g, v.subspan(8))};
    const Expr per_row = larger(inner[1].samples, k.scalar(1.0)), quotient = k / per_row;
    const Expr row{g, op::floor(g, quotient)};
    const Expr value = sampled({g, v[2]}, {g, v[3]}, inner, {row, k - row * per_row}, average);
    const Expr joint = average ? sum + value : larger(sum, value);
    return std::vector<ValueId>{k + 1.0, where((k < count).expand({3}), joint, sum)};
  });
  const Expr sum{b, op::while_(b, carries, std::move(goes_on), std::move(step), captures)[1]};
  const Expr count = wanted.to(x.dtype()).expand({3});
  return where(count > 0.0, average ? sum / count : sum, sum.scalar(0.0));
}

// The mean (or largest) of bilinear samples in each bin of each region of interest.
std::vector<Value> roi_align(NodeContext& n) {
  const int64_t height = n.int_attribute("output_height", 1), width = n.int_attribute("output_width", 1);
  const int64_t samples = n.int_attribute("sampling_ratio", 0);
  if (n.rank(0) != 4 || n.rank(1) != 2 || height < 1 || width < 1)
    fail("RoiAlign takes images of four dimensions, regions of two and a positive output size");
  const bool half = n.string_attribute("coordinate_transformation_mode",
                                       n.opset < 16 ? "output_half_pixel" : "half_pixel") == "half_pixel";
  const std::string mode = n.string_attribute("mode", "avg");
  if (mode != "avg" && mode != "max") fail("mode '{}' is unknown", mode);
  const bool average = mode == "avg";
  const Expr x = input(n, 0).transpose({0, 2, 3, 1}), batch = input(n, 2);
  const Expr rois = input(n, 1) * n.float_attribute("spatial_scale", 1) - (half ? 0.5 : 0.0);
  const auto axis = [&](int64_t start, int64_t bins, const Dim& size) {
    const Expr low = rois.entry(1, start);
    Expr extent = rois.entry(1, start + 2) - low;
    if (!half) extent = larger(extent, extent.scalar(1.0));
    const Expr bin = extent / static_cast<double>(bins);
    const Expr count = samples > 0 ? bin.scalar(static_cast<double>(samples)).broadcast(bin.shape())
                                   : larger(bin.made(op::ceil(n.b, bin)), bin.scalar(0.0));
    return RegionAxis{low.expand({1, 2}), bin.expand({1, 2}), count.expand({1, 2}), bins, size};
  };
  const std::array axes{axis(1, height, x.size(1)), axis(0, width, x.size(2))};
  Expr y = x;
  if (samples > 0) {
    const Expr at = places(n.b, {1, 1, samples}, 2, rois.dtype());
    y = sampled(x, batch, axes, {at, at}, average);
    if (average) y = y / static_cast<double>(samples * samples);
  } else {
    y = adaptively_sampled(x, batch, axes, average);
  }
  return {n.result(y.transpose({0, 3, 1, 2}))};
}

// The largest entry in each bin of each region, whose corners are rounded to pixels; 0 for a bin without any. One axis
// at a time: x [size, ...], with `inside` [size, regions, bins] saying which entries a bin has, becomes [..., bins].
Expr largest_inside(const Expr& x, const Expr& inside) {
  Builder& b = x.builder();
  std::vector<Dim> shape = x.shape();
  shape.erase(shape.begin());
  shape.push_back(inside.size(2));
  const double none = -std::numeric_limits<double>::infinity();
  const ValueId carry = op::full(b, x.dtype(), shape, none), scanned[] = {x, inside};
  std::vector<Type> types{b.type(carry)};
  for (ValueId v : scanned) {
    TensorType entry = b.tensor_type(v);
    entry.shape.erase(entry.shape.begin());
    types.emplace_back(std::move(entry));
  }
  const auto step = [&](Builder& g, std::span<const ValueId> v) -> std::vector<ValueId> {
    const Expr largest{g, v[0]}, entries{g, v[1]}, mask{g, v[2]};  // [regions, rest...], [regions, bins]
    std::vector<Dim> wide(static_cast<size_t>(largest.rank()), 1);
    wide.front() = mask.size(0);
    wide.back() = mask.size(1);
    const Expr value = entries.expand({largest.rank() - 1});
    return {larger(largest, where(mask.reshape(wide), value, value.scalar(none)))};
  };
  return {b, op::scan(b, {&carry, 1}, scanned, x.size(0), op::make_region(b, "row", types, step))[0]};
}

std::vector<Value> max_roi_pool(NodeContext& n) {
  const auto bins = n.ints_attribute("pooled_shape").value_or(std::vector<int64_t>{});
  if (n.rank(0) != 4 || n.rank(1) != 2 || bins.size() != 2 || bins[0] < 1 || bins[1] < 1)
    fail("MaxRoiPool takes images of four dimensions, regions of two and a pooled_shape of two positive sizes");
  const Expr x = input(n, 0), rois = input(n, 1);
  const double scale = n.float_attribute("spatial_scale", 1);
  const auto rounded = [&](int64_t column) {  // halves away from zero
    const Expr v = rois.entry(1, column) * scale;
    return v.made(op::round_nearest_afz(n.b, v));
  };
  // Which of the entries of an axis stand in each region's bins: [size, regions, bins].
  const auto inside = [&](int64_t column, int64_t count, const Dim& size) {
    const Expr low = rounded(column), extent = larger(rounded(column + 2) - low + 1.0, low.scalar(1.0));
    const Expr bin = (extent / static_cast<double>(count)).expand({0, 2}), start = low.expand({0, 2});
    const Expr number = places(n.b, {1, 1, count}, 2, rois.dtype());
    const Expr from = start + bin.made(op::floor(n.b, number * bin));
    const Expr to = start + bin.made(op::ceil(n.b, (number + 1.0) * bin));
    const Expr entry = places(n.b, {size, 1, 1}, 0, rois.dtype());
    return (entry >= from) & (entry < to);
  };
  const Expr batch = rois.entry(1, 0).to(DType::kI64);
  const Expr mine = x.made(op::take(n.b, x, batch, 0)).transpose({2, 0, 1, 3});  // [height, regions, channels, width]
  const Expr rows = largest_inside(mine, inside(2, bins[0], x.size(2)));         // [regions, channels, width, bins]
  const Expr y = largest_inside(rows.transpose({2, 0, 1, 3}), inside(1, bins[1], x.size(3)));
  const Expr lowest = y.scalar(-std::numeric_limits<double>::infinity());
  return {n.result(where(y == lowest, y.scalar(0.0), y))};
}

std::vector<int64_t> ints_or(NodeContext& n, const char* name, size_t count, int64_t otherwise) {
  auto list = n.ints_attribute(name).value_or(std::vector<int64_t>(count, otherwise));
  if (list.size() != count) fail("{} must have {} entries", name, count);
  return list;
}

// A convolution whose samples are moved by `offset` and weighted by `mask`, two spatial dimensions.
std::vector<Value> deform_conv(NodeContext& n) {
  if (n.rank(0) != 4 || n.rank(1) != 4 || n.rank(2) != 4)
    fail_kind(ErrorKind::kUnsupported, "DeformConv of other than two spatial dimensions");
  const Expr x = input(n, 0), w = input(n, 1), offset = input(n, 2);
  const auto strides = ints_or(n, "strides", 2, 1), dilations = ints_or(n, "dilations", 2, 1);
  const auto pads = ints_or(n, "pads", 4, 0);
  const int64_t group = n.int_attribute("group", 1), offset_group = n.int_attribute("offset_group", 1);
  const int64_t kh = w.size(2).constant(), kw = w.size(3).constant();
  if (group < 1 || offset_group < 1 || kh < 1 || kw < 1) fail("group, offset_group and the kernel must be positive");
  const Dim batch = x.size(0), channels = x.size(1), oh = offset.size(2), ow = offset.size(3);
  const std::vector<Dim> grid{batch, offset_group, kh, kw, oh, ow};
  const Expr moved = offset.reshape({batch, offset_group, kh, kw, 2, oh, ow});
  const auto axis = [&](size_t d) {
    const std::vector<Dim> line{1, 1, kh, kw, oh, ow};
    const auto kernel = static_cast<int64_t>(2 + d), out = static_cast<int64_t>(4 + d);
    const Expr start =
        places(n.b, line, out, x.dtype()) * static_cast<double>(strides[d]) - static_cast<double>(pads[d]);
    const Expr position = moved.entry(4, static_cast<int64_t>(d)) + start +
                          places(n.b, line, kernel, x.dtype()) * static_cast<double>(dilations[d]);
    return corners(position, position.scalar(x.size(static_cast<int64_t>(2 + d)) - 1), false);
  };
  const auto rows = axis(0), columns = axis(1);
  // The channels that share offsets come last, to be gathered together.
  const Expr pixels = x.reshape({batch, offset_group, floordiv(channels, offset_group), x.size(2), x.size(3)})
                          .transpose({0, 1, 3, 4, 2});
  const auto index = [&](const Expr& e) { return e.to(DType::kI64).broadcast(grid).expand({6}); };
  const Expr at_batch = index(places(n.b, grid, 0)), at_group = index(places(n.b, grid, 1));
  std::optional<Expr> sampled;
  for (const Corner& r : {rows.first, rows.second})
    for (const Corner& c : {columns.first, columns.second}) {
      const Expr value = gathered(pixels, joined({at_batch, at_group, index(r.at), index(c.at)}, 6)) *
                         (r.weight * c.weight).expand({6});
      sampled = sampled ? *sampled + value : value;
    }
  if (n.has(4)) sampled = *sampled * input(n, 4).reshape(grid).expand({6});
  // [batch, offset group, kh, kw, oh, ow, c] to [group, batch, oh, ow, channels of the group, kh, kw].
  const Expr columns_of = sampled->transpose({0, 4, 5, 1, 6, 2, 3})
                              .reshape({batch, oh, ow, group, floordiv(channels, group), kh, kw})
                              .transpose({3, 0, 1, 2, 4, 5, 6});
  const Dim out_channels = w.size(0);
  const Expr kernel = w.reshape({group, floordiv(out_channels, group), w.size(1), kh, kw});
  op::DotAttributes a;
  a.lhs_batching_dimensions = a.rhs_batching_dimensions = {0};
  a.lhs_contracting_dimensions = {4, 5, 6};
  a.rhs_contracting_dimensions = {2, 3, 4};
  Expr y = x.made(op::dot_general(n.b, columns_of, kernel, std::move(a)));  // [group, batch, oh, ow, out]
  y = y.transpose({1, 0, 4, 2, 3}).reshape({batch, out_channels, oh, ow});
  if (n.has(3)) y = y + input(n, 3).reshape({1, out_channels, 1, 1});
  return {n.result(y)};
}

// Sums the columns of im2col back into the image: a transposed convolution whose kernel puts entry i of a column at
// place i of its block.
std::vector<Value> col2im(NodeContext& n) {
  const Expr x = input(n, 0);
  const std::vector<int64_t> image = n.ints(1, "image_shape"), block = n.ints(2, "block_shape");
  const size_t rank = image.size();
  if (block.size() != rank || rank == 0 || x.rank() != 3) fail("image_shape, block_shape and the input do not fit");
  const auto strides = ints_or(n, "strides", rank, 1), dilations = ints_or(n, "dilations", rank, 1);
  const auto pads = ints_or(n, "pads", 2 * rank, 0);
  op::ConvolutionAttributes a = op::nchw_convolution(static_cast<int64_t>(rank));
  a.lhs_dilation = strides;
  a.rhs_dilation = dilations;
  a.window_reversal.assign(rank, true);
  std::vector<Dim> placed{x.size(0), x.size(1)}, kernel{};
  int64_t entries = 1;
  for (size_t i = 0; i < rank; ++i) {
    if (block[i] < 1 || block[i] > 4096 || strides[i] < 1 || dilations[i] < 1)
      fail("block_shape, strides and dilations must be positive");
    entries *= block[i];
    if (entries > 4096) fail("a block of more than 4096 entries");
    const int64_t reach = (block[i] - 1) * dilations[i];
    const int64_t steps = floordiv(Dim(image[i] + pads[i] + pads[i + rank] - reach - 1), strides[i]).constant();
    placed.emplace_back(steps + 1);
    a.padding_low[i] = reach - pads[i];
    a.padding_high[i] = image[i] + pads[i] - steps * strides[i] - 1;
    kernel.emplace_back(block[i]);
  }
  const Dim channels = floordiv(x.size(1), entries);
  a.feature_group_count = channels.constant();
  const std::vector<Dim> square{entries, entries};
  const Expr unit = (places(n.b, square, 0) == places(n.b, square, 1)).to(x.dtype());
  std::vector<Dim> shape{channels, entries};
  shape.insert(shape.end(), kernel.begin(), kernel.end());
  const Expr weights = unit.broadcast({channels, entries, entries}).reshape(std::move(shape));
  return {n.result(op::convolution(n.b, x.reshape(std::move(placed)), weights, std::move(a)))};
}

// theta times the homogeneous coordinates of each pixel, in [-1, 1].
std::vector<Value> affine_grid(NodeContext& n) {
  const std::vector<Dim> size = n.sizes(1, "the size");
  const auto rank = static_cast<int64_t>(size.size()) - 2;
  if ((rank != 2 && rank != 3) || n.rank(0) != 3)
    fail("AffineGrid takes a size of 4 or 5 entries and a theta of rank 3");
  const bool corner = n.int_attribute("align_corners", 0) != 0;
  const Expr theta = input(n, 0);
  const std::vector<Dim> image(size.begin() + 2, size.end());
  std::vector<Expr> coordinates;
  for (int64_t d = rank - 1; d >= 0; --d) {  // x first
    const Expr at = places(n.b, image, d, theta.dtype());
    const Expr length = at.scalar(image[static_cast<size_t>(d)]);
    coordinates.push_back(corner ? at * (2.0 / (length - 1.0)) - 1.0 : (at * 2.0 + 1.0) / length - 1.0);
  }
  coordinates.push_back({n.b, op::full(n.b, theta.dtype(), image, 1)});
  op::DotAttributes a;
  a.lhs_contracting_dimensions = {2};
  a.rhs_contracting_dimensions = {rank};
  const Expr y{n.b, op::dot_general(n.b, theta, stacked(coordinates, rank), std::move(a))};  // [N, rank, image...]
  std::vector<int64_t> order{0};
  for (int64_t d = 0; d < rank; ++d) order.push_back(2 + d);
  order.push_back(1);
  return {n.result(y.transpose(order))};
}

// Puts each entry back where MaxPool took it from; zeros elsewhere.
std::vector<Value> max_unpool(NodeContext& n) {
  const Expr x = input(n, 0);
  const auto kernel = n.ints_attribute("kernel_shape").value_or(std::vector<int64_t>{});
  const size_t rank = kernel.size();
  if (n.rank(0) != static_cast<int64_t>(rank) + 2)
    fail("a kernel of {} dimensions for an input of {}", rank, n.rank(0));
  const auto strides = ints_or(n, "strides", rank, 1), pads = ints_or(n, "pads", 2 * rank, 0);
  std::vector<Dim> shape{x.size(0), x.size(1)};
  for (size_t i = 0; i < rank; ++i)
    shape.push_back((x.size(static_cast<int64_t>(2 + i)) - 1) * strides[i] - (pads[i] + pads[i + rank]) + kernel[i]);
  Dim all = 1;
  for (const Dim& d : shape) all = all * d;
  const ValueId zeros = op::full(n.b, x.dtype(), {all}, 0), flat = x.reshape({x.type().size()});
  op::ScatterAttributes a;
  a.inserted_window_dims = a.scatter_dims_to_operand_dims = {0};
  a.index_vector_dim = 1;
  const Type scalar = TensorType{x.dtype(), {}};
  Region replace =
      op::make_region(n.b, "update", std::array{scalar, scalar},
                      [](Builder&, std::span<const ValueId> args) -> std::vector<ValueId> { return {args[1]}; });
  const Expr indices = input(n, 1).reshape({x.type().size(), 1});
  Expr y =
      x.made(op::scatter(n.b, {&zeros, 1}, indices, {&flat, 1}, std::move(a), std::move(replace))[0]).reshape(shape);
  if (n.has(2)) {  // the rest of a larger output stays zero
    const std::vector<Dim> wanted = n.sizes(2, "output_shape");
    if (wanted.size() != shape.size()) fail("output_shape has {} entries", wanted.size());
    std::vector<Dim> low(shape.size(), 0), high;
    for (size_t i = 0; i < shape.size(); ++i) high.push_back(wanted[i] - shape[i]);
    y = x.made(op::pad(n.b, y, x.scalar(0.0), low, high));
  }
  return {n.result(y)};
}

}  // namespace

std::pair<ValueId, ValueId> max_pool_with_indices(NodeContext& n, op::WindowAttributes window) {
  const Expr x = input(n, 0);
  std::vector<Dim> shape = x.shape();
  // Flat in x; with storage_order 1 the spatial dimensions count from the first.
  std::vector<Dim> stride(shape.size(), 1);
  Dim step = 1;
  const bool column_major = n.int_attribute("storage_order", 0) != 0;
  for (size_t i = shape.size(); i-- > 2;) {
    const size_t d = column_major ? shape.size() + 1 - i : i;
    stride[d] = step;
    step = step * shape[d];
  }
  stride[1] = step;
  stride[0] = step * shape[1];
  Expr index = places(n.b, shape, 0) * Expr{n.b, op::dim_value(n.b, stride[0], DType::kI64)};
  for (size_t d = 1; d < shape.size(); ++d)
    index = index + places(n.b, shape, static_cast<int64_t>(d)) * Expr{n.b, op::dim_value(n.b, stride[d], DType::kI64)};
  window.reducer = op::Reducer::kRegion;
  const ValueId inputs[] = {x, index};
  const ValueId inits[] = {op::constant(n.b, op::reducer_identity(op::Reducer::kMaximum, x.dtype())),
                           op::scalar_int(n.b, DType::kI64, -1)};
  const Type value = TensorType{x.dtype(), {}}, place = TensorType{DType::kI64, {}};
  Region region = op::make_region(n.b, "largest", std::array{value, place, value, place},
                                  [](Builder& b, std::span<const ValueId> args) -> std::vector<ValueId> {
                                    const Expr old{b, args[0]}, old_at{b, args[1]}, x{b, args[2]}, at{b, args[3]};
                                    // The first largest; whatever comes before padding.
                                    const Expr take = (x > old) | (x != x) | ((x == old) & (old_at < 0.0));
                                    return {where(take, x, old), where(take, at, old_at)};
                                  });
  const std::vector<ValueId> y = op::reduce_window(n.b, inputs, inits, std::move(window), std::move(region));
  return {y[0], y[1]};
}

std::span<const Registration> region_importers() {
  static constexpr Registration list[] = {
      {"RoiAlign", roi_align}, {"MaxRoiPool", max_roi_pool}, {"DeformConv", deform_conv},
      {"Col2Im", col2im},      {"AffineGrid", affine_grid},  {"MaxUnpool", max_unpool},
  };
  return list;
}

}  // namespace ecotone::onnx
