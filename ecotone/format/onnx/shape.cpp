// Operators that make, move or measure: no arithmetic.
#include "ecotone/op/shape.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/conv.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"

namespace ecotone::onnx {
namespace {

constexpr int64_t kSmall = 64;  // larger constants become parameters

std::vector<Value> constant(NodeContext& n) {
  if (const AttributeProto* a = n.attribute("value")) {
    if (!a->tensor) fail("attribute 'value' must be a tensor");
    Value v = Value::of_constant(n.graph.tensor(*a->tensor));
    if (v.constant->size() > kSmall && n.graph.is_root())
      v.id = n.b.parameter(n.node.outputs.at(0), v.type, v.constant);
    return {std::move(v)};
  }
  if (const AttributeProto* a = n.attribute("value_float")) return {Value::of_constant(Tensor::scalar(a->f))};
  if (const AttributeProto* a = n.attribute("value_int")) return {Value::of_constant(Tensor::scalar(a->i))};
  if (const AttributeProto* a = n.attribute("value_floats"))
    return {
        Value::of_constant(Tensor::from(std::span<const float>(a->floats), {static_cast<int64_t>(a->floats.size())}))};
  if (const AttributeProto* a = n.attribute("value_ints"))
    return {
        Value::of_constant(Tensor::from(std::span<const int64_t>(a->ints), {static_cast<int64_t>(a->ints.size())}))};
  fail_kind(ErrorKind::kUnsupported, "a constant that is sparse or of strings");
}

std::vector<Value> shape(NodeContext& n) {
  const std::vector<Dim>& dims = n.type(0).shape;
  const int64_t rank = n.rank(0);
  const auto clamped = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank); };
  const int64_t start = clamped(n.int_attribute("start", 0)),
                end = std::max(start, clamped(n.int_attribute("end", rank)));
  return {Value::of_dims({dims.begin() + start, dims.begin() + end})};
}
std::vector<Value> size(NodeContext& n) {
  return {Value::of_dims({n.type(0).size()}, DType::kI64, true)};
}

std::vector<Value> reshape(NodeContext& n) {
  const std::vector<Dim>& old = n.type(0).shape;
  std::vector<Dim> shape =
      n.opset < 5 ? to_dims(n.ints_attribute("shape").value_or(std::vector<int64_t>{})) : n.sizes(1, "the shape");
  const bool allow_zero = n.int_attribute("allowzero", 0) != 0;
  std::optional<size_t> open;
  Dim known = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == Dim(0) && !allow_zero) {
      if (i >= old.size()) fail("size {} of the new shape is copied from a dimension that the input lacks", i);
      shape[i] = old[i];
    }
    if (shape[i] == Dim(-1)) {
      if (open) fail("two sizes of the new shape are -1");
      open = i;
    } else {
      known = known * shape[i];
    }
  }
  if (open) {
    const Dim all = n.type(0).size();
    if (known == Dim(0)) fail("the size at -1 can't be told beside a size 0");
    shape[*open] = all == known ? Dim(1) : floordiv(all, known);
  }
  // A vector of one size and a scalar are the same sizes.
  if (const auto* d = n.dims(0); d && shape.size() <= 1) return {Value::of_dims(*d, n.dtype(0), shape.empty())};
  return {n.result(op::reshape(n.b, n.in(0), std::move(shape)))};
}

std::vector<Value> flatten(NodeContext& n) {
  const std::vector<Dim>& old = n.type(0).shape;
  int64_t axis = n.int_attribute("axis", 1);
  if (axis < -n.rank(0) || axis > n.rank(0)) fail("axis {} is not in [-{}, {}]", axis, n.rank(0), n.rank(0));
  if (axis < 0) axis += n.rank(0);
  Dim rows = 1, columns = 1;
  for (int64_t d = 0; d < n.rank(0); ++d)
    (d < axis ? rows : columns) = (d < axis ? rows : columns) * old[static_cast<size_t>(d)];
  return {n.result(op::reshape(n.b, n.in(0), {rows, columns}))};
}

