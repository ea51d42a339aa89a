// When a float result counts as right. Every check of numbers in Ecotone calls this; docs/ir-semantics.md says why.
#pragma once

#include <string>

#include "ecotone/ir/program.h"

namespace ecotone::backend {

// err(x) = max_i |x_i - r_i| / (|r_i| + rms r) against the f64 result r. Infinities and NaNs must stand in the same
// places (else the error is infinite) and are left out of rms. Complex values count by their modulus. Shapes must be
// equal, else Error.
double relative_error(const Tensor& x, const Tensor& real);

struct Verdict {
  bool passed = false;
  double error = 0;       // err(x)
  double spec_error = 0;  // err(spec)
  double bound = 0;       // c * err(spec) + 8 eps of the declared dtype
};
// Judges a float or complex result of declared dtype `dtype`; c is the Program's (error_constant). `spec` and `real`
// are the reference's results in its two modes.
Verdict judge(const Tensor& x, const Tensor& spec, const Tensor& real, DType dtype, double c);

// The largest c of the Program's ops, those of regions included.
double error_constant(const Program& program);

// How two tensors of equal shape differ, for people to read.
struct Difference {
  double max_abs = 0, max_rel = 0;  // rel against |b|: infinite where b is 0 or one alone is finite
  double max_ulp = 0;               // in units of the narrower dtype's spacing at b
  double cosine = 1;
  int64_t worst = 0;  // flat index of max_abs
  bool bit_equal = true;
};
Difference difference(const Tensor& a, const Tensor& b);

}  // namespace ecotone::backend
