// Operators of special fields: windows of signals, optimizers, integer products, cropping, rotary embedding.
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/norm.h"
#include "ecotone/op/quantize.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

// Entries [from, to) of one axis.
ValueId part(Builder& b, ValueId x, int64_t axis, const Dim& from, const Dim& to) {
  std::vector<Dim> start(b.tensor_type(x).shape.size(), 0), limit = b.tensor_type(x).shape;
  start[static_cast<size_t>(axis)] = from;
  limit[static_cast<size_t>(axis)] = to;
  return op::slice(b, x, std::move(start), std::move(limit));
}

std::vector<Value> bit_cast(NodeContext& n) {
  const auto to = dtype_of(static_cast<int32_t>(n.int_attribute("to", 0)));
  if (!to) fail("element type {} is unknown", n.int_attribute("to", 0));
  if (*to == n.dtype(0)) return {n.input(0)};
  if (n.dtype(0) == DType::kBool) return {n.result(op::convert(n.b, n.in(0), *to))};
  return {n.result(op::bitcast_convert(n.b, n.in(0), *to))};
}

// 1 at the first largest entry, else 0; before opset 13 over all dimensions from `axis` on.
std::vector<Value> hardmax(NodeContext& n) {
  Builder& b = n.b;
  const int64_t axis = n.axis_attribute("axis", n.opset >= 13 ? -1 : 1, n.rank(0));
  const std::vector<Dim> old_shape = n.type(0).shape;
  ValueId x = n.in(0);
  int64_t along = axis;
  if (n.opset < 13) {
    Dim rows = 1, columns = 1;
    for (size_t d = 0; d < old_shape.size(); ++d)
      (static_cast<int64_t>(d) < axis ? rows : columns) =
          (static_cast<int64_t>(d) < axis ? rows : columns) * old_shape[d];
    x = op::reshape(b, x, {rows, columns});
    along = 1;
  }
  const TensorType type = b.tensor_type(x);
  const std::vector<int64_t> axes{along};
  const ValueId top = op::broadcast_reduced(b, op::reduce(b, x, axes, op::Reducer::kMaximum), type.shape, axes);
  const ValueId index = op::iota(b, {DType::kI64, type.shape}, along);
  const ValueId none =
      op::broadcast_to(b, op::dim_value(b, type.shape[static_cast<size_t>(along)], DType::kI64), type.shape);
  const ValueId hits = op::select(b, op::compare(b, op::ComparisonDirection::kEq, x, top), index, none);
  const ValueId first = op::broadcast_reduced(b, op::reduce(b, hits, axes, op::Reducer::kMinimum), type.shape, axes);
  const ValueId y = op::convert(b, op::compare(b, op::ComparisonDirection::kEq, index, first), type.dtype);
  return {n.result(op::reshape(b, y, old_shape))};
}

std::vector<Value> lp_normalization(NodeContext& n) {
  return {n.result(op::lp_norm(n.b, n.in(0), {n.axis_attribute("axis", -1, n.rank(0)), n.int_attribute("p", 2)}))};
}

std::vector<Value> group_normalization(NodeContext& n) {
  Builder& b = n.b;
  const int64_t groups = n.int_attribute("num_groups", 1);
  const std::vector<Dim>& shape = n.type(0).shape;
  if (shape.size() < 2 || groups < 1) fail("GroupNormalization of {} dimensions in {} groups", shape.size(), groups);
  const auto channel = [&](size_t i) {  // opset 18 gave one a group
    if (n.opset >= 21) return n.in(i);
    const Dim each = floordiv(shape[1], groups);
    return op::reshape(b, op::broadcast_in_dim(b, n.in(i), {groups, each}, {0}), {shape[1]});
  };
  const ValueId scale = channel(1), bias = channel(2);
  return {n.result(op::group_norm(b, n.in(0), scale, bias, {groups, n.float_attribute("epsilon", 1e-5)}))};
}

std::vector<Value> lrn(NodeContext& n) {
  return {n.result(op::local_response_norm(n.b, n.in(0),
                                           {n.int_attribute("size", 1), n.float_attribute("alpha", 1e-4),
                                            n.float_attribute("beta", 0.75), n.float_attribute("bias", 1)}))};
}

