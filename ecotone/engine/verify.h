// Does a model give the same numbers here as elsewhere?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ecotone/backend/backend.h"
#include "ecotone/backend/reference/error_rule.h"
#include "ecotone/engine/inputs.h"
#include "ecotone/engine/model.h"

namespace ecotone::engine {

// One side's cost. Times of the reference evaluator say nothing about speed: it is made for correctness.
struct SideReport {
  std::string name, version;
  std::optional<double> load_seconds, run_seconds;
  std::optional<int64_t> peak_bytes;
  nlohmann::json placement{};  // what ran where, as Worker::placement tells; null: nobody was asked
};

struct OutputReport {
  std::string name;
  bool passed = false;
  std::string reason;  // why not, or what could not be compared
  backend::Verdict ours;
  std::optional<backend::Verdict> theirs;  // absent for integers
  backend::Difference difference;          // ours against theirs
};

struct VerifyReport {
  bool passed = false;
  SideReport ours, theirs;
  double error_constant = 0;
  std::vector<OutputReport> outputs;
};

// A model's outputs from a backend, and from the reference in its two modes.
struct Outputs {
  std::vector<Tensor> ours, spec, real;
};
// Judges `ours` and `theirs` by the rule of errors; the matching is that of verify_outputs.
VerifyReport compare_outputs(const Program& program, const Outputs& outputs, const NamedTensors& theirs);

// Judges `theirs` and what `backend` gives by the rule of errors, with the reference's two modes as its measure;
// integers and bools must be equal. Outputs are matched by name, or by position where no name is shared.
VerifyReport verify_outputs(const ProgramRef& program, std::span<const Tensor> inputs, const NamedTensors& theirs,
                            const backend::Backend& backend);

// Against `engine` on the same model and inputs.
VerifyReport verify_against_engine(const Model& model, std::span<const Tensor> inputs, const std::string& engine,
                                   int threads, const backend::Backend& backend);
// Against a folder of input_N.pb and output_N.pb.
VerifyReport verify_against_folder(const std::filesystem::path& model, const std::filesystem::path& folder,
                                   const backend::Backend& backend);

}  // namespace ecotone::engine
