// Runs {model} with Ecotone's reference evaluator: run [-o OUTPUTS.npz], in the folder where the model lies.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <vector>

#include <ecotone/ecotone.h>

namespace eco = ecotone;

int main(int argc, char** argv) try {
  const eco::engine::NamedTensors given = eco::npz::read_npz("inputs.npz");
  eco::engine::ModelOptions options;
  for (const auto& [name, tensor] : given) options.shapes[name] = tensor.shape();
  const eco::ProgramRef program = eco::engine::load_model("{model}", options).program;
  const std::vector<eco::Tensor> inputs = eco::engine::match_inputs(*program, given);

  std::vector<eco::Tensor> outputs;
  std::vector<double> milliseconds;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    outputs = eco::backend::evaluate(*program, inputs);
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());

  eco::engine::NamedTensors named;
  for (size_t i = 0; i < outputs.size(); ++i) named.emplace_back(program->outputs()[i].name, outputs[i]);
  for (const auto& [name, tensor] : named) std::printf("%s: %s\n", name.c_str(), tensor.type().str().c_str());
  std::printf("median %.3f ms\n", (milliseconds[9] + milliseconds[10]) / 2);
  if (argc == 3 && std::string_view(argv[1]) == "-o") eco::npz::write_npz(argv[2], named);
  return 0;
} catch (const eco::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return error.exit_code();
}
