#include "ecotone/engine/source.h"

#include "ecotone/base/error.h"
#include "ecotone/engine/engines.h"
#include "ecotone/format/onnx/edit.h"
#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/transform/freeze.h"

namespace ecotone::engine {

namespace fs = std::filesystem;

ModelSource::ModelSource(const Model& model, std::span<const Tensor> inputs)
    : model_(model), bytes_(static_cast<int64_t>(fs::file_size(model.path))) {
  if (model.format == ModelFormat::kOnnx)
    for (const fs::path& weights : onnx::external_files(model.path))
      bytes_ += static_cast<int64_t>(fs::file_size(model.path.parent_path() / weights));
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].is_null()) shapes_[model.program->inputs()[i].name] = inputs[i].shape();
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
