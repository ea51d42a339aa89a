// The reader of StableHLO text on any bytes: an Error or Programs, and what was read can be printed or is refused.
#include "ecotone/format/stablehlo/stablehlo.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ecotone/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    ecotone::stablehlo::print_module(ecotone::stablehlo::parse_module(text, "fuzz.mlir"));
  } catch (const ecotone::Error&) {
  }
  return 0;
}
