#include "comparison.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

#include <fmt/format.h>

namespace ecotone::jax_suite {
namespace {

std::string describe(const Tensor& t) {
  std::string shape;
  for (int64_t n : t.shape()) shape += fmt::format("{}x", n);
  return fmt::format("{}{}", shape, name(t.dtype()));
}

std::string element(const Tensor& t, int64_t i) {
  if (is_complex(t.dtype())) {
    const auto z = t.at_complex(i);
    return fmt::format("({}, {})", z.real(), z.imag());
  }
  return is_float(t.dtype()) ? fmt::format("{}", t.at_double(i)) : fmt::format("{}", t.at_int(i));
}

std::string position(const Shape& shape, int64_t flat) {
  std::vector<int64_t> index(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    index[d] = flat % shape[d];
    flat /= shape[d];
  }
  return fmt::format("[{}]", fmt::join(index, ", "));
}

double smallest_normal(DType dtype) {
  const FloatFormat& f = info(real_part(dtype)).format;
  return std::ldexp(1.0, 1 - f.bias);
}

bool part_equal(double got, double want, double bound, bool zero_sign) {
  if (std::isnan(want)) return std::isnan(got);
  if (std::isinf(want)) return got == want;
  if (zero_sign && want == 0 && got == 0 && std::signbit(want) != std::signbit(got)) return false;
  return std::abs(got - want) <= bound;
}

// The middle of the sizes of the nonzero finite elements: unlike a root mean square, huge edge values don't swamp it.
double typical_size(const Tensor& t) {
  std::vector<double> sizes;
  for (int64_t i = 0; i < t.size(); ++i) {
    const double size = std::abs(t.at_complex(i));
    if (std::isfinite(size) && size > 0) sizes.push_back(size);
  }
  if (sizes.empty()) return 0;
  const auto middle = sizes.begin() + static_cast<ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  if (sizes.size() % 2) return *middle;
  return (*middle + *std::max_element(sizes.begin(), middle)) / 2;
}

}  // namespace

std::optional<std::string> difference(const Tensor& got, const Tensor& want, const Tolerance& tolerance) {
  if (got.dtype() != want.dtype() || got.shape() != want.shape())
    return fmt::format("is {}, wants {}", describe(got), describe(want));
  int64_t count = 0, first = -1;
  const bool inexact = is_float(want.dtype()) || is_complex(want.dtype());
  const double eps = inexact ? epsilon(real_part(want.dtype())) : 0;
  const double slack = inexact && tolerance.element > 0 ? smallest_normal(want.dtype()) : 0;
  const double shared = inexact && tolerance.typical > 0 ? eps * tolerance.typical * typical_size(want) + slack : slack;
  for (int64_t i = 0; i < want.size(); ++i) {
    bool equal;
    if (!inexact) {
      equal = got.at_bits(i) == want.at_bits(i);
    } else {
      const std::complex<double> g = got.at_complex(i), w = want.at_complex(i);
      const double size = std::abs(w);
      const double bound = (std::isfinite(size) ? eps * tolerance.element * size : 0) + shared;
      equal = part_equal(g.real(), w.real(), bound, tolerance.zero_sign) &&
              (!is_complex(want.dtype()) || part_equal(g.imag(), w.imag(), bound, tolerance.zero_sign));
    }
    if (!equal && count++ == 0) first = i;
  }
  if (count == 0) return std::nullopt;
  return fmt::format("{} of {} elements, first at {}: {}, JAX has {}", count, want.size(),
                     position(want.shape(), first), element(got, first), element(want, first));
}

}  // namespace ecotone::jax_suite
