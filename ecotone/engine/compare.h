// Engines raced on one model and one machine: first whether their numbers agree, then, for those, how fast they are.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ecotone/engine/measure.h"
#include "ecotone/engine/messages.h"
#include "ecotone/engine/model.h"

namespace ecotone::engine {

struct CompareOptions {
  std::vector<std::string> engines;
  int threads = 1;          // each engine's
  double tolerance = 1e-3;  // of Agreement::error
  double seconds_each = 5;  // timed, about
  double timeout_seconds = 300;
  int64_t most_bytes = 0;             // an engine that takes more is stopped; 0: no limit
  bool verbose = false;               // show what engines print
  Messages text{Language::kEnglish};  // for progress and for why timings can't be compared
  std::function<void(const std::string&)> progress;
};

// How an engine's outputs stand to the exact result (the reference in mode `real`); the worst of all outputs.
struct Agreement {
  bool agrees = false;           // every output has error <= tolerance or is within rounding; integers equal
  bool within_rounding = false;  // within c * err(spec) + 8 eps: as right as f32 arithmetic gets
  double error = 0;              // max |x - r| / (|r| + rms r)
  double max_abs = 0, max_rel = 0, cosine = 1;
  double argmax = 1;   // share of places along the last axis whose largest element is the same
  std::string reason;  // why not
};

// How an engine fared.
struct Verdict {
  enum class Kind {
    kWins,
    kLoses,
    kTie,
    kAlone,
    kNotComparable,
    kUnclear,
    kDisagrees,
    kFailed,
    kInterrupted
  } kind = Kind::kInterrupted;
  std::string other;   // the engine that it was judged against: the fastest, or for that one the second
  Interval ratio;      // the slower one's time over the faster one's
  std::string reason;  // of a failure, a disagreement, or why nothing can be said
};
// "wins by 12.0% [11.1, 12.9] over openvino", "tie with ...", "not comparable: ...", "not in agreement: ...", "failed:
// ...".
std::string str(const Verdict& verdict, const Messages& text);
// A kind's name in JSON, "wins", "not_comparable", ...; and back, nothing for another word.
std::string_view name(Verdict::Kind kind);
std::optional<Verdict::Kind> verdict_kind(std::string_view name);

struct Row {
  enum class Status { kTimed, kDisagrees, kFailed, kInterrupted };
  std::string engine, version;
  Status status = Status::kFailed;
  Verdict verdict;
  std::string path;  // how the model got into the engine
  std::vector<std::string> changes, warnings;
  std::vector<std::string> variants;  // V for which NAME:V would be there too
  nlohmann::json settings, placement;
  std::optional<Agreement> agreement;
  std::optional<double> import_seconds, convert_seconds, load_seconds, first_seconds;
  std::optional<int64_t> peak_bytes, artifact_bytes;
  Timing timing;
  std::optional<Interval> against_best;  // its time over the fastest's
  bool pareto = false;                   // no other is at least as good in latency, memory and error, and better in one
};

// One set of input sizes.
struct CaseReport {
  std::string shapes;  // "x=1,3,48,320"
  int64_t batch = 1;   // the first input's first size
  int threads = 1;
  std::vector<Row> rows;  // fastest first, then those that disagree, then those that failed
  Noise noise;
  double reference_seconds = 0;  // of the exact result
  nlohmann::ordered_json graph;  // graph_json of the Program
};

struct CompareReport {
  std::vector<CaseReport> cases;
  bool interrupted = false;
};

// Compares `engines` on the model at these inputs. Engines' failures are rows. Error when the model itself is wrong.
CaseReport compare_engines(const Model& model, std::span<const Tensor> inputs, const CompareOptions& options,
                           bool& interrupted);

nlohmann::ordered_json to_json(const CompareReport& report);

}  // namespace ecotone::engine
