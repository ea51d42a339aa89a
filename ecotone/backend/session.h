// A Program on a backend with its own parameters, ready to run on host tensors.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ecotone/backend/backend.h"

namespace ecotone::backend {

// Not thread-safe: it holds one Context.
class Session {
 public:
  // Compiles and binds; throws what these throw.
  Session(const Backend& backend, ProgramRef program, const CompileOptions& options = {});
  // The outputs in the Program's order; a null Tensor stands for a token on both sides. Nothing is copied where the
  // backend reads host memory.
  std::vector<Tensor> run(std::span<const Tensor> inputs, const RunOptions& options = {});

 private:
  std::unique_ptr<Executable> executable_;
  std::shared_ptr<const Bound> bound_;
  std::unique_ptr<Context> context_;
};

}  // namespace ecotone::backend
