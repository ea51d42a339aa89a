// Plans for a scenario: train here, convert so, serve there; ranked, with the reasons, or the conflict that leaves
// none.
//
// Everything is enumerated: who can train, who can serve each target, every conversion path between them. A constraint
// rules parts out; what is left is scored by a dozen criteria, each from 0 to 1, weighted and averaged.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ecotone/engine/facts.h"
#include "ecotone/engine/messages.h"
#include "ecotone/engine/scenario.h"

namespace ecotone::engine {

// One stack at work in a plan.
struct Part {
  const Stack* stack = nullptr;
  std::string target;                   // that it serves; empty: it trains
  std::string hardware;                 // empty: a service, whose hardware is not yours
  std::vector<const Conversion*> path;  // from the training stack's format to one that it reads
  std::string format;                   // that it is given

  bool trains() const { return target.empty(); }
};

struct Criterion {
  std::string name;
  double value, weight;  // 0 to 1; 0 or more
};

struct Plan {
  std::vector<Part> parts;  // the training part first, where there is one
  std::vector<Criterion> criteria;
  double score = 0;  // the weighted mean
};

// Why, or what it costs: one sentence and where it comes from.
struct Reason {
  enum class Kind { kMeasured, kCited, kPreference, kNotMeasured };
  enum class Side { kFor, kAgainst };
  Kind kind;
  Side side;
  std::string text;
  const Source* source = nullptr;  // of kMeasured and kCited

  // The machine that it was measured on, which is the one of the facts, not the user's: "Zen 4"; empty where unknown.
  std::string machine() const;
};
std::string_view name(Reason::Kind kind);  // "measured", "cited", "preference", "not measured"

struct Constraint {
  std::string key;    // "deploy.targets"
  std::string value;  // "browser"
};

struct Choice {
  std::vector<Plan> plans;              // best first; no two of the same stacks
  std::vector<Constraint> constraints;  // the musts
  // Where no plan is left: smallest sets of musts that exclude each other, no must in two of them; and all their musts.
  // Then what to give up, with the best plan that this leaves: each single must that will do, or where none will, the
  // smallest sets that do, best first.
  std::vector<std::vector<Constraint>> conflicts;
  std::vector<Constraint> conflict;
  std::vector<std::pair<Constraint, Plan>> relaxations;
  std::vector<std::pair<std::vector<Constraint>, Plan>> give_up;
};

Choice choose(const Scenario& scenario, const Facts& facts, size_t most = 4);

// In the language of `m`.
std::vector<Reason> reasons(const Plan& plan, const Scenario& scenario, const Facts& facts, const Messages& m);
// How a reason is marked for people: "measured (Zen 4)", "cited", "yours", "not measured".
std::string mark(const Reason& reason, const Messages& m);
std::string title(const Plan& plan);  // "PyTorch -> ONNX Runtime"
// A licence that the Open Source Initiative lists.
bool is_open(std::string_view spdx);

}  // namespace ecotone::engine
