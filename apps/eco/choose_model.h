// The part of `eco choose` that measures a model.
#pragma once

#include "ecotone/engine/recommend.h"

#include "apps/eco/compare.h"

namespace eco_command {

struct ModelChoice {
  CompareArguments arguments;
  std::string goal = "latency", folder, check;
  double price_per_hour = 0, margin = 0.1;

  void add_to(CLI::App& verb);
  // Whether the command line asks for a measured choice.
  bool asked() const { return !arguments.model.empty() || !check.empty(); }
  int run(bool json, const ecotone::engine::Messages& text) const;
  int run_check(bool json, const ecotone::engine::Messages& text) const;
};

}  // namespace eco_command
