#include "ecotone/engine/scenario.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/facts.h"

namespace ecotone::engine {
namespace {

bool is_amount(double value) {
  return value > 0 && value <= 1e12;
}

Words stack_ids(std::string_view role) {
  Words ids;
  for (const Stack& s : installed_facts().stacks)
    if (role.empty() || s.has_role(role)) ids.push_back(s.id);
  return ids;
}

Words format_ids() {
  Words ids;
  for (const Format& f : installed_facts().formats) ids.push_back(f.id);
  return ids;
}

std::vector<ScenarioKey> make_keys() {
  std::vector<ScenarioKey> keys;
  auto word = [&](const char* name, std::string Scenario::* member, Words allowed, const char* question = "") {
    ScenarioKey k{name, ScenarioKey::Kind::kWord, std::move(allowed), question};
    k.word = member;
    if (k.allowed.empty()) k.kind = ScenarioKey::Kind::kText;
    keys.push_back(std::move(k));
  };
  auto words = [&](const char* name, std::vector<std::string> Scenario::* member, Words allowed,
                   const char* question = "") {
    ScenarioKey k{name, ScenarioKey::Kind::kWords, std::move(allowed), question};
    k.words = member;
    keys.push_back(std::move(k));
  };
  auto number = [&](const char* name, double Scenario::* member, const char* question = "") {
    ScenarioKey k{name, ScenarioKey::Kind::kNumber, {}, question};
    k.number = member;
    keys.push_back(std::move(k));
  };
  word("title", &Scenario::title, {});
  word("phase", &Scenario::phase, vocabulary::kPhases, "Which phase are you in?");
  word("task", &Scenario::task, vocabulary::kTasks, "What is the model for?");
  word("data.size", &Scenario::data_size, {"small", "medium", "large"}, "How large is the data?");
  word("data.language", &Scenario::data_language, {"en", "zh", "other"}, "Which language is the data in?");
  number("team.size", &Scenario::team_size, "How many people are in the team?");
  word("team.experience", &Scenario::experience, {"beginner", "some", "expert"}, "How experienced is the team?");
  words("team.languages", &Scenario::languages, vocabulary::kLanguages, "Which languages does the team write?");
  words("team.knows", &Scenario::knows, stack_ids(""));
  words("hardware.train", &Scenario::train_hardware, vocabulary::kHardware, "What hardware can you train on?");
  words("hardware.serve", &Scenario::serve_hardware, vocabulary::kHardware);
  word("hardware.system", &Scenario::system, vocabulary::kSystems);
  words("deploy.targets", &Scenario::targets, vocabulary::kTargets, "Where will the model run?");
  word("deploy.language", &Scenario::app_language, vocabulary::kLanguages);
  word("model.framework", &Scenario::framework, stack_ids("train"), "In which framework is the code that you have?");
  word("model.format", &Scenario::format, format_ids());
  word("model.training", &Scenario::training, {"none", "own"}, "Do you train, or take a published model as it is?");
  number("model.size_mb", &Scenario::size_mb);
  number("model.latency_ms", &Scenario::latency_ms);
  word("limits.privacy", &Scenario::privacy, {"any", "own", "device"}, "Where may the data go?");
  word("limits.licence", &Scenario::licence, {"any", "open"}, "Must everything be open source?");
  word("limits.budget", &Scenario::budget, {"low", "medium", "high"}, "What is the budget?");
  word("limits.support", &Scenario::support, {"any", "commercial"}, "Do you need commercial support?");
  words("limits.makers", &Scenario::makers, {});
  return keys;
}

struct Reader {
  const std::string& file;

  std::string at(const toml::node& node) const {
    return fmt::format("{}:{}:{}", file, node.source().begin.line, node.source().begin.column);
  }