std::vector<Value> squeeze(NodeContext& n) {
  std::vector<int64_t> axes = n.axes(1, 13, n.rank(0));
  if (axes.empty() && !n.has(1) && !n.attribute("axes"))
    for (int64_t d = 0; d < n.rank(0); ++d)
      if (n.type(0).shape[static_cast<size_t>(d)] == Dim(1)) axes.push_back(d);
  if (const auto* d = n.dims(0); d && d->size() == 1 && axes.size() == 1) return {Value::of_dims(*d, n.dtype(0), true)};
  return {n.result(op::squeeze(n.b, n.in(0), axes))};
}

std::vector<Value> unsqueeze(NodeContext& n) {
  const std::vector<int64_t> given =
      n.opset < 13 ? n.ints_attribute("axes").value_or(std::vector<int64_t>{}) : n.ints(1, "axes");
  const int64_t rank = n.rank(0) + static_cast<int64_t>(given.size());
  std::vector<int64_t> axes;
  for (int64_t a : given) axes.push_back(op::normalize_axis(a, rank));
  std::ranges::sort(axes);
  if (std::ranges::adjacent_find(axes) != axes.end()) fail("an axis is named twice");
  if (const auto* d = n.dims(0); d && rank <= 1) return {Value::of_dims(*d, n.dtype(0), rank == 0)};
  return {n.result(op::expand_dims(n.b, n.in(0), axes))};
}

std::vector<Value> transpose(NodeContext& n) {
  std::vector<int64_t> permutation(static_cast<size_t>(n.rank(0)));
  for (size_t i = 0; i < permutation.size(); ++i) permutation[i] = n.rank(0) - 1 - static_cast<int64_t>(i);
  if (auto given = n.ints_attribute("perm")) permutation = *given;
  return {n.result(op::transpose(n.b, n.in(0), std::move(permutation)))};
}

std::vector<Value> concat(NodeContext& n) {
  std::vector<Dim> dims;
  bool all = true;
  for (size_t i = 0; i < n.input_count() && all; ++i) {
    all = n.dims(i) && n.rank(i) == 1;
    if (all) dims.insert(dims.end(), n.dims(i)->begin(), n.dims(i)->end());
  }
  if (all && static_cast<int64_t>(dims.size()) <= kSmall) return {Value::of_dims(std::move(dims), n.dtype(0))};
  std::vector<ValueId> parts;
  for (size_t i = 0; i < n.input_count(); ++i) parts.push_back(n.in(i));
  return {n.result(op::concatenate(n.b, parts, n.axis_attribute("axis", 1, n.rank(0))))};
}

std::vector<Value> gather(NodeContext& n) {
  const int64_t axis = n.axis_attribute("axis", 0, n.rank(0));
  const Tensor* known = n.constant(1);
  if (const auto* d = n.dims(0); d && known && known->rank() <= 1) {
    std::vector<Dim> picked;
    const auto count = static_cast<int64_t>(d->size());
    for (int64_t i : known->plain().to_ints())
      picked.push_back((*d)[static_cast<size_t>(op::normalize_axis(i, count))]);
    return {Value::of_dims(std::move(picked), n.dtype(0), known->rank() == 0)};
  }
  ValueId indices = n.in(1);
  const Dim size = n.type(0).shape[static_cast<size_t>(axis)];
  const auto wrapped = [&] {  // negative indices count from the end
    const ValueId length = op::broadcast_to(n.b, op::dim_value(n.b, size, n.dtype(1)), n.type(1).shape);
    const ValueId negative = op::compare(n.b, op::ComparisonDirection::kLt, indices, op::full_like(n.b, indices, 0));
    return op::select(n.b, negative, op::add(n.b, indices, length), indices);
  };
  bool may_be_negative = true;
  if (known) {
    const std::vector<int64_t> values = known->plain().to_ints();
    may_be_negative = std::ranges::any_of(values, [](int64_t i) { return i < 0; });
    if (size.is_constant())
      for (int64_t i : values) op::normalize_axis(i, size.constant());
  }
  if (may_be_negative) indices = wrapped();
  return {n.result(op::take(n.b, n.in(0), indices, axis))};
}

// Slice ---------------------------------------------------------------------------------------------------------------

// A start or limit counted from the end when negative and clamped to [low, high].
Dim clamped(const Dim& at, const Dim& size, const Dim& low, const Dim& high, std::span<const SymbolInfo> symbols) {
  const bool negative = decide_less_equal(0, at, symbols) == Decision::kNo;
  const Dim from_start = negative ? size + at : at;
  if (decide_less_equal(low, from_start, symbols) == Decision::kYes &&
      decide_less_equal(from_start, high, symbols) == Decision::kYes)
    return from_start;
  if (decide_less_equal(high, from_start, symbols) == Decision::kYes) return high;
  return min(max(from_start, low), high);
}

