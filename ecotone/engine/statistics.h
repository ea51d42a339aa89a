// What timings say: quantiles, and whether one engine is faster than another.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace ecotone::engine {

// The q-quantile (0 <= q <= 1) by linear interpolation between order statistics; NaN for no values.
double quantile(std::vector<double> values, double q);

struct Interval {
  double estimate = 0, low = 0, high = 0;
};

// The ratio b/a of two engines' times, from pairs measured next to each other (a pair with a NaN is left out): the
// median of the pairs' ratios, and the interval of the sign test, two of their order statistics, which holds the true
// median with at least the given confidence whatever the noise (Hollander & Wolfe, Nonparametric Statistical Methods,
// 3.6). Disturbances only make an engine slower, by much, and seldom: an interval that asks for symmetric errors, as
// Wilcoxon's does, is three times as often too wide on recorded timings. Fewer than 6 pairs can't give 95%: the
// interval is then (0, infinity).
Interval ratio_interval(std::span<const double> a, std::span<const double> b, double confidence = 0.95);

// The same for a b that had few turns since it is far behind: where each of them took longer than every turn of a, and
// a rank-sum test of that is beyond the confidence (1 / C(m + n, n) <= 1 - confidence), the interval from b's least
// over a's greatest to b's greatest over a's least; else what ratio_interval gives.
Interval far_behind_interval(std::span<const double> a, std::span<const double> b, double confidence = 0.95);

enum class Outcome { kWins, kLoses, kTie, kUndecided };

// Differences below this are a tie: where the system happens to put a process's pages makes as much (measured:
// docs/benchmarks.md).
inline constexpr double kTieMargin = 0.03;

// How a stands to b, given b's time over a's: wins when the whole interval is above 1 + kTieMargin, ties when it lies
// within a factor 1 + 2 kTieMargin of 1 and neither wins; else more pairs are needed.
Outcome decide(const Interval& ratio);

}  // namespace ecotone::engine
