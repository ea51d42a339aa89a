// Programs that tests print.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/format/npz/npz.h"
#include "ecotone/ir/builder.h"

#include "tests/format/stablehlo/roundtrip.h"

namespace ecotone::stablehlo {

inline Type f32(std::vector<Dim> shape) {
  return TensorType{DType::kF32, std::move(shape)};
}

struct Made {
  Builder b{"main"};
  Made() { b.set_location(named_location("test")); }
  ValueId in(const char* name, Type t) { return b.input(name, std::move(t)); }
  ProgramRef done(std::initializer_list<ValueId> outputs) {
    int i = 0;
    for (ValueId v : outputs) b.output("out" + std::to_string(i++), v);
    return std::move(b).build();
  }
};

// Deterministic values of no pattern that a wrong axis or order would keep.
inline Tensor values(const TensorType& type, const Shape& shape) {
  MutableTensor t(type.dtype, shape);
  for (int64_t i = 0; i < t.size(); ++i) {
    const auto mixed = static_cast<double>((i * 37 + 11) % 23) - 9;
    if (is_float(type.dtype))
      t.set_double(i, mixed / 4);
    else
      t.set_int(i, type.dtype == DType::kBool ? (i * 5 % 3) == 0 : (i * 7 + 3) % 4);
  }
  return std::move(t).freeze();
}

// The text, which must be read back as the same Program. With ECOTONE_PRINT_DIR set it is left there as NAME.mlir, and
// print_check.py has JAX parse it.
inline std::string print_and_parse(const char* name, const ProgramRef& p) {
  EXPECT_EQ(roundtrip_error(*p), "") << print_program(*p);
  std::string text = print_program(*p);
  if (const char* folder = std::getenv("ECOTONE_PRINT_DIR")) {
    std::filesystem::create_directories(folder);
    std::ofstream(std::filesystem::path(folder) / (std::string(name) + ".mlir")) << text;
  }
  return text;
}

// The same, and print_check.py has JAX run it too: inputs and the reference's results are left as NAME.npz. `shapes`:
// of inputs with symbolic sizes.
inline std::string print_and_keep(const char* name, const ProgramRef& p, std::vector<Shape> shapes = {},
                                  std::vector<Tensor> inputs = {}) {
  for (size_t i = inputs.size(); i < p->inputs().size(); ++i) {
    const TensorType& type = tensor(p->inputs()[i].type);
    inputs.push_back(values(type, i < shapes.size() ? shapes[i] : type.static_shape()));
  }
  const std::vector<Tensor> outputs = backend::evaluate(*p, inputs, EvalMode::kSpec);
  if (const char* folder = std::getenv("ECOTONE_PRINT_DIR")) {
    npz::NamedTensors arrays;
    for (size_t i = 0; i < inputs.size(); ++i) arrays.emplace_back("arg" + std::to_string(i), inputs[i]);
    for (size_t i = 0; i < outputs.size(); ++i) arrays.emplace_back("out" + std::to_string(i), outputs[i]);
    std::filesystem::create_directories(folder);
    npz::write_npz(std::filesystem::path(folder) / (std::string(name) + ".npz"), arrays);
  }
  return print_and_parse(name, p);
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
#define EXPECT_HAS(text, part) EXPECT_TRUE(has(text, part)) << text

}  // namespace ecotone::stablehlo
