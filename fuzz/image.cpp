// PNG and JPEG pictures as inputs, on any bytes.
#include "ecotone/engine/image.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "ecotone/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ecotone;
  // Sizes of its own, so that the time goes to decoding.
  static const TensorType type{DType::kF32, {1, 3, 8, 8}};
  try {
    engine::image_tensor(std::as_bytes(std::span(data, size)), "fuzz", type, {});
  } catch (const Error&) {
  }
  return 0;
}
