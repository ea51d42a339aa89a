// What ran on this machine: the proof behind "ran here". Whoever runs an engine leaves a record and the report it
// wrote; both stay in the folder that ECOTONE_RAN names, else in the user's data folder (XDG_DATA_HOME, else
// ~/.local/share; below it ecotone/ran/).
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
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

// What facts call a processor of this architecture ("x86_64", "aarch64"): "x86-cpu", "arm-cpu"; else empty.
std::string processor_of(std::string_view architecture);
// That of this machine.
std::string this_processor();
// What facts call a GPU of Machine::gpus; else empty.
std::string hardware_of_gpu(std::string_view gpu);

inline constexpr std::string_view kUnknownHardware = "unknown";
// What an engine computes on: the device in "torch:cuda" or of the execution provider in
// "onnxruntime:CUDAExecutionProvider", else the processor; kUnknownHardware for a provider that we don't know or whose
// device we can't tell, as for a PJRT plugin of one's own. Of this machine, or of another.
std::string hardware_of(const std::string& engine);
std::string hardware_of(const std::string& engine, const std::string& processor, std::span<const std::string> gpus);

std::string hardware_of(const std::string& engine, const nlohmann::json& machine);  // `machine` is a report's
// Its name: the processor's, or what the engine's settings tell ("device"), else the machine's GPU of that kind; empty
// where nothing tells. `settings` are a row's, `machine` is a report's.
std::string device_of(const std::string& engine, const nlohmann::json& settings, const nlohmann::json& machine);

}  // namespace ecotone::engine
