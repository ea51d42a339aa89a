// Softmax and its relatives, made safe against overflow by subtracting the maximum. Types narrower than f32 are
// computed in f32 and rounded once.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct SoftmaxAttributes {
  std::vector<int64_t> dimensions;  // that are normalized together; not negative
  static constexpr const char* kName = "softmax";
  static constexpr auto kFields = std::tuple{Field{"dimensions", &SoftmaxAttributes::dimensions}};
};
// exp(x - max x) / sum exp(x - max x), of x's type (a float).
const Op& softmax();
ValueId softmax(Builder& b, ValueId x, std::vector<int64_t> dimensions);
// x - max x - log(sum exp(x - max x)), of x's type.
const Op& log_softmax();
ValueId log_softmax(Builder& b, ValueId x, std::vector<int64_t> dimensions);
// log(sum exp(x)) over `dimensions`, which go; infinite maxima are not subtracted (so that all -inf gives -inf).
const Op& log_sum_exp();
ValueId log_sum_exp(Builder& b, ValueId x, std::vector<int64_t> dimensions);

}  // namespace ecotone::op
