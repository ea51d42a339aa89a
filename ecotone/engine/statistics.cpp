#include "ecotone/engine/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ecotone/base/error.h"

namespace ecotone::engine {
namespace {

// The largest k with P(W <= k) <= tail for the signed-rank statistic W of n pairs; -1 when there is none.
int64_t signed_rank_quantile(size_t n, double tail) {
  const size_t sums = n * (n + 1) / 2;
  std::vector<double> mass(sums + 1, 0);
  mass[0] = 1;
  for (size_t rank = 1; rank <= n; ++rank)
    for (size_t s = sums + 1; s-- > 0;) mass[s] = (mass[s] + (s >= rank ? mass[s - rank] : 0)) / 2;
  double below = 0;
  for (size_t k = 0; k <= sums; ++k) {
    below += mass[k];
    if (below > tail) return static_cast<int64_t>(k) - 1;
  }
  return static_cast<int64_t>(sums);
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
  constexpr size_t kMost = 200;  // averages grow with the square; the last pairs say the same
  std::vector<double> logs;
  for (size_t i = 0; i < a.size(); ++i)
    if (!std::isnan(a[i]) && !std::isnan(b[i])) logs.push_back(std::log(b[i] / a[i]));
  if (logs.size() > kMost) logs.erase(logs.begin(), logs.end() - kMost);
  const size_t n = logs.size();
  std::vector<double> walsh;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i; j < n; ++j) walsh.push_back((logs[i] + logs[j]) / 2);
  Interval result{1, 0, std::numeric_limits<double>::infinity()};
  if (walsh.empty()) return result;
  result.estimate = std::exp(quantile(walsh, 0.5));
  const int64_t k = signed_rank_quantile(n, (1 - confidence) / 2);
  if (k < 0) return result;
  std::sort(walsh.begin(), walsh.end());
  result.low = std::exp(walsh[static_cast<size_t>(k)]);
  result.high = std::exp(walsh[walsh.size() - 1 - static_cast<size_t>(k)]);
  return result;
}

Outcome decide(const Interval& ratio) {
  constexpr double kWin = 1 + kTieMargin, kTie = 1 + 2 * kTieMargin;
  if (ratio.low > kWin) return Outcome::kWins;
  if (ratio.high < 1 / kWin) return Outcome::kLoses;
  return ratio.low > 1 / kTie && ratio.high < kTie ? Outcome::kTie : Outcome::kUndecided;
}

}  // namespace ecotone::engine
