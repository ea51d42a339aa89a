// Where two engines, or two versions of a model, part: the first tensor beyond tolerance.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ecotone/engine/messages.h"
#include "ecotone/engine/model.h"

namespace ecotone::engine {

struct BisectSide {
  const Model* model = nullptr;
  std::string engine;
};

struct BisectOptions {
  double tolerance = 1e-3;  // of max |a - b| / (|b| + rms b)
  int threads = 1;
  int64_t chunk_bytes = 256 << 20;  // of tensors looked at in one run
  double timeout_seconds = 300;
  bool verbose = false;
  std::filesystem::path folder;  // where the extracted model goes; empty: nowhere
  Messages text{Language::kEnglish};
  std::function<void(const std::string&)> progress;
};

// Of a tensor's finite elements.
struct Statistics {
  double min = 0, max = 0, mean = 0, deviation = 0;
  int64_t not_finite = 0;
};

struct Divergence {
  std::string tensor, node, op;
  TensorType type, type_b;
  double error = 0;                        // between a and b; infinite where their shapes differ
  std::optional<double> error_a, error_b;  // of each against the exact result
  Statistics a, b;
  std::vector<int64_t> worst;  // index of the largest difference, where the shapes are the same
  double worst_a = 0, worst_b = 0;
  // The node alone: its file (of two versions of a model also b's), its inputs (npz), and whether the engines part on
  // it too.
  std::filesystem::path submodel, submodel_b, inputs;
  std::optional<double> submodel_error;
  std::string submodel_note;  // why there is none, or why it is not like the whole
};

struct BisectReport {
  std::string version_a, version_b;
  nlohmann::json placement_a, placement_b;   // of the models as they are, as Worker::placement tells
  std::optional<double> output_error;        // of the models' own outputs, the largest
  std::vector<std::string> unequal_outputs;  // those of integers or bools that are not the same
  std::optional<Divergence> first;
  int tensors = 0;         // that could be looked at
  int compared = 0;        // until one differed
  int runs = 0;            // of each engine
  bool by_search = false;  // one tensor a run, since showing many hid the difference
  std::vector<std::string> notes;
};

// Shows tensors of the model in chunks of bounded size, in the order in which they are made, until one differs; what no
// output needs is not looked at. Where the outputs differ but, with all tensors shown, none does (an engine that fuses
// less when more is shown), it searches by halves showing one tensor a run: about log2(n) runs, at most 2 log2(n) where
// no node takes more than two made tensors. Tensors of both sides go by name. Error when the models don't take and give
// the same, or have no tensor in common, or an engine can't run the model.
BisectReport bisect(const BisectSide& a, const BisectSide& b, std::span<const Tensor> inputs,
                    const BisectOptions& options);

nlohmann::ordered_json to_json(const BisectReport& report);

}  // namespace ecotone::engine