std::vector<Value> slice(NodeContext& n) {
  const bool old = n.opset < 10;
  const auto list = [&](size_t i, const char* name) {
    return old ? to_dims(n.ints_attribute(name).value_or(std::vector<int64_t>{})) : n.sizes(i, name);
  };
  const std::vector<Dim> starts = list(1, "starts"), ends = list(2, "ends");
  std::vector<int64_t> axes(starts.size()), steps(starts.size(), 1);
  std::iota(axes.begin(), axes.end(), 0);
  if (old ? n.attribute("axes") != nullptr : n.has(3)) axes = old ? *n.ints_attribute("axes") : n.ints(3, "axes");
  if (!old && n.has(4)) steps = n.ints(4, "steps");
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    fail("starts, ends, axes and steps differ in length");
  const std::vector<Dim>& shape = n.type(0).shape;
  std::vector<Dim> from(shape.size(), 0), to = shape;
  std::vector<int64_t> strides(shape.size(), 1), reversed;
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t axis = op::normalize_axis(axes[i], n.rank(0));
    const auto d = static_cast<size_t>(axis);
    if (steps[i] == 0) fail("a step is 0");
    const auto symbols = n.b.symbols();
    if (steps[i] > 0) {
      from[d] = clamped(starts[i], shape[d], 0, shape[d], symbols);
      to[d] = clamped(ends[i], shape[d], 0, shape[d], symbols);
      if (decide_less_equal(from[d], to[d], symbols) != Decision::kYes) to[d] = max(from[d], to[d]);
      strides[d] = steps[i];
    } else {  // of the reversed dimension, whose entry i is the input's size - 1 - i
      const Dim first = clamped(starts[i], shape[d], -1, shape[d] - 1, symbols);
      // The end's -1 counts from the end, so what lies before the first entry is written as a very small number.
      const bool all = ends[i].is_constant() && shape[d].is_constant() && ends[i].constant() < -shape[d].constant();
      const bool huge = ends[i].is_constant() && ends[i].constant() <= std::numeric_limits<int32_t>::min();
      const Dim last = all || huge ? Dim(-1) : clamped(ends[i], shape[d], -1, shape[d] - 1, symbols);
      reversed.push_back(axis);
      from[d] = shape[d] - 1 - first;
      to[d] = max(from[d], shape[d] - 1 - last);
      strides[d] = -steps[i];
    }
  }
  if (const auto* d = n.dims(0);
      d && n.rank(0) == 1 && reversed.empty() && from[0].is_constant() && to[0].is_constant()) {
    std::vector<Dim> picked;
    for (int64_t i = from[0].constant(); i < to[0].constant(); i += strides[0])
      picked.push_back((*d)[static_cast<size_t>(i)]);
    return {Value::of_dims(std::move(picked), n.dtype(0))};
  }
  ValueId x = n.in(0);
  if (!reversed.empty()) x = op::reverse(n.b, x, reversed);
  return {n.result(op::slice(n.b, x, std::move(from), std::move(to), std::move(strides)))};
}

std::vector<Value> split(NodeContext& n) {
  const int64_t axis = n.axis_attribute("axis", 0, n.rank(0));
  const Dim size = n.type(0).shape[static_cast<size_t>(axis)];
  const auto count = static_cast<int64_t>(n.node.outputs.size());
  std::vector<Dim> parts;
  if (n.opset >= 13 && n.has(1)) {
    parts = n.sizes(1, "split");
  } else if (const auto given = n.ints_attribute("split"); given && n.opset < 13) {
    parts = to_dims(*given);
  } else {
    const int64_t pieces = n.int_attribute("num_outputs", count);
    if (pieces < 1 || pieces > std::max<int64_t>(count, 1))
      fail("num_outputs is {}, but there are {} outputs", pieces, count);
    const Dim each = ceildiv(size, pieces);
    for (int64_t i = 0; i + 1 < pieces; ++i) parts.push_back(each);
    parts.push_back(size - each * (pieces - 1));
  }
  std::vector<Value> results;
  Dim start = 0;
  for (const Dim& part : parts) {
    std::vector<Dim> from(n.type(0).shape.size(), 0), to = n.type(0).shape;
    from[static_cast<size_t>(axis)] = start;
    to[static_cast<size_t>(axis)] = start + part;
    start = start + part;
    results.push_back(n.result(op::slice(n.b, n.in(0), std::move(from), std::move(to))));
  }
  n.b.assume_equal(start, size);
  return results;
}

