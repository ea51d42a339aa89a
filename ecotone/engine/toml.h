// TOML, read into JSON values: facts, scenarios and engine lists are written in it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace ecotone::engine {

// Dates and times become strings. Error with line and column for text that is no TOML.
nlohmann::json parse_toml(std::string_view text, const std::string& file_name);
nlohmann::json read_toml(const std::filesystem::path& path);

}  // namespace ecotone::engine
