// Operators whose result's size is known only from data: NonZero, Compress, Unique, NonMaxSuppression.
#include <array>
#include <numeric>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/control.h"
#include "ecotone/op/index.h"

namespace ecotone::onnx {
namespace {

// Sorts tensors of one length together, stably ascending by the first `keys`.
std::vector<Expr> sorted(std::vector<Expr> x, size_t keys) {
  Builder& b = x.at(0).builder();
  std::vector<ValueId> ids(x.begin(), x.end());
  std::vector<Type> scalars;
  for (const Expr& e : x)
    for (int i = 0; i < 2; ++i) scalars.emplace_back(TensorType{e.dtype(), {}});
  Region before =
      op::make_region(b, "before", scalars, [&](Builder& g, std::span<const ValueId> args) -> std::vector<ValueId> {
        std::optional<Expr> result;  // lexicographic, from the last key
        for (size_t k = keys; k-- > 0;) {
          const Expr l{g, args[2 * k]}, r{g, args[2 * k + 1]};
          result = result ? (l < r) | ((!(r < l)) & *result) : l < r;
        }
        return {*result};
      });
  std::vector<Expr> results;
  for (ValueId v : op::sort(b, ids, 0, std::move(before))) results.emplace_back(b, v);
  return results;
}

// A count that is known when the model is read where what it counts is.
struct Count {
  std::optional<int64_t> known;
  Expr value;
};
Count count_of(const Expr& mask, const Tensor* known) {
  Count c{{}, mask.to(DType::kI64).sum({0})};
  if (!known) return c;
  c.known = 0;
  for (int64_t i = 0; i < known->size(); ++i) *c.known += known->plain().at_double(i) != 0;
  return c;
}
Expr prefix(const Expr& x, const Count& count, int64_t axis = 0) {
  if (count.known) return x.part(axis, 0, *count.known);
  return x.made(op::take_prefix(x.builder(), x, count.value, axis));
}

// The places where a vector of bools is true, in order; the others follow.
Expr true_places_first(const Expr& mask) {
  const Expr hidden = (!mask).to(DType::kI32);
  return sorted({hidden, places(mask.builder(), mask.shape(), 0)}, 1)[1];
}

std::vector<Value> non_zero(NodeContext& n) {
  const Expr x = input(n, 0);
  const std::vector<Dim> shape = x.rank() == 0 ? std::vector<Dim>{1} : x.shape();
  const Expr flat = x.reshape({x.type().size()}), mask = flat.to(DType::kBool);
  Expr at = prefix(true_places_first(mask), count_of(mask, n.constant(0)));
  std::vector<Expr> rows(shape.size(), at);
  for (size_t d = shape.size(); d-- > 0;) {  // row-major, from the last
    const Expr size = at.scalar(shape[d]);
    rows[d] = at % size;
    at = at / size;
  }
  return {n.result(stacked(rows, 0))};
}

std::vector<Value> compress(NodeContext& n) {
  Expr x = input(n, 0);
  const Expr mask = input(n, 1);
  if (mask.rank() != 1) fail("the condition must have one dimension");
  int64_t axis = 0;
  if (n.attribute("axis"))
    axis = n.axis_attribute("axis", 0, x.rank());
  else
    x = x.reshape({x.type().size()});
  const Expr at = prefix(true_places_first(mask), count_of(mask, n.constant(1)));
  return {n.result(op::take(n.b, x, at, axis))};
}

// Unique --------------------------------------------------------------------------------------------------------------

Expr running_sum(const Expr& x) {
  op::WindowAttributes a;
  a.window_dimensions = {x.size(0)};
  a.padding_low = {x.size(0) - 1};
  a.padding_high = {0};
  a.reducer = op::Reducer::kAdd;
  return x.made(op::reduce_window(x.builder(), x, x.scalar(0.0), std::move(a)));
}

// Equal entries (or slices along an axis) meet by sorting; the groups are compacted at the end, when their number is
// known.
std::vector<Value> unique(NodeContext& n) {
  constexpr int64_t kMostColumns = 1024;
  const Expr given = input(n, 0);
  const bool by_slices = n.attribute("axis") != nullptr;
  const int64_t axis = by_slices ? n.axis_attribute("axis", 0, given.rank()) : 0;
  std::vector<int64_t> front{axis};  // the axis first
  for (int64_t d = 0; d < given.rank(); ++d)
    if (d != axis) front.push_back(d);
  const Expr x = by_slices ? given.transpose(front) : given.reshape({given.type().size()});
  const Dim length = x.size(0);
  Dim columns = 1;
  for (int64_t d = 1; d < x.rank(); ++d) columns = columns * x.size(d);
  if (!columns.is_constant() || columns.constant() > kMostColumns)
    fail_kind(ErrorKind::kUnsupported, "Unique of slices of more than {} or an open number of entries", kMostColumns);
  if (length == Dim(0) || columns == Dim(0)) fail_kind(ErrorKind::kUnsupported, "Unique of nothing");
  const Expr table = x.reshape({length, columns}), line = places(n.b, {length}, 0);
  std::vector<Expr> keys;
  for (int64_t c = 0; c < columns.constant(); ++c) keys.push_back(table.entry(1, c));
  const size_t width = keys.size();
  keys.push_back(line);
  const std::vector<Expr> order = sorted(keys, width);
  const Expr origin = order.back();
  // Where a group starts, and each entry's group.
  std::optional<Expr> differs;
  for (size_t c = 0; c < width; ++c) {
    const Expr d = order[c].part(0, 1, length) != order[c].part(0, 0, length - 1);
    differs = differs ? *differs | d : d;
  }
  const Expr starts = joined({{n.b, op::full(n.b, DType::kBool, {1}, 1)}, *differs}, 0);
  const Expr group = running_sum(starts.to(DType::kI64)) - 1.0;
  const Count count = count_of(starts, nullptr);
  Expr inverse = sorted({origin, group}, 1)[1];
  const Expr position = true_places_first(starts);  // of each group's first entry, in sorted order
  const Expr valid = line < count.value;
  Expr first = where(valid, {n.b, op::take(n.b, origin, position, 0)}, line.scalar(length));
  // A group ends where the next one starts.
  const Expr bounded = where(valid, position, position.scalar(length));
  const Expr next = joined({bounded.part(0, 1, length), bounded.scalar(length).reshape({1})}, 0);
  Expr counts = next - bounded;
  if (n.int_attribute("sorted", 1) == 0) {  // groups by their first appearance
    const std::vector<Expr> by_first = sorted({first, counts, line}, 1);
    const Expr renamed = sorted({by_first[2], line}, 1)[1];
    first = by_first[0];
    counts = by_first[1];
    inverse = inverse.made(op::take(n.b, renamed, inverse, 0));
  }
  const Expr chosen = prefix(first, count);
  const Expr amounts{n.b, op::take(n.b, counts, places(n.b, chosen.shape(), 0), 0)};
  return {n.result(op::take(n.b, by_slices ? given : x, chosen, axis)), n.result(chosen), n.result(inverse),
          n.result(amounts)};
}

// NonMaxSuppression ---------------------------------------------------------------------------------------------------

struct Sides {
  Expr low, high;
};

// Intersection over union of all pairs of boxes: [batch, boxes, boxes].
Expr overlaps(const Expr& boxes, bool centred) {
  const auto column = [&](int64_t i) { return boxes.entry(2, i); };
  const auto sides = [&](int64_t d) {  // along y (0) or x (1); corners may be flipped
    if (centred) {
      const Expr centre = column(1 - d), half = column(3 - d) / 2.0;
      return Sides{centre - half, centre + half};
    }
    return Sides{smaller(column(d), column(d + 2)), larger(column(d), column(d + 2))};
  };
  const Sides y = sides(0), x = sides(1);
  const auto shared = [](const Sides& s) {
    const Expr length = smaller(s.high.expand({2}), s.high.expand({1})) - larger(s.low.expand({2}), s.low.expand({1}));
    return larger(length, length.scalar(0.0));
  };
  const Expr common = shared(y) * shared(x), area = (y.high - y.low) * (x.high - x.low);
  const Expr all = area.expand({2}) + area.expand({1}) - common;
  return where(common > 0.0, common / all, common.scalar(0.0));
}

// Box i's row for each class: [batch, boxes, boxes] at [batch, classes].
Expr rows_at(const Expr& table, const Expr& at) {
  op::GatherAttributes a;
  a.operand_batching_dims = a.start_indices_batching_dims = {0};
  a.collapsed_slice_dims = a.start_index_map = {1};
  a.offset_dims = {2};
  a.index_vector_dim = 2;
  a.slice_sizes = {1, 1, table.size(2)};
  return table.made(op::gather(table.builder(), table, at.expand({2}), std::move(a)));
}

// Greedy: from the best score on, a box is kept that overlaps no kept one of its class too much.
std::vector<Value> non_max_suppression(NodeContext& n) {
  Builder& b = n.b;
  const Expr boxes = input(n, 0), scores = input(n, 1);
  if (boxes.rank() != 3 || scores.rank() != 3) fail("boxes and scores must have three dimensions");
  const Dim batch = boxes.size(0), classes = scores.size(1), count = boxes.size(1);
  const std::vector<Dim> cube{batch, classes, count}, plane{batch, classes};
  const auto setting = [&](size_t i, DType dtype) {
    return n.has(i) ? input(n, i).to(dtype).reshape({}) : Expr{b, op::scalar(b, dtype, 0)};
  };
  const Expr most = setting(2, DType::kI64), limit = setting(3, boxes.dtype());
  const Expr overlapping = overlaps(boxes, n.int_attribute("center_point_box", 0) != 0) > limit;
  // Best first, the earlier of equals first.
  const ValueId to_sort[] = {scores, places(b, cube, 2)};
  const Type score = TensorType{scores.dtype(), {}}, place = TensorType{DType::kI64, {}};
  Region better = op::make_region(b, "better", std::array{score, score, place, place},
                                  [](Builder& g, std::span<const ValueId> args) -> std::vector<ValueId> {
                                    return {Expr{g, args[0]} > Expr{g, args[1]}};
                                  });
  const std::vector<ValueId> order = op::sort(b, to_sort, 2, std::move(better));
  const Expr ranked{b, order[1]};
  Expr allowed{b, op::full(b, DType::kBool, cube, 1)};
  if (n.has(4)) allowed = Expr{b, order[0]} > setting(4, scores.dtype());
  const std::vector<int64_t> to_front{2, 0, 1};
  const ValueId carries[] = {op::full(b, DType::kBool, cube, 0), op::full(b, DType::kI64, plane, 0)};
  const ValueId scanned[] = {ranked.transpose(to_front), allowed.transpose(to_front)};
  const ValueId captures[] = {overlapping, most};
  std::vector<Type> types;
  for (ValueId v : carries) types.push_back(b.type(v));
  types.emplace_back(TensorType{DType::kI64, plane});
  types.emplace_back(TensorType{DType::kBool, plane});
  for (ValueId v : captures) types.push_back(b.type(v));
  Region body = op::make_region(b, "nms", types, [&](Builder& g, std::span<const ValueId> v) -> std::vector<ValueId> {
    const Expr kept{g, v[0]}, taken{g, v[1]}, at{g, v[2]}, may{g, v[3]}, table{g, v[4]}, limit_count{g, v[5]};
    const Expr hidden = (rows_at(table, at) & kept).reduced({2}, op::Reducer::kOr);
    const Expr keep = may & !hidden & (taken < limit_count);
    const Expr mark = (places(g, kept.shape(), 2) == at.expand({2})) & keep.expand({2});
    return {kept | mark, taken + keep.to(DType::kI64), keep};
  });
  const std::vector<ValueId> results = op::scan(b, carries, scanned, count, std::move(body), false, captures);
  const Expr keep = Expr{b, results[2]}.transpose({1, 2, 0});
  const Dim all = batch * classes * count;
  const Expr mask = keep.reshape({all}), at = prefix(true_places_first(mask), count_of(mask, nullptr));
  const auto chosen = [&](const Expr& x) { return x.made(op::take(b, x.reshape({all}), at, 0)); };
  return {n.result(stacked({chosen(places(b, cube, 0)), chosen(places(b, cube, 1)), chosen(ranked)}, 1))};
}

}  // namespace

std::span<const Registration> choose_importers() {
  static constexpr Registration list[] = {
      {"NonZero", non_zero}, {"Compress", compress}, {"Unique", unique}, {"NonMaxSuppression", non_max_suppression}};
  return list;
}

}  // namespace ecotone::onnx
