// Other people's stacks, each in a process of its own, behind one small protocol.
//
// A worker is `PYTHON -m ecotone_workers MODULE`, where the module holds the engine's Adapter (engines.toml names it).
// It reads JSON lines on stdin and answers each with one on a pipe of its own (fd 3), so that nothing an engine prints
// can corrupt the protocol. Tensors travel in npz files in a folder that only this process owns. Requests:
// {"protocol": 1, "command": "hello" | "load" | "describe" | "run" | "time" | "bye", ...}; answers: {"ok": true, ...}
// or {"ok": false, "error": "..."}.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ecotone/engine/inputs.h"

namespace ecotone::engine {

struct WorkerOptions {
  int threads = 0;               // 0: the engine's own choice
  double timeout_seconds = 600;  // for each request
};

class Worker {
 public:
  // Starts the worker. Throws Error (kMissing) that says what to install when the engine is unknown or not installed.
  Worker(const std::string& engine, const WorkerOptions& options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const std::string& version() const { return version_; }
  // Seconds it took.
  double load(const std::filesystem::path& model);
  struct Run {
    NamedTensors outputs;
    std::vector<double> seconds;  // of each timed run
    int64_t peak_bytes = 0;
  };
  // Runs once for the outputs; then `repeats` timed runs after one more warm-up.
  Run run(const NamedTensors& inputs, int repeats = 0);

 private:
  struct Process;
  std::string request(const std::string& json_line);

  std::string engine_, version_;
  WorkerOptions options_;
  std::unique_ptr<Process> process_;
};

}  // namespace ecotone::engine
