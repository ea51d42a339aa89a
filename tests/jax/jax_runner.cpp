// Runs the JAX suite: reads what generate.py wrote, evaluates each program in mode spec, compares with JAX's results,
// and prints each program back to SUITE_DIR/reprinted/NAME.mlir for reprint_check.py.
//
// Usage: jax_suite SUITE_DIR [--exceptions FILE] [--only SUBSTRING] [--minimum FUNCTIONS] [--verbose]
// Exit 0 when all that fails is on the list of exceptions and all that is on it fails; 1 otherwise.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/format/npz/npz.h"
#include "ecotone/format/stablehlo/stablehlo.h"

#include "comparison.h"
#include "tests/format/stablehlo/roundtrip.h"
#include "tests/support/suite.h"

namespace ecotone::jax_suite {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct CaseResult {
  std::string error;          // empty: equal to JAX
  std::string reprint_error;  // empty: printed, and read back as the same program
};

// NumPy's and ml_dtypes' names.
DType dtype_from_numpy(const std::string& numpy) {
  static const std::map<std::string, DType> kNames = {
      {"bool", DType::kBool},
      {"int8", DType::kI8},
      {"int16", DType::kI16},
      {"int32", DType::kI32},
      {"int64", DType::kI64},
      {"uint8", DType::kU8},
      {"uint16", DType::kU16},
      {"uint32", DType::kU32},
      {"uint64", DType::kU64},
      {"int4", DType::kI4},
      {"uint4", DType::kU4},
      {"float16", DType::kF16},
      {"bfloat16", DType::kBF16},
      {"float32", DType::kF32},
      {"float64", DType::kF64},
      {"complex64", DType::kC64},
      {"complex128", DType::kC128},
      {"float8_e4m3fn", DType::kF8E4M3FN},
      {"float8_e5m2", DType::kF8E5M2},
      {"float8_e4m3b11fnuz", DType::kF8E4M3B11FNUZ},
      {"float8_e4m3fnuz", DType::kF8E4M3FNUZ},
      {"float8_e5m2fnuz", DType::kF8E5M2FNUZ},
      {"float8_e4m3", DType::kF8E4M3},
      {"float8_e3m4", DType::kF8E3M4},
  };
  const auto found = kNames.find(numpy);
  if (found == kNames.end()) fail("the suite's manifest has an unknown dtype '{}'", numpy);
  return found->second;
}

// The archive holds bf16, float8 and int4 as unsigned integers of the same width.
Tensor reinterpret(const Tensor& stored, DType dtype) {
  if (stored.dtype() == dtype) return stored;
  if (byte_size(stored.dtype()) != byte_size(dtype))
    fail("an array is stored as {}, but the manifest says {}", name(stored.dtype()), name(dtype));
  return Tensor(dtype, stored.shape(), stored.bytes(), stored.owner());
}

std::vector<Tensor> take(const npz::NamedTensors& arrays, const std::string& prefix, const json& dtypes) {
  std::vector<Tensor> taken;
  for (size_t i = 0; i < dtypes.size(); ++i) {
    const std::string wanted = fmt::format("{}{}", prefix, i);
    const auto found = std::find_if(arrays.begin(), arrays.end(), [&](const auto& a) { return a.first == wanted; });
    if (found == arrays.end()) fail("the archive has no array '{}'", wanted);
    taken.push_back(reinterpret(found->second, dtype_from_numpy(dtypes[i].get<std::string>())));
  }
  return taken;
}

std::string evaluate_case(const Program& program, const npz::NamedTensors& arrays, const json& entry,
                          const Tolerance& tolerance) {
  const auto inputs = take(arrays, "arg", entry["inputs"]);
  const auto wanted = take(arrays, "out", entry["outputs"]);
  const auto results = backend::evaluate(program, inputs, EvalMode::kSpec);
  if (results.size() != wanted.size()) return fmt::format("{} results, wants {}", results.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i)
    if (const auto found = difference(results[i], wanted[i], tolerance)) return fmt::format("result {}: {}", i, *found);
  return {};
}

CaseResult run_case(const fs::path& suite, const json& entry, const std::map<std::string, Tolerance>& tolerances) {
  CaseResult result;
  const std::string name = entry["name"];
  const fs::path printed = suite / "reprinted" / (name + ".mlir");
  fs::remove(printed);
  try {
    const ProgramRef program = stablehlo::read_program(suite / (name + ".mlir"));
    try {
      std::ofstream(printed) << stablehlo::print_program(*program);
      result.reprint_error = stablehlo::roundtrip_error(*program);
    } catch (const std::exception& error) {
      result.reprint_error = error.what();
    }
    const auto arrays = npz::read_npz(suite / (name + ".npz"));
    result.error = evaluate_case(*program, arrays, entry, tolerances.at(entry["tolerance"]));
  } catch (const std::exception& error) {
    result.error = error.what();
  }
  return result;
}

int run_suite(const support::Options& options) {
  const fs::path& suite = options.folder();
  const std::string only = options.get("only");
  const size_t minimum = options.has("minimum") ? std::stoul(options.get("minimum")) : 0;
  std::ifstream file(suite / "manifest.json");
  if (!file) fail("{} has no manifest.json: run tests/jax/generate.py first", suite.string());
  const json manifest = json::parse(file);
  std::map<std::string, Tolerance> tolerances;
  for (const auto& [name, t] : manifest["tolerances"].items())
    tolerances[name] = {t["element"].get<double>(), t["typical"].get<double>(), t["zero_sign"].get<bool>()};
  support::Exceptions exceptions(options.get("exceptions"), "run ");
  fs::create_directories(suite / "reprinted");

  std::vector<std::string> order;
  std::map<std::string, std::pair<int, int>> categories;  // passed, all
  std::set<std::string> functions;
  int cases = 0;
  int passed = 0, unexpected = 0, known = 0;
  const auto start = std::chrono::steady_clock::now();
  for (const json& entry : manifest["cases"]) {
    const std::string name = entry["name"], category = entry["category"];
    if (name.find(only) == std::string::npos) continue;
    ++cases;
    const auto before = std::chrono::steady_clock::now();
    if (options.has("verbose")) fmt::print(stderr, "{}\n", name);
    const CaseResult result = run_case(suite, entry, tolerances);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
    if (seconds > 5) fmt::print("SLOW {}: {:.1f} s\n", name, seconds);
    if (!categories.contains(category)) order.push_back(category);
    auto& [good, all] = categories[category];
    ++all;
    if (result.error.empty()) {
      ++good, ++passed;
      functions.insert(name.substr(0, name.find('-')));
    } else if (exceptions.excuse(name)) {
      ++known;
    } else {
      ++unexpected;
      fmt::print("FAIL {}: {}\n", name, result.error);
    }
    if (!result.reprint_error.empty()) ++unexpected, fmt::print("FAIL {}: reprinted, {}\n", name, result.reprint_error);
  }
  if (only.empty()) unexpected += exceptions.report_stale();
  for (const std::string& category : order)
    fmt::print("{}: {} of {}\n", category, categories[category].first, categories[category].second);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("equal to JAX {}: {} of {} cases, {} functions ({} known exceptions), {:.0f} s\n",
             manifest["jax"].get<std::string>(), passed, cases, functions.size(), known, seconds);
  if (functions.size() < minimum) {
    fmt::print("too few: at least {} functions must be equal to JAX\n", minimum);
    ++unexpected;
  }
  fmt::print("{} passed, {} failed\n", passed + known, unexpected);
  return unexpected ? 1 : 0;
}

}  // namespace
}  // namespace ecotone::jax_suite

int main(int argc, char** argv) {
  using namespace ecotone;
  return support::run_main("jax_suite", [&] {
    constexpr const char* kUsage =
        "jax_suite SUITE_DIR [--exceptions FILE] [--only SUBSTRING] [--minimum FUNCTIONS] [--verbose]";
    const support::Options options(argc, argv, {"exceptions", "only", "minimum"}, {"verbose"}, kUsage);
    if (options.folder().empty()) fail("usage: {}", kUsage);
    return jax_suite::run_suite(options);
  });
}
