// One model as each engine wants it: the user's own file, or StableHLO text that we print, with the sizes to come.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "ecotone/base/file.h"
#include "ecotone/engine/model.h"
#include "ecotone/engine/worker.h"

namespace ecotone::engine {

class ModelSource {
 public:
  // For inputs of these sizes. Files are written when an engine first asks, and go with this object.
  ModelSource(const Model& model, std::span<const Tensor> inputs);

  // Error when the engine reads nothing that we can give it.
  Worker::Source for_engine(const std::string& engine) const;
  // Of the user's own file, with those that its weights lie in. Error when one is gone.
  int64_t bytes() const;

 private:
  const Model& model_;
  std::map<std::string, std::vector<int64_t>> shapes_;
  mutable std::optional<TemporaryFolder> folder_;  // from when something is written
};

}  // namespace ecotone::engine
