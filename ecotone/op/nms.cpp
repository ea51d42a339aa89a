#include "ecotone/op/nms.h"

#include <array>
#include <limits>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/control.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/select.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {
namespace {

using Direction = ComparisonDirection;

// The lower and upper y, then x, of boxes [batch, boxes, 4], and their areas; each [batch, boxes].
std::array<ValueId, 5> box_sides(Builder& b, ValueId boxes, bool centred) {
  const std::vector<Dim> shape = b.tensor_type(boxes).shape;
  const auto column = [&](int64_t i) {
    return reshape(b, slice(b, boxes, {0, 0, i}, {shape[0], shape[1], i + 1}), {shape[0], shape[1]});
  };
  std::array<ValueId, 5> sides{};
  for (int64_t d = 0; d < 2; ++d) {
    ValueId &low = sides[static_cast<size_t>(2 * d)], &high = sides[static_cast<size_t>(2 * d + 1)];
    if (centred) {
      const ValueId centre = column(1 - d), size = column(3 - d), half = divide(b, size, full_like(b, size, 2));
      low = subtract(b, centre, half), high = add(b, centre, half);
    } else {
      low = minimum(b, column(d), column(d + 2)), high = maximum(b, column(d), column(d + 2));
    }
  }
  sides[4] = multiply(b, subtract(b, sides[1], sides[0]), subtract(b, sides[3], sides[2]));
  return sides;
}

// table [batch, n] at [batch, classes].
ValueId at_each(Builder& b, ValueId table, ValueId at) {
  GatherAttributes a;
  a.operand_batching_dims = a.start_indices_batching_dims = {0};
  a.collapsed_slice_dims = a.start_index_map = {1};
  a.index_vector_dim = 2;
  a.slice_sizes = {1, 1};
  const int64_t last[] = {2};
  return gather(b, table, expand_dims(b, at, last), std::move(a));
}

// Whether each of a class's boxes overlaps the one chosen for it too much: [batch, classes, boxes].
ValueId hidden_by(Builder& b, std::span<const ValueId> sides, ValueId chosen, ValueId overlap,
                  const std::vector<Dim>& cube) {
  std::array<ValueId, 5> all{}, one{};
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = broadcast_in_dim(b, sides[i], cube, {0, 2});
    one[i] = broadcast_in_dim(b, at_each(b, sides[i], chosen), cube, {0, 1});
  }
  const ValueId zero = full_like(b, all[0], 0);
  const auto shared = [&](size_t low, size_t high) {
    return maximum(b, subtract(b, minimum(b, all[high], one[high]), maximum(b, all[low], one[low])), zero);
  };
  const ValueId common = multiply(b, shared(0, 1), shared(2, 3));
  const ValueId together = subtract(b, add(b, all[4], one[4]), common);
  const ValueId meets = compare(b, Direction::kGt, common, zero);
  const ValueId ratio = select(b, meets, divide(b, common, together), zero);
  return compare(b, Direction::kGt, ratio, broadcast_to(b, overlap, cube));
}