std::vector<Value> eye_like(NodeContext& n) {
  const auto named =
      n.attribute("dtype") ? dtype_of(static_cast<int32_t>(n.int_attribute("dtype", 1))) : std::optional(n.dtype(0));
  if (!named) fail("element type {} is unknown", n.int_attribute("dtype", 1));
  const TensorType places{DType::kI64, n.type(0).shape};
  const ValueId row = op::add(n.b, op::iota(n.b, places, 0),
                              op::full(n.b, DType::kI64, places.shape, static_cast<double>(n.int_attribute("k", 0))));
  return {n.result(
      op::convert(n.b, op::compare(n.b, op::ComparisonDirection::kEq, row, op::iota(n.b, places, 1)), *named))};
}

// Cuts or pads the middle of each axis to a size.
std::vector<Value> center_crop_pad(NodeContext& n) {
  const std::vector<Dim> sizes = n.sizes(1, "the shape");
  std::vector<int64_t> axes(sizes.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (const auto given = n.ints_attribute("axes")) axes = *given;
  if (axes.size() != sizes.size()) fail("{} sizes for {} axes", sizes.size(), axes.size());
  std::vector<Dim> low(static_cast<size_t>(n.rank(0)), 0), high = low;
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto d = static_cast<size_t>(op::normalize_axis(axes[i], n.rank(0)));
    const Dim missing = sizes[i] - n.type(0).shape[d];
    if (!missing.is_constant()) fail_kind(ErrorKind::kUnsupported, "a crop of an open size; fix it with --shape");
    const int64_t m = missing.constant();
    low[d] = m >= 0 ? m / 2 : -((-m) / 2);
    high[d] = Dim(m) - low[d];
  }
  return {n.result(op::pad(n.b, n.in(0), op::scalar(n.b, n.dtype(0), 0), std::move(low), std::move(high)))};
}

// Hann, Hamming, Blackman: a0 - a1 cos(2 pi i / N) + a2 cos(4 pi i / N), N = size or, when symmetric, size - 1.
std::vector<Value> window(NodeContext& n) {
  const bool hann = n.node.op_type == "HannWindow", hamming = n.node.op_type == "HammingWindow";
  const std::array<double, 3> a = hann      ? std::array{0.5, 0.5, 0.0}
                                  : hamming ? std::array{25.0 / 46, 21.0 / 46, 0.0}
                                            : std::array{0.42, 0.5, 0.08};
  const int64_t size = n.ints(0, "the size").at(0);
  if (size < 0 || size > (int64_t{1} << 24)) fail("a window of {} entries", size);
  const int64_t whole = n.int_attribute("periodic", 1) != 0 ? size : size - 1;
  std::vector<double> values;
  for (int64_t i = 0; i < size; ++i) {
    const double t = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(whole);
    values.push_back(a[0] - a[1] * std::cos(t) + a[2] * std::cos(2 * t));
  }
  const auto dtype = dtype_of(static_cast<int32_t>(n.int_attribute("output_datatype", 1))).value_or(DType::kF32);
  return {n.result(op::convert(n.b, op::constant(n.b, Tensor::from(std::span<const double>(values), {size})), dtype))};
}

// Each batch's first `length` entries along the time axis turned around.
std::vector<Value> reverse_sequence(NodeContext& n) {
  Builder& b = n.b;
  const int64_t time = n.int_attribute("time_axis", 0), batch = n.int_attribute("batch_axis", 1);
  if (n.rank(0) < 2 || time + batch != 1) fail("time_axis {} and batch_axis {} must be 0 and 1", time, batch);
  const std::vector<Dim>& shape = n.type(0).shape;
  const std::vector<Dim> plane{shape[0], shape[1]};
  const ValueId at = op::iota(b, {DType::kI64, plane}, time);
  const ValueId length = op::broadcast_in_dim(b, op::convert(b, n.in(1), DType::kI64), plane, {batch});
  const ValueId mirrored = op::subtract(b, op::subtract(b, length, at), op::full(b, DType::kI64, plane, 1));
  const ValueId source = op::select(b, op::compare(b, op::ComparisonDirection::kLt, at, length), mirrored, at);
  const ValueId lane = op::iota(b, {DType::kI64, plane}, batch);
  const int64_t last[] = {2};
  const ValueId pair[] = {op::expand_dims(b, time == 0 ? source : lane, last),
                          op::expand_dims(b, time == 0 ? lane : source, last)};
  op::GatherAttributes a;
  a.collapsed_slice_dims = a.start_index_map = {0, 1};
  a.index_vector_dim = 2;
  a.slice_sizes = shape;
  a.slice_sizes[0] = a.slice_sizes[1] = 1;
  for (int64_t d = 2; d < n.rank(0); ++d) a.offset_dims.push_back(d);
  return {n.result(op::gather(b, n.in(0), op::concatenate(b, pair, 2), std::move(a)))};
}

