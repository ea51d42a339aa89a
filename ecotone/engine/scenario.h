// A team's situation, as a TOML file: what it builds, with whom, on what, for whom, under which limits. Whatever is not
// said is no constraint. docs/choosing.md explains every key.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ecotone/engine/messages.h"

namespace ecotone::engine {

struct Scenario {
  std::string title;
  std::string phase, task;
  std::string data_size, data_language;
  double team_size = 0;
  std::string experience;
  std::vector<std::string> languages, knows;  // what the team writes; stacks that it knows
  std::vector<std::string> train_hardware, serve_hardware;
  std::string system;
  std::vector<std::string> targets;
  std::string app_language;
  std::string framework, format;  // of the code or the file that exists
  std::string training;           // "none": a published model is taken as it is
  double size_mb = 0, latency_ms = 0;
  std::string privacy, licence, budget, support;
  std::vector<std::string> makers;  // countries that the stacks' makers may be of
  std::vector<std::string> soft;    // keys above that are wishes, not musts
  std::map<std::string, double> weights;
};

using Words = std::vector<std::string>;
inline bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What a key wants: the interview and the messages are made of these.
struct ScenarioKey {
  enum class Kind { kWord, kWords, kNumber, kText };

  std::string name;  // "deploy.targets"
  Kind kind;
  std::vector<std::string> allowed;  // words; empty: any text, or a number above 0
  std::string question;              // for the interview; empty: not asked
  std::string Scenario::* word = nullptr;
  std::vector<std::string> Scenario::* words = nullptr;
  double Scenario::* number = nullptr;
};
const std::vector<ScenarioKey>& scenario_keys();

// Sets a key to what somebody answered: a number, a word, or several with commas between. An empty answer sets nothing.
// Returns what is wrong with the answer, in the language of `m`, and sets nothing then; empty when all is well.
std::string take_answer(Scenario& scenario, const ScenarioKey& key, const std::string& answer, const Messages& m);

// The criteria that [weights] may name.
const std::vector<std::string>& criteria();

// Errors name file, line and column, the key, and what is allowed there.
Scenario parse_scenario(std::string_view toml, const std::string& file_name);
Scenario read_scenario(const std::filesystem::path& path);
// As TOML that parse_scenario reads back to the same.
std::string write_scenario(const Scenario& scenario);

}  // namespace ecotone::engine
