// How a plan is scored; shared by the search and the reasons. docs/choosing.md has the same in words.
#pragma once

#include "ecotone/engine/plan.h"

namespace ecotone::engine {

inline constexpr double kHopPenalty = 0.1;      // for each conversion
inline constexpr double kPartialPenalty = 0.2;  // and for each that works in part

// The sum of the penalties of a path.
double path_cost(const std::vector<const Conversion*>& path);

// Whether a part, with the platform that it goes through on its hardware, is open source.
bool open_part(const Stack& stack, const std::string& hardware, const Facts& facts);

// The fastest measured over this stack's, as the geometric mean over the models that both ran on that hardware: 1 is
// the fastest. Nothing where it was not measured.
struct Speed {
  double ratio = 0;
  std::vector<const Measurement*> of;
};
Speed measured_speed(const Stack& stack, const std::string& hardware, const std::string& task, const Facts& facts);

// Fills in criteria and score. A criterion that the scenario says nothing to, and no fact either, is left out.
void score(Plan& plan, const Scenario& scenario, const Facts& facts);

// How many makers' hardware the stack runs on.
int vendors(const Stack& stack);

}  // namespace ecotone::engine
