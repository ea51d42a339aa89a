// Functions of complex numbers that the standard library lacks or is careless about.
#pragma once

#include <complex>

namespace ecotone::op {

std::complex<double> complex_multiply(std::complex<double> x,
                                      std::complex<double> y);  // no recovery of infinities, as NumPy, XLA
std::complex<double> complex_cbrt(std::complex<double> z);      // principal branch
std::complex<double> complex_expm1(std::complex<double> z);
std::complex<double> complex_log1p(std::complex<double> z);
std::complex<double> complex_logistic(std::complex<double> z);
std::complex<double> complex_sign(std::complex<double> z);  // z / |z|, 0 for 0
std::complex<double> complex_power(std::complex<double> x, std::complex<double> y);
std::complex<double> complex_atan2(std::complex<double> y,
                                   std::complex<double> x);  // -i log((x + i y) / sqrt(x^2 + y^2))

}  // namespace ecotone::op
