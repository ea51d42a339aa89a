// From a race to a decision: which engine for this goal, why, and whether it still holds.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ecotone/engine/compare.h"

namespace ecotone::engine {

enum class Goal { kLatency, kThroughput, kMemory, kSize, kStartup, kCost };
std::string_view name(Goal goal);
// Error that lists the goals for another word.
Goal parse_goal(const std::string& word);

// What a row is worth for a goal; smaller is better, but for throughput.
struct Score {
  const CaseReport* in = nullptr;
  const Row* row = nullptr;
  double value = 0;
};
// "ms" (median latency), "per s", "MB" (peak memory; or model and installed engine together), "ms" (load and first
// run), "per million" (price of a million items).
std::string unit(Goal goal, const Messages& text);
std::string title(Goal goal, const Messages& text);

struct Recommendation {
  Goal goal = Goal::kLatency;
  std::vector<Score> ranking;  // best first; the first is recommended
  std::string doubt;           // why the order is not proven, or empty
  struct Reason {
    std::string kind, text;  // "measured here", "cited", "your preference"
  };
  std::vector<Reason> reasons;
};

// The best of the engines that agree. Engines that tie in time are ordered by memory. None when no engine agrees.
// `price_per_hour` of the machine is for kCost. For latency, memory and startup the report has one case.
// The order is in doubt when the machine was busy, when an engine's time against the fastest stays undecided, and when
// what was sampled once, or not timed in turns, differs by less than such numbers do by themselves.
std::optional<Recommendation> recommend(const CompareReport& report, Goal goal, double price_per_hour,
                                        const Messages& text);

// What a decision was made on.
struct DecidedOn {
  std::filesystem::path model;
  std::filesystem::path folder;  // where decision.json comes to lie, with inputs.npz; empty: nowhere
  std::optional<uint64_t> seed;  // of inputs that were made
  double tolerance = 1e-3, price_per_hour = 0;
  nlohmann::ordered_json machine;
};
// The decision as a file that can be checked later. Paths in it are as seen from `folder`.
nlohmann::ordered_json decision(const Recommendation& r, const DecidedOn& on);

// A saved decision. Error when the file is none.
struct SavedDecision {
  std::filesystem::path model;   // where it lies as seen from the decision, else where it lay
  std::filesystem::path inputs;  // empty: none are named
  std::optional<uint64_t> seed;
  std::string model_hash, engine, runner_up, shapes, device;
  Goal goal = Goal::kLatency;
  int threads = 1;
  double tolerance = 1e-3, price_per_hour = 0, value = 0;
  std::optional<double> runner_up_value;
};
SavedDecision read_decision(const std::filesystem::path& path);

struct CheckResult {
  std::vector<std::string> worse;  // what has become worse
  std::vector<std::string> notes;  // what else there is to know
  std::string not_checked;         // why nothing can be said, or empty
  bool holds() const { return worse.empty() && not_checked.empty(); }
};
// What has become of a decision, by a new race of the same engines on `machine` (a report's). `margin`: 0.1 lets a
// value on the same device be 10% worse.
CheckResult check_decision(const SavedDecision& d, const CompareReport& now, const nlohmann::json& machine,
                           double margin, const Messages& text);

// Of a model's bytes and of its external data, as decisions name it.
std::string model_hash(const std::filesystem::path& model);

}  // namespace ecotone::engine
