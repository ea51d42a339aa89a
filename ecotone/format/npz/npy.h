// One .npy array in memory.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "ecotone/ir/tensor.h"

namespace ecotone::npz {

// `dtype` says what void elements are.
Tensor decode_npy(std::span<const std::byte> bytes, const std::string& what, std::optional<DType> dtype);
// The header of version 1.0, padded so that the data that follow are 64-byte aligned.
std::string npy_header(const Tensor& tensor);
// Whether NumPy itself has the type.
bool numpy_has(DType dtype);

}  // namespace ecotone::npz
