// The one way from an op and its operands to result types.
#pragma once

#include <vector>

#include "ecotone/ir/op.h"

namespace ecotone {

// Result types by the op's type rule; for a composite without one, the output types of its body. `fresh_symbol` makes a
// symbol of the surrounding Program for each that a composite's body introduces from data.
std::vector<Type> infer_types(const Op& op, const InferCall& call,
                              const std::function<Dim(const SymbolInfo&)>& fresh_symbol);

}  // namespace ecotone