  std::string one_word(const toml::node& node, const ScenarioKey& key) const {
    const auto* text = node.as_string();
    if (text == nullptr) fail("{}: {} wants text{}", at(node), key.name, choices(key));
    if (!key.allowed.empty() && std::find(key.allowed.begin(), key.allowed.end(), text->get()) == key.allowed.end())
      fail("{}: {} can't be '{}'{}", at(node), key.name, text->get(), choices(key));
    return text->get();
  }

  static std::string choices(const ScenarioKey& key) {
    return key.allowed.empty() ? "" : fmt::format("; it is one of: {}", fmt::join(key.allowed, ", "));
  }

  void set(Scenario& s, const ScenarioKey& key, const toml::node& node) const {
    if (key.kind == ScenarioKey::Kind::kWord || key.kind == ScenarioKey::Kind::kText) {
      s.*key.word = one_word(node, key);
    } else if (key.kind == ScenarioKey::Kind::kWords) {
      const toml::array* array = node.as_array();
      if (array == nullptr)
        fail("{}: {} wants a list, such as [\"{}\"]", at(node), key.name, key.allowed.empty() ? "CN" : key.allowed[0]);
      for (const toml::node& one : *array) {
        const std::string word = one_word(one, key);
        if (std::find((s.*key.words).begin(), (s.*key.words).end(), word) != (s.*key.words).end())
          fail("{}: {} has '{}' twice", at(one), key.name, word);
        (s.*key.words).push_back(word);
      }
    } else {
      s.*key.number = positive(node, key.name);
    }
  }

  double positive(const toml::node& node, const std::string& key) const {
    const auto value = node.value<double>();
    if (!value || !node.is_number() || !is_amount(*value)) fail("{}: {} wants a number above 0", at(node), key);
    return *value;
  }

  void read(Scenario& s, const toml::table& table, const std::string& prefix) const {
    for (const auto& [name, node] : table) {
      const std::string path = prefix + std::string(name.str());
      if (path == "weights" && node.is_table()) {
        weights(s, *node.as_table());
        continue;
      }
      if (path == "wishes" && node.is_table()) {
        wishes(s, *node.as_table());
        continue;
      }
      const auto& keys = scenario_keys();
      const auto found = std::find_if(keys.begin(), keys.end(), [&](const ScenarioKey& k) { return k.name == path; });
      if (found != keys.end()) {
        set(s, *found, node);
        continue;
      }
      const std::string inside = path + ".";
      const bool section =
          std::any_of(keys.begin(), keys.end(), [&](const ScenarioKey& k) { return k.name.starts_with(inside); });
      if (!section || !node.is_table())
        fail("{}: there is no key '{}'; there are: {}", at(node), path, siblings(prefix));
      read(s, *node.as_table(), inside);
    }
  }

