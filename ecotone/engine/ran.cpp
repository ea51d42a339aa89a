#include "ecotone/engine/ran.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/machine.h"
#include "ecotone/engine/report.h"

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path ran_folder() {
  if (const char* own = std::getenv("ECOTONE_RAN"); own != nullptr && *own != '\0') return own;
  if (const char* xdg = std::getenv("XDG_DATA_HOME"); xdg != nullptr && *xdg != '\0')
    return fs::path(xdg) / "ecotone/ran";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return fs::path(home) / ".local/share/ecotone/ran";
  fail("neither XDG_DATA_HOME nor HOME is set: there is no place for records of runs");
}

void check_word(const std::string& what, const std::string& word) {
  const bool plain = !word.empty() && word[0] != '.' && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == ':';
  });
  if (!plain) fail("a record of a run wants a plain {}, not '{}'", what, word);
}

std::string now_utc() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

void write_json(const fs::path& path, const nlohmann::ordered_json& value) {
  AtomicFile file(path);
  file.write(value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  file.commit();
}

constexpr std::string_view kProcessor = "the processor", kSomeGpu = "some GPU";

using Words = std::span<const std::pair<std::string_view, std::string_view>>;

std::string_view find(Words words, std::string_view name, std::string_view otherwise) {
  for (const auto& [word, hardware] : words)
    if (word == name) return hardware;
  return otherwise;
}

// What the devices of PyTorch, JAX and OpenVINO are, by their names in lower case. Another variant is no device.
std::string_view of_device(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kDevices[] = {
      {"cuda", "nvidia-gpu"},   {"rocm", "amd-gpu"},        {"xpu", "intel-gpu"}, {"gpu", "intel-gpu"},
      {"mps", "apple-silicon"}, {"metal", "apple-silicon"}, {"npu", "intel-npu"}, {"nvidia", "nvidia-gpu"}};
  return find(kDevices, name, kProcessor);
}

// What ONNX Runtime's execution providers compute on, by their names in lower case.
std::string_view of_provider(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kProviders[] = {
      {"cpu", kProcessor},
      {"xnnpack", kProcessor},
      {"dnnl", kProcessor},
      {"acl", kProcessor},
      {"armnn", kProcessor},
      {"tvm", kProcessor},
      {"openvino", kProcessor},  // its default device
      {"azure", kProcessor},     // what no service is asked for
      {"cuda", "nvidia-gpu"},
      {"tensorrt", "nvidia-gpu"},
      {"rocm", "amd-gpu"},
      {"migraphx", "amd-gpu"},
      {"nvtensorrtrtx", "nvidia-gpu"},
      {"vitisai", "amd-fpga"},
      {"qnn", "qualcomm-npu"},
      {"snpe", "qualcomm-npu"},
      {"coreml", "apple-silicon"},
      {"cann", "ascend-npu"},
      {"js", "browser"},
      {"webnn", "browser"},
      {"dml", kSomeGpu},
      {"webgpu", kSomeGpu}};
  return find(kProviders, name, kUnknownHardware);
}

constexpr std::pair<const char*, std::string Ran::*> kFields[] = {
    {"version", &Ran::version}, {"device", &Ran::device}, {"model", &Ran::model}, {"date", &Ran::date}};

// The runs of one file, by hardware; nothing where it can't be read as such.
std::vector<Ran> read_file(const fs::path& path) {
  std::vector<Ran> runs;
  const json file = json::parse(read_text_file(path, 1 << 20), nullptr, false);
  if (!file.is_object() || !file.contains("runs") || !file["runs"].is_object()) {
    log_warning("{} is no record of runs; it is left out", path.string());
    return runs;
  }
  for (const auto& [hardware, run] : file["runs"].items()) {
    Ran r;
    r.engine = path.stem().string(), r.hardware = hardware;
    bool good = run.is_object() && run.contains("log") && run["log"].is_string();
    for (const auto& [key, member] : kFields) {
      good = good && run.contains(key) && run[key].is_string();
      if (good) r.*member = run[key].get<std::string>();
    }
    if (!good) {
      log_warning("{}: the run on {} is no record of one; it is left out", path.string(), hardware);
      continue;
    }
    r.log = run["log"].get<std::string>();
    runs.push_back(std::move(r));
  }
  return runs;
}

}  // namespace

