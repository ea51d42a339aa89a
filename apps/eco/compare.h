// The options and the race that compare and choose share.
#pragma once

#include "ecotone/engine/compare.h"

#include "apps/eco/eco.h"

namespace eco_command {

struct CompareArguments {
  std::string model, lang;
  InputOptions inputs;
  std::vector<std::string> engines;
  std::vector<int> threads;
  int64_t memory_limit_mb = 0;
  ecotone::engine::CompareOptions options;

  void add_to(CLI::App& verb);
  ecotone::engine::CompareReport run(const ecotone::engine::Messages& text) const;

 private:
  std::vector<InputOptions> cases() const;
};

}  // namespace eco_command