  // What could stand where an unknown key does.
  static std::string siblings(const std::string& prefix) {
    Words names;
    for (const ScenarioKey& k : scenario_keys()) {
      if (!k.name.starts_with(prefix)) continue;
      const std::string rest = k.name.substr(prefix.size());
      const std::string name = prefix + rest.substr(0, rest.find('.'));
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    if (prefix.empty()) names.insert(names.end(), {"wishes", "weights"});
    return fmt::format("{}", fmt::join(names, ", "));
  }

  void weights(Scenario& s, const toml::table& table) const {
    for (const auto& [name, node] : table) {
      const std::string key(name.str());
      if (std::find(criteria().begin(), criteria().end(), key) == criteria().end())
        fail("{}: there is no criterion '{}'; there are: {}", at(node), key, fmt::join(criteria(), ", "));
      const auto value = node.value<double>();
      if (!value || !node.is_number() || !(*value >= 0) || *value > 100)
        fail("{}: weights.{} wants a number from 0 to 100", at(node), key);
      s.weights[key] = *value;
    }
  }

  void wishes(Scenario& s, const toml::table& table) const {
    ScenarioKey soft{"wishes.soft", ScenarioKey::Kind::kWords, {}, ""};
    soft.words = &Scenario::soft;
    for (const ScenarioKey& k : scenario_keys())
      if (k.name != "title") soft.allowed.push_back(k.name);
    for (const auto& [name, node] : table) {
      if (name.str() != "soft") fail("{}: there is no key 'wishes.{}'; there are: wishes.soft", at(node), name.str());
      set(s, soft, node);
    }
  }
};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else
      (c == '"' || c == '\\') ? (out += '\\', out += c) : out += c;
  return out + "\"";
}

std::string list(const Words& words) {
  Words each;
  for (const std::string& w : words) each.push_back(quoted(w));
  return fmt::format("[{}]", fmt::join(each, ", "));
}

}  // namespace

const std::vector<ScenarioKey>& scenario_keys() {
  static const std::vector<ScenarioKey> keys = make_keys();
  return keys;
}

std::string take_answer(Scenario& s, const ScenarioKey& key, const std::string& answer, const Messages& m) {
  Words given;
  for (size_t begin = 0; begin < answer.size();) {
    const size_t end = std::min(answer.find(',', begin), answer.size());
    std::string word = answer.substr(begin, end - begin);
    word.erase(0, word.find_first_not_of(" \t")), word.erase(word.find_last_not_of(" \t") + 1);
    begin = end + 1;
    if (!word.empty() && !has(given, word)) given.push_back(word);
  }
  if (given.empty()) return "";
  if (key.words == nullptr && given.size() > 1) return m("One answer, please.");
  if (key.number != nullptr) {
    double value = 0;
    const char* const end = given[0].data() + given[0].size();
    const auto read = std::from_chars(given[0].data(), end, value);
    if (read.ec != std::errc() || read.ptr != end || !is_amount(value)) return m("A number above 0, please.");
    s.*key.number = value;
    return "";
  }
  for (const std::string& word : given)
    if (!key.allowed.empty() && !has(key.allowed, word)) return m.format("'{}' is none of them.", word);
  if (key.words != nullptr) s.*key.words = given;
  if (key.word != nullptr) s.*key.word = given[0];
  return "";
}

const std::vector<std::string>& criteria() {
  static const Words names = {"fit",         "phase", "target",      "hardware",   "path",
                              "performance", "ease",  "familiarity", "openness",   "support",
                              "community",   "cost",  "portability", "simplicity", "wishes"};
  return names;
}

Scenario parse_scenario(std::string_view text, const std::string& file_name) {
  toml::table table;
  try {
    table = toml::parse(text, file_name);
  } catch (const toml::parse_error& e) {
    fail("{}:{}:{}: {}", file_name, e.source().begin.line, e.source().begin.column, e.description());
  }
  Scenario s;
  Reader{file_name}.read(s, table, "");
  return s;
}

Scenario read_scenario(const std::filesystem::path& path) {
  return parse_scenario(read_text_file(path, 1 << 20), path.string());
}

std::string write_scenario(const Scenario& s) {
  std::string out, section;
  for (const ScenarioKey& k : scenario_keys()) {
    std::string value;
    if (k.word != nullptr && !(s.*k.word).empty()) value = quoted(s.*k.word);
    if (k.words != nullptr && !(s.*k.words).empty()) value = list(s.*k.words);
    if (k.number != nullptr && s.*k.number > 0) value = fmt::format("{}", s.*k.number);
    if (value.empty()) continue;
    const size_t dot = k.name.find('.');
    if (dot != std::string::npos && k.name.substr(0, dot) != section) {
      section = k.name.substr(0, dot);
      out += fmt::format("\n[{}]\n", section);
    }
    out += fmt::format("{} = {}\n", dot == std::string::npos ? k.name : k.name.substr(dot + 1), value);
  }
  if (!s.soft.empty()) out += fmt::format("\n[wishes]\nsoft = {}\n", list(s.soft));
  if (!s.weights.empty()) out += "\n[weights]\n";
  for (const auto& [name, weight] : s.weights) out += fmt::format("{} = {}\n", name, weight);
  return out;
}

}  // namespace ecotone::engine
