#include "ecotone/engine/model.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <sys/resource.h>

#include "ecotone/base/checked.h"
#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/format/onnx/onnx.h"
#include "ecotone/format/stablehlo/stablehlo.h"

namespace ecotone::engine {
namespace {

// Text has no NUL and few other control characters in its first bytes.
bool looks_like_text(std::span<const std::byte> bytes) {
  const auto head = bytes.first(std::min<size_t>(bytes.size(), 4096));
  return std::none_of(head.begin(), head.end(), [](std::byte b) {
    const auto c = static_cast<unsigned char>(b);
    return c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f';
  });
}

bool looks_like_stablehlo(std::string_view text) {
  for (std::string_view word : {"stablehlo.", "func.func", "module", "chlo.", "mhlo."})
    if (text.substr(0, 1 << 20).find(word) != std::string_view::npos) return true;
  return false;
}

}  // namespace

std::string_view name(ModelFormat format) {
  return format == ModelFormat::kOnnx ? "onnx" : "stablehlo";
}

ModelFormat detect_format(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  if (bytes.empty()) fail("{}: the file is empty", path.string());
  if (looks_like_text(bytes)) {
    if (looks_like_stablehlo(file->text())) return ModelFormat::kStableHlo;
    fail("{}: a text file that is no StableHLO program; a model is an ONNX file or StableHLO text (.mlir)",
         path.string());
  }
  if (path.extension() == ".mlir" && bytes.size() >= 4 && static_cast<char>(bytes[0]) == 'M' &&
      static_cast<char>(bytes[1]) == 'L')
    fail("{}: MLIR bytecode is not read yet; export StableHLO as text", path.string());
  return ModelFormat::kOnnx;
}

Model load_model(const std::filesystem::path& path, const ModelOptions& options) {
  Model model{path, detect_format(path), nullptr};
  if (model.format == ModelFormat::kStableHlo) {
    stablehlo::ReadOptions read;
    read.shapes = options.shapes;
    model.program = stablehlo::read_program(path, read);
    return model;
  }
  onnx::ReadOptions read;
  read.shapes = options.shapes;
  read.known_inputs = options.known_inputs;
  model.program = onnx::read_program(path, read);
  return model;
}

Model load_signature(const std::filesystem::path& path) {
  Model model{path, detect_format(path), nullptr};
  model.program = model.format == ModelFormat::kOnnx ? onnx::read_signature(path) : load_model(path, {}).program;
  return model;
}

void specialize(ModelOptions& options, const Program& program, std::span<const Tensor> inputs) {
  constexpr int64_t kMostKnown = 64, kMostFloats = 8;  // floats: scales of Resize, bounds of Range
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = program.inputs()[i];
    if (is_token(input.type)) continue;
    const auto [sizes, added] = options.shapes.try_emplace(input.name, inputs[i].shape());
    if (!added && sizes->second != inputs[i].shape())
      fail("--shape gives input '{}' the sizes {}, but the given array has {}; leave one of the two out", input.name,
           shape_str(sizes->second), shape_str(inputs[i].shape()));
    const bool discrete = is_integer(inputs[i].dtype()) || inputs[i].dtype() == DType::kBool;
    if (inputs[i].rank() <= 1 && inputs[i].size() <= (discrete ? kMostKnown : kMostFloats))
      options.known_inputs[input.name] = inputs[i];
  }
}

std::pair<std::string, std::vector<int64_t>> parse_shape_option(const std::string& text) {
  const size_t equals = text.rfind('=');
  std::vector<int64_t> sizes;
  if (equals == std::string::npos || equals == 0) fail("--shape {}: write it as name=1,3,224,224", text);
  const char* at = text.data() + equals + 1;
  const char* end = text.data() + text.size();
  while (at < end) {
    int64_t v = 0;
    const auto [next, error] = std::from_chars(at, end, v);
    if (error == std::errc::result_out_of_range)
      fail("--shape {}: {} is too large a size", text, std::string(at, next));
    if (error != std::errc() || (next < end && *next != ',' && *next != 'x') || next + 1 == end)
      fail("--shape {}: '{}' is not a size; write it as name=1,3,224,224", text, std::string(at, end));
    if (v < 0) fail("--shape {}: size {} is negative", text, v);
    sizes.push_back(v);
    at = next < end ? next + 1 : next;
  }
  checked_product(sizes, "--shape");
  return {text.substr(0, equals), std::move(sizes)};
}

int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace ecotone::engine
