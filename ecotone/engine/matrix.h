// Which ecosystem runs on which hardware: what is known by facts, and what this machine has proved.
#pragma once

#include <string>
#include <vector>

#include "ecotone/engine/facts.h"
#include "ecotone/engine/machine.h"
#include "ecotone/engine/ran.h"

namespace ecotone::engine {

enum class Support {
  kUnknown,   // no fact speaks of it
  kNo,        // its makers say so
  kPlanned,   // its makers say so
  kCompiled,  // built, and run by nobody
  kPartly,    // its makers say: experimental, by a third party, for a part
  kDeclared,  // its makers say so
  kNoDevice,  // and it is installed here, but this machine has no such device
  kNotRun,    // and it is installed here beside such a device, but nothing was run yet
  kRanHere,   // there is a report of a run
};
std::string_view name(Support support);  // "ran here", "installed, no device", ...

struct MatrixCell {
  Support support = Support::kUnknown;
  const Fact* fact = nullptr;  // of the stack that supports it best
  std::vector<Ran> runs;       // those that prove kRanHere
};

struct MatrixColumn {
  std::string title;
  std::vector<const Stack*> stacks;  // that the ecosystem has
};

struct Matrix {
  std::vector<MatrixColumn> columns;
  std::vector<std::string> rows;               // words of kHardware or kTargets
  std::vector<std::vector<MatrixCell>> cells;  // by row and column
};

// The rows and columns of the survey's tables 4 and 5, then the processors and the other ecosystems. `engines` are
// those that are usable here.
Matrix support_matrix(const Facts& facts, const Machine& machine, const std::vector<std::string>& engines,
                      const std::vector<Ran>& runs);

}  // namespace ecotone::engine
