// The safetensors format (an 8-byte length, a JSON header, the tensors' bytes), read and written.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ecotone/ir/tensor.h"

namespace ecotone::safetensors {

struct File {
  std::vector<std::pair<std::string, Tensor>> tensors;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
};

// Tensors view the mapped file: nothing is copied. Throws Error that names the file and what is wrong: the header's
// limits (100 MB), overlapping or missing bytes, offsets that contradict shapes, unknown types.
File read(const std::filesystem::path& path);
File read(std::span<const std::byte> bytes, const std::string& file_name, std::shared_ptr<const void> owner);
// Atomic. The format has no complex128, sub-byte integers or the rarer f8 types: these are an Error that says so.
void write(const std::filesystem::path& path, const File& file);

}  // namespace ecotone::safetensors
