// The reader of .npy arrays on any bytes.
#include <cstddef>
#include <cstdint>
#include <span>

#include "ecotone/base/error.h"
#include "ecotone/format/npz/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    ecotone::npz::read_npy(std::as_bytes(std::span(data, size)), "fuzz.npy");
  } catch (const ecotone::Error&) {
  }
  return 0;
}
