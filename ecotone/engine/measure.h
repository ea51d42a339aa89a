// The timing harness: several subjects timed in turns on one machine, so that what disturbs one disturbs all.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ecotone/engine/messages.h"
#include "ecotone/engine/statistics.h"

namespace ecotone::engine {

// What one turn of a subject gave.
struct Block {
  std::vector<double> seconds;  // of each run
  double cpu_seconds = 0;       // all threads, over the turn
};

// Something that can be timed. `time` runs it at least min_runs times and for about `seconds`; it throws Error when it
// fails. `pause(true)` keeps it from using the machine while others have their turn.
struct Subject {
  std::string name;
  std::function<Block(int min_runs, double seconds)> time;
  std::function<void(bool)> pause;
};

struct MeasureOptions {
  int threads = 1;            // what each subject may use
  double seconds_each = 5;    // about, for each subject: half of it where the order is plain, twice where it is not
  double turn_seconds = 0.2;  // of one turn
  int min_rounds = 8, max_rounds = 60;
  bool watch_machine = true;          // others' CPU and a canary; not when times are replayed
  Messages text{Language::kEnglish};  // of progress
  std::function<void(const std::string&)> progress;
};

struct Timing {
  std::vector<double> seconds;  // every timed run
  std::vector<double> turns;    // the median of each turn, one a round; NaN where it was left out
  double wall_seconds = 0, cpu_seconds = 0;
  std::optional<double> joules;  // of the timed turns, where the machine has a counter
  int warmup_runs = 0;
  std::string error;  // why it ended early, or empty
};

// What else went on.
struct Noise {
  double others_cores = 0;   // CPUs that other processes used, median over rounds
  double canary_spread = 1;  // 90% over 10% quantile of a fixed computation's time
  double limit_cores = 0;    // more than this makes timings not comparable
  // Why timings can't be compared, or empty.
  std::string verdict(const Messages& text) const;
};

struct RaceResult {
  std::vector<Timing> timings;  // as the subjects
  Noise noise;
  bool interrupted = false;
};

// Warms each up until its times stop falling; then rounds, each in the reverse order of the one before (ABBA, so that a
// drift hits all alike), until every pair that matters (each against the fastest) is decided, or the time is spent. A
// subject whose single run takes longer than a turn gets fewer rounds, none once it is clearly more than 3 times slower
// than the fastest, and only one where it is more than 10 times slower and has had its time.
RaceResult measure(std::span<Subject> subjects, const MeasureOptions& options);

}  // namespace ecotone::engine
