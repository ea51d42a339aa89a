#include "ecotone/engine/matrix.h"

#include <algorithm>

#include "ecotone/engine/scenario.h"

namespace ecotone::engine {
namespace {

// The ecosystems of the survey's tables, by its titles, and the others that facts speak of.
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
  if (row == this_processor()) return true;
  const std::string maker = row == "nvidia-gpu"  ? "NVIDIA"
                            : row == "amd-gpu"   ? "AMD"
                            : row == "intel-gpu" ? "Intel"
                                                 : "";
  return !maker.empty() && std::any_of(machine.gpus.begin(), machine.gpus.end(),
                                       [&](const std::string& g) { return g.starts_with(maker); });
}

// Our own stack is no engine, and always here.
bool of_stack(const Stack& s, const std::string& engine) {
  return has(s.engines, engine) || s.id == engine;
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
    for (const MatrixColumn& column : matrix.columns) {
      MatrixCell cell;
      bool installed = false;
      for (const Stack* s : column.stacks) {
        const Fact* f = s->fact(is_target(row) ? "target" : "hardware", row);
        if (f != nullptr && (cell.fact == nullptr || f->state > cell.fact->state)) cell.fact = f;
        installed |= s->id == "ecotone" ||
                     std::any_of(engines.begin(), engines.end(), [&](const auto& e) { return of_stack(*s, e); });
        for (const Ran& r : runs)
          if (r.hardware == row && of_stack(*s, r.engine.substr(0, r.engine.find(':')))) cell.runs.push_back(r);
      }
      const State state = cell.fact == nullptr ? State::kNo : cell.fact->state;
      if (!cell.runs.empty())
        cell.support = Support::kRanHere;
      else if (cell.fact == nullptr)
        cell.support = Support::kUnknown;
      else if (state < State::kPartial)
        cell.support = state == State::kNo        ? Support::kNo
                       : state == State::kPlanned ? Support::kPlanned
                                                  : Support::kCompiled;
      else if (installed && !is_elsewhere(row))
        cell.support = found_here(row, machine) ? Support::kNotRun : Support::kNoDevice;
      else
        cell.support = state == State::kYes ? Support::kDeclared : Support::kPartly;
      matrix.cells.back().push_back(std::move(cell));
    }
  }
  return matrix;
}

}  // namespace ecotone::engine
