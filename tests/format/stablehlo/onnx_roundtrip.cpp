// Prints the programs of ONNX models as StableHLO text and reads them back: with the sizes that the files give, symbolic
// where these are open.
//
// Usage: stablehlo_onnx_roundtrip SUITE_DIR [--only SUBSTRING]: every model.onnx below it. Models that can't be read
// without more sizes are counted apart.
#include <cstdio>
#include <filesystem>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/onnx.h"

#include "tests/format/stablehlo/roundtrip.h"

int main(int argc, char** argv) {
  using namespace ecotone;
  namespace fs = std::filesystem;
  const std::string only = argc == 4 && std::string(argv[2]) == "--only" ? argv[3] : "";
  if (argc != 2 && only.empty()) {
    fmt::print(stderr, "usage: stablehlo_onnx_roundtrip SUITE_DIR [--only SUBSTRING]\n");
    return 2;
  }
  std::vector<fs::path> models;
  for (const auto& entry : fs::recursive_directory_iterator(argv[1]))
    if (entry.path().extension() == ".onnx" && entry.path().string().find(only) != std::string::npos)
      models.push_back(entry.path());
  std::sort(models.begin(), models.end());
  int passed = 0, failed = 0, symbolic = 0, unread = 0;
  std::map<std::string, int> unprinted;
  for (const fs::path& path : models) {
    ProgramRef program;
    try {
      program = onnx::read_program(path);
    } catch (const Error&) {
      ++unread;
      continue;
    }
    symbolic += !program->symbols().empty();
    try {
      const std::string error = stablehlo::roundtrip_error(*program);
      ++(error.empty() ? passed : failed);
      if (!error.empty()) fmt::print("FAIL {}: {}\n", fs::relative(path, argv[1]).string(), error);
    } catch (const Error& e) {
      const std::string message = e.what();
      ++unprinted[message.substr(message.rfind(": ") + 2)];
      fmt::print("NOT PRINTED {}: {}\n", fs::relative(path, argv[1]).string(), message);
    }
  }
  for (const auto& [why, count] : unprinted) fmt::print("not printed: {} ({})\n", why, count);
  fmt::print("{} models, {} with symbolic sizes; {} can't be read without more sizes\n", models.size(), symbolic, unread);
  fmt::print("{} passed, {} failed\n", passed, failed);
  return failed != 0;
}
