// Which ecosystem runs on which hardware: what is known by facts, and what this machine has proved.
#pragma once

#include <string>
#include <vector>

#include "ecotone/engine/facts.h"
#include "ecotone/engine/machine.h"
#include "ecotone/engine/messages.h"
#include "ecotone/engine/ran.h"

namespace ecotone::engine {

enum class Support {
  kUnknown,   // no fact speaks of it
  kNo,        // its makers say so
  kPlanned,   // its makers say so
  kCompiled,  // built, and run by nobody
  kPartly,    // its makers say: experimental, by a third party, for a part
  kDeclared,  // its makers say so
  kNoDevice,  // and what is installed here could run on it, but this machine has no such device
  kNotRun,    // and it is installed here beside such a device, but nothing was run yet
  kRanHere,   // there is a report of a run
};
std::string_view name(Support support);  // "ran here", "installed, no device", ...

struct MatrixCell {
  Support support = Support::kUnknown;
  // Whose the cell is: the ecosystem's first stack, unless only another one ran there, is installed for it, or supports
  // it. Nothing where no fact speaks of it.
  const Fact* fact = nullptr;
  const Stack* stack = nullptr;
  std::vector<Ran> runs;  // those that prove kRanHere
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
// those that are usable here (NAME: on this processor), and NAME:HARDWARE for what else their packages can run on.
Matrix support_matrix(const Facts& facts, const Machine& machine, const std::vector<std::string>& engines,
                      const std::vector<Ran>& runs);
// The cell's support, with what it leaves out in parentheses: "installed, no device (in part)", "declared (LiteRT)".
std::string label(const MatrixCell& cell, const MatrixColumn& column, const Messages& text);

// The `engines` of this machine, by the packages that are installed; of engines only those with variants are started.
std::vector<std::string> installed_engines();

}  // namespace ecotone::engine