void record_ran(Ran ran, const nlohmann::ordered_json& report) {
  check_word("engine name", ran.engine);
  check_word("name of hardware", ran.hardware);
  const fs::path folder = ran_folder();
  fs::create_directories(folder);
  ran.date = now_utc();
  ran.log = folder / fmt::format("{}.{}.report.json", ran.engine, ran.hardware);
  write_json(ran.log, report);
  const fs::path path = folder / (ran.engine + ".json");
  std::vector<Ran> runs;
  std::error_code error;
  if (fs::exists(path, error)) runs = read_file(path);
  std::erase_if(runs, [&](const Ran& r) { return r.hardware == ran.hardware; });
  runs.push_back(std::move(ran));
  nlohmann::ordered_json file{{"schema_version", 1}, {"engine", runs.back().engine}};
  for (const Ran& r : runs) {
    nlohmann::ordered_json& entry = file["runs"][r.hardware];
    for (const auto& [key, member] : kFields) entry[key] = r.*member;
    entry["log"] = r.log.string();
  }
  write_json(path, file);
}

std::vector<Ran> read_ran() {
  std::vector<Ran> all;
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(ran_folder(), error))
    if (entry.path().extension() == ".json" && !entry.path().string().ends_with(".report.json"))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& path : files)
    for (Ran& r : read_file(path))
      if (fs::exists(r.log, error)) all.push_back(std::move(r));
  return all;
}

std::string processor_of(std::string_view architecture) {
  if (architecture == "x86_64" || architecture == "amd64") return "x86-cpu";
  if (architecture == "aarch64" || architecture == "arm64") return "arm-cpu";
  return "";
}

std::string this_processor() {
#if defined(__x86_64__)
  return "x86-cpu";
#elif defined(__aarch64__)
  return "arm-cpu";
#else
  return "";
#endif
}

std::string hardware_of_gpu(std::string_view gpu) {
  if (gpu.starts_with("NVIDIA")) return "nvidia-gpu";
  if (gpu.starts_with("AMD")) return "amd-gpu";
  return gpu.starts_with("Intel") ? "intel-gpu" : "";
}

std::string hardware_of(const std::string& engine) {
  static const std::vector<std::string> gpus = describe_machine().gpus;
  return hardware_of(engine, this_processor(), gpus);
}

std::string hardware_of(const std::string& engine, const std::string& processor, std::span<const std::string> gpus) {
  constexpr std::string_view kProvider = "executionprovider", kF32 = "-f32";
  const size_t colon = engine.find(':');
  if (colon == std::string::npos) return processor;
  std::string name = engine.substr(colon + 1);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name.ends_with(kF32)) name.resize(name.size() - kF32.size());
  if (engine.starts_with("pjrt:")) return std::string(kUnknownHardware);  // whatever somebody's plugin reaches
  const bool is_provider = name.ends_with(kProvider);
  if (is_provider) name.resize(name.size() - kProvider.size());
  // OpenVINO numbers several GPUs.
  const std::string_view hardware = is_provider ? of_provider(name) : of_device(name.substr(0, name.find('.')));
  if (hardware == kProcessor) return processor;
  if (hardware != kSomeGpu) return std::string(hardware);
  // Whichever the machine has; of several makers' it does not tell which.
  std::string found;
  for (const std::string& gpu : gpus) {
    const std::string one = hardware_of_gpu(gpu);
    if (one.empty() || (!found.empty() && one != found)) return std::string(kUnknownHardware);
    found = one;
  }
  return found.empty() ? std::string(kUnknownHardware) : found;
}

namespace {

std::vector<std::string> gpus_of(const json& machine) {
  std::vector<std::string> gpus;
  for (const json& gpu : list_of(machine, "gpus"))
    if (gpu.is_string()) gpus.push_back(gpu.get<std::string>());
  return gpus;
}

}  // namespace

std::string hardware_of(const std::string& engine, const json& machine) {
  return hardware_of(engine, processor_of(text_of(machine, "architecture")), gpus_of(machine));
}

std::string device_of(const std::string& engine, const json& settings, const json& machine) {
  const std::string hardware = hardware_of(engine, machine);
  if (hardware == processor_of(text_of(machine, "architecture"))) return text_of(machine, "cpu");
  if (const std::string told = text_of(settings, "device"); !told.empty()) return told;
  for (const std::string& gpu : gpus_of(machine))
    if (hardware_of_gpu(gpu) == hardware) return gpu;
  return "";
}

}  // namespace ecotone::engine
