// Quantiles and intervals against published tables and by simulation; verdicts on timings that were recorded from two
// processes of the same engine (bench/record_turns.py), so that whatever differs is the machine's doing.
#include "ecotone/engine/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/measure.h"

namespace ecotone::engine {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Statistics, QuantilesInterpolate) {
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
  EXPECT_EQ(quantile({3}, 0.99), 3);
  EXPECT_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_EQ(quantile({4, 1, 3, 2}, 0), 1);
  EXPECT_EQ(quantile({4, 1, 3, 2}, 1), 4);
  EXPECT_DOUBLE_EQ(quantile({10, 20, 30, 40, 50}, 0.9), 46);  // numpy.quantile
}

// Two-sided 5% critical values of the sign test, as any table has them.
TEST(Statistics, IntervalsByTheTable) {
  for (const auto& [n, critical] :
       {std::pair<size_t, size_t>{6, 0}, {8, 0}, {9, 1}, {12, 2}, {15, 3}, {20, 5}, {25, 7}, {60, 21}}) {
    std::vector<double> a(n, 1.0), b;
    for (size_t i = 0; i < n; ++i) b.push_back(1 + 0.01 * static_cast<double>((i * 7) % n));
    const Interval r = ratio_interval(a, b);
    std::sort(b.begin(), b.end());
    EXPECT_NEAR(r.low, b[critical], 1e-12) << n;
    EXPECT_NEAR(r.high, b[n - 1 - critical], 1e-12) << n;
  }
  // An even number of pairs: the median lies between two, by the logarithm.
  EXPECT_NEAR(ratio_interval(std::vector{1., 1., 1., 1.}, std::vector{1., 2., 8., 9.}).estimate, 4, 1e-12);
}

TEST(Statistics, TooFewPairsSayNothing) {
  const std::vector<double> a{1, 1, 1, 1, 1, kNan}, b{2, 2, 2, 2, 2, 2};
  const Interval r = ratio_interval(a, b);
  EXPECT_EQ(r.low, 0);
  EXPECT_TRUE(std::isinf(r.high));
  EXPECT_DOUBLE_EQ(r.estimate, 2);
  EXPECT_EQ(decide(r), Outcome::kUndecided);
  EXPECT_THROW(ratio_interval(a, std::vector<double>{1}), Error);
}

TEST(Statistics, FarBehindAfterFewTurns) {
  std::vector<double> a(20, 1.0), b(20, kNan);
  a[3] = 1.2, b[0] = 5, b[1] = 6;
  const Interval r = far_behind_interval(a, b);
  EXPECT_DOUBLE_EQ(r.estimate, 5.5);
  EXPECT_DOUBLE_EQ(r.low, 5 / 1.2);
  EXPECT_DOUBLE_EQ(r.high, 6);
  EXPECT_EQ(decide(r), Outcome::kWins);
  b[1] = 1.1;  // within what a had too
  EXPECT_TRUE(std::isinf(far_behind_interval(a, b).high));
  a.assign(20, kNan), a[0] = 1, b[1] = kNan;  // one turn each proves nothing
  EXPECT_TRUE(std::isinf(far_behind_interval(a, b).high));
}

// Heavy tails and a common drift: the interval must hold the true ratio in 95% of the cases. Of 1000 with p = 0.95,
// fewer than 930 come with a chance of 0.3%; the seed is fixed.
TEST(Statistics, IntervalsHoldTheTruth) {
  std::mt19937_64 random(7);
  std::student_t_distribution<double> noise(3);
  int held = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    std::vector<double> a, b;
    for (int i = 0; i < 20; ++i) {
      const double drift = 1 + 0.02 * i;
      a.push_back(drift * std::exp(0.02 * noise(random)));
      b.push_back(drift * 1.2 * std::exp(0.02 * noise(random)));
    }
    const Interval r = ratio_interval(a, b);
    held += r.low <= 1.2 && 1.2 <= r.high;
  }
  EXPECT_GE(held, 930);
}