// Integer products ----------------------------------------------------------------------------------------------------

// An integer input less its zero point, as i32; zero points of one entry a row or column are broadcast along `axis`.
ValueId centred(NodeContext& n, size_t i, size_t zero, int64_t axis) {
  const ValueId x = op::convert(n.b, n.in(i), DType::kI32);
  if (!n.has(zero)) return x;
  const std::vector<Dim> shape = n.b.tensor_type(x).shape;
  const ValueId z = op::convert(n.b, n.in(zero), DType::kI32);
  const bool single = n.rank(zero) == 0 || n.type(zero).size() == Dim(1);
  const ValueId wide = single             ? op::broadcast_to(n.b, op::reshape(n.b, z, {}), shape)
                       : n.rank(zero) > 1 ? op::broadcast_to(n.b, z, shape)
                                          : op::broadcast_in_dim(n.b, z, shape, {axis});
  return op::subtract(n.b, x, wide);
}

std::vector<Value> matmul_integer(NodeContext& n) {
  const ValueId x = centred(n, 0, 2, n.rank(0) - 2), y = centred(n, 1, 3, n.rank(1) - 1);
  return {n.result(matmul(n.b, x, y))};
}

std::vector<Value> qlinear_matmul(NodeContext& n) {
  Builder& b = n.b;
  const ValueId x = centred(n, 0, 2, n.rank(0) - 2), y = centred(n, 3, 5, n.rank(3) - 1);
  const ValueId product = matmul(b, x, y);
  const std::vector<Dim> shape = b.tensor_type(product).shape;
  const auto scale = [&](size_t i) {
    const ValueId s = op::convert(b, n.in(i), DType::kF32);
    return n.type(i).size() == Dim(1) ? op::broadcast_to(b, op::reshape(b, s, {}), shape)
                                      : op::broadcast_to(b, s, shape);
  };
  const ValueId value = op::multiply(b, op::convert(b, product, DType::kF32), op::multiply(b, scale(1), scale(4)));
  op::QuantizeAttributes a;
  a.dtype = n.dtype(7);
  const ValueId out_scale = op::reshape(b, op::convert(b, n.in(6), DType::kF32), {});
  return {n.result(op::quantize(b, value, out_scale, op::reshape(b, n.in(7), {}), a))};
}

}  // namespace

std::array<ValueId, 3> dynamic_quantized(Builder& b, ValueId x) {
  const ValueId zero = op::scalar(b, DType::kF32, 0), levels = op::scalar(b, DType::kF32, 255);
  std::vector<int64_t> axes(static_cast<size_t>(b.rank(x)));
  std::iota(axes.begin(), axes.end(), 0);
  const ValueId low = op::minimum(b, op::reduce(b, x, axes, op::Reducer::kMinimum), zero);
  const ValueId high = op::maximum(b, op::reduce(b, x, axes, op::Reducer::kMaximum), zero);
  // Of nothing but zeros the scale is 1, as ONNX Runtime has it.
  const ValueId range = op::subtract(b, high, low), is_flat = op::compare(b, op::ComparisonDirection::kEq, range, zero);
  const ValueId scale = op::select(b, is_flat, op::scalar(b, DType::kF32, 1), op::divide(b, range, levels));
  const ValueId offset =
      op::round_nearest_even(b, op::clamp(b, zero, op::divide(b, op::subtract(b, zero, low), scale), levels));
  const ValueId zero_point = op::convert(b, offset, DType::kU8);
  op::QuantizeAttributes a;
  a.dtype = DType::kU8;
  return {op::quantize(b, x, scale, zero_point, a), scale, zero_point};
}

