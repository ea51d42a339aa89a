// The reader of ONNX's .pb values (tensors, sequences, optionals) on any bytes; every element is touched.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const ecotone::Tensor& t : ecotone::onnx::read_values(bytes, ".", nullptr)) (void)(t.plain().hash());
  } catch (const ecotone::Error&) {
  }
  return 0;
}
