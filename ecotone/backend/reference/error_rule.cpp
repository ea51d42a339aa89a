#include "ecotone/backend/reference/error_rule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "ecotone/base/error.h"

namespace ecotone::backend {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void require_same_shape(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape())
    fail("results of shapes {} and {} can't be compared", shape_str(a.shape()), shape_str(b.shape()));
}

bool is_finite(std::complex<double> v) {
  return std::isfinite(v.real()) && std::isfinite(v.imag());
}

// NaN matches NaN and an infinity matches itself, part by part.
bool same_special(std::complex<double> a, std::complex<double> b) {
  auto same = [](double x, double y) {
    return (std::isnan(x) && std::isnan(y)) || x == y || (std::isfinite(x) && std::isfinite(y));
  };
  return same(a.real(), b.real()) && same(a.imag(), b.imag());
}

void visit_program(const ProgramRef& p, std::unordered_set<ProgramRef>& seen, double& c);

void visit_equations(const Program& p, std::unordered_set<ProgramRef>& seen, double& c) {
  for (const Equation& e : p.equations()) {
    c = std::max(c, e.op->error.c);
    for (const Region& r : e.regions) visit_program(r.body, seen, c);
    if (!e.op->is_composite()) continue;
    std::vector<Type> types;
    for (ValueId v : e.declared()) types.push_back(p.type(v));
    visit_program(composite_body(*e.op, e.attributes, types, p.symbols()).body, seen, c);
  }
}

void visit_program(const ProgramRef& p, std::unordered_set<ProgramRef>& seen, double& c) {
  if (seen.insert(p).second) visit_equations(*p, seen, c);
}

}  // namespace

double relative_error(const Tensor& x, const Tensor& real) {
  require_same_shape(x, real);
  double sum = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < real.size(); ++i) {
    const auto r = real.at_complex(i);
    if (!is_finite(r)) continue;
    sum += std::norm(r);
    ++count;
  }
  const double rms = count ? std::sqrt(sum / static_cast<double>(count)) : 0;
  double worst = 0;
  for (int64_t i = 0; i < real.size(); ++i) {
    const auto r = real.at_complex(i), v = x.at_complex(i);
    if (!is_finite(r) || !is_finite(v)) {
      // What f64 holds may be beyond the range of the result's type: infinity is then its right rounding.
      const bool overflowed = is_finite(r) && is_float(x.dtype()) && std::isinf(v.real()) &&
                              std::abs(r.real()) > max_finite(x.dtype()) &&
                              std::signbit(v.real()) == std::signbit(r.real());
      if (!overflowed && !same_special(v, r)) return kInfinity;
      continue;
    }
    const double difference = std::abs(v - r);
    if (difference != 0) worst = std::max(worst, difference / (std::abs(r) + rms));
  }
  return worst;
}

Verdict judge(const Tensor& x, const Tensor& spec, const Tensor& real, DType dtype, double c) {
  Verdict v;
  v.error = relative_error(x, real);
  v.spec_error = relative_error(spec, real);
  v.bound = c * v.spec_error + 8 * epsilon(dtype);
  v.passed = v.error <= v.bound;
  return v;
}

double error_constant(const Program& program) {
  std::unordered_set<ProgramRef> seen;
  double c = 1;
  visit_equations(program, seen, c);
  return c;
}

Difference difference(const Tensor& a, const Tensor& b) {
  require_same_shape(a, b);
  Difference d;
  double dot = 0, aa = 0, bb = 0;
  const DType narrow = bit_width(a.dtype()) < bit_width(b.dtype()) ? a.dtype() : b.dtype();
  const double eps = is_float(narrow) || is_complex(narrow) ? epsilon(narrow) : 1;
  for (int64_t i = 0; i < a.size(); ++i) {
    const auto x = a.at_complex(i), y = b.at_complex(i);
    if (x == y || (same_special(x, y) && (!is_finite(x) || !is_finite(y)))) {
      if (is_finite(x)) dot += std::norm(x), aa += std::norm(x), bb += std::norm(x);
      continue;
    }
    d.bit_equal = false;
    const double abs = is_finite(x) && is_finite(y) ? std::abs(x - y) : kInfinity;
    if (!(abs <= d.max_abs)) d.max_abs = abs, d.worst = i;
    const double scale = std::abs(y);
    d.max_rel = std::max(d.max_rel, scale > 0 && std::isfinite(abs) ? abs / scale : kInfinity);
    const double spacing = is_float(narrow) || is_complex(narrow)
                               ? std::ldexp(eps, scale > 0 && std::isfinite(scale) ? std::ilogb(scale) : 0)
                               : 1;
    d.max_ulp = std::max(d.max_ulp, abs / spacing);
    if (!is_finite(x) || !is_finite(y)) continue;
    dot += x.real() * y.real() + x.imag() * y.imag();
    aa += std::norm(x);
    bb += std::norm(y);
  }
  d.cosine = aa > 0 && bb > 0 ? dot / std::sqrt(aa * bb) : (aa == bb ? 1 : 0);
  return d;
}

}  // namespace ecotone::backend
