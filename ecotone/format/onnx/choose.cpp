// Operators whose result's size is known only from data: NonZero, Compress, Unique, NonMaxSuppression.
#include <algorithm>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/index.h"
#include "ecotone/op/nms.h"
#include "ecotone/op/select.h"

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

std::vector<Value> non_zero(NodeContext& n) {
  const Expr x = input(n, 0);
  const std::vector<Dim> shape = x.rank() == 0 ? std::vector<Dim>{1} : x.shape();
  const Expr flat = x.reshape({x.type().size()}), mask = flat.to(DType::kBool);
  Expr at = prefix({n.b, op::true_places_first(n.b, mask)}, count_of(mask, n.constant(0)));
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
  const Expr at = prefix({n.b, op::true_places_first(n.b, mask)}, count_of(mask, n.constant(1)));
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
  const Expr position{n.b, op::true_places_first(n.b, starts)};  // of each group's first entry, in sorted order
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

std::vector<Value> non_max_suppression(NodeContext& n) {
  Builder& b = n.b;
  const auto setting = [&](size_t i, DType dtype) {
    return n.has(i) ? ValueId{input(n, i).to(dtype).reshape({})} : op::scalar(b, dtype, 0);
  };
  if (n.rank(0) != 3) fail("boxes have {} dimensions, not 3", n.rank(0));
  op::NonMaxSuppressionAttributes a;
  a.most = n.type(0).shape[1];
  if (const auto* limit = n.dims(2); limit && limit->size() == 1 && (*limit)[0].is_constant())
    a.most = min(a.most, std::max<int64_t>(1, (*limit)[0].constant()));
  a.centred = n.int_attribute("center_point_box", 0) != 0;
  a.has_threshold = n.has(4);
  std::vector<ValueId> operands{n.in(0), n.in(1), setting(2, DType::kI64), setting(3, n.dtype(0))};
  if (n.has(4)) operands.push_back(setting(4, n.dtype(0)));
  const auto [indices, count] = op::non_max_suppression(b, operands, std::move(a));
  return {n.result(op::take_prefix(b, indices, count, 0))};
}

}  // namespace

std::span<const Registration> choose_importers() {
  static constexpr Registration list[] = {
      {"NonZero", non_zero}, {"Compress", compress}, {"Unique", unique}, {"NonMaxSuppression", non_max_suppression}};
  return list;
}

}  // namespace ecotone::onnx
