#include "ecotone/op/special.h"

#include <cmath>
#include <limits>

namespace ecotone::op {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kPi = 3.14159265358979323846;
// B(2k) for k = 1, 2, ...
constexpr double kBernoulli[] = {1.0 / 6,       -1.0 / 30,       1.0 / 42,       -1.0 / 30,
                                 5.0 / 66,      -691.0 / 2730,   7.0 / 6,        -3617.0 / 510,
                                 43867.0 / 798, -174611.0 / 330, 854513.0 / 138, -236364091.0 / 2730};

}  // namespace

double erf_inverse(double y) {
  if (std::isnan(y) || std::fabs(y) > 1) return kNan;
  if (std::fabs(y) == 1) return std::copysign(kInfinity, y);
  if (y == 0) return y;
  // Near the ends the error is taken of erfc, since erf has lost the digits there.
  const double a = 0.147, l = std::log1p(-y * y), t = 2 / (kPi * a) + l / 2;
  double x = std::copysign(std::sqrt(std::sqrt(t * t - l / a) - t), y);
  for (int i = 0; i < 3; ++i) {
    const double ax = std::fabs(x), ay = std::fabs(y);
    const double error = ay > 0.5 ? -(std::erfc(ax) - (1 - ay)) : std::erf(ax) - ay;
    const double slope = 2 / std::sqrt(kPi) * std::exp(-ax * ax);
    if (slope == 0) break;
    const double step = error / slope;
    x = std::copysign(ax - step / (1 + ax * step), y);
  }
  return x;
}

double digamma(double x) {
  if (std::isnan(x) || x == -kInfinity) return kNan;
  if (x == kInfinity) return x;
  if (x <= 0) {
    if (x == std::floor(x)) return kNan;  // a pole; 0 is one like the others, as in CHLO's expansion
    const double r = x - std::round(x);  // the reflection formula, its argument reduced
    return digamma(1 - x) - kPi / std::tan(kPi * r);
  }
  double sum = 0;
  for (; x < 10; ++x) sum -= 1 / x;
  sum += std::log(x) - 1 / (2 * x);
  const double inverse = 1 / (x * x);
  double power = inverse;
  for (int k = 1; k <= 8; ++k, power *= inverse) sum -= kBernoulli[k - 1] / (2 * k) * power;
  return sum;
}

double hurwitz_zeta(double x, double q) {
  if (std::isnan(x) || std::isnan(q) || x < 1) return kNan;
  if (x == 1) return kInfinity;
  if (q <= 0) {
    if (q == std::floor(q)) return kInfinity;
    if (x != std::floor(x)) return kNan;  // a negative number to a broken power
  }
  double sum = 0;
  for (int k = 0; k < 12 || q < 12; ++k, ++q) {
    const double term = std::pow(q, -x);
    sum += term;
    if (q > 0 && term <= sum * 1e-17) return sum;
  }
  sum += q * std::pow(q, -x) / (x - 1) + std::pow(q, -x) / 2;
  double factor = x * std::pow(q, -x - 1), factorial = 2;
  for (int k = 1; k <= 12; ++k) {
    const double term = kBernoulli[k - 1] * factor / factorial;
    sum += term;
    if (std::fabs(term) < std::fabs(sum) * 1e-17) break;
    factor *= (x + 2 * k - 1) * (x + 2 * k) / (q * q);
    factorial *= (2 * k + 1) * (2 * k + 2);
  }
  return sum;
}

double polygamma(double n, double x) {
  if (n != std::floor(n) || n < 0 || std::isnan(n)) return kNan;
  if (n == 0) return digamma(x);
  const double sign = std::fmod(n, 2) == 0 ? -1 : 1;
  return sign * std::exp(std::lgamma(n + 1)) * hurwitz_zeta(n + 1, x);
}

double bessel_i1_scaled(double x) {
  const double ax = std::fabs(x);
  if (std::isnan(x)) return x;
  if (ax < 30) {
    double term = ax / 2, sum = term;
    for (int k = 1; term > sum * 1e-18; ++k) {
      term *= ax * ax / 4 / (k * (k + 1.0));
      sum += term;
    }
    return std::copysign(sum * std::exp(-ax), x);
  }
  double term = 1, sum = 1;
  for (int k = 1; k < 30; ++k) {
    const double next = -term * (4.0 - (2.0 * k - 1) * (2.0 * k - 1)) / (k * 8 * ax);
    if (std::fabs(next) >= std::fabs(term) || std::fabs(next) < 1e-18) break;
    term = next;
    sum += term;
  }
  return std::copysign(sum / (std::sqrt(2 * kPi) * std::sqrt(ax)), x);
}

}  // namespace ecotone::op
