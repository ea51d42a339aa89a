// CHLO's special functions, as JAX emits them.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

// One operand x; the result has its type.
// clang-format off
#define ECOTONE_CHLO_UNARY_OPS(X)                                                                                 \
  X(acos) X(acosh) X(asin) X(asinh) X(atan) X(atanh) X(bessel_i1e) X(conj) X(cosh) X(digamma_) X(erf) X(erf_inv)  \
  X(erfc) X(lgamma_) X(sinh) X(square)
// One float operand; the result is bool.
#define ECOTONE_CHLO_PREDICATES(X) X(is_inf) X(is_neg_inf) X(is_pos_inf)
// Two operands of one type; the result has it.
#define ECOTONE_CHLO_BINARY_OPS(X) X(next_after) X(polygamma_) X(zeta)
// clang-format on
#define ECOTONE_DECLARE_UNARY(name) \
  const Op& name();                 \
  ValueId name(Builder& b, ValueId x);
#define ECOTONE_DECLARE_BINARY(name) \
  const Op& name();                  \
  ValueId name(Builder& b, ValueId x, ValueId y);
ECOTONE_CHLO_UNARY_OPS(ECOTONE_DECLARE_UNARY)
ECOTONE_CHLO_PREDICATES(ECOTONE_DECLARE_UNARY)
ECOTONE_CHLO_BINARY_OPS(ECOTONE_DECLARE_BINARY)
#undef ECOTONE_DECLARE_UNARY
#undef ECOTONE_DECLARE_BINARY

struct TopKAttributes {
  int64_t k = 1;
  static constexpr const char* kName = "top_k";
  static constexpr auto kFields = std::tuple{Field{"k", &TopKAttributes::k}};
};
// The k largest along the last dimension, largest first, the earlier of equals first, NaN before all; and their indices
// (i32).
const Op& chlo_top_k();
std::pair<ValueId, ValueId> chlo_top_k(Builder& b, ValueId x, int64_t k);

}  // namespace ecotone::op
