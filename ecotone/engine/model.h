// A model file of any format, read into a Program.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ecotone/ir/program.h"

namespace ecotone::engine {

enum class ModelFormat { kOnnx, kStableHlo };
std::string_view name(ModelFormat format);

struct ModelOptions {
  std::map<std::string, std::vector<int64_t>> shapes;  // sizes of inputs by name, as --shape gives
  std::map<std::string, Tensor> known_inputs;          // values that shapes may depend on
  friend bool operator==(const ModelOptions&, const ModelOptions&) = default;
};

struct Model {
  std::filesystem::path path;
  ModelFormat format;
  ProgramRef program;
};

// Tells the format from the content. Throws Error for a missing file, or one that is no model we read.
ModelFormat detect_format(const std::filesystem::path& path);
Model load_model(const std::filesystem::path& path, const ModelOptions& options = {});
// The model's inputs alone (a Program without equations), read even where the rest needs sizes to be given.
Model load_signature(const std::filesystem::path& path);
// Adds what these inputs tell: their shapes, and the values of small vectors and scalars, which shapes and branches may
// depend on. The inputs are in the order of `program`.
void specialize(ModelOptions& options, const Program& program, std::span<const Tensor> inputs);

// "name=1,3,224,224" -> (name, sizes); "name=" is a scalar. Error when it isn't so, or the product overflows.
std::pair<std::string, std::vector<int64_t>> parse_shape_option(const std::string& text);

// Peak resident memory of this process, in bytes.
int64_t peak_memory();

}  // namespace ecotone::engine
