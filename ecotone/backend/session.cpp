#include "ecotone/backend/session.h"

namespace ecotone::backend {

Session::Session(const Backend& backend, ProgramRef program, const CompileOptions& options)
    : executable_(backend.compile(std::move(program), options)),
      bound_(executable_->bind()),
      context_(bound_->context()) {}

std::vector<Tensor> Session::run(std::span<const Tensor> inputs, const RunOptions& options) {
  std::vector<TensorType> types;
  std::vector<Buffer> given;
  for (const Tensor& t : inputs) {
    types.push_back(t.type());
    given.push_back(t.is_null() ? Buffer() : Buffer::view(t));
  }
  std::vector<Buffer> outputs(context_->prepare(types).size());
  context_->run(given, outputs, options);
  std::vector<Tensor> results;
  for (const Buffer& b : outputs) results.push_back(b.owner ? b.tensor() : Tensor());
  return results;
}

}  // namespace ecotone::backend
