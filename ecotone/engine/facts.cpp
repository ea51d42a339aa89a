#include "ecotone/engine/facts.h"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/engine/messages.h"
#include "ecotone/engine/toml.h"

namespace ecotone::engine {
namespace vocabulary {

const std::vector<std::string> kHardware = {
    "nvidia-gpu", "google-tpu",   "amd-gpu",    "intel-gpu", "apple-silicon", "ascend-npu", "kunlun-xpu", "x86-cpu",
    "arm-cpu",    "qualcomm-npu", "mobile-gpu", "intel-npu", "edge-tpu",      "amd-fpga",   "browser",    "cortex-m"};
const std::vector<std::string> kTargets = {"cloud", "desktop", "edge", "android", "ios", "browser", "mcu"};
const std::vector<std::string> kSystems = {"linux", "windows", "macos"};
const std::vector<std::string> kPhases = {"prototype", "optimize", "production"};
const std::vector<std::string> kTasks = {"vision",  "ocr",        "text",    "speech",        "llm",
                                         "tabular", "scientific", "imaging", "recommendation"};
const std::vector<std::string> kLanguages = {"python", "c++", "c",    "java", "kotlin",
                                             "swift",  "c#",  "rust", "go",   "javascript"};

const std::vector<std::string>& hardware_of(std::string_view target) {
  static const std::map<std::string, std::vector<std::string>, std::less<>> of = {
      {"cloud",
       {"x86-cpu", "nvidia-gpu", "google-tpu", "amd-gpu", "intel-gpu", "arm-cpu", "ascend-npu", "kunlun-xpu",
        "amd-fpga"}},
      {"desktop", {"x86-cpu", "nvidia-gpu", "amd-gpu", "intel-gpu", "apple-silicon", "intel-npu", "arm-cpu"}},
      {"edge", {"arm-cpu", "x86-cpu", "nvidia-gpu", "intel-gpu", "intel-npu", "ascend-npu", "edge-tpu", "amd-fpga"}},
      {"android", {"arm-cpu", "mobile-gpu", "qualcomm-npu"}},
      {"ios", {"apple-silicon", "arm-cpu"}},
      {"browser", {"browser"}},
      {"mcu", {"cortex-m"}},
  };
  return of.find(target)->second;
}

std::string_view title(std::string_view word) {
  static const std::map<std::string_view, std::string_view> titles = {
      {"nvidia-gpu", "NVIDIA GPU"},
      {"google-tpu", "Google TPU"},
      {"amd-gpu", "AMD GPU"},
      {"intel-gpu", "Intel GPU"},
      {"apple-silicon", "Apple Silicon"},
      {"ascend-npu", "Huawei Ascend NPU"},
      {"kunlun-xpu", "Baidu Kunlun XPU"},
      {"x86-cpu", "x86 CPU"},
      {"arm-cpu", "Arm CPU"},
      {"qualcomm-npu", "Qualcomm NPU"},
      {"mobile-gpu", "mobile GPU"},
      {"intel-npu", "Intel NPU"},
      {"edge-tpu", "Edge TPU"},
      {"amd-fpga", "AMD (Xilinx) FPGA"},
      {"browser", "web browser"},
      {"cortex-m", "Cortex-M"},
      {"cloud", "server"},
      {"desktop", "desktop"},
      {"edge", "edge device"},
      {"android", "Android phone"},
      {"ios", "iPhone"},
      {"mcu", "microcontroller"},
  };
  const auto found = titles.find(word);
  return found == titles.end() ? word : found->second;
}

}  // namespace vocabulary

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::array<std::string_view, 5> kStateNames = {"no", "planned", "compiled", "partial", "yes"};

// A table of a facts file that knows which of its keys were asked for, so that a misspelt one is an error.
class Entry {
 public:
  Entry(const json& table, std::string where) : table_(table), where_(std::move(where)) {
    if (!table.is_object()) fail("{}: wants a table", where_);
  }

