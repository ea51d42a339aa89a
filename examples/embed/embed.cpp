// Makes a Program, checks it and says what it takes and gives.
#include <cstdio>
#include <string>

#include <ecotone/ecotone.h>

namespace eco = ecotone;

int main() try {
  eco::Builder builder("scale");
  eco::Dim batch = builder.symbol("batch", 1);
  eco::ValueId x = builder.input("x", eco::TensorType{eco::DType::kF32, {batch, eco::Dim(3)}});
  builder.parameter("w", eco::TensorType{eco::DType::kF32, {eco::Dim(3)}}, eco::Tensor::from<float>({1, 2, 3}, {3}));
  builder.output("y", x);
  eco::ProgramRef program = std::move(builder).build();
  eco::verify(*program);
  std::printf("%s: %zu input, %zu parameter, %zu output\n", program->name().c_str(), program->inputs().size(),
              program->parameters().size(), program->outputs().size());
  return 0;
} catch (const eco::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return error.exit_code();
}
