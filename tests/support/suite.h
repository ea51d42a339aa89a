// What the runners of suites share: the command line, and the list of what is known to fail.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ecotone::support {

// A folder, and options `--name VALUE` or `--name`.
class Options {
 public:
  // The names of options with and without a value. Throws Error, with `usage`, for what is neither of these.
  Options(int argc, char** argv, const std::set<std::string>& valued, const std::set<std::string>& flags,
          std::string_view usage);

  const std::filesystem::path& folder() const { return folder_; }  // empty: none was given
  bool has(const std::string& name) const { return values_.contains(name); }
  std::string get(const std::string& name) const { return has(name) ? values_.at(name) : std::string(); }

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::string> values_;
};

// A file of lines 'KEY: reason'; lines that start with '#' are comments.
class Exceptions {
 public:
  // Those whose key starts with `prefix`, which is left out. An empty path is an empty list. Throws Error where a line
  // has no reason.
  explicit Exceptions(const std::filesystem::path& path, std::string_view prefix = "");

  // Whether `key`, which fails, is on the list.
  bool excuse(const std::string& key);
  // Why `key` is on the list; empty when it is not.
  std::string_view reason(const std::string& key) const;
  // Prints the keys that excused nothing, which must leave the list, and returns how many there are.
  int report_stale() const;

 private:
  std::map<std::string, std::string> reasons_;
  std::set<std::string> used_;
};

// run's result; 2 and a message on stderr when it throws.
int run_main(std::string_view name, const std::function<int()>& run);

}  // namespace ecotone::support
