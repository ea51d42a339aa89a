// When a result counts as equal to JAX's: the rule that suite.py states in TOLERANCES.
#pragma once

#include <optional>
#include <string>

#include "ecotone/ir/tensor.h"

namespace ecotone::jax_suite {

struct Tolerance {
  double element = 0;      // multiples of eps, of the element's size
  double typical = 0;      // multiples of eps, of the median size of the nonzero results
  bool zero_sign = false;  // whether -0 and +0 differ
};

// What differs, with the first differing element; empty when nothing does.
std::optional<std::string> difference(const Tensor& got, const Tensor& want, const Tolerance& tolerance);

}  // namespace ecotone::jax_suite
