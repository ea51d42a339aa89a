// The option --shape on any text.
#include <cstddef>
#include <cstdint>
#include <string>

#include "ecotone/base/error.h"
#include "ecotone/engine/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    ecotone::engine::parse_shape_option(std::string(reinterpret_cast<const char*>(data), size));
  } catch (const ecotone::Error&) {
  }
  return 0;
}
