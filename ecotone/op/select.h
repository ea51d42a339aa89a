// Which entries are largest, and marks at indices.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct OneHotAttributes {
  Dim depth;
  int64_t axis = 0;  // of the result, where the new dimension stands
  static constexpr const char* kName = "one_hot";
  static constexpr auto kFields =
      std::tuple{Field{"depth", &OneHotAttributes::depth}, Field{"axis", &OneHotAttributes::axis}};
};
// `on` where the position along the new axis is the index (negative ones count from the end), else `off`: scalars of
// the result's type, which may be any. Operands: indices (integers), off, on.
const Op& one_hot();
ValueId one_hot(Builder& b, ValueId indices, ValueId off, ValueId on, OneHotAttributes attributes);

struct TopKAlongAttributes {
  int64_t axis = 0, k = 1;
  bool largest = true;
  static constexpr const char* kName = "top_k";
  static constexpr auto kFields =
      std::tuple{Field{"axis", &TopKAlongAttributes::axis}, Field{"k", &TopKAlongAttributes::k},
                 Field{"largest", &TopKAlongAttributes::largest}};
};
// The k largest (smallest) entries along the axis, in order, the earlier of equals first; and their indices (i64).
const Op& top_k();
std::pair<ValueId, ValueId> top_k(Builder& b, ValueId x, TopKAlongAttributes attributes);

struct ArgAttributes {
  int64_t axis = 0;
  bool last = false;  // of equals the last, else the first
  static constexpr const char* kName = "arg";
  static constexpr auto kFields = std::tuple{Field{"axis", &ArgAttributes::axis}, Field{"last", &ArgAttributes::last}};
};
// The index (i64) of the largest (smallest) entry along the axis, which goes; NaN is before all. No entries are an
// Error.
const Op& arg_max();
ValueId arg_max(Builder& b, ValueId x, ArgAttributes attributes);
const Op& arg_min();
ValueId arg_min(Builder& b, ValueId x, ArgAttributes attributes);

// Where a vector of bools is true, in order, then where it is not (i64). With a count and take_prefix: what a size
// known only from data is made of.
ValueId true_places_first(Builder& b, ValueId mask);

}  // namespace ecotone::op
