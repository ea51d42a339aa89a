// One case of the op suite: an equation, its operands, and what must come out.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "ecotone/base/file.h"
#include "ecotone/ir/tensor.h"

namespace ecotone::op_suite {

// The elements of all cases' tensors, which name their place in it.
class Data {
 public:
  explicit Data(const std::filesystem::path& path) : file_(MappedFile::open(path)) {}
  // {"d": dtype, "s": shape, "o": byte offset}, or "token".
  Tensor tensor(const nlohmann::json& text) const;

 private:
  std::shared_ptr<const MappedFile> file_;
};

// Builds, verifies and evaluates the case; returns what differs, or an empty string.
std::string run_case(const Data& data, const nlohmann::json& entry);

}  // namespace ecotone::op_suite
