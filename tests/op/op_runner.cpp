// Runs the op suite: each case that generate.py wrote is a Program of one equation, evaluated in modes spec and real
// and compared with what NumPy, SciPy or JAX say. Every (op, dtype) pair of the op table must have a case, or stand in
// the list of exceptions with a reason.
//
// Usage: op_suite SUITE_DIR [--exceptions FILE] [--only SUBSTRING] [--verbose]
//        op_suite --list     the op table as JSON: names and declared dtypes
// Exit 0 when all cases pass and all pairs are covered or excepted; 1 otherwise.

#include <chrono>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/op/table.h"

#include "case.h"
#include "tests/support/suite.h"

namespace ecotone::op_suite {
namespace {

using nlohmann::json;

std::vector<std::string> dtype_names(const Op& op) {
  std::vector<std::string> names;
  for (int i = 0; i < kDTypeCount; ++i)
    if (op.dtypes.contains(static_cast<DType>(i))) names.emplace_back(name(static_cast<DType>(i)));
  if (names.empty()) names.emplace_back("none");  // takes tokens alone
  return names;
}

int list_ops() {
  json ops = json::array();
  for (const Op* op : op::all_ops())
    ops.push_back({{"name", op->name}, {"dtypes", dtype_names(*op)}, {"composite", op->is_composite()}});
  fmt::print("{}\n", ops.dump());
  return 0;
}

int run_suite(const support::Options& options) {
  const Data data(options.folder() / "data.bin");
  std::ifstream file(options.folder() / "cases.jsonl");
  if (!file) fail("{} has no cases.jsonl: run tests/op/generate.py first", options.folder().string());
  const std::string only = options.get("only");
  const auto start = std::chrono::steady_clock::now();
  std::set<std::string> covered;
  int passed = 0, failed = 0;
  for (std::string line; std::getline(file, line);) {
    const json entry = json::parse(line);
    const std::string pair = fmt::format("{} {}", entry["op"].get<std::string>(), entry["dtype"].get<std::string>());
    const std::string name = fmt::format("{} {}", pair, entry["name"].get<std::string>());
    if (name.find(only) == std::string::npos) continue;
    if (options.has("verbose")) fmt::print(stderr, "{}\n", name);
    std::string error;
    try {
      error = run_case(data, entry);
    } catch (const std::exception& e) {
      error = e.what();
    }
    covered.insert(pair);
    if (error.empty()) {
      ++passed;
    } else {
      ++failed;
      fmt::print("FAIL {}: {}\n", name, error);
    }
  }
  support::Exceptions exceptions(options.get("exceptions"));
  size_t pairs = 0, reached = 0, excepted = 0;
  for (const Op* op : op::all_ops())
    for (const std::string& dtype : dtype_names(*op)) {
      const std::string pair = op->name + " " + dtype;
      ++pairs;
      if (covered.contains(pair)) {
        ++reached;
      } else if (exceptions.excuse(pair) || exceptions.excuse(op->name + " *")) {
        ++excepted;
      } else if (only.empty()) {
        ++failed;
        fmt::print("NOT COVERED {}: give it a case in tests/op, or a reason in the list of exceptions\n", pair);
      }
    }
  if (only.empty()) failed += exceptions.report_stale();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{} of {} op×dtype pairs covered, {} excepted; {} ops; {:.0f} s\n", reached, pairs, excepted,
             op::all_ops().size(), seconds);
  fmt::print("{} passed, {} failed\n", passed, failed);
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace ecotone::op_suite

int main(int argc, char** argv) {
  using namespace ecotone;
  return support::run_main("op_suite", [&] {
    constexpr const char* kUsage =
        "op_suite SUITE_DIR [--exceptions FILE] [--only SUBSTRING] [--verbose] | op_suite --list";
    const support::Options options(argc, argv, {"exceptions", "only"}, {"list", "verbose"}, kUsage);
    if (options.has("list")) return op_suite::list_ops();
    if (options.folder().empty()) fail("usage: {}", kUsage);
    return op_suite::run_suite(options);
  });
}
