#include "ecotone/engine/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <optional>
#include <sstream>
#include <thread>

#include <fmt/core.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/time.h"
#include "ecotone/engine/interrupt.h"

namespace ecotone::engine {
namespace {

using Clock = std::chrono::steady_clock;

// CPU seconds spent so far by everybody on the processors that we may use; none where the system does not tell.
std::optional<double> busy_seconds() {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  if (sched_getaffinity(0, sizeof mine, &mine) != 0) return std::nullopt;
  std::ifstream stat("/proc/stat");
  std::string line;
  double ticks = 0;
  bool any = false;
  while (std::getline(stat, line)) {
    if (line.rfind("cpu", 0) != 0 || line.size() < 4 || line[3] == ' ') continue;
    std::istringstream fields(line.substr(3));
    int cpu = -1;
    double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    fields >> cpu >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
    if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(static_cast<size_t>(cpu), &mine)) continue;
    ticks += user + nice + system + irq + softirq + steal;
    any = true;
  }
  if (!any) return std::nullopt;
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double own_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A fixed computation on each thread: its time changes only with the machine. The fastest of several, since a processor
// that slept begins slowly.
double canary(int threads) {
  constexpr int kTimes = 5;
  auto spin = [] {
    volatile double start = 0.5;  // unknown to the compiler, which would do it all beforehand
    double x = start;
    for (int i = 0; i < 400000; ++i) x = x * 0.999999 + 1e-6;
    volatile double sink = x;
    (void)sink;
  };
  double fastest = std::numeric_limits<double>::infinity();
  for (int t = 0; t < kTimes; ++t) {
    const auto start = Clock::now();
    std::vector<std::thread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back(spin);
    spin();
    for (std::thread& other : others) other.join();
    fastest = std::min(fastest, seconds_since(start));
  }
  return fastest;
}

// Joules that the processor packages have used so far (Linux powercap, RAPL); none where there is no counter that we
// may read. Counters wrap within minutes at the earliest: a turn that sees one run backwards is not counted.
std::optional<double> package_joules() {
  std::optional<double> sum;
  std::error_code error;
  for (const auto& zone : std::filesystem::directory_iterator("/sys/class/powercap", error)) {
    const std::string name = zone.path().filename().string();
    if (std::count(name.begin(), name.end(), ':') != 1) continue;  // a package, not a part of one
    std::ifstream file(zone.path() / "energy_uj");
    if (double microjoules = 0; file >> microjoules) sum = sum.value_or(0) + microjoules * 1e-6;
  }
  return sum;
}

class Harness {
 public:
  Harness(std::span<Subject> subjects, const MeasureOptions& options)
      : subjects_(subjects), options_(options), m_(options.text) {
    result_.timings.resize(subjects.size());
    spent_.resize(subjects.size());
    usable_ = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof mine, &mine) == 0) usable_ = CPU_COUNT(&mine);
  }

  RaceResult run() {
    try {
      for (size_t i = 0; i < subjects_.size(); ++i) warm_up(i);
      for (int round = 0; round < options_.max_rounds && any_alive() && !finished(round); ++round) play(round);
    } catch (const Interrupted&) {
      result_.interrupted = true;
    }
    result_.noise.others_cores = others_.empty() ? 0 : quantile(others_, 0.5);
    if (canaries_.size() >= 4) result_.noise.canary_spread = quantile(canaries_, 0.9) / quantile(canaries_, 0.1);
    result_.noise.limit_cores = std::max(0.3, 0.5 * (usable_ - std::max(1, options_.threads)));
    return std::move(result_);
  }

 private:
  bool alive(size_t i) const { return result_.timings[i].error.empty(); }

  bool any_alive() const {
    return std::any_of(result_.timings.begin(), result_.timings.end(), [](const Timing& t) { return t.error.empty(); });
  }

  // One turn; a failure ends the subject, not the others.
  std::optional<Block> turn(size_t i, int min_runs, double seconds) {
    if (interrupted()) throw Interrupted();
    try {
      subjects_[i].pause(false);
      Block block = subjects_[i].time(min_runs, seconds);
      subjects_[i].pause(true);
      if (block.seconds.empty()) fail("{} was timed and gave no times", subjects_[i].name);
      return block;
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& e) {
      result_.timings[i].error = e.what();
      return std::nullopt;
    }
  }

  void warm_up(size_t i) {
    constexpr int kMostTurns = 12;
    constexpr double kStable = 0.97;  // a turn less than 3% faster than the best before it
    Timing& t = result_.timings[i];
    if (options_.progress) options_.progress(m_.format("warming up {}", subjects_[i].name));
    double best = 0;
    const auto start = Clock::now();
    for (int turns = 0; turns < kMostTurns; ++turns) {
      const auto block = turn(i, turns ? 2 : 1, options_.turn_seconds / 2);
      if (!block) return;
      t.warmup_runs += static_cast<int>(block->seconds.size());
      const double now = quantile(block->seconds, 0.5);
      if (now > options_.seconds_each / 2 || (turns >= 1 && now > best * kStable)) break;
      best = turns ? std::min(best, now) : now;
      if (turns >= 1 && seconds_since(start) > options_.seconds_each) break;
    }
  }

