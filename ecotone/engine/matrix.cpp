#include "ecotone/engine/matrix.h"

#include <algorithm>

#include "ecotone/base/error.h"
#include "ecotone/engine/engines.h"
#include "ecotone/engine/install.h"
#include "ecotone/engine/interrupt.h"
#include "ecotone/engine/scenario.h"
#include "ecotone/engine/worker.h"

namespace ecotone::engine {
namespace {

// The ecosystems of the survey's tables, by its titles, and others that facts speak of; first the stack that a title
// means.
const std::vector<std::pair<std::string, Words>>& ecosystems() {
  static const std::vector<std::pair<std::string, Words>> all = {
      {"PyTorch", {"pytorch", "executorch"}},
      {"TensorFlow", {"tensorflow", "litert", "litert-micro", "tfjs"}},
      {"JAX", {"jax"}},
      {"ONNX Runtime", {"onnxruntime"}},
      {"oneAPI", {"oneapi", "openvino"}},
      {"Core ML", {"coreml", "mlx"}},
      {"PaddlePaddle", {"paddle", "paddle-lite"}},
      {"MindSpore", {"mindspore", "mindspore-lite"}},
      {"llama.cpp", {"llama-cpp"}},
      {"Ecotone", {"ecotone"}},
  };
  return all;
}

const Words& rows() {
  static const Words all = {"nvidia-gpu", "amd-gpu", "intel-gpu", "google-tpu", "apple-silicon", "amd-fpga",
                            "edge-tpu",   "android", "ios",       "browser",    "x86-cpu",       "arm-cpu"};
  return all;
}

bool is_target(const std::string& row) {
  return row == "android" || row == "ios";
}

// A package of this computer is not the one of a phone or of a page.
bool is_elsewhere(const std::string& row) {
  return is_target(row) || row == "browser";
}

bool found_here(const std::string& row, const Machine& machine) {
  return row == this_processor() || std::any_of(machine.gpus.begin(), machine.gpus.end(),
                                                [&](const std::string& g) { return hardware_of_gpu(g) == row; });
}

// Our own stack is an engine's name as well.
bool of_stack(const Stack& s, const std::string& engine) {
  const std::string name = engine.substr(0, engine.find(':'));
  return has(s.engines, name) || s.id == name;
}

// Whether what is installed of the stack could run on the hardware.
bool contains(const Stack& s, const std::string& row, const Words& engines) {
  if (is_elsewhere(row)) return false;
  return std::any_of(engines.begin(), engines.end(), [&](const std::string& e) {
    const size_t colon = e.find(':');
    return of_stack(s, e) && row == (colon == std::string::npos ? this_processor() : e.substr(colon + 1));
  });
}

Support of_state(State state) {
  constexpr Support kOf[] = {Support::kNo, Support::kPlanned, Support::kCompiled, Support::kPartly, Support::kDeclared};
  return kOf[static_cast<size_t>(state)];
}

MatrixCell cell_of(const MatrixColumn& column, const std::string& row, const Machine& machine, const Words& engines,
                   const std::vector<Ran>& runs) {
  MatrixCell cell;
  // What ran goes before what is installed, that before what is declared; of equals the first stack.
  for (const Stack* s : column.stacks) {
    MatrixCell own;
    own.stack = s;
    own.fact = s->fact(is_target(row) ? "target" : "hardware", row);
    for (const Ran& r : runs)
      if (r.hardware == row && of_stack(*s, r.engine)) own.runs.push_back(r);
    if (own.fact != nullptr) own.support = of_state(own.fact->state);
    const bool declared = own.fact != nullptr && own.fact->state >= State::kPartial;
    if (!own.runs.empty())
      own.support = Support::kRanHere;
    else if (declared && contains(*s, row, engines))
      own.support = found_here(row, machine) ? Support::kNotRun : Support::kNoDevice;
    const bool both_declared = declared && own.support <= Support::kDeclared && cell.support >= Support::kPartly;
    const bool better = cell.stack == nullptr || (own.support > cell.support && !both_declared);
    std::vector<Ran> all = std::move(cell.runs);
    all.insert(all.end(), own.runs.begin(), own.runs.end());
    if (better) cell = std::move(own);
    cell.runs = std::move(all);
  }
  return cell;
}

}  // namespace

std::string_view name(Support support) {
  constexpr std::string_view kNames[] = {
      "unknown", "no", "planned", "compiled only", "in part", "declared", "installed, no device", "installed, not run",
      "ran here"};
  return kNames[static_cast<size_t>(support)];
}

Matrix support_matrix(const Facts& facts, const Machine& machine, const Words& engines, const std::vector<Ran>& runs) {
  Matrix matrix;
  matrix.rows = rows();
  for (const auto& [title, ids] : ecosystems()) {
    MatrixColumn column{title, {}};
    for (const std::string& id : ids)
      if (const Stack* s = facts.stack(id)) column.stacks.push_back(s);
    matrix.columns.push_back(std::move(column));
  }
  for (const std::string& row : matrix.rows) {
    matrix.cells.emplace_back();
    for (const MatrixColumn& column : matrix.columns)
      matrix.cells.back().push_back(cell_of(column, row, machine, engines, runs));
  }
  return matrix;
}

std::string label(const MatrixCell& cell, const MatrixColumn& column, const Messages& text) {
  std::string more;
  if (cell.support > Support::kDeclared && cell.fact != nullptr && cell.fact->state == State::kPartial)
    more = text("in part");
  if (cell.support >= Support::kPartly && cell.stack != column.stacks.front())
    more += (more.empty() ? "" : text(", ")) + cell.stack->name;
  return text(name(cell.support)) + (more.empty() ? "" : text.format(" ({})", more));
}

Words installed_engines() {
  // Packages that bring hardware to an engine. What is missing here is shown as declared.
  struct Extra {
    std::string engine, package, hardware;
    bool x86_only = false;  // its other builds lack it
  };
  static const std::vector<Extra> extras = {
      {"jax", "jax-cuda13-plugin", "nvidia-gpu"},
      {"jax", "jax-cuda12-plugin", "nvidia-gpu"},
      {"jax", "jax-rocm7-plugin", "amd-gpu"},
      {"jax", "libtpu", "google-tpu"},
      {"torch", "nvidia-cublas", "nvidia-gpu"},
      {"torch", "nvidia-cublas-cu12", "nvidia-gpu"},
      {"tensorflow", "tensorflow", "nvidia-gpu", true},
      {"tensorflow", "tensorflow-rocm", "amd-gpu"},
      {"tensorflow", "tensorflow-metal", "apple-silicon"},
      {"tensorflow", "intel-extension-for-tensorflow", "intel-gpu"},
      {"paddle", "paddlepaddle-gpu", "nvidia-gpu"},
      {"openvino", "openvino", "intel-gpu", true},
  };
  // The name of the build: "2.15.0+cpu".
  static const std::vector<std::pair<std::string, std::string>> builds = {
      {"+cu", "nvidia-gpu"}, {"+rocm", "amd-gpu"}, {"+xpu", "intel-gpu"}};
  const auto known = known_engines();
  std::vector<EngineInfo> asked(known.begin(), known.end());
  for (const Extra& x : extras)
    for (const EngineInfo& e : known)
      if (e.name == x.engine) {
        EngineInfo& extra = asked.emplace_back(e);
        extra.name = x.engine + " " + x.package, extra.requirements = {x.package};
      }
  const auto versions = installed_versions(asked);
  Words engines;
  auto add = [&](const std::string& engine) {
    if (!has(engines, engine)) engines.push_back(engine);
  };
  for (const EngineInfo& e : known) {
    const auto version = versions.find(e.name);
    if (e.native || version != versions.end()) add(e.name);
    if (version == versions.end()) continue;
    for (const auto& [build, hardware] : builds)
      if (version->second.find(build) != std::string::npos) add(e.name + ":" + hardware);
    const bool says_build = version->second.find('+') != std::string::npos;
    for (const Extra& x : extras)
      if (x.engine == e.name && !says_build && versions.contains(x.engine + " " + x.package) &&
          (!x.x86_only || this_processor() == "x86-cpu"))
        add(e.name + ":" + x.hardware);
    for (const std::string& v : variants_here(e)) {
      add(e.name + ":" + hardware_of(e.name + ":" + v));
      if (v == "OpenVINOExecutionProvider") add(e.name + ":intel-gpu");  // when asked to
    }
  }
  return engines;
}

}  // namespace ecotone::engine
