// Does a model give the same numbers here as elsewhere?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ecotone/backend/reference/error_rule.h"
#include "ecotone/engine/inputs.h"
#include "ecotone/engine/model.h"

namespace ecotone::engine {

// One side's cost. Times of the reference evaluator say nothing about speed: it is made for correctness.
struct SideReport {
  std::string name, version;
  std::optional<double> load_seconds, run_seconds;
  std::optional<int64_t> peak_bytes;
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

// Judges `ours` (mode spec) and `theirs` against mode real's result by the rule of errors; integers and bools must be
// equal. Outputs are matched by name, or by position where no name is shared.
VerifyReport compare_outputs(const Program& program, std::span<const Tensor> spec, std::span<const Tensor> real,
                             const NamedTensors& theirs);

// Runs the model in both modes of the reference and in `engine`, on the same inputs.
VerifyReport verify_against_engine(const Model& model, std::span<const Tensor> inputs, const std::string& engine,
                                   int threads);
// Against a folder of input_N.pb and output_N.pb.
VerifyReport verify_against_folder(const std::filesystem::path& model, const std::filesystem::path& folder);

}  // namespace ecotone::engine
