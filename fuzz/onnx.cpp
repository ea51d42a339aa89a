// The ONNX reader on any bytes: an Error or a Program, nothing else.
#include "ecotone/format/onnx/onnx.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "ecotone/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    ecotone::onnx::read_program(std::as_bytes(std::span(data, size)), ".", "fuzz.onnx", {}, nullptr);
  } catch (const ecotone::Error&) {
  }
  return 0;
}
