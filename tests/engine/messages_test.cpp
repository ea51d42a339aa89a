#include "ecotone/engine/messages.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "ecotone/base/error.h"

namespace ecotone::engine {
namespace {

class Environment : public testing::Test {
 protected:
  void SetUp() override { clear(); }
  void TearDown() override { clear(); }
  static void clear() {
    for (const char* name : {"ECOTONE_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "ECOTONE_DATA"}) unsetenv(name);
  }
};
using Languages = Environment;
using Catalogue = Environment;

TEST_F(Languages, FlagThenVariableThenLocale) {
  EXPECT_EQ(choose_language(""), Language::kEnglish);
  setenv("LANG", "zh_CN.UTF-8", 1);
  EXPECT_EQ(choose_language(""), Language::kChinese);
  setenv("LC_MESSAGES", "de_DE.UTF-8", 1);
  EXPECT_EQ(choose_language(""), Language::kEnglish);
  setenv("LC_ALL", "zh_TW", 1);
  EXPECT_EQ(choose_language(""), Language::kChinese);
  setenv("ECOTONE_LANG", "en", 1);
  EXPECT_EQ(choose_language(""), Language::kEnglish);
  EXPECT_EQ(choose_language("zh"), Language::kChinese);
  EXPECT_THROW(choose_language("fr"), Error);
  setenv("ECOTONE_LANG", "zh_CN", 1);
  EXPECT_THROW(choose_language(""), Error);
}

TEST_F(Catalogue, TranslatesAndFormats) {
  const auto folder = std::filesystem::temp_directory_path() / "ecotone_messages_test";
  std::filesystem::create_directories(folder / "messages");
  std::ofstream(folder / "messages/zh.toml") << "engine = \"引擎\"\n\"{} of {} agree\" = \"{1} 个中有 {0} 个一致\"\n";
  setenv("ECOTONE_DATA", folder.c_str(), 1);
  const Messages zh(Language::kChinese), en(Language::kEnglish);
  EXPECT_EQ(zh("engine"), "引擎");
  EXPECT_EQ(en("engine"), "engine");
  EXPECT_EQ(zh("no such text"), "no such text");
  EXPECT_EQ(zh.format("{} of {} agree", 2, 3), "3 个中有 2 个一致");
  EXPECT_EQ(en.format("{} of {} agree", 2, 3), "2 of 3 agree");
  EXPECT_THROW(data_folder("none"), Error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ecotone::engine
