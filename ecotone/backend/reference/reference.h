// The truth that everything else is checked against: evaluates any Program of one partition, equation by equation.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "ecotone/backend/backend.h"

namespace ecotone::backend {

const Backend& reference();

// Evaluates `program` on inputs of the declared dtypes (tokens: null Tensors) and its parameters' default values, or
// `parameters` when given. Sizes are bound from the inputs. In mode `real` float results come back as f64 and complex
// ones as c128. Throws Error when an input does not fit, an assumption fails, a parameter has no value, or an op can't
// be evaluated; the message names the equation's location.
std::vector<Tensor> evaluate(const Program& program, std::span<const Tensor> inputs, EvalMode mode = EvalMode::kSpec,
                             std::span<const Tensor> parameters = {});

// The same, showing each value as it is made (results in storage dtype): for taps, bisection and profiles. Not called
// inside regions.
using Tap = std::function<void(const Equation&, std::span<const Tensor> results)>;
std::vector<Tensor> evaluate(const Program& program, std::span<const Tensor> inputs, EvalMode mode,
                             std::span<const Tensor> parameters, const Tap& tap);

// A float tensor as storage holds it in a mode: unchanged in spec, widened to f64 (c128) in real.
Tensor to_storage(const Tensor& tensor, EvalMode mode);

}  // namespace ecotone::backend
