#include "ecotone/op/complex_math.h"

#include <cmath>
#include <limits>

namespace ecotone::op {
namespace {
using Complex = std::complex<double>;
using Long = std::complex<long double>;  // more bits where logarithm and exponential would lose some

Complex narrow(Long z) {
  return {static_cast<double>(z.real()), static_cast<double>(z.imag())};
}
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
}  // namespace

Complex complex_multiply(Complex x, Complex y) {
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}

Complex complex_power(Complex x, Complex y) {
  if (y == 0.0) return 1.0;
  if (x == 0.0) {
    if (y.real() > 0) return 0.0;
    return {kNan, kNan};
  }
  return narrow(std::exp(Long(y) * std::log(Long(x))));
}

Complex complex_cbrt(Complex z) {
  if (z == 0.0) return z;
  return narrow(
      std::polar(std::cbrt(std::hypot(static_cast<long double>(z.real()), static_cast<long double>(z.imag()))),
                 std::atan2(static_cast<long double>(z.imag()), static_cast<long double>(z.real())) / 3));
}

Complex complex_expm1(Complex z) {
  const double x = z.real(), y = z.imag();
  if (y == 0) return {std::expm1(x), y};
  if (!std::isfinite(x) || !std::isfinite(y)) return std::exp(z) - 1.0;
  const long double half = std::sin(static_cast<long double>(y) / 2);
  return narrow({std::expm1(static_cast<long double>(x)) * std::cos(static_cast<long double>(y)) - 2 * half * half,
                 std::exp(static_cast<long double>(x)) * std::sin(static_cast<long double>(y))});
}

Complex complex_log1p(Complex z) {
  const long double x = z.real(), y = z.imag();
  if (!std::isfinite(z.real()) || !std::isfinite(z.imag())) return std::log(1.0 + z);
  // |1 + z|^2 = 1 + x (2 + x) + y^2; where that is near zero, from hypot.
  const long double t = x * (2 + x) + y * y;
  const long double re = t > -0.5L ? std::log1p(t) / 2 : std::log(std::hypot(1 + x, y));
  return narrow({re, std::atan2(y, 1 + x)});
}

Complex complex_logistic(Complex z) {
  if (z.real() >= 0) return 1.0 / (1.0 + std::exp(-z));
  const Complex e = std::exp(z);
  return e / (1.0 + e);
}

Complex complex_sign(Complex z) {
  if (std::isnan(z.real()) || std::isnan(z.imag())) return {kNan, kNan};
  const double magnitude = std::hypot(z.real(), z.imag());
  return magnitude == 0 ? z : Complex(z.real() / magnitude, z.imag() / magnitude);
}

Complex complex_atan2(Complex y, Complex x) {
  const Complex i(0, 1);
  return -i * std::log((x + i * y) / std::sqrt(x * x + y * y));
}

}  // namespace ecotone::op
