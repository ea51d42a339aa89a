// Reads ONNX models: opsets 6 to the newest.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ecotone/ir/program.h"

namespace ecotone::onnx {

struct ReadOptions {
  std::map<std::string, std::vector<int64_t>>
      shapes;  // sizes of inputs by name: what the model leaves open becomes fixed
  // How many tensors a sequence input `x` holds (an optional one: 0 or 1); their sizes are shapes["x[0]"] and so on (an
  // optional tensor's shapes["x"]), and in the Program they are inputs of these names.
  std::map<std::string, int64_t> lengths;
  std::map<std::string, Tensor>
      known_inputs;  // integer inputs whose values shapes may be computed from; they stay inputs
};

// The Program of a model file. Initializers become parameters that view the mapped file (small integer ones constants);
// open sizes become symbols. Throws Error when the file is no valid model (saying where), kUnsupported with a list of
// all that is unsupported.
ProgramRef read_program(const std::filesystem::path& path, const ReadOptions& options = {});
// The same from bytes that `owner` keeps alive; external data is looked for below `folder`, and messages name
// `file_name`.
ProgramRef read_program(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                        const std::string& file_name, const ReadOptions& options, std::shared_ptr<const void> owner);

// A Program of the model's inputs alone, without equations or outputs: what must be known before sizes can be given.
ProgramRef read_signature(const std::filesystem::path& path);

// The tensors in a file of one TensorProto, SequenceProto or OptionalProto, as ONNX's test suite stores them; sequences
// and optionals are flattened. Throws Error when the bytes are none.
std::vector<Tensor> read_value_file(const std::filesystem::path& path);
// The same from bytes that `owner` keeps alive; external data is looked for below `folder`.
std::vector<Tensor> read_values(std::string_view bytes, const std::filesystem::path& folder,
                                const std::shared_ptr<const void>& owner);
// Writes one TensorProto; atomic.
void write_value_file(const std::filesystem::path& path, const std::string& name, const Tensor& value);

// What the model's graph takes, in order; initializers are left out.
struct DeclaredInput {
  std::string name;
  bool is_sequence = false;  // a sequence, or an optional one
  bool is_optional = false;
};
std::vector<DeclaredInput> read_declared_inputs(const std::filesystem::path& path);

// The operators that can be read ("Add", "ai.onnx.ml:Binarizer"), sorted.
std::vector<std::string_view> supported_operators();

// Whether the bytes start as a ModelProto does.
bool looks_like_onnx(std::span<const std::byte> bytes);

}  // namespace ecotone::onnx
