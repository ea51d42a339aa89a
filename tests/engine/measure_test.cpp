// The harness on subjects whose times are made up: order of turns, warm-up, failures, slow ones, what is told of noise.
#include "ecotone/engine/measure.h"

#include <cmath>

#include <gtest/gtest.h>

#include "ecotone/base/error.h"

namespace ecotone::engine {
namespace {

// Every turn's runs take `seconds_of(turn)`, and nothing is waited for.
Subject made_up(std::string name, std::function<double(int turn)> seconds_of, std::string* order = nullptr) {
  return {name,
          [=, turn = 0](int min_runs, double) mutable {
            if (order) *order += name;
            return Block{std::vector<double>(static_cast<size_t>(min_runs), seconds_of(turn++)), 0.5};
          },
          [](bool) {}};
}

MeasureOptions quick() {
  MeasureOptions options;
  options.watch_machine = false;
  options.seconds_each = 4;
  return options;
}

TEST(Measure, RoundsAlternate) {
  std::string order;
  const auto half = [](int) { return 0.5; };
  std::vector<Subject> subjects{made_up("a", half, &order), made_up("b", half, &order), made_up("c", half, &order)};
  const RaceResult r = measure(subjects, quick());
  EXPECT_EQ(order.substr(0, 6), "aabbcc");  // warming up: two turns show that no time falls
  EXPECT_EQ(order.substr(6, 12), "abccbaabccba");
  for (const Timing& t : r.timings) {
    EXPECT_EQ(t.turns.size(), 8U);  // the fewest rounds, since that is more time than was asked for
    EXPECT_EQ(t.warmup_runs, 3);
    EXPECT_DOUBLE_EQ(t.wall_seconds, 6.5);  // two runs a turn, one once 4 s are spent
    EXPECT_DOUBLE_EQ(t.cpu_seconds, 4);
  }
}

TEST(Measure, WarmsUpUntilTimesStopFalling) {
  std::vector<Subject> subjects{made_up("falls", [](int turn) { return turn < 5 ? 0.1 * (6 - turn) : 0.1; }),
                                made_up("stays", [](int) { return 0.1; })};
  const RaceResult r = measure(subjects, quick());
  EXPECT_EQ(r.timings[0].warmup_runs, 13);  // turns of 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1
  EXPECT_EQ(r.timings[1].warmup_runs, 3);
  for (double t : r.timings[0].turns) EXPECT_DOUBLE_EQ(t, 0.1);
}

TEST(Measure, OneThatFailsDoesNotDisturbTheOthers) {
  std::vector<Subject> subjects{made_up("good", [](int) { return 0.1; }), made_up("bad", [](int turn) {
                                  if (turn == 4) fail("out of paper");
                                  return 0.1;
                                })};
  const RaceResult r = measure(subjects, quick());
  EXPECT_EQ(r.timings[1].error, "out of paper");
  EXPECT_EQ(r.timings[0].error, "");
  EXPECT_GE(r.timings[0].turns.size(), 8U);
  EXPECT_EQ(r.timings[1].turns.size(), r.timings[0].turns.size());
  EXPECT_FALSE(std::isnan(r.timings[1].turns[1]));
  EXPECT_TRUE(std::isnan(r.timings[1].turns[3]));
}

TEST(Measure, FarBehindNeedsNoMoreTurns) {
  std::vector<Subject> subjects{made_up("fast", [](int) { return 0.1; }), made_up("slow", [](int) { return 1; })};
  const RaceResult r = measure(subjects, quick());
  EXPECT_FALSE(std::isnan(r.timings[1].turns[2]));
  EXPECT_TRUE(std::isnan(r.timings[1].turns[3]));
  EXPECT_EQ(r.timings[1].seconds.size(), 6U);
  EXPECT_GE(r.timings[0].turns.size(), 8U);
}

TEST(Measure, VerySlowOnesHaveOneTurn) {
  std::vector<Subject> subjects{made_up("fast", [](int) { return 0.1; }), made_up("slow", [](int) { return 30; })};
  const RaceResult r = measure(subjects, quick());
  EXPECT_EQ(r.timings[1].warmup_runs, 1);
  EXPECT_EQ(r.timings[1].seconds.size(), 2U);
  EXPECT_TRUE(std::isnan(r.timings[1].turns[1]));
}

TEST(Measure, NoSubjectIsNoRace) {
  const RaceResult r = measure({}, quick());
  EXPECT_TRUE(r.timings.empty());
  EXPECT_EQ(r.noise.verdict(Messages(Language::kEnglish)), "");
}

TEST(Measure, NoiseIsTold) {
  const Messages text(Language::kEnglish);
  EXPECT_EQ((Noise{0.2, 1.1, 0.5}).verdict(text), "");
  EXPECT_NE((Noise{0.9, 1.1, 0.5}).verdict(text).find("other processes used 0.9 CPUs"), std::string::npos);
  EXPECT_NE((Noise{0.2, 1.5, 0.5}).verdict(text).find("changed by 50%"), std::string::npos);
}

}  // namespace
}  // namespace ecotone::engine
