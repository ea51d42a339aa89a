#include "ecotone/engine/source.h"

#include <cerrno>
#include <cstring>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/engines.h"
#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/transform/freeze.h"

namespace ecotone::engine {

namespace fs = std::filesystem;

ModelSource::ModelSource(const Model& model, std::span<const Tensor> inputs) : model_(model) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].is_null()) shapes_[model.program->inputs()[i].name] = inputs[i].shape();
}

ModelSource::~ModelSource() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
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
  if (folder_.empty()) {
    std::string folder = (fs::temp_directory_path() / "ecotone-model-XXXXXX").string();
    if (!mkdtemp(folder.data())) fail("no temporary folder can be made at {}: {}", folder, std::strerror(errno));
    folder_ = folder;
    AtomicFile file(folder_ / "model.mlir");
    file.write(std::string_view(stablehlo::print_program(*transform::freeze(*model_.program))));
    file.commit();
  }
  source.stablehlo = folder_ / "model.mlir";
  return source;
}

}  // namespace ecotone::engine
