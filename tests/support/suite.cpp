#include "tests/support/suite.h"

#include <fstream>

#include <fmt/format.h>

#include "ecotone/base/error.h"

namespace ecotone::support {

Options::Options(int argc, char** argv, const std::set<std::string>& valued, const std::set<std::string>& flags,
                 std::string_view usage) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::string name = argument.starts_with("--") ? argument.substr(2) : std::string();
    if (flags.contains(name)) {
      values_[name] = "";
    } else if (valued.contains(name)) {
      if (++i == argc) fail("{} wants a value\nusage: {}", argument, usage);
      values_[name] = argv[i];
    } else if (!name.empty() || !folder_.empty()) {
      fail("'{}' is not understood\nusage: {}", argument, usage);
    } else {
      folder_ = argument;
    }
  }
}

Exceptions::Exceptions(const std::filesystem::path& path, std::string_view prefix) {
  if (path.empty()) return;
  std::ifstream file(path);
  if (!file) fail("can't read the list of exceptions {}", path.string());
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t colon = line.find(": ");
    if (colon == std::string::npos || colon + 2 == line.size())
      fail("{}: '{}' is not 'KEY: reason'", path.string(), line);
    if (line.starts_with(prefix)) reasons_[line.substr(prefix.size(), colon - prefix.size())] = line.substr(colon + 2);
  }
}

bool Exceptions::excuse(const std::string& key) {
  if (!reasons_.contains(key)) return false;
  used_.insert(key);
  return true;
}

std::string_view Exceptions::reason(const std::string& key) const {
  const auto found = reasons_.find(key);
  return found == reasons_.end() ? std::string_view() : std::string_view(found->second);
}

int Exceptions::report_stale() const {
  int count = 0;
  for (const auto& [key, reason] : reasons_)
    if (!used_.contains(key)) {
      ++count;
      fmt::print("STALE {}: passes, or is there no more: take it off the list of exceptions\n", key);
    }
  return count;
}

int run_main(std::string_view name, const std::function<int()>& run) {
  try {
    return run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return 2;
  }
}

}  // namespace ecotone::support
