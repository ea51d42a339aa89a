#include "ecotone/engine/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ecotone/base/error.h"

namespace ecotone::engine {
namespace {

// The largest k with P(X <= k) <= tail for X of the binomial distribution of n fair coins; -1 when there is none.
int64_t coin_quantile(size_t n, double tail) {
  const auto count = static_cast<double>(n);
  double below = 0;
  for (size_t k = 0; k <= n; ++k) {
    const auto at = static_cast<double>(k);
    below +=
        std::exp(std::lgamma(count + 1) - std::lgamma(at + 1) - std::lgamma(count - at + 1) - count * std::log(2.0));
    if (below > tail) return static_cast<int64_t>(k) - 1;
  }
  return static_cast<int64_t>(n);
}

}  // namespace

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double at = q * static_cast<double>(values.size() - 1);
  const auto low = static_cast<size_t>(at);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(low), values.end());
  const double a = values[low];
  if (low + 1 == values.size()) return a;
  const double b = *std::min_element(values.begin() + static_cast<std::ptrdiff_t>(low) + 1, values.end());
  return a + (at - static_cast<double>(low)) * (b - a);
}

Interval ratio_interval(std::span<const double> a, std::span<const double> b, double confidence) {
  if (a.size() != b.size()) fail("timings to be compared must come in pairs: {} and {}", a.size(), b.size());
  std::vector<double> logs;
  for (size_t i = 0; i < a.size(); ++i)
    if (!std::isnan(a[i]) && !std::isnan(b[i])) logs.push_back(std::log(b[i] / a[i]));
  Interval result{1, 0, std::numeric_limits<double>::infinity()};
  if (logs.empty()) return result;
  result.estimate = std::exp(quantile(logs, 0.5));
  const int64_t k = coin_quantile(logs.size(), (1 - confidence) / 2);
  if (k < 0) return result;
  std::sort(logs.begin(), logs.end());
  result.low = std::exp(logs[static_cast<size_t>(k)]);
  result.high = std::exp(logs[logs.size() - 1 - static_cast<size_t>(k)]);
  return result;
}

Interval far_behind_interval(std::span<const double> a, std::span<const double> b, double confidence) {
  Interval result = ratio_interval(a, b, confidence);
  if (std::isfinite(result.high)) return result;
  const auto played = [](std::span<const double> turns) {
    std::vector<double> times(turns.begin(), turns.end());
    std::erase_if(times, [](double t) { return std::isnan(t); });
    return times;
  };
  const std::vector<double> fast = played(a), slow = played(b);
  if (fast.empty() || slow.empty()) return result;
  const auto [fast_least, fast_most] = std::minmax_element(fast.begin(), fast.end());
  const auto [slow_least, slow_most] = std::minmax_element(slow.begin(), slow.end());
  double chance = 1;
  for (size_t i = 1; i <= slow.size(); ++i) chance *= static_cast<double>(i) / static_cast<double>(fast.size() + i);
  if (*slow_least <= *fast_most || chance > 1 - confidence) return result;
  return {quantile(slow, 0.5) / quantile(fast, 0.5), *slow_least / *fast_most, *slow_most / *fast_least};
}

Outcome decide(const Interval& ratio) {
  constexpr double kWin = 1 + kTieMargin, kTie = 1 + 2 * kTieMargin;
  if (ratio.low > kWin) return Outcome::kWins;
  if (ratio.high < 1 / kWin) return Outcome::kLoses;
  return ratio.low > 1 / kTie && ratio.high < kTie ? Outcome::kTie : Outcome::kUndecided;
}

}  // namespace ecotone::engine
