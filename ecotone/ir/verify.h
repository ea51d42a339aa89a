// Checks that a Program is well formed.
#pragma once

#include "ecotone/ir/program.h"

namespace ecotone {

// Throws Error (kInternal), naming the equation and its location, unless: values are dense and used after their
// definition; each equation's op infers the types that the Program records; regions and composites' arguments fit;
// every location is set; parameters' values fit their types; symbols in types are listed; aliases join equal types.
// Shared bodies are checked once.
void verify(const Program& program);

}  // namespace ecotone
