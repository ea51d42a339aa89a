// What the ecosystems support, as their makers say: checked-in statements, each with its source and its date.
//
// data/facts/stacks/NAME.toml describes one stack, data/facts/formats.toml the formats and the conversions between
// them, data/facts/measured.toml what we measured ourselves; docs/facts.md tells the keys.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ecotone::engine {

struct Source {
  std::string name;     // within its file
  std::string title;    // what the document is
  std::string url;      // or a file of this repository
  std::string date;     // of the document where it has one, else of the day it was read; ISO 8601
  std::string version;  // of the software that it speaks of
};

enum class State {
  kNo,        // its maker says no, or leaves it out of a list that is complete
  kPlanned,   // announced
  kCompiled,  // it is built, but nobody has run it
  kPartial,   // experimental, preview, unofficial, or for a part only
  kYes,
};
std::string_view name(State state);  // "no", "planned", "compiled", "partial", "yes"

struct Fact {
  std::string stack, group, key;  // "jax", "hardware", "amd-gpu"
  State state = State::kNo;
  std::string value;     // for what is not yes or no: a licence, a country, a curve
  std::string note, zh;  // what to know about it, in English and in Chinese
  std::string via;       // the platform that it goes through: "rocm"
  std::string check;     // how tests/engine/facts_test.py checks it against an installed package; empty: not checkable
  const Source* source = nullptr;
};

struct Stack {
  std::string id, name;
  std::string ecosystem;                                     // the survey's, for the matrix
  std::vector<std::string> roles;                            // "train", "serve", "platform"
  std::vector<std::string> engines;                          // which of known_engines() run it
  std::map<std::string, std::map<std::string, Fact>> facts;  // by group and key

  bool has_role(std::string_view role) const;
  // Nothing when no fact speaks of it.
  const Fact* fact(std::string_view group, std::string_view key) const;
  // kNo when no fact speaks of it.
  State state(std::string_view group, std::string_view key) const;
  std::string value(std::string_view group, std::string_view key) const;
};

// One step from a format to another.
struct Conversion {
  std::string from, to, tool, maker;
  State state = State::kYes;
  bool measured = false;  // we did it ourselves; `note` says with what result
  std::string licence;
  std::vector<std::string> tasks;  // empty: any
  std::string note, zh, check;
  const Source* source = nullptr;
};

struct Format {
  std::string id, name;
  double limit_mb = 0;     // the largest model that it holds; 0: no limit known
  bool published = false;  // trained models are published in it, for anybody to take
  std::string note, zh, check;
  const Source* source = nullptr;
};

// A run of ours: a model on a stack and hardware.
struct Measurement {
  std::string stack, hardware, model;
  std::vector<std::string> tasks;  // that the model is typical of
  double ms = 0, error = 0;        // error: max|d| / max|ref| against the model's reference
  std::string version, note;
  const Source* source = nullptr;
};

struct Facts {
  std::vector<Stack> stacks;  // by id
  std::vector<Format> formats;
  std::vector<Conversion> conversions;
  std::vector<Measurement> measurements;
  std::vector<std::unique_ptr<Source>> sources;

  const Stack* stack(std::string_view id) const;
  const Format* format(std::string_view id) const;
};

// Reads a folder of facts. Error that names file and entry for an unknown key, a missing source, a reference to what is
// not there.
Facts read_facts(const std::filesystem::path& folder);
// Those of this installation.
const Facts& installed_facts();

// The words that facts and scenarios share. Each list is in the order in which its members are preferred when nothing
// else decides, and shown.
namespace vocabulary {
extern const std::vector<std::string> kHardware, kTargets, kSystems, kPhases, kTasks, kLanguages;
// What hardware a deployment target can have.
const std::vector<std::string>& hardware_of(std::string_view target);
// For people: "NVIDIA GPU".
std::string_view title(std::string_view word);
}  // namespace vocabulary

}  // namespace ecotone::engine
