// Parts of an ONNX file made into other ONNX files, byte for byte: what bisection needs. Nothing is read into a
// Program.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "ecotone/ir/type.h"

namespace ecotone::onnx {

struct NodeInfo {
  std::string name, op_type, domain;
  std::vector<std::string> inputs, outputs;
};
// The nodes of the main graph, in order.
std::vector<NodeInfo> read_nodes(const std::filesystem::path& model);

// The files with its external data, relative to its folder. Error when one lies outside.
std::set<std::filesystem::path> external_files(const std::filesystem::path& model);

struct NamedType {
  std::string name;
  TensorType type;  // sizes that are known stand in the file
};

// Writes the model with `outputs` instead of its own to `target`, in a folder of its own: files with external data are
// linked or copied beside it.
void write_with_outputs(const std::filesystem::path& model, const std::filesystem::path& target,
                        std::span<const NamedType> outputs);

// Writes the smallest model that makes `tensor`: its node, and the initializers and constants that this takes (those
// with external data become inputs). `type_of` gives the types of the other tensors. Returns the names of its inputs.
std::vector<std::string> write_submodel(const std::filesystem::path& model, const std::filesystem::path& target,
                                        const std::string& tensor,
                                        const std::function<std::optional<TensorType>(const std::string&)>& type_of);

}  // namespace ecotone::onnx
