// Pictures as model inputs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "ecotone/engine/inputs.h"

namespace ecotone::engine {

// RGB/255 (then (x - mean) / std), resized bilinearly (pixel centres aligned) to the input's size. The input has 4
// dimensions with 3 channels at position 1 or 3, or 1 channel (luma, ITU-R BT.601); open sizes take the picture's.
// Throws Error for what is no PNG or JPEG, is cut short, or claims more pixels than its bytes can hold.
Tensor image_tensor(const std::filesystem::path& path, const TensorType& type, const ImageOptions& options);
// The same from a file's bytes; messages name `file`.
Tensor image_tensor(std::span<const std::byte> bytes, const std::string& file, const TensorType& type,
                    const ImageOptions& options);

}  // namespace ecotone::engine
