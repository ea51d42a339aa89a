// The safetensors reader on any bytes; every element is touched.
#include "ecotone/format/safetensors/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "ecotone/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto file = ecotone::safetensors::read(std::as_bytes(std::span(data, size)), "fuzz.safetensors", nullptr);
    for (const auto& [name, tensor] : file.tensors) (void)(tensor.plain().hash());
  } catch (const ecotone::Error&) {
  }
  return 0;
}
