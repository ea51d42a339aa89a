#include "ecotone/op/cumulative.h"

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {
namespace {

template <Reducer R>
Results cumulative_body(Builder& b, const CumulativeAttributes& c, Operands x) {
  const std::vector<Dim> shape = b.tensor_type(x[0]).shape;
  const auto d = static_cast<size_t>(normalize_axis(c.axis, static_cast<int64_t>(shape.size())));
  WindowAttributes a;
  a.window_dimensions.assign(shape.size(), 1);
  a.padding_low.assign(shape.size(), 0);
  a.padding_high.assign(shape.size(), 0);
  a.window_dimensions[d] = max(shape[d], 1);
  a.padding_low[d] = a.window_dimensions[d] - 1 + (c.exclusive ? 1 : 0);
  if (c.exclusive) a.padding_high[d] = -1;
  if (c.reverse) std::swap(a.padding_low[d], a.padding_high[d]);
  a.reducer = R;
  return {reduce_window(b, x[0], constant(b, reducer_identity(R, b.dtype(x[0]))), std::move(a))};
}

// f8E8M0FNU has no zero for a sum to start from.
DTypeSet dtypes(Reducer reducer) {
  return DTypeSet::integers() | (reducer == Reducer::kAdd ? DTypeSet::signed_floats() : DTypeSet::floats());
}

}  // namespace

#define ECOTONE_CUMULATIVE(name, reducer)                                                       \
  const Op& name() {                                                                            \
    static const Op op = composite<CumulativeAttributes, cumulative_body<Reducer::reducer>, 1>( \
        "ecotone." #name, dtypes(Reducer::reducer));                                            \
    return op;                                                                                  \
  }                                                                                             \
  ValueId name(Builder& b, ValueId x, CumulativeAttributes attributes) {                        \
    return b.add1(name(), make_attributes(attributes), {x});                                    \
  }
ECOTONE_CUMULATIVE_OPS(ECOTONE_CUMULATIVE)

std::span<const Op* const> cumulative_ops() {
  static const Op* const ops[] = {&cumsum(), &cumprod(), &cummax(), &cummin()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::CumulativeAttributes>();
}  // namespace ecotone
