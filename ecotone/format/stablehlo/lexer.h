// MLIR's tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/syntax.h"

namespace ecotone::stablehlo::syntax {

enum class TokenKind : uint8_t {
  kEnd,
  kWord,     // add, stablehlo.add, true
  kInteger,  // 12, 0x1F
  kFloat,
  kString,   // text between the quotes, escapes as written
  kPercent,  // %0, %0#1
  kCaret,    // ^bb0
  kAt,       // @name, @"name"
  kHash,     // #alias, #dialect.name
  kBang,     // !alias, !dialect.name
  kArrow,    // ->
  kPunctuation,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // a string's without quotes; names without their sigil
  size_t begin = 0, end = 0;
  Position at;

  bool is(char c) const { return kind == TokenKind::kPunctuation && text[0] == c; }
  bool is_word(std::string_view word) const { return kind == TokenKind::kWord && text == word; }
};

class Lexer {
 public:
  Lexer(std::string_view text, const std::string& file_name);

  const Token& peek() const { return token_; }
  size_t taken_end() const { return taken_end_; }  // behind the token that was taken last
  Token take();
  // Goes on right behind `token`, or at it: for what depends on where it stands (2x3xf32).
  void restart_at(const Token& token);
  void restart_behind(const Token& token);

  bool accept(char c);
  bool accept_word(std::string_view word);
  Token expect(char c, const char* what);
  Token expect(TokenKind kind, const char* what);
  void expect_word(std::string_view word);
  int64_t expect_integer(const char* what);

  // Sizes and the element type behind them are one word to the lexer; these read characters from the current token on.
  // "4x" -> 4, "?x" -> kDynamic; false where no size stands.
  bool accept_size(int64_t& size);

  std::string_view text() const { return text_; }
  std::string describe() const;  // the current token, for messages

  template <class... A>
  [[noreturn]] void fail_at(Position at, fmt::format_string<A...> format, A&&... args) const {
    throw_at(at, fmt::format(format, std::forward<A>(args)...));
  }
  [[noreturn]] void throw_at(Position at, const std::string& message) const;

 private:
  void advance();
  void skip_space();
  void take_quoted();

  std::string_view text_;
  const std::string& file_name_;
  Token token_;
  size_t taken_end_ = 0;
  size_t at_ = 0;          // behind the current token
  size_t line_start_ = 0;  // of the line that at_ is in
  uint32_t line_ = 1;
};

// A string token's value: escapes (\n, \t, \", \\, \hex hex) resolved.
std::string unescape(std::string_view text);

}  // namespace ecotone::stablehlo::syntax
