// Conformance files: StableHLO programs that check themselves, as StableHLO's own tests do.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ecotone/backend/backend.h"

namespace ecotone::engine {

// One check.* operation, in the order of the file.
struct CheckReport {
  int chunk = 0;  // the file's part between `// -----` lines, from 0
  std::string function;
  std::string check;     // "check.expect_eq"; empty: the chunk or function as a whole could not be run
  std::string location;  // file:line:column
  bool passed = false;
  std::string reason;  // why not
};

// Whether a StableHLO file has check.* operations.
bool is_conformance_file(const std::filesystem::path& path);

// Runs every function without arguments, calls inlined, and its checks, with the meaning that StableHLO's
// check dialect gives them:
//   expect_eq, expect_eq_const: elements are equal as == says, so -0 is 0 and NaN equals nothing;
//   expect_almost_eq, expect_almost_eq_const: |x - y| <= tolerance (1e-4; 1e-3 as a custom call) and equal signs, or
//     equal, or both NaN;
//   expect_close: at most max_ulp_difference (1; 3 as a custom call) and at least min_ulp_difference (0) steps of the
//     type apart; both NaN are 0 apart.
// Complex elements are compared part by part. A chunk that is unsupported or can't be parsed is a failed report;
// throws Error where no chunk can be parsed.
std::vector<CheckReport> run_conformance(const std::filesystem::path& path, const backend::Backend& backend);

}  // namespace ecotone::engine
