// Special functions of doubles that the C library lacks.
#pragma once

namespace ecotone::op {

// Inverse of erf: a closed-form start (Winitzki 2008), refined by Halley steps; +-inf at +-1, NaN outside.
double erf_inverse(double y);
// Logarithmic derivative of the gamma function: recurrence to x >= 10, then the asymptotic series; NaN at 0's and the
// negative integers' poles (+-0: -+inf, as SciPy).
double digamma(double x);
// Hurwitz zeta, sum over k of (k + q)^-x, x > 1: Euler-Maclaurin (DLMF 25.11.28).
double hurwitz_zeta(double x, double q);
// The n-th derivative of digamma; n = 0, 1, ...: (-1)^(n+1) n! zeta(n + 1, x).
double polygamma(double n, double x);
// exp(-|x|) I1(x): power series below 30, asymptotic series (DLMF 10.40.1) above.
double bessel_i1_scaled(double x);

}  // namespace ecotone::op
