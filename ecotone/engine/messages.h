// What people read, in their language. The English text is the key; JSON and errors stay English.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace ecotone::engine {

// A folder of the package's data: `name` below data/ of the source tree or below share/ecotone/ of an installation,
// found from where the command lies; ECOTONE_DATA is looked at first. Error (kMissing) when it is nowhere.
std::filesystem::path data_folder(std::string_view name);

enum class Language { kEnglish, kChinese };

// The language asked for: "en" or "zh" of --lang, else ECOTONE_LANG, else the locale (LC_ALL, LC_MESSAGES, LANG: the
// first that is set). Error for a --lang or ECOTONE_LANG that is neither.
Language choose_language(std::string_view flag);

class Messages {
 public:
  // Reads data/messages/zh.toml for Chinese; nothing for English.
  explicit Messages(Language language);

  Language language() const { return language_; }
  // The text in this language, or as it is where there is no translation.
  std::string operator()(std::string_view english) const;
  // The same for a format string; a translation may number its fields: "{1} {0:.1f}".
  template <class... A>
  std::string format(std::string_view english, const A&... args) const {
    return fmt::vformat(operator()(english), fmt::make_format_args(args...));
  }

 private:
  Language language_;
  std::map<std::string, std::string, std::less<>> texts_;
};

}  // namespace ecotone::engine
