// Einstein's summation convention.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct EinsumAttributes {
  std::string equation;
  static constexpr const char* kName = "einsum";
  static constexpr auto kFields = std::tuple{Field{"equation", &EinsumAttributes::equation}};
};
// As numpy.einsum: a term of letters and "..." for each operand, commas between; after "->" the result's, else all
// letters that stand once, in alphabetic order, behind the ellipsis. Size 1 broadcasts. Operands are multiplied from
// left to right, each product rounded to their type.
const Op& einsum();
ValueId einsum(Builder& b, std::span<const ValueId> operands, std::string equation);

}  // namespace ecotone::op
