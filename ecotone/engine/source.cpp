#include "ecotone/engine/source.h"

#include "ecotone/base/error.h"
#include "ecotone/engine/engines.h"
#include "ecotone/format/onnx/edit.h"
#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/transform/freeze.h"

namespace ecotone::engine {

namespace fs = std::filesystem;

ModelSource::ModelSource(const Model& model, std::span<const Tensor> inputs) : model_(model) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].is_null()) shapes_[model.program->inputs()[i].name] = inputs[i].shape();
}

int64_t ModelSource::bytes() const {
  int64_t sum = 0;
  const auto add = [&](const fs::path& file) {
    std::error_code error;
    const uintmax_t size = fs::file_size(file, error);
    if (error) fail("{}: {}", file.string(), error.message());
    sum += static_cast<int64_t>(size);
  };
  add(model_.path);
  if (model_.format == ModelFormat::kOnnx)
    for (const fs::path& weights : onnx::external_files(model_.path)) add(model_.path.parent_path() / weights);
  return sum;
}

Worker::Source ModelSource::for_engine(const std::string& engine) const {
  Worker::Source source{model_.path, shapes_, {}};
  const EngineInfo info = engine_info(engine);
  if (info.native) return source;
  if (!info.takes_stablehlo) {
    if (model_.format == ModelFormat::kStableHlo) fail("engine {} reads no StableHLO", engine);
    return source;
  }
  if (model_.format == ModelFormat::kStableHlo) {
    source.stablehlo = model_.path;
    return source;
  }
  const bool written = folder_.has_value();
  if (!written) folder_.emplace(fs::temp_directory_path() / "ecotone-model");
  source.stablehlo = folder_->path() / "model.mlir";
  if (!written) {
    AtomicFile file(source.stablehlo);
    file.write(std::string_view(stablehlo::print_program(*transform::freeze(*model_.program))));
    file.commit();
  }
  return source;
}

}  // namespace ecotone::engine