TEST(Statistics, Decisions) {
  EXPECT_EQ(decide({1.1, 1.05, 1.15}), Outcome::kWins);
  EXPECT_EQ(decide({0.9, 0.85, 0.95}), Outcome::kLoses);
  EXPECT_EQ(decide({1.0, 0.98, 1.02}), Outcome::kTie);
  EXPECT_EQ(decide({1.02, 0.98, 1.05}), Outcome::kTie);
  EXPECT_EQ(decide({1.05, 0.99, 1.11}), Outcome::kUndecided);
}

// Verdicts on recorded timings
// ------------------------------------------------------------------------------------------

struct Recording {
  std::string name;
  std::vector<double> first, second;  // seconds of each turn
};

// The first file is the one by which the interval was chosen; the second was recorded afterwards, on a noisier machine.
constexpr const char* kChosenBy = "recorded_turns.jsonl";
constexpr const char* kHeldOut = "recorded_turns_held_out.jsonl";

std::vector<Recording> recordings(const std::string& name) {
  std::vector<Recording> all;
  std::istringstream file(read_text_file(ECOTONE_SOURCE_DIR "/tests/engine/" + name));
  for (std::string line; std::getline(file, line);) {
    const auto r = nlohmann::json::parse(line);
    Recording one{r["model"].get<std::string>() + ", " + r["engine"].get<std::string>(), {}, {}};
    for (const auto& ms : r["first_ms"]) one.first.push_back(ms.get<double>() * 1e-3);
    for (const auto& ms : r["second_ms"]) one.second.push_back(ms.get<double>() * 1e-3);
    all.push_back(std::move(one));
  }
  return all;
}

// A race as `eco compare` runs it by default, but each turn takes the next of the recorded times, from `begin` on.
Outcome replay(const Recording& r, size_t begin, bool swapped, double factor) {
  MeasureOptions options;
  options.watch_machine = false;
  const auto subject = [&](const char* name, const std::vector<double>& times, double scale) {
    // Warming up leaves the recording where it is.
    return Subject{name,
                   [&times, scale, &options, at = begin, warming = true](int min_runs, double seconds) mutable {
                     warming = warming && seconds < options.turn_seconds;
                     const double each = times[at % times.size()] * scale;
                     at += warming ? 0 : 1;
                     const auto runs = static_cast<size_t>(std::ceil(seconds / each));
                     return Block{std::vector<double>(std::max(runs, static_cast<size_t>(min_runs)), each), 0};
                   },
                   [](bool) {}};
  };
  std::vector<Subject> subjects{subject("a", swapped ? r.second : r.first, 1),
                                subject("b", swapped ? r.first : r.second, factor)};
  const RaceResult result = measure(subjects, options);
  return decide(ratio_interval(result.timings[0].turns, result.timings[1].turns));
}

// How many of 200 different replays over all recordings come out as wanted.
int replays(const std::string& file, double factor, Outcome wanted) {
  const std::vector<Recording> all = recordings(file);
  std::vector<std::array<size_t, 3>> places;
  for (size_t r = 0; r < all.size(); ++r)
    for (size_t begin = 0; begin < all[r].first.size(); ++begin)
      for (size_t swapped : {0U, 1U}) places.push_back({r, begin, swapped});
  std::shuffle(places.begin(), places.end(), std::mt19937_64(11));
  places.resize(200);
  int count = 0;
  std::vector<int> missed(all.size());
  for (const auto& [r, begin, swapped] : places) {
    const bool good = replay(all[r], begin, swapped != 0, factor) == wanted;
    count += good;
    missed[r] += !good;
  }
  for (size_t r = 0; r < all.size(); ++r)
    if (missed[r]) std::cout << "  " << all[r].name << ": " << missed[r] << " other verdicts\n";
  return count;
}

TEST(RecordedTimings, TheSameEngineTwiceIsATie) {
  for (const char* file : {kChosenBy, kHeldOut}) EXPECT_GE(replays(file, 1, Outcome::kTie), 190) << file;
}

TEST(RecordedTimings, TenPercentAreSeen) {
  for (const char* file : {kChosenBy, kHeldOut}) {
    EXPECT_GE(replays(file, 1.1, Outcome::kWins), 190) << file;
    EXPECT_GE(replays(file, 1 / 1.1, Outcome::kLoses), 190) << file;
  }
}

}  // namespace
}  // namespace ecotone::engine
