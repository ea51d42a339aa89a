// Pictures as model inputs.
#pragma once

#include <filesystem>

#include "ecotone/engine/inputs.h"

namespace ecotone::engine {

// RGB/255 (then (x - mean) / std), resized bilinearly (pixel centres aligned) to the input's size. The input has 4
// dimensions with 3 channels at position 1 or 3, or 1 channel (luma, ITU-R BT.601); open sizes take the picture's.
// Throws Error for what is no PNG or JPEG.
Tensor image_tensor(const std::filesystem::path& path, const TensorType& type, const ImageOptions& options);

}  // namespace ecotone::engine