std::vector<Value> expand(NodeContext& n) {
  const std::vector<Dim> wanted = n.sizes(1, "the shape");
  const std::vector<Dim> shape = op::broadcast_shapes(n.b, n.type(0).shape, wanted);
  return {n.result(op::broadcast_to(n.b, n.in(0), shape))};
}

std::vector<Value> constant_of_shape(NodeContext& n) {
  const std::vector<Dim> shape = n.sizes(0, "the shape");
  const AttributeProto* a = n.attribute("value");
  const Tensor value = a && a->tensor ? n.graph.tensor(*a->tensor).plain() : Tensor::scalar(0.0F);
  if (value.size() != 1) fail("attribute 'value' must hold one element");
  if (shape.size() <= 1 && is_integer(value.dtype()) &&
      (shape.empty() || (shape[0].is_constant() && shape[0].constant() <= kSmall)))
    return {
        Value::of_dims(std::vector<Dim>(shape.empty() ? 1 : static_cast<size_t>(shape[0].constant()), value.at_int(0)),
                       value.dtype(), shape.empty())};
  return {n.result(op::broadcast_in_dim(n.b, op::constant(n.b, value.reshaped({})), shape, {}))};
}

std::vector<Value> range(NodeContext& n) {
  const auto *start = n.dims(0), *limit = n.dims(1), *step = n.dims(2);
  const DType dtype = n.dtype(0);
  Dim count;
  if (start && limit && step && (*step)[0].is_constant() && (*step)[0].constant() != 0) {
    const int64_t by = (*step)[0].constant();
    count = by > 0 ? ceildiv((*limit)[0] - (*start)[0], by) : ceildiv((*start)[0] - (*limit)[0], -by);
    count = count.is_constant() ? Dim(std::max<int64_t>(0, count.constant())) : max(count, 0);
  } else if (n.constant(0) && n.constant(1) && n.constant(2)) {
    const double by = n.constant(2)->plain().at_double(0);
    if (by == 0) fail("the step is 0");
    const double steps = std::ceil((n.constant(1)->plain().at_double(0) - n.constant(0)->plain().at_double(0)) / by);
    if (!(steps < 1e12)) fail("a range of {} entries", steps);
    count = static_cast<int64_t>(std::max(0.0, steps));
  } else {
    fail_kind(ErrorKind::kUnsupported, "the length of a range is computed from data");
  }
  const ValueId index = op::iota(n.b, {dtype, {count}}, 0);
  const ValueId scaled = op::multiply(n.b, index, op::broadcast_to(n.b, n.in(2), std::vector<Dim>{count}));
  return {n.result(op::add(n.b, scaled, op::broadcast_to(n.b, n.in(0), std::vector<Dim>{count})))};
}

std::vector<Value> tile(NodeContext& n) {
  const std::vector<Dim> repeats = n.sizes(1, "repeats");
  const std::vector<Dim> shape = n.type(0).shape;
  if (repeats.size() != shape.size()) fail("repeats has {} entries for {} dimensions", repeats.size(), shape.size());
  std::vector<Dim> wide, merged;
  std::vector<int64_t> places;
  for (size_t i = 0; i < shape.size(); ++i) {
    wide.push_back(repeats[i]);
    wide.push_back(shape[i]);
    places.push_back(static_cast<int64_t>(2 * i + 1));
    merged.push_back(repeats[i] * shape[i]);
  }
  return {n.result(
      op::reshape(n.b, op::broadcast_in_dim(n.b, n.in(0), std::move(wide), std::move(places)), std::move(merged)))};
}

// Pad -----------------------------------------------------------------------------------------------------------------

