#include "ecotone/engine/toml.h"

#include <sstream>

#include <nlohmann/json.hpp>
#include <toml++/toml.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"

namespace ecotone::engine {
namespace {

using nlohmann::json;

json to_json(const toml::node& node) {
  if (const toml::table* table = node.as_table()) {
    json out = json::object();
    for (const auto& [key, value] : *table) out[std::string(key.str())] = to_json(value);
    return out;
  }
  if (const toml::array* array = node.as_array()) {
    json out = json::array();
    for (const toml::node& value : *array) out.push_back(to_json(value));
    return out;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* truth = node.as_boolean()) return truth->get();
  std::ostringstream out;
  if (const auto* date = node.as_date()) out << date->get();
  if (const auto* time = node.as_time()) out << time->get();
  if (const auto* date_time = node.as_date_time()) out << date_time->get();
  return out.str();
}

}  // namespace

json parse_toml(std::string_view text, const std::string& file_name) {
  try {
    return to_json(toml::parse(text, file_name));
  } catch (const toml::parse_error& e) {
    fail("{}:{}:{}: {}", file_name, e.source().begin.line, e.source().begin.column, e.description());
  }
}

json read_toml(const std::filesystem::path& path) {
  return parse_toml(MappedFile::open(path)->text(), path.string());
}

}  // namespace ecotone::engine
