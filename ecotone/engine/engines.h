// The engines that there are, as python/ecotone_workers/engines.toml lists them, and where they are installed.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ecotone::engine {

struct EngineInfo {
  std::string name;                                    // "openvino-f32", or with a variant "onnxruntime:CUDA..."
  std::string title, maker, about, license, homepage;  // for people
  std::vector<std::string> requirements;               // pip's, pinned and complete; the first is the engine itself
  std::vector<std::string> system_packages;            // Debian's, where pip is not enough
  std::vector<std::string> formats;                    // what it reads itself
  std::string from_onnx;                               // how an ONNX model gets to it: "reads it itself", ...
  std::string telemetry;                               // what it would send, and how the adapter turns it off
  std::vector<std::string> lacks;
  int megabytes = 0;                           // of the environment, installed
  std::string environment;                     // the venv's name; engines with the same one share it
  std::string module;                          // the Python module that holds its Adapter
  std::map<std::string, std::string> options;  // for the Adapter
  std::string variant_option;                  // what the V of NAME:V sets; empty: there are no variants
  bool takes_stablehlo = false;                // it is given the StableHLO text that Ecotone prints
  bool native = false;                         // one of our own backends: its worker is the command `eco` itself
  bool static_shapes = false;                  // it is told the sizes of all inputs when it loads a model
};

// All engines, in the order of the list: the built-in ones, then those of the file that ECOTONE_ENGINES names (tests
// and users add their own there; its adapters are modules beside it). Error for a list that is malformed.
std::span<const EngineInfo> known_engines();
// The engine NAME or NAME:VARIANT. Error (kMissing) that lists the names when there is none.
EngineInfo engine_info(const std::string& name);

// Where Ecotone's own Python modules lie, and what a worker's PYTHONPATH must be.
std::filesystem::path workers_folder();
std::string workers_python_path();

// The folder of an engine's venv in the user's data folder; it need not exist.
std::filesystem::path engine_folder(const EngineInfo& engine);
// The Python of an engine's worker: ECOTONE_PYTHON, else that of its venv; nothing when there is neither.
std::optional<std::filesystem::path> engine_python(const EngineInfo& engine);
// What starts an engine's worker, program and arguments; nothing when the engine is not installed.
std::optional<std::vector<std::string>> worker_command(const EngineInfo& engine);
// How to get an engine that is missing, as the end of a message.
std::string install_hint(const EngineInfo& engine);

}  // namespace ecotone::engine