namespace {

std::vector<Value> dynamic_quantize_linear(NodeContext& n) {
  std::vector<Value> results;
  for (ValueId v : dynamic_quantized(n.b, n.in(0))) results.push_back(n.result(v));
  return results;
}

// Rotary embedding ----------------------------------------------------------------------------------------------------

std::vector<Value> rotary_embedding(NodeContext& n) {
  Builder& b = n.b;
  const std::vector<Dim> given = n.type(0).shape;
  ValueId x = n.in(0);  // to [batch, seq, heads, size]
  if (given.size() == 4) {
    x = op::transpose(b, x, {0, 2, 1, 3});
  } else {
    const int64_t heads = n.int_attribute("num_heads", 0);
    if (given.size() != 3 || heads < 1) fail("three dimensions need a positive num_heads");
    x = op::reshape(b, x, {given[0], given[1], heads, floordiv(given[2], heads)});
  }
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  const int64_t size = shape[3].constant(),
                rotary = n.int_attribute("rotary_embedding_dim", 0) ? n.int_attribute("rotary_embedding_dim", 0) : size;
  if (rotary < 2 || rotary > size || rotary % 2 != 0)
    fail("rotary_embedding_dim {} does not fit heads of size {}", rotary, size);
  const bool interleaved = n.int_attribute("interleaved", 0) != 0;
  const int64_t half = rotary / 2;
  const auto cache = [&](size_t i) {  // [batch, seq, half] over all heads
    ValueId c = n.in(i);
    if (n.has(3)) c = op::take(b, c, n.in(3), 0);
    return op::broadcast_in_dim(b, part(b, c, b.rank(c) - 1, 0, half), {shape[0], shape[1], shape[2], half},
                                b.rank(c) == 3 ? std::vector<int64_t>{0, 1, 3} : std::vector<int64_t>{1, 3});
  };
  const ValueId cosine = cache(1), sine = cache(2), turned = part(b, x, 3, 0, rotary);
  const std::vector<Dim> half_shape{shape[0], shape[1], shape[2], half};
  ValueId first, second;
  if (interleaved) {
    const ValueId pairs = op::reshape(b, turned, {shape[0], shape[1], shape[2], half, 2});
    first = op::reshape(b, part(b, pairs, 4, 0, 1), half_shape);
    second = op::reshape(b, part(b, pairs, 4, 1, 2), half_shape);
  } else {
    first = part(b, turned, 3, 0, half);
    second = part(b, turned, 3, half, rotary);
  }
  const ValueId re = op::subtract(b, op::multiply(b, cosine, first), op::multiply(b, sine, second));
  const ValueId im = op::add(b, op::multiply(b, sine, first), op::multiply(b, cosine, second));
  ValueId y;
  if (interleaved) {
    const int64_t last[] = {4};
    const ValueId both[] = {op::expand_dims(b, re, last), op::expand_dims(b, im, last)};
    y = op::reshape(b, op::concatenate(b, both, 4), {shape[0], shape[1], shape[2], rotary});
  } else {
    const ValueId both[] = {re, im};
    y = op::concatenate(b, both, 3);
  }
  if (rotary < size) {
    const ValueId both[] = {y, part(b, x, 3, rotary, size)};
    y = op::concatenate(b, both, 3);
  }
  return {n.result(given.size() == 4 ? op::transpose(b, y, {0, 2, 1, 3}) : op::reshape(b, y, given))};
}

}  // namespace

std::span<const Registration> misc_importers() {
  static constexpr Registration list[] = {
      {"BitCast", bit_cast},
      {"Hardmax", hardmax},
      {"LpNormalization", lp_normalization},
      {"GroupNormalization", group_normalization},
      {"LRN", lrn},
      {"EyeLike", eye_like},
      {"CenterCropPad", center_crop_pad},
      {"HannWindow", window},
      {"HammingWindow", window},
      {"BlackmanWindow", window},
      {"ReverseSequence", reverse_sequence},
      {"MatMulInteger", matmul_integer},
      {"QLinearMatMul", qlinear_matmul},
      {"DynamicQuantizeLinear", dynamic_quantize_linear},
      {"RotaryEmbedding", rotary_embedding},
  };
  return list;
}

}  // namespace ecotone::onnx
