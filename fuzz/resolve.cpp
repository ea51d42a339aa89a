#include <cstdint>
#include <string_view>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    ecotone::resolve_inside(".", std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const ecotone::Error&) {
  }
  return 0;
}
