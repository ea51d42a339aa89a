// Pieces of HTML. Text becomes Markup through escape() alone, so that no name of a model or an engine can be markup.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ecotone::engine::html {

constexpr double kLetter = 6.2;  // the width of a letter of 10 units, generously

struct Markup {
  std::string code;

  Markup& operator+=(const Markup& more) { return code += more.code, *this; }
  friend Markup operator+(Markup a, const Markup& b) { return a += b; }
};

// For text and for attribute values. What is no UTF-8, controls, and characters that turn the direction of text become
// U+FFFD.
Markup escape(std::string_view text);

struct Attribute {
  std::string_view name;
  std::string value;  // escaped when written
};
// <tag a="...">content</tag>. The tag and the names are ours.
Markup element(std::string_view tag, std::span<const Attribute> attributes, const Markup& content);
Markup element(std::string_view tag, const Markup& content, const std::string& css_class = "");
Markup element(std::string_view tag, std::string_view text, const std::string& css_class = "");

struct Cell {
  // NOLINTBEGIN(google-explicit-constructor): a row is a list of texts
  Cell(Markup content, std::string css_class = "") : content(std::move(content)), css_class(std::move(css_class)) {}
  Cell(std::string_view text, std::string css_class = "") : Cell(escape(text), std::move(css_class)) {}
  Cell(const std::string& text, std::string css_class = "") : Cell(escape(text), std::move(css_class)) {}
  Cell(const char* text, std::string css_class = "") : Cell(escape(text), std::move(css_class)) {}
  // NOLINTEND(google-explicit-constructor)

  Markup content;
  std::string css_class;
};
// A table that scrolls inside itself. The first cell of each row is its header.
struct Table {
  std::string caption;
  std::vector<Cell> header;  // empty: no line of headers
  std::vector<std::vector<Cell>> rows;
};
Markup table(const Table& table);

Markup details(std::string_view summary, const Markup& content, bool open = false);

}  // namespace ecotone::engine::html
