// The readers of NumPy's archives and arrays on any bytes.
#include "ecotone/format/npz/npz.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "ecotone/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    ecotone::npz::read_npz(bytes, "fuzz.npz");
  } catch (const ecotone::Error&) {
  }
  return 0;
}
