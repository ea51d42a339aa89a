#include "ecotone/format/stablehlo/lexer.h"

#include <algorithm>
#include <charconv>

namespace ecotone::stablehlo::syntax {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_word_part(char c) {
  return is_letter(c) || is_digit(c) || c == '$' || c == '.';
}
bool is_name_part(char c) {
  return is_word_part(c) || c == '-';
}
int hex_value(char c) {
  return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

}  // namespace

Lexer::Lexer(std::string_view text, const std::string& file_name) : text_(text), file_name_(file_name) {
  advance();
}

void Lexer::throw_at(Position at, const std::string& message) const {
  fail("{}:{}:{}: {}", file_name_, at.line, at.column, message);
}

void Lexer::skip_space() {
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '\n') {
      ++line_;
      line_start_ = at_ + 1;
    } else if (c == '/' && at_ + 1 < text_.size() && text_[at_ + 1] == '/') {
      at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
    } else if (c != ' ' && c != '\t' && c != '\r') {
      return;
    }
  }
}

void Lexer::take_quoted() {
  const size_t start = ++at_;
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') at_ += text_[at_] == '\\' ? 2 : 1;
  if (at_ >= text_.size() || text_[at_] != '"') fail_at(token_.at, "a string has no closing quote");
  token_.text = text_.substr(start, at_ - start);
  ++at_;
}

void Lexer::advance() {
  taken_end_ = token_.end;
  skip_space();
  token_ = {};
  token_.begin = at_;
  token_.at = {line_, static_cast<uint32_t>(at_ - line_start_ + 1)};
  if (at_ >= text_.size()) {
    token_.end = at_;
    return;
  }
  const char c = text_[at_];
  const auto scan = [&](auto part) {
    const size_t start = at_;
    while (at_ < text_.size() && part(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  };
  const auto sigil = [&](TokenKind kind) {
    token_.kind = kind;
    ++at_;
    token_.text = scan(is_name_part);
  };
  if (is_letter(c)) {
    token_.kind = TokenKind::kWord;
    token_.text = scan(is_word_part);
  } else if (is_digit(c)) {
    token_.kind = TokenKind::kInteger;
    const size_t start = at_;
    if (c == '0' && at_ + 2 < text_.size() && text_[at_ + 1] == 'x' && is_hex(text_[at_ + 2])) {
      at_ += 2;
      scan(is_hex);
    } else {
      scan(is_digit);
      if (at_ < text_.size() && text_[at_] == '.') {
        token_.kind = TokenKind::kFloat;
        ++at_;
        scan(is_digit);
        if (at_ + 1 < text_.size() && (text_[at_] | 0x20) == 'e') {
          const size_t sign = text_[at_ + 1] == '-' || text_[at_ + 1] == '+' ? 1 : 0;
          if (at_ + 1 + sign < text_.size() && is_digit(text_[at_ + 1 + sign])) {
            at_ += 1 + sign;
            scan(is_digit);
          }
        }
      }
    }
    token_.text = text_.substr(start, at_ - start);
  } else if (c == '"') {
    token_.kind = TokenKind::kString;
    take_quoted();
  } else if (c == '%') {
    sigil(TokenKind::kPercent);
    if (at_ + 1 < text_.size() && text_[at_] == '#' && is_digit(text_[at_ + 1])) {
      const size_t start = token_.begin + 1;
      ++at_;
      scan(is_digit);
      token_.text = text_.substr(start, at_ - start);
    }
  } else if (c == '^') {
    sigil(TokenKind::kCaret);
  } else if (c == '@') {
    token_.kind = TokenKind::kAt;
    if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
      ++at_;
      take_quoted();
    } else {
      sigil(TokenKind::kAt);
    }
  } else if ((c == '#' || c == '!') && at_ + 1 < text_.size() && is_letter(text_[at_ + 1])) {
    sigil(c == '#' ? TokenKind::kHash : TokenKind::kBang);
  } else if (c == '-' && at_ + 1 < text_.size() && text_[at_ + 1] == '>') {
    token_.kind = TokenKind::kArrow;
    token_.text = text_.substr(at_, 2);
    at_ += 2;
  } else {
    token_.kind = TokenKind::kPunctuation;
    token_.text = text_.substr(at_, 1);
    ++at_;
  }
  token_.end = at_;
}

Token Lexer::take() {
  Token taken = token_;
  advance();
  return taken;
}

void Lexer::restart_at(const Token& token) {
  at_ = token.begin;
  line_ = token.at.line;
  line_start_ = token.begin + 1 - token.at.column;
  advance();
}

void Lexer::restart_behind(const Token& token) {
  at_ = token.end;
  line_ = token.at.line;
  line_start_ = token.begin + 1 - token.at.column;
  advance();
}

bool Lexer::accept(char c) {
  if (!token_.is(c)) return false;
  advance();
  return true;
}

bool Lexer::accept_word(std::string_view word) {
  if (!token_.is_word(word)) return false;
  advance();
  return true;
}

std::string Lexer::describe() const {
  if (token_.kind == TokenKind::kEnd) return "the end of the file";
  const std::string_view written = text_.substr(token_.begin, std::min<size_t>(token_.end - token_.begin, 40));
  return fmt::format("'{}'", written);
}

Token Lexer::expect(char c, const char* what) {
  if (!token_.is(c)) fail_at(token_.at, "expected '{}' {}, found {}", c, what, describe());
  return take();
}

Token Lexer::expect(TokenKind kind, const char* what) {
  if (token_.kind != kind) fail_at(token_.at, "expected {}, found {}", what, describe());
  return take();
}

void Lexer::expect_word(std::string_view word) {
  if (!accept_word(word)) fail_at(token_.at, "expected '{}', found {}", word, describe());
}

int64_t Lexer::expect_integer(const char* what) {
  const Position at = token_.at;
  const bool negative = accept('-');
  const Token t = expect(TokenKind::kInteger, what);
  const bool hex = t.text.starts_with("0x");
  uint64_t value = 0;
  const std::string_view digits = hex ? t.text.substr(2) : t.text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size() || (negative && value > uint64_t{1} << 63))
    fail_at(at, "the integer {} has more than 64 bits", t.text);
  return static_cast<int64_t>(negative ? ~value + 1 : value);
}

bool Lexer::accept_size(int64_t& size) {
  size_t at = token_.begin;
  if (at < text_.size() && text_[at] == '?') {
    size = kDynamic;
    ++at;
  } else {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at, text_.data() + text_.size(), value);
    if (at >= text_.size() || !is_digit(text_[at])) return false;
    if (error != std::errc()) fail_at(token_.at, "a size has more than 64 bits");
    size = value;
    at = static_cast<size_t>(end - text_.data());
  }
  if (at >= text_.size() || text_[at] != 'x') return false;
  at_ = at + 1;
  line_ = token_.at.line;
  line_start_ = token_.begin + 1 - token_.at.column;
  advance();
  return true;
}

std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (i + 1 < text.size() && is_hex(c) && is_hex(text[i + 1])) {
      out += static_cast<char>(hex_value(c) * 16 + hex_value(text[i + 1]));
      ++i;
    } else {
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
  }
  return out;
}

}  // namespace ecotone::stablehlo::syntax