  bool has(const char* key) const { return table_.contains(key); }
  std::string string(const char* key, const char* fallback = nullptr) {
    seen_.insert(key);
    if (!has(key)) {
      if (fallback == nullptr) fail("{}: '{}' is missing", where_, key);
      return fallback;
    }
    if (!table_[key].is_string()) fail("{}: '{}' wants text", where_, key);
    return table_[key].get<std::string>();
  }
  double number(const char* key) {
    seen_.insert(key);
    if (!has(key)) return 0;
    if (!table_[key].is_number()) fail("{}: '{}' wants a number", where_, key);
    return table_[key].get<double>();
  }
  bool flag(const char* key) {
    seen_.insert(key);
    if (!has(key)) return false;
    if (!table_[key].is_boolean()) fail("{}: '{}' wants true or false", where_, key);
    return table_[key].get<bool>();
  }
  std::vector<std::string> list(const char* key) {
    seen_.insert(key);
    std::vector<std::string> out;
    if (!has(key)) return out;
    if (!table_[key].is_array()) fail("{}: '{}' wants a list", where_, key);
    for (const json& one : table_[key]) {
      if (!one.is_string()) fail("{}: '{}' wants a list of texts", where_, key);
      out.push_back(one.get<std::string>());
    }
    return out;
  }
  State state(const char* fallback) {
    const std::string given = string("state", fallback);
    const auto found = std::find(kStateNames.begin(), kStateNames.end(), given);
    if (found == kStateNames.end()) fail("{}: state '{}' is none of {}", where_, given, fmt::join(kStateNames, ", "));
    return static_cast<State>(found - kStateNames.begin());
  }
  void done() const {
    for (const auto& [key, value] : table_.items())
      if (!seen_.contains(key)) fail("{}: there is no key '{}'", where_, key);
  }
  const std::string& where() const { return where_; }

 private:
  const json& table_;
  std::string where_;
  std::set<std::string> seen_;
};

using Sources = std::map<std::string, const Source*>;

Sources read_sources(const json& file, const std::string& where, Facts& facts) {
  Sources sources;
  if (!file.contains("sources")) return sources;
  for (const auto& [name, table] : file["sources"].items()) {
    Entry e(table, fmt::format("{}: source '{}'", where, name));
    auto s = std::make_unique<Source>(
        Source{name, e.string("title"), e.string("url"), e.string("date"), e.string("version")});
    e.done();
    sources[name] = s.get();
    facts.sources.push_back(std::move(s));
  }
  return sources;
}

const Source* source_of(Entry& e, const Sources& sources) {
  const std::string name = e.string("source");
  const auto found = sources.find(name);
  if (found == sources.end()) fail("{}: this file has no source '{}'", e.where(), name);
  return found->second;
}

// The groups of facts, and the words that a group's keys must be of (any, where there are none).
const std::map<std::string, const std::vector<std::string>*>& groups() {
  static const std::map<std::string, const std::vector<std::string>*> all = {{"hardware", &vocabulary::kHardware},
                                                                             {"target", &vocabulary::kTargets},
                                                                             {"system", &vocabulary::kSystems},
                                                                             {"phase", &vocabulary::kPhases},
                                                                             {"task", &vocabulary::kTasks},
                                                                             {"language", &vocabulary::kLanguages},
                                                                             {"reads", nullptr},
                                                                             {"writes", nullptr},
                                                                             {"about", nullptr}};
  return all;
}

Stack read_stack(const fs::path& path, Facts& facts) {
  const json file = read_toml(path);
  const std::string where = path.filename().string();
  const Sources sources = read_sources(file, where, facts);
  Stack s;
  s.id = path.stem().string();
  Entry head(file, where);
  s.name = head.string("name");
  s.ecosystem = head.string("ecosystem", "");
  s.roles = head.list("roles");
  s.engines = head.list("engines");
  for (const auto& [group, table] : file.items()) {
    if (group == "name" || group == "ecosystem" || group == "roles" || group == "engines" || group == "sources")
      continue;
    const auto known = groups().find(group);
    if (known == groups().end()) fail("{}: there is no key '{}'", where, group);
    if (!table.is_object()) fail("{}: '{}' wants a table", where, group);
    for (const auto& [keys, entry] : table.items()) {
      Entry e(entry, fmt::format("{}: {}.{}", where, group, keys));
      Fact f{s.id, group, ""};
      f.value = e.string("value", "");
      f.state = e.state("yes");
      f.note = e.string("note", ""), f.zh = e.string("zh", "");
      f.via = e.string("via", ""), f.check = e.string("check", "");
      f.source = source_of(e, sources);
      e.done();
      // "x86-cpu arm-cpu" are two facts of one statement.
      std::istringstream words(keys);
      while (words >> f.key) {
        if (known->second != nullptr &&
            std::find(known->second->begin(), known->second->end(), f.key) == known->second->end())
          fail("{}: [{}] knows no '{}'; it knows {}", where, group, f.key, fmt::join(*known->second, ", "));
        if (!s.facts[group].emplace(f.key, f).second) fail("{}: [{}] has '{}' twice", where, group, f.key);
      }
    }
  }
  return s;
}

void read_formats(const fs::path& path, Facts& facts) {
  const json file = read_toml(path);
  const std::string where = path.filename().string();
  const Sources sources = read_sources(file, where, facts);
  for (const auto& [key, value] : file.items())
    if (key != "sources" && key != "format" && key != "conversion") fail("{}: there is no key '{}'", where, key);
  for (const json& table : file.value("format", json::array())) {
    Entry e(table, where + ": [[format]]");
    Format f{e.string("id"),       e.string("name"),   e.number("limit_mb"), e.flag("published"),
             e.string("note", ""), e.string("zh", ""), e.string("check", "")};
    f.source = source_of(e, sources);
    e.done();
    facts.formats.push_back(std::move(f));
  }
  for (const json& table : file.value("conversion", json::array())) {
    Entry e(table, where + ": [[conversion]] " + table.value("tool", "?"));
    Conversion c{e.string("from"),  e.string("to"), e.string("tool"),
                 e.string("maker"), e.state("yes"), e.flag("measured")};
    c.licence = e.string("licence"), c.tasks = e.list("tasks");
    c.note = e.string("note", ""), c.zh = e.string("zh", ""), c.check = e.string("check", "");
    c.source = source_of(e, sources);
    e.done();
    for (const std::string& id : {c.from, c.to})
      if (facts.format(id) == nullptr) fail("{}: there is no format '{}'", e.where(), id);
    facts.conversions.push_back(std::move(c));
  }
}

void read_measurements(const fs::path& path, Facts& facts) {
  const json file = read_toml(path);
  const std::string where = path.filename().string();
  const Sources sources = read_sources(file, where, facts);
  for (const json& table : file.value("measurement", json::array())) {
    Entry e(table, where + ": [[measurement]] " + table.value("stack", "?"));
    Measurement m{e.string("stack"), e.string("hardware"), e.string("model"),
                  e.list("tasks"),   e.number("ms"),       e.number("error")};
    m.version = e.string("version"), m.note = e.string("note", "");
    m.source = source_of(e, sources);
    e.done();
    if (facts.stack(m.stack) == nullptr) fail("{}: there is no stack '{}'", e.where(), m.stack);
    if (m.ms <= 0) fail("{}: 'ms' wants a positive number", e.where());
    facts.measurements.push_back(std::move(m));
  }
}

void check_references(const Facts& facts) {
  for (const Stack& s : facts.stacks) {
    for (const char* group : {"reads", "writes"})
      if (const auto found = s.facts.find(group); found != s.facts.end())
        for (const auto& [format, fact] : found->second)
          if (facts.format(format) == nullptr) fail("{}.toml: {}: there is no format '{}'", s.id, group, format);
    for (const auto& [group, of] : s.facts)
      for (const auto& [key, fact] : of)
        if (!fact.via.empty() && facts.stack(fact.via) == nullptr)
          fail("{}.toml: {}.{}: via: there is no stack '{}'", s.id, group, key, fact.via);
  }
}

}  // namespace

