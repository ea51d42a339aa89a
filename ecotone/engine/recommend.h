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
// "ms" (median latency), "per s", "MB" (peak memory; or model and installed engine together), "ms" (load and first run),
// "per million" (price of a million items).
std::string unit(Goal goal, const Messages& text);
std::string title(Goal goal, const Messages& text);

struct Recommendation {
  Goal goal = Goal::kLatency;
  std::vector<Score> ranking;         // best first; the first is recommended
  std::string doubt;                  // why the order is not proven, or empty
  struct Reason {
    std::string kind, text;           // "measured here", "cited", "your preference"
  };
  std::vector<Reason> reasons;
};

// The best of the engines that agree. Engines that tie in time are ordered by memory. None when no engine agrees.
// `price_per_hour` of the machine is for kCost. For latency, memory and startup the report has one case.
std::optional<Recommendation> recommend(const CompareReport& report, Goal goal, double price_per_hour,
                                        const Messages& text);

// The decision as a file that can be checked later.
nlohmann::ordered_json decision(const Recommendation& r, const std::filesystem::path& model, double tolerance,
                                double price_per_hour, const nlohmann::ordered_json& machine);

// A saved decision. Error when the file is none.
struct SavedDecision {
  std::filesystem::path model;
  std::string model_hash, engine, runner_up, shapes, cpu;
  Goal goal = Goal::kLatency;
  int threads = 1;
  double tolerance = 1e-3, price_per_hour = 0, value = 0;
  std::optional<double> runner_up_value;
};
SavedDecision read_decision(const std::filesystem::path& path);

// What has become worse since, in a new race of the same engines; empty when the decision holds. `margin`: 0.1 lets a value
// on the same processor be 10% worse. `notes` gets what could not be checked.
std::vector<std::string> regressions(const SavedDecision& d, const CompareReport& now, const std::string& cpu, double margin,
                                     std::vector<std::string>& notes);

// Of a model's bytes, as decisions name it.
std::string model_hash(const std::filesystem::path& model);

}  // namespace ecotone::engine
