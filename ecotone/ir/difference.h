// Whether two Programs say the same, and if not, where they part.
#pragma once

#include <optional>
#include <string>

#include "ecotone/ir/program.h"

namespace ecotone {

struct DifferenceOptions {
  bool names = true;  // of inputs, parameters, outputs, symbols and values; of nested Programs no name ever counts
  bool annotations = true;
  bool locations = false;
};

// The first difference in words, such as "equation 3 (stablehlo.add): operand 1 is value 2, not 4"; nothing when there
// is none. Symbols are paired as they occur, and nested Programs are compared at the sizes that they are given: a body
// with a symbol of its own equals one that uses the outer Program's. Values of parameters count where both have one.
std::optional<std::string> difference(const Program& a, const Program& b, const DifferenceOptions& options = {});

}  // namespace ecotone