std::string_view name(State state) {
  return kStateNames[static_cast<size_t>(state)];
}

bool Stack::has_role(std::string_view role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

const Fact* Stack::fact(std::string_view group, std::string_view key) const {
  const auto g = facts.find(std::string(group));
  if (g == facts.end()) return nullptr;
  const auto f = g->second.find(std::string(key));
  return f == g->second.end() ? nullptr : &f->second;
}

State Stack::state(std::string_view group, std::string_view key) const {
  const Fact* f = fact(group, key);
  return f != nullptr ? f->state : State::kNo;
}

std::string Stack::value(std::string_view group, std::string_view key) const {
  const Fact* f = fact(group, key);
  return f != nullptr ? f->value : "";
}

const Stack* Facts::stack(std::string_view id) const {
  const auto found = std::find_if(stacks.begin(), stacks.end(), [&](const Stack& s) { return s.id == id; });
  return found == stacks.end() ? nullptr : &*found;
}

const Format* Facts::format(std::string_view id) const {
  const auto found = std::find_if(formats.begin(), formats.end(), [&](const Format& f) { return f.id == id; });
  return found == formats.end() ? nullptr : &*found;
}

Facts read_facts(const fs::path& folder) {
  Facts facts;
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder / "stacks", error))
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  if (error || files.empty()) fail("{}: there are no facts about stacks", (folder / "stacks").string());
  std::sort(files.begin(), files.end());
  for (const fs::path& path : files) facts.stacks.push_back(read_stack(path, facts));
  read_formats(folder / "formats.toml", facts);
  read_measurements(folder / "measured.toml", facts);
  check_references(facts);
  return facts;
}

const Facts& installed_facts() {
  static const Facts facts = read_facts(data_folder("facts"));
  return facts;
}

}  // namespace ecotone::engine
