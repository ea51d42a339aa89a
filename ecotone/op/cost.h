// How much work a Program is.
#pragma once

#include "ecotone/ir/program.h"

namespace ecotone::op {

// Operations of one run, symbolic in the sizes: a multiply-add counts as two, a move of elements as nothing, a sum as
// one per summand (in windows, padding too), any other op as one per element of its result. Composites count through
// their bodies, a scan's region as often as it runs, calls once; of branches the costliest; a while's region counts
// once, since nobody knows how often it runs.
Dim flops(const Program& program);
Dim flops(const Program& program, const Equation& equation);

}  // namespace ecotone::op
