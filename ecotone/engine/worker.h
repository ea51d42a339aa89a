// Other people's stacks, each in a process of its own, behind one small protocol.
//
// A worker is `PYTHON -m ecotone_workers MODULE`, where the module holds the engine's Adapter (engines.toml names it).
// It reads JSON lines on stdin and answers each with one on a pipe of its own (fd 3), so that nothing an engine prints
// can corrupt the protocol. Tensors travel in npz files in a folder, in memory where the system has such, that only
// this process owns. Requests:
// {"command": "hello" | "load" | "describe" | "run" | "time" | "bye", ...}; answers: {"ok": true, ...} or
// {"ok": false, "error": "..."}; docs/adding-an-engine.md has the fields.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ecotone/engine/engines.h"
#include "ecotone/engine/inputs.h"
#include "ecotone/engine/measure.h"

namespace ecotone::engine {

struct WorkerOptions {
  int threads = 0;               // 0: the engine's own choice
  double timeout_seconds = 600;  // for each request
  int64_t most_bytes = 0;        // resident memory at which it is stopped; 0: no limit
  bool quiet = false;            // what the engine prints goes nowhere instead of to stderr
};

class Worker {
 public:
  // Starts the worker. Throws Error (kMissing) that says what to install when the engine is unknown or not installed.
  // Every request throws Error when the engine fails, crashes, takes too long or uses too much memory, and Interrupted
  // when the user asks for an end.
  Worker(const std::string& engine, const WorkerOptions& options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const std::string& engine() const { return engine_; }
  const std::string& version() const { return version_; }
  // What the V of NAME:V may be with this installation: ONNX Runtime's execution providers, PyTorch's devices.
  const std::vector<std::string>& variants() const { return variants_; }
  // What importing the engine's package took.
  double import_seconds() const { return import_seconds_; }

  struct Source {
    std::filesystem::path model;
    std::map<std::string, std::vector<int64_t>> shapes;  // of the inputs to come: for engines that want them fixed
    std::filesystem::path stablehlo;  // the same model as StableHLO text, parameters frozen; may be empty
  };
  struct Loaded {
    double seconds = 0;                // without conversion
    double convert_seconds = 0;        // of the conversion, whenever it was made; 0: none
    std::string path;                  // how the model got in: "reads the file itself", or through what
    std::vector<std::string> changes;  // what had to be changed for that
    std::filesystem::path artifact;    // the file that the engine itself loads; empty: not told
    std::optional<int64_t> artifact_bytes;
    nlohmann::json settings;
  };
  Loaded load(const Source& source);

  struct Run {
    NamedTensors outputs;
    double first_seconds = 0;     // of the run that gave them, with what had to be made for these sizes
    std::vector<double> seconds;  // of each timed run
    int64_t peak_bytes = 0;
  };
  // Runs once for the outputs; then `repeats` timed runs after one more warm-up.
  Run run(const NamedTensors& inputs, int repeats = 0);
  // Timed runs on the inputs of the last run: at least min_runs, for about `seconds`.
  Block time(int min_runs, double seconds);
  // What ran where, as far as the engine tells: {"nodes": [{node, op, device, kernel, precision, time_ms}...],
  // "fallbacks": [...]}; "unknown" says why, where asking failed.
  nlohmann::json placement();

  // Stops the process from using the machine, or lets it go on.
  void pause(bool paused);
  int64_t resident_bytes() const, peak_bytes() const;

 private:
  struct Process;
  nlohmann::json request(const nlohmann::json& question);
  std::string exchange(const std::string& json_line);

  std::string engine_, version_;
  std::vector<std::string> variants_;
  WorkerOptions options_;
  nlohmann::json settings_;
  double import_seconds_ = 0;
  std::unique_ptr<Process> process_;
};

// The V for which NAME:V works with this installation, asked of the engine; of one with devices only on a machine that
// has a GPU. None of an engine that does not start. Interrupted when the user asks for an end.
std::vector<std::string> variants_here(const EngineInfo& engine);

}  // namespace ecotone::engine
