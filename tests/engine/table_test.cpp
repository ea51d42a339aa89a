#include "ecotone/engine/table.h"

#include <clocale>
#include <cwchar>

#include <gtest/gtest.h>

#include "ecotone/base/error.h"

namespace ecotone::engine {
namespace {

std::string utf8(char32_t c) {
  std::string s;
  if (c < 0x80) return {static_cast<char>(c)};
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr char kLead[] = {0, '\xc0', '\xe0', '\xf0'};
  s += static_cast<char>(kLead[more] | static_cast<char>(c >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) s += static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3f));
  return s;
}

// The C library's wcwidth in a UTF-8 locale has the same Unicode property from a table of its own.
TEST(Width, AgreesWithTheCLibrary) {
  ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr);
  int compared = 0;
  for (char32_t c = 0x20; c < 0x40000; ++c) {
    const int theirs = wcwidth(static_cast<wchar_t>(c));
    if (theirs < 0) continue;                  // nothing there, or a control
    if (theirs == 0 && c >= 0x0483) continue;  // marks of other scripts: ours are 1, as the header says
    // Unicode calls these ambiguous or neutral, glibc chooses otherwise: soft hyphen, numbers in squares, hexagrams.
    if (c == 0xad || (c >= 0x3248 && c < 0x3250) || (c >= 0x4dc0 && c < 0x4e00)) continue;
    ASSERT_EQ(display_width(utf8(c)), theirs) << std::hex << static_cast<unsigned>(c);
    ++compared;
  }
  std::setlocale(LC_CTYPE, "C");
  EXPECT_GT(compared, 140'000);  // about what Unicode 14 has assigned
}

TEST(Width, NeedsNoLocale) {
  EXPECT_EQ(display_width("引擎 engine"), 11);
  EXPECT_EQ(display_width("e\xcc\x81"), 1);  // with a combining accent
  EXPECT_EQ(display_width("\xff\xfe"
                          "a"),
            3);
  EXPECT_EQ(display_width("\xed\xa0\x80"), 3);  // half a surrogate pair: three broken bytes
}

TEST(Wrap, BreaksAtSpacesAndBetweenWideCharacters) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(wrap_text("one two three", 8), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap_text("unbreakable word", 4), (Lines{"unbreakable", "word"}));
  EXPECT_EQ(wrap_text("选对技术栈", 6), (Lines{"选对技", "术栈"}));
  // Not before a comma, not after an opening bracket; Latin words inside stay whole.
  EXPECT_EQ(wrap_text("选对技，术栈", 6), (Lines{"选对", "技，术", "栈"}));
  EXPECT_EQ(wrap_text("用（ONNX）转换", 8), (Lines{"用", "（ONNX）", "转换"}));
  EXPECT_EQ(wrap_text("a\n\n  b", 0), (Lines{"a", "", "  b"}));
  EXPECT_EQ(wrap_text("", 5), (Lines{""}));
}

Table example() {
  Table t({{"engine"}, {"ms", Align::kRight}, {"why", Align::kLeft, true}});
  t.add({"引擎", "1.5", "measured here and now"});
  t.add({"onnxruntime", "12.25"});
  return t;
}

TEST(Table, AlignsByColumnsNotBytes) {
  EXPECT_EQ(example().str({}),
            "engine          ms  why\n"
            "引擎           1.5  measured here and now\n"
            "onnxruntime  12.25\n");
}

TEST(Table, ShrinksWhatMayWrap) {
  EXPECT_EQ(example().str({34, false}),
            "engine          ms  why\n"
            "引擎           1.5  measured here\n"
            "                    and now\n"
            "onnxruntime  12.25\n");
}

TEST(Table, ColorsOnlyWhereAsked) {
  Table t({{""}, {""}});
  t.add({{"yes", Style::kGood}, "x"});
  t.add({"no way", "y"});
  EXPECT_EQ(t.str({}), "yes     x\nno way  y\n");
  EXPECT_EQ(t.str({0, true}), "\033[32myes\033[0m     x\nno way  y\n");
}

TEST(Table, PrintsNoControlCharacters) {
  Table t({{""}});
  t.add({"a\033[31m\x9f\t"});
  EXPECT_EQ(t.str({}), "a\xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd\n");
  EXPECT_THROW(t.add({"1", "2"}), Error);
}

}  // namespace
}  // namespace ecotone::engine
