#include "ecotone/engine/engines.h"

#include <algorithm>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/engine/toml.h"

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

constexpr std::pair<const char*, std::string EngineInfo::*> kTexts[] = {
    {"name", &EngineInfo::name},
    {"title", &EngineInfo::title},
    {"maker", &EngineInfo::maker},
    {"about", &EngineInfo::about},
    {"license", &EngineInfo::license},
    {"homepage", &EngineInfo::homepage},
    {"from_onnx", &EngineInfo::from_onnx},
    {"telemetry", &EngineInfo::telemetry},
    {"adapter", &EngineInfo::module},
    {"environment", &EngineInfo::environment},
    {"variant_option", &EngineInfo::variant_option},
};
constexpr std::pair<const char*, std::vector<std::string> EngineInfo::*> kLists[] = {
    {"requirements", &EngineInfo::requirements},
    {"system_packages", &EngineInfo::system_packages},
    {"formats", &EngineInfo::formats},
    {"lacks", &EngineInfo::lacks},
};
constexpr std::pair<const char*, bool EngineInfo::*> kFlags[] = {
    {"native", &EngineInfo::native},
    {"takes_stablehlo", &EngineInfo::takes_stablehlo},
    {"static_shapes", &EngineInfo::static_shapes},
};

template <class Fields>
bool set_field(EngineInfo& e, const std::string& key, const json& value, const Fields& fields) {
  for (const auto& [name, member] : fields)
    if (name == key) {
      value.get_to(e.*member);
      return true;
    }
  return false;
}

EngineInfo read_engine(const json& table, const std::string& module_prefix) {
  EngineInfo e;
  for (const auto& [key, value] : table.items()) {
    if (set_field(e, key, value, kTexts) || set_field(e, key, value, kLists) || set_field(e, key, value, kFlags))
      continue;
    if (key == "megabytes")
      value.get_to(e.megabytes);
    else if (key == "options")
      value.get_to(e.options);
    else
      fail("there is no key '{}'", key);
  }
  if (e.module.empty()) e.module = e.name;
  if (e.environment.empty()) e.environment = e.name;
  // It becomes the name of a folder, which may be removed.
  const bool plain = std::all_of(e.environment.begin(), e.environment.end(),
                                 [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
  if (!plain) fail("environment '{}' is not made of letters, digits, - and _", e.environment);
  e.module = module_prefix + e.module + "_adapter";
  return e;
}

void read_list(const fs::path& path, const std::string& module_prefix, std::vector<EngineInfo>& engines) {
  const json list = read_toml(path);
  if (!list.contains("engine") || !list["engine"].is_array()) fail("{}: there is no [[engine]]", path.string());
  for (const json& table : list["engine"]) {
    const std::string name =
        table.is_object() && table.contains("name") && table["name"].is_string() ? table["name"] : json("?");
    const std::string where = fmt::format("{}: engine '{}'", path.string(), name);
    if (name == "?" || name.empty() || name.find(':') != std::string::npos)
      fail("{}: an engine wants a name, without ':'", where);
    for (const EngineInfo& e : engines)
      if (e.name == name) fail("{}: there are two of that name", where);
    try {
      engines.push_back(read_engine(table, module_prefix));
    } catch (const Error& e) {
      throw e.with_context(where);
    } catch (const json::exception& e) {
      fail("{}: {}", where, e.what());
    }
  }
}

// An engine without requirements is installed with the engine that its environment is named after.
void share_requirements(std::vector<EngineInfo>& engines) {
  for (EngineInfo& e : engines) {
    if (!e.requirements.empty()) continue;
    for (const EngineInfo& other : engines)
      if (other.name == e.environment && other.name != e.name)
        e.requirements = other.requirements, e.megabytes = other.megabytes;
  }
}

std::vector<EngineInfo> read_lists() {
  std::vector<EngineInfo> engines;
  read_list(workers_folder() / "ecotone_workers" / "engines.toml", "ecotone_workers.", engines);
  if (const char* more = variable("ECOTONE_ENGINES")) read_list(more, "", engines);
  share_requirements(engines);
  return engines;
}

fs::path data_folder() {
  if (const char* xdg = variable("XDG_DATA_HOME")) return fs::path(xdg) / "ecotone";
  if (const char* home = variable("HOME")) return fs::path(home) / ".local/share/ecotone";
  fail("neither XDG_DATA_HOME nor HOME is set: there is no place for engines");
}

}  // namespace

std::span<const EngineInfo> known_engines() {
  static const std::vector<EngineInfo> engines = read_lists();
  return engines;
}

EngineInfo engine_info(const std::string& name) {
  const size_t colon = name.find(':');
  std::string names;
  for (const EngineInfo& e : known_engines()) {
    names += (names.empty() ? "" : ", ") + e.name;
    if (e.name != name.substr(0, colon)) continue;
    if (colon == std::string::npos) return e;
    if (e.variant_option.empty()) fail_kind(ErrorKind::kMissing, "engine {} has no variants: '{}'", e.name, name);
    EngineInfo variant = e;
    variant.name = name;
    variant.options[e.variant_option] = name.substr(colon + 1);
    return variant;
  }
  fail_kind(ErrorKind::kMissing, "there is no engine '{}'; there are: {}", name, names);
}

fs::path workers_folder() {
  if (const char* given = variable("ECOTONE_WORKERS")) return given;
  // Beside the source tree's command, or where `make install` put it.
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  for (fs::path up = self.parent_path(); !error && up.has_relative_path(); up = up.parent_path())
    for (const char* place : {"python", "share/ecotone/python"})
      if (fs::exists(up / place / "ecotone_workers" / "__main__.py", error)) return up / place;
  fail_kind(ErrorKind::kMissing, "the folder with Ecotone's engine workers is not found; set ECOTONE_WORKERS to it");
}

std::string workers_python_path() {
  std::string path = workers_folder().string();
  if (const char* more = variable("ECOTONE_ENGINES")) path += ":" + fs::absolute(more).parent_path().string();
  return path;
}

fs::path engine_folder(const EngineInfo& engine) {
  return data_folder() / "engines" / engine.environment;
}

std::optional<fs::path> engine_python(const EngineInfo& engine) {
  if (const char* given = variable("ECOTONE_PYTHON")) return fs::path(given);
  const fs::path python = engine_folder(engine) / "bin/python";
  std::error_code error;
  if (fs::exists(python, error)) return python;
  return std::nullopt;
}

std::optional<std::vector<std::string>> worker_command(const EngineInfo& engine) {
  if (engine.native) {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    if (!error && self.filename() == "eco") return {{self.string(), "worker"}};
    return {{"eco", "worker"}};  // from PATH, in a program that embeds us
  }
  if (const auto python = engine_python(engine)) return {{python->string(), "-m", "ecotone_workers", engine.module}};
  return std::nullopt;
}

std::string install_hint(const EngineInfo& engine) {
  const std::string package = engine.requirements.empty() ? engine.name : engine.requirements.front();
  return fmt::format("'eco engines add {}' installs it; or set ECOTONE_PYTHON to a Python that has it (pip install {})",
                     engine.name.substr(0, engine.name.find(':')), package);
}

}  // namespace ecotone::engine
