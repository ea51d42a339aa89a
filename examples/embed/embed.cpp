// Reads a model of any format, makes seeded inputs for it, runs it and writes what comes out.
//
//   embed MODEL OUT.npz [input=1,3,224,224 ...]
#include <cstdio>
#include <span>
#include <vector>

#include <ecotone/ecotone.h>

namespace eco = ecotone;

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: embed MODEL OUT.npz [input=1,3,224,224 ...]\n");
    return 2;
  }
  eco::engine::ModelOptions options;
  for (const char* shape : std::span(argv, argc).subspan(3))
    options.shapes.insert(eco::engine::parse_shape_option(shape));
  const eco::ProgramRef program = eco::engine::load_model(argv[1], options).program;
  const std::vector<eco::Tensor> inputs = eco::engine::make_inputs(*program, /*seed=*/0);

  // Compiled once, bound to its parameters once; a Context is the memory of one run.
  const auto executable = eco::backend::reference().compile(program);
  const auto context = executable->bind()->context();
  std::vector<eco::TensorType> types;
  std::vector<eco::backend::Buffer> given, got;
  for (const eco::Tensor& input : inputs) {
    types.push_back(input.type());
    given.push_back(eco::backend::Buffer::view(input));
  }
  for (const eco::TensorType& type : context->prepare(types)) got.push_back(eco::backend::Buffer::allocate(type));
  context->run(given, got);

  std::vector<std::pair<std::string, eco::Tensor>> outputs;
  for (size_t i = 0; i < got.size(); ++i) {
    const std::string& name = program->outputs()[i].name;
    std::printf("%s: %s\n", name.c_str(), got[i].type.str().c_str());
    outputs.emplace_back(name, got[i].tensor());
  }
  eco::npz::write_npz(argv[2], outputs);
  return 0;
} catch (const eco::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return error.exit_code();
}
