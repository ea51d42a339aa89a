// What ran on this machine: the proof behind "ran here". Whoever runs an engine leaves a record and the report it
// wrote; both stay in the user's data folder (XDG_DATA_HOME, else ~/.local/share; below it ecotone/ran/).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace ecotone::engine {

struct Ran {
  std::string engine;  // "openvino-f32", "ecotone"
  std::string version;
  std::string hardware;       // of the vocabulary of facts: "x86-cpu", "nvidia-gpu"
  std::string device;         // its name: "AMD EPYC"
  std::string model;          // file name
  std::string date;           // ISO 8601, UTC; record_ran sets it
  std::filesystem::path log;  // the report; record_ran sets it
};

// Writes ran/ENGINE.json, which keeps the newest run on each hardware, and ran/ENGINE.HARDWARE.report.json. Files
// appear whole or not at all. Error for a name that is no plain word (letters, digits, "-", "_", ".", ":").
void record_ran(Ran ran, const nlohmann::ordered_json& report);

// All records whose report still exists. A file that is not of this form is left out, with a warning.
std::vector<Ran> read_ran();

// What the processor of this machine is called in facts: "x86-cpu", "arm-cpu"; else empty.
std::string this_processor();

// What an engine computes on: the device of the execution provider in "onnxruntime:CUDA", else this processor.
std::string hardware_of(const std::string& engine);

}  // namespace ecotone::engine
