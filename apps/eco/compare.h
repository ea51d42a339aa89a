// The options and the race that compare and choose share.
#pragma once

#include "ecotone/engine/compare.h"

#include "apps/eco/eco.h"

namespace eco_command {

struct CompareArguments {
  std::string model, lang, device;
  InputOptions inputs;
  std::vector<std::string> engines;
  std::vector<int> threads;
  int64_t memory_limit_mb = 0;
  ecotone::engine::CompareOptions options;

  void add_to(CLI::App& verb);
  // What ran right is recorded for `eco doctor --matrix`.
  ecotone::engine::CompareReport run(const ecotone::engine::Messages& text) const;
  // The report with how it was made.
  nlohmann::ordered_json json(const ecotone::engine::CompareReport& report) const;
  // The model and the inputs of the case of this place in a report.
  std::pair<ecotone::engine::Model, std::vector<ecotone::Tensor>> load(size_t place) const;

 private:
  std::vector<InputOptions> cases() const;
  // Those asked for, else all that are installed and read the model; on the device that was asked for.
  std::vector<std::string> chosen_engines() const;
  void record(const ecotone::engine::CompareReport& report) const;
};

}  // namespace eco_command
