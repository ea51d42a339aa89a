// Elementwise arithmetic, logic and comparison. Operands have equal shapes (use op/build.h to broadcast).
#pragma once

#include <array>

#include "ecotone/ir/builder.h"

namespace ecotone::op {

// One operand x, one result of its type unless said. Dtypes and semantics are StableHLO's; see docs/ir-semantics.md.
// clang-format off
#define ECOTONE_UNARY_OPS(X)                                                                              \
  X(abs) X(cbrt) X(ceil) X(cosine) X(count_leading_zeros) X(exponential) X(exponential_minus_one) X(floor) \
  X(is_finite) X(log) X(log_plus_one) X(logistic) X(negate) X(not_) X(popcnt) X(round_nearest_afz)         \
  X(round_nearest_even) X(rsqrt) X(sign) X(sine) X(sqrt) X(tan) X(tanh)
#define ECOTONE_BINARY_OPS(X)                                                                             \
  X(add) X(and_) X(atan2) X(divide) X(maximum) X(minimum) X(multiply) X(or_) X(power) X(remainder)        \
  X(shift_left) X(shift_right_arithmetic) X(shift_right_logical) X(subtract) X(xor_)
// clang-format on
#define ECOTONE_DECLARE_UNARY(name) \
  const Op& name();                 \
  ValueId name(Builder& b, ValueId x);
#define ECOTONE_DECLARE_BINARY(name) \
  const Op& name();                  \
  ValueId name(Builder& b, ValueId x, ValueId y);
ECOTONE_UNARY_OPS(ECOTONE_DECLARE_UNARY)
ECOTONE_BINARY_OPS(ECOTONE_DECLARE_BINARY)

// kDefault takes the comparison type of the dtype; kTotalOrder is IEEE 754's totalOrder.
enum class ComparisonDirection : uint8_t { kEq, kNe, kGe, kGt, kLe, kLt };
enum class ComparisonType : uint8_t { kDefault, kFloat, kTotalOrder, kSigned, kUnsigned };
struct CompareAttributes {
  ComparisonDirection direction = ComparisonDirection::kEq;
  ComparisonType type = ComparisonType::kDefault;
  static constexpr const char* kName = "compare";
  static constexpr auto kFields = std::tuple{Field{"comparison_direction", &CompareAttributes::direction},
                                             Field{"compare_type", &CompareAttributes::type}};
};
const Op& compare();
ValueId compare(Builder& b, ComparisonDirection direction, ValueId x, ValueId y,
                ComparisonType type = ComparisonType::kDefault);

// pred ? on_true : on_false; pred is bool, of the same shape or a scalar.
const Op& select();
ValueId select(Builder& b, ValueId pred, ValueId on_true, ValueId on_false);
// min(max(lo, x), hi); lo and hi have x's shape or are scalars.
const Op& clamp();
ValueId clamp(Builder& b, ValueId lo, ValueId x, ValueId hi);

}  // namespace ecotone::op

template <>
struct ecotone::EnumNames<ecotone::op::ComparisonDirection> {
  static constexpr std::array<std::string_view, 6> kNames = {"EQ", "NE", "GE", "GT", "LE", "LT"};
};
template <>
struct ecotone::EnumNames<ecotone::op::ComparisonType> {
  static constexpr std::array<std::string_view, 5> kNames = {"NOTYPE", "FLOAT", "TOTALORDER", "SIGNED", "UNSIGNED"};
};