  void play(int round) {
    const auto busy = options_.watch_machine ? busy_seconds() : std::nullopt;
    const double own = own_seconds();
    const auto start = Clock::now();
    double worked = 0;
    if (options_.watch_machine) canaries_.push_back(canary(std::max(1, options_.threads)));
    for (Timing& t : result_.timings) t.turns.push_back(std::numeric_limits<double>::quiet_NaN());
    std::vector<size_t> order;
    for (size_t i = 0; i < subjects_.size(); ++i)
      if (alive(i) && !left_out(i, round)) order.push_back(i);
    if (round % 2) std::reverse(order.begin(), order.end());
    for (size_t i : order) {
      if (options_.progress) options_.progress(m_.format("round {}: {}", round + 1, subjects_[i].name));
      const auto joules = package_joules();
      Timing& t = result_.timings[i];
      const bool is_slow = spent_[i] > options_.seconds_each;  // after few runs
      const auto block = turn(i, is_slow ? 1 : 2, options_.turn_seconds);
      if (!block) continue;
      if (const auto after = package_joules(); joules && after && *after >= *joules)
        t.joules = t.joules.value_or(0) + *after - *joules;
      t.turns.back() = quantile(block->seconds, 0.5);
      t.seconds.insert(t.seconds.end(), block->seconds.begin(), block->seconds.end());
      const double spent = std::accumulate(block->seconds.begin(), block->seconds.end(), 0.0);
      t.wall_seconds += spent;
      t.cpu_seconds += block->cpu_seconds;
      worked += block->cpu_seconds;
      spent_[i] += spent;
    }
    const double wall = seconds_since(start);
    if (const auto after = busy_seconds(); busy && after && wall > 0.1)
      others_.push_back(std::max(0.0, (*after - *busy) - worked - (own_seconds() - own)) / wall);
  }

  // Slow ones: what is known to be far behind needs no more rounds.
  bool left_out(size_t i, int round) const {
    constexpr int kEnough = 3, kEnoughFarBehind = 2;  // with two turns the rank sum can tell, with one hardly
    constexpr double kBehind = 3, kFarBehind = 10;
    const size_t best = fastest();
    if (round == 0 || i == best) return false;
    const double behind = median_of(i) / median_of(best), spent = spent_[i] / options_.seconds_each;
    return (round >= kEnough && behind > kBehind && spent > 0.25) ||
           (round >= kEnoughFarBehind && behind > kFarBehind && spent > 1) || (behind > kFarBehind && spent > 10);
  }

  double median_of(size_t i) const {
    std::vector<double> played;
    for (double t : result_.timings[i].turns)
      if (!std::isnan(t)) played.push_back(t);
    return quantile(std::move(played), 0.5);
  }

  size_t fastest() const {
    size_t best = subjects_.size();
    for (size_t i = 0; i < subjects_.size(); ++i)
      if (alive(i) && !std::isnan(median_of(i)) && (best == subjects_.size() || median_of(i) < median_of(best)))
        best = i;
    return best;
  }

  bool finished(int round) const {
    if (round < options_.min_rounds) return false;
    const size_t best = fastest();
    if (best == subjects_.size()) return true;
    double longest = 0;
    bool decided = true;
    for (size_t i = 0; i < subjects_.size(); ++i) {
      longest = std::max(longest, spent_[i]);
      if (i == best || !alive(i) || left_out(i, round)) continue;
      const Interval ratio = ratio_interval(result_.timings[best].turns, result_.timings[i].turns);
      decided = decided && decide(ratio) != Outcome::kUndecided;
    }
    // Percentiles want runs even when the order is plain.
    return longest > options_.seconds_each * (decided ? 0.5 : 2);
  }

  std::span<Subject> subjects_;
  const MeasureOptions& options_;
  const Messages& m_;
  RaceResult result_;
  std::vector<double> spent_, others_, canaries_;
  int usable_ = 1;
};

}  // namespace

std::string Noise::verdict(const Messages& text) const {
  constexpr double kMostSpread = 1.25;
  if (others_cores > limit_cores)
    return text.format("other processes used {:.1f} CPUs meanwhile (at most {:.1f} would do)", others_cores,
                       limit_cores);
  if (canary_spread > kMostSpread)
    return text.format("the machine's own speed changed by {:.0f}% meanwhile", (canary_spread - 1) * 100.0);
  return "";
}

RaceResult measure(std::span<Subject> subjects, const MeasureOptions& options) {
  return Harness(subjects, options).run();
}

}  // namespace ecotone::engine