Results nms_body(Builder& b, const NonMaxSuppressionAttributes& a, Operands x) {
  const ValueId boxes = x[0], scores = x[1], limit = x[2], overlap = x[3];
  if (x.size() != 4 + static_cast<size_t>(a.has_threshold)) fail("has_threshold does not fit {} operands", x.size());
  if (b.rank(boxes) != 3 || b.rank(scores) != 3) fail("boxes and scores must have three dimensions");
  const std::vector<Dim> cube = b.tensor_type(scores).shape, plane{cube[0], cube[1]}, slots{cube[0], cube[1], a.most};
  const std::vector<Dim>& given = b.tensor_type(boxes).shape;
  b.dims().require_equal(given[0], cube[0], "the batches of boxes and scores");
  b.dims().require_equal(given[1], cube[2], "the numbers of boxes and of their scores");
  b.dims().require_equal(given[2], 4, "the numbers that a box has, and 4,");

  if (cube[2] == Dim(0))
    return {full(b, DType::kI64, {slots[0] * slots[1] * slots[2], 3}, 0), scalar_int(b, DType::kI64, 0)};
  if (a.most.is_constant() && a.most.constant() < 1) fail("room for {} boxes a class; one is the least", a.most.str());

  // What has a score of -inf comes with the lowest: -inf stands for what is gone.
  const ValueId lowest = full_like(b, scores, -max_finite(b.dtype(scores))), ranked = maximum(b, scores, lowest);
  ValueId left = compare(b, Direction::kEq, scores, scores);
  if (a.has_threshold) left = and_(b, left, compare(b, Direction::kGt, scores, broadcast_to(b, x[4], cube)));
  const std::array<ValueId, 5> sides = box_sides(b, boxes, a.centred);

  const ValueId carries[] = {scalar_int(b, DType::kI64, 0), left, full(b, DType::kI64, slots, 0),
                             full(b, DType::kI64, plane, 0)};
  std::vector<ValueId> captures{ranked, limit, overlap};
  captures.insert(captures.end(), sides.begin(), sides.end());
  std::vector<Type> types;
  for (ValueId v : carries) types.push_back(b.type(v));
  for (ValueId v : captures) types.push_back(b.type(v));
  Region goes_on = make_region(b, "goes_on", types, [&](Builder& g, Operands v) -> Results {
    const ValueId any = reduce(g, v[1], {0, 1, 2}, Reducer::kOr);
    const ValueId room = compare(g, Direction::kLt, v[0], dim_value(g, a.most, DType::kI64));
    return {and_(g, any, and_(g, room, compare(g, Direction::kLt, v[0], v[5])))};
  });
  Region choose = make_region(b, "choose", types, [&](Builder& g, Operands v) -> Results {
    const ValueId step = v[0], remaining = v[1], score = v[4];
    const ValueId gone = full_like(g, score, -std::numeric_limits<double>::infinity());
    const ValueId best = arg_max(g, select(g, remaining, score, gone), {2, false});
    const ValueId is_any = reduce(g, remaining, {2}, Reducer::kOr);
    const ValueId itself =
        compare(g, Direction::kEq, broadcast_in_dim(g, best, cube, {0, 1}), iota(g, {DType::kI64, cube}, 2));
    const ValueId drops = or_(g, itself, hidden_by(g, v.subspan(7), best, v[6], cube));
    const ValueId zero = scalar_int(g, DType::kI64, 0), starts[] = {zero, zero, step};
    const ValueId row = reshape(g, best, {cube[0], cube[1], 1});  // where nothing was left, never read
    return {add(g, step, scalar_int(g, DType::kI64, 1)), and_(g, remaining, not_(g, drops)),
            dynamic_update_slice(g, v[2], row, starts), add(g, v[3], convert(g, is_any, DType::kI64))};
  });
  const Results chosen = while_(b, carries, std::move(goes_on), std::move(choose), captures);

  // The filled slots, moved together.
  const Dim all = slots[0] * slots[1] * slots[2];
  const TensorType places{DType::kI64, slots};
  const ValueId filled = compare(b, Direction::kLt, iota(b, places, 2), broadcast_in_dim(b, chosen[3], slots, {0, 1}));
  const ValueId count = reduce(b, chosen[3], {0, 1}, Reducer::kAdd);
  const ValueId order = true_places_first(b, reshape(b, filled, {all}));
  const int64_t last[] = {1};
  std::vector<ValueId> columns;
  for (ValueId column : {iota(b, places, 0), iota(b, places, 1), chosen[2]})
    columns.push_back(expand_dims(b, take(b, reshape(b, column, {all}), order, 0), last));
  const ValueId indices = concatenate(b, columns, 1);
  const std::vector<Dim> shape{all, 3};
  const ValueId counts = compare(b, Direction::kLt, iota(b, {DType::kI64, shape}, 0), broadcast_to(b, count, shape));
  return {select(b, counts, indices, full_like(b, indices, 0)), count};
}

}  // namespace

const Op& non_max_suppression() {
  static const Op op =
      composite<NonMaxSuppressionAttributes, nms_body, 4, 5>("ecotone.non_max_suppression", DTypeSet::floats());
  return op;
}
std::pair<ValueId, ValueId> non_max_suppression(Builder& b, std::span<const ValueId> operands,
                                                NonMaxSuppressionAttributes attributes) {
  const Results r = b.add(non_max_suppression(), make_attributes(std::move(attributes)), operands);
  return {r[0], r[1]};
}

std::span<const Op* const> nms_ops() {
  static const Op* const ops[] = {&non_max_suppression()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::NonMaxSuppressionAttributes>();
}  // namespace ecotone
