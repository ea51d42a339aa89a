// NumPy's .npy arrays and .npz archives (numpy.lib.format, versions 1 to 3; PKZIP APPNOTE 6.3), read and written.
//
// NumPy has no names for bf16, the small floats and sub-byte integers. They are written as ml_dtypes writes them: raw
// void elements
// ('|V1', '|V2'), and an extra entry "__dtypes__.npy" in the archive, a JSON object of array name to element type.
// Without it, an array of '|V2' is read as bf16; '|V1' is an Error.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ecotone/ir/tensor.h"

namespace ecotone::npz {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// Throws Error that names the file and what is wrong with it. Big-endian and Fortran-ordered arrays are converted;
// object arrays (pickles) and strings are refused.
NamedTensors read_npz(const std::filesystem::path& path);
NamedTensors read_npz(std::span<const std::byte> bytes, const std::string& file_name);
Tensor read_npy(const std::filesystem::path& path);
Tensor read_npy(std::span<const std::byte> bytes, const std::string& file_name);

// Stored, not compressed, so that readers may map it; atomic.
void write_npz(const std::filesystem::path& path, const NamedTensors& tensors);
void write_npy(const std::filesystem::path& path, const Tensor& tensor);

}  // namespace ecotone::npz
