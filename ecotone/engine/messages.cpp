#include "ecotone/engine/messages.h"

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/engine/toml.h"

namespace ecotone::engine {

namespace fs = std::filesystem;

fs::path data_folder(std::string_view name) {
  std::error_code ignored;
  auto is_folder = [&](const fs::path& p) { return fs::is_directory(p, ignored); };
  if (const char* given = std::getenv("ECOTONE_DATA"); given != nullptr && *given != '\0') {
    if (is_folder(fs::path(given) / name)) return fs::path(given) / name;
    fail_kind(ErrorKind::kMissing, "ECOTONE_DATA is {}, which has no folder '{}'", given, name);
  }
  const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
  for (fs::path up = self.parent_path(); up.has_relative_path(); up = up.parent_path()) {
    // A marker keeps a stranger's data/ from being taken for ours.
    if (fs::exists(up / "data" / "ecotone-data", ignored) && is_folder(up / "data" / name)) return up / "data" / name;
    if (is_folder(up / "share/ecotone" / name)) return up / "share/ecotone" / name;
  }
  fail_kind(ErrorKind::kMissing,
            "Ecotone's data folder '{}' is not found beside the command; set ECOTONE_DATA to the folder that has it",
            name);
}

Language choose_language(std::string_view flag) {
  auto by_name = [](std::string_view name, std::string_view source) {
    if (name == "en") return Language::kEnglish;
    if (name == "zh") return Language::kChinese;
    fail("{} is '{}'; the languages are en and zh", source, name);
  };
  if (!flag.empty()) return by_name(flag, "--lang");
  if (const char* given = std::getenv("ECOTONE_LANG"); given != nullptr && *given != '\0')
    return by_name(given, "ECOTONE_LANG");
  for (const char* variable : {"LC_ALL", "LC_MESSAGES", "LANG"})
    if (const char* locale = std::getenv(variable); locale != nullptr && *locale != '\0')
      return std::string_view(locale).starts_with("zh") ? Language::kChinese : Language::kEnglish;
  return Language::kEnglish;
}

Messages::Messages(Language language) : language_(language) {
  if (language != Language::kChinese) return;
  const nlohmann::json catalogue = read_toml(data_folder("messages") / "zh.toml");
  for (const auto& [english, text] : catalogue.items()) texts_.emplace(english, text.get<std::string>());
}

std::string Messages::operator()(std::string_view english) const {
  const auto found = texts_.find(english);
  return found == texts_.end() ? std::string(english) : found->second;
}

}  // namespace ecotone::engine