std::vector<Value> pad(NodeContext& n) {
  const std::vector<int64_t> given =
      n.opset < 11 ? n.ints_attribute("pads").value_or(std::vector<int64_t>{}) : n.ints(1, "pads");
  std::vector<int64_t> axes(static_cast<size_t>(n.rank(0)));
  std::iota(axes.begin(), axes.end(), 0);
  if (n.opset >= 18 && n.has(3)) axes = n.axes(3, 18, n.rank(0));
  if (given.size() != 2 * axes.size()) fail("pads has {} entries for {} axes", given.size(), axes.size());
  const std::string mode = n.string_attribute("mode", "constant");
  if (mode != "constant") {
    constexpr auto& modes = EnumNames<op::PadMode>::kNames;
    const auto at = std::ranges::find(modes, mode);
    if (at == modes.end()) fail("mode '{}' is unknown", mode);
    const auto half = given.begin() + static_cast<std::ptrdiff_t>(axes.size());
    return {n.result(op::pad_from_itself(
        n.b, n.in(0),
        {axes, {given.begin(), half}, {half, given.end()}, static_cast<op::PadMode>(at - modes.begin())}))};
  }
  std::vector<Dim> low(static_cast<size_t>(n.rank(0)), 0), high = low;
  for (size_t i = 0; i < axes.size(); ++i) {
    low[static_cast<size_t>(axes[i])] = given[i];
    high[static_cast<size_t>(axes[i])] = given[i + axes.size()];
  }
  const ValueId value = n.opset >= 11 && n.has(2)
                            ? op::reshape(n.b, n.in(2), {})
                            : op::scalar(n.b, n.dtype(0), n.opset < 11 ? n.float_attribute("value", 0) : 0);
  return {n.result(op::pad(n.b, n.in(0), value, std::move(low), std::move(high)))};
}

std::vector<Value> depth_to_space(NodeContext& n) {
  const int64_t s = n.int_attribute("blocksize", 1);
  if (s < 1 || n.rank(0) != 4) fail("DepthToSpace takes four dimensions and a positive blocksize");
  const std::vector<Dim> x = n.type(0).shape;
  const Dim features = floordiv(x[1], s * s);
  const bool crd = n.string_attribute("mode", "DCR") == "CRD";
  ValueId y = op::reshape(
      n.b, n.in(0),
      crd ? std::vector<Dim>{x[0], features, s, s, x[2], x[3]} : std::vector<Dim>{x[0], s, s, features, x[2], x[3]});
  y = op::transpose(n.b, y, crd ? std::vector<int64_t>{0, 1, 4, 2, 5, 3} : std::vector<int64_t>{0, 3, 4, 1, 5, 2});
  return {n.result(op::reshape(n.b, y, {x[0], features, x[2] * s, x[3] * s}))};
}
std::vector<Value> space_to_depth(NodeContext& n) {
  const int64_t s = n.int_attribute("blocksize", 1);
  if (s < 1 || n.rank(0) != 4) fail("SpaceToDepth takes four dimensions and a positive blocksize");
  const std::vector<Dim> x = n.type(0).shape;
  ValueId y = op::reshape(n.b, n.in(0), {x[0], x[1], floordiv(x[2], s), s, floordiv(x[3], s), s});
  y = op::transpose(n.b, y,
                    n.string_attribute("mode", "DCR") == "CRD" ? std::vector<int64_t>{0, 1, 3, 5, 2, 4}
                                                               : std::vector<int64_t>{0, 3, 5, 1, 2, 4});
  return {n.result(op::reshape(n.b, y, {x[0], x[1] * s * s, floordiv(x[2], s), floordiv(x[3], s)}))};
}

}  // namespace

std::span<const Registration> shape_importers() {
  static constexpr Registration list[] = {
      {"Constant", constant},
      {"Shape", shape},
      {"Size", size},
      {"Reshape", reshape},
      {"Flatten", flatten},
      {"Squeeze", squeeze},
      {"Unsqueeze", unsqueeze},
      {"Transpose", transpose},
      {"Concat", concat},
      {"Gather", gather},
      {"Slice", slice},
      {"Split", split},
      {"Expand", expand},
      {"ConstantOfShape", constant_of_shape},
      {"Range", range},
      {"Tile", tile},
      {"Pad", pad},
      {"DepthToSpace", depth_to_space},
      {"SpaceToDepth", space_to_depth},
  };
  return list;
}

}  // namespace ecotone::onnx
