// Running sums, products, maxima and minima.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct CumulativeAttributes {
  int64_t axis = 0;
  bool exclusive = false;  // of the entries before each one, without itself
  bool reverse = false;    // from the last entry to the first
  static constexpr const char* kName = "cumulative";
  static constexpr auto kFields =
      std::tuple{Field{"axis", &CumulativeAttributes::axis}, Field{"exclusive", &CumulativeAttributes::exclusive},
                 Field{"reverse", &CumulativeAttributes::reverse}};
};
// Each entry combined with all before it along the axis, as a window that ends at each entry; of x's type. An exclusive
// result starts with the neutral element.
#define ECOTONE_CUMULATIVE_OPS(X) X(cumsum, kAdd) X(cumprod, kMultiply) X(cummax, kMaximum) X(cummin, kMinimum)
#define ECOTONE_DECLARE_CUMULATIVE(name, reducer) \
  const Op& name();                               \
  ValueId name(Builder& b, ValueId x, CumulativeAttributes attributes);
ECOTONE_CUMULATIVE_OPS(ECOTONE_DECLARE_CUMULATIVE)
#undef ECOTONE_DECLARE_CUMULATIVE

}  // namespace ecotone::op
