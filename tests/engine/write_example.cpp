// For example_test.py: write_example ENGINE MODEL ARTIFACT INPUTS.npz FOLDER [THREADS]. An engine that takes StableHLO
// gets the model as Ecotone prints it; ARTIFACT is then not looked at.
#include <cstdio>
#include <cstdlib>

#include "ecotone/base/error.h"
#include "ecotone/engine/engines.h"
#include "ecotone/engine/example.h"
#include "ecotone/engine/source.h"
#include "ecotone/format/npz/npz.h"

using namespace ecotone;
using namespace ecotone::engine;

int main(int argc, char** argv) try {
  if (argc != 6 && argc != 7) fail("usage: write_example ENGINE MODEL ARTIFACT INPUTS.npz FOLDER [THREADS]");
  const int threads = argc == 7 ? std::atoi(argv[6]) : 1;
  const std::string engine = argv[1];
  const NamedTensors given = npz::read_npz(argv[4]);
  ModelOptions options;
  for (const auto& [name, tensor] : given) options.shapes[name] = tensor.shape();
  if (engine_info(engine).takes_stablehlo) {
    const Model model = load_model(argv[2], options);
    const std::vector<Tensor> inputs = match_inputs(*model.program, given);
    const ModelSource source(model, inputs);
    write_example(engine, source.for_engine(engine).stablehlo, given, threads, argv[5]);
  } else {
    write_example(engine, argv[3], given, threads, argv[5]);
  }
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return error.exit_code();
}
