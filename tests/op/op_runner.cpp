// Runs the op suite: each case that generate.py wrote is a Program of one equation, evaluated in modes spec and real
// and compared with what NumPy, SciPy or JAX say. Every (op, dtype) pair of the op table must have a case, or stand in
// the list of exceptions with a reason.
//
// Usage: op_suite SUITE_DIR [--exceptions FILE] [--only SUBSTRING] [--verbose]
//        op_suite --list     the op table as JSON: names and declared dtypes
// Exit 0 when all cases pass and all pairs are covered or excepted; 1 otherwise.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/op/table.h"

#include "case.h"

namespace ecotone::op_suite {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Options {
  fs::path suite, exceptions;
  std::string only;
  bool list = false, verbose = false;
};

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

// Lines of 'OP DTYPE: reason'; DTYPE may be '*'; '#' starts a comment.
std::map<std::string, std::string> read_exceptions(const fs::path& path) {
  std::map<std::string, std::string> found;
  if (path.empty()) return found;
  std::ifstream file(path);
  if (!file) fail("can't read the list of exceptions {}", path.string());
  for (std::string line; std::getline(file, line);) {
    line = line.substr(0, line.find('#'));
    const size_t colon = line.find(": ");
    if (line.find_first_not_of(' ') == std::string::npos) continue;
    std::istringstream words(line.substr(0, colon));
    std::string op, dtype;
    if (colon == std::string::npos || !(words >> op >> dtype))
      fail("{}: '{}' is not 'OP DTYPE: reason'", path.string(), line);
    found[op + " " + dtype] = line.substr(colon + 2);
  }
  return found;
}

int run_suite(const Options& options) {
  const Data data(options.suite / "data.bin");
  std::ifstream file(options.suite / "cases.jsonl");
  if (!file) fail("{} has no cases.jsonl: run tests/op/generate.py first", options.suite.string());
  const auto start = std::chrono::steady_clock::now();
  std::set<std::string> covered;
  int passed = 0, failed = 0;
  for (std::string line; std::getline(file, line);) {
    const json entry = json::parse(line);
    const std::string pair = fmt::format("{} {}", entry["op"].get<std::string>(), entry["dtype"].get<std::string>());
    const std::string name = fmt::format("{} {}", pair, entry["name"].get<std::string>());
    if (name.find(options.only) == std::string::npos) continue;
    if (options.verbose) fmt::print(stderr, "{}\n", name);
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
  const auto exceptions = read_exceptions(options.exceptions);
  std::set<std::string> used;
  size_t pairs = 0, reached = 0, excepted = 0;
  for (const Op* op : op::all_ops())
    for (const std::string& dtype : dtype_names(*op)) {
      const std::string pair = op->name + " " + dtype;
      ++pairs;
      if (covered.contains(pair)) {
        ++reached;
        continue;
      }
      auto excuse = exceptions.find(pair);
      if (excuse == exceptions.end()) excuse = exceptions.find(op->name + " *");
      if (excuse != exceptions.end()) {
        ++excepted;
        used.insert(excuse->first);
      } else if (options.only.empty()) {
        ++failed;
        fmt::print("NOT COVERED {}: give it a case in tests/op, or a reason in {}\n", pair,
                   options.exceptions.filename().string());
      }
    }
  for (const auto& [pair, reason] : exceptions)
    if (options.only.empty() && !used.contains(pair)) {
      ++failed;
      fmt::print("STALE {}: take it off the list of exceptions\n", pair);
    }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{} of {} op×dtype pairs covered, {} excepted; {} ops; {:.0f} s\n", reached, pairs, excepted,
             op::all_ops().size(), seconds);
  fmt::print("{} passed, {} failed\n", passed, failed);
  return failed ? 1 : 0;
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) fail("{} wants a value", argument);
      return argv[i];
    };
    if (argument == "--exceptions")
      options.exceptions = value();
    else if (argument == "--only")
      options.only = value();
    else if (argument == "--list")
      options.list = true;
    else if (argument == "--verbose")
      options.verbose = true;
    else
      options.suite = argument;
  }
  if (options.suite.empty() && !options.list)
    fail("usage: op_suite SUITE_DIR [--exceptions FILE] [--only SUBSTRING] | op_suite --list");
  return options;
}

}  // namespace
}  // namespace ecotone::op_suite

int main(int argc, char** argv) {
  try {
    const auto options = ecotone::op_suite::parse_options(argc, argv);
    return options.list ? ecotone::op_suite::list_ops() : ecotone::op_suite::run_suite(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "op_suite: {}\n", error.what());
    return 2;
  }
}
