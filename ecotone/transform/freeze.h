// Parameters as constants, and values shown as outputs: for engines that want a whole model in one file.
#pragma once

#include <span>
#include <string>

#include "ecotone/ir/program.h"

namespace ecotone::transform {

// The Program with each parameter a constant. Error names those without a value.
ProgramRef freeze(const Program& program);

// The Program with these outputs instead of its own: what bisection looks at. Equations that none of them needs stay.
ProgramRef with_outputs(const Program& program, std::span<const Output> outputs);

}  // namespace ecotone::transform
