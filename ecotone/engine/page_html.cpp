#include "ecotone/engine/page_html.h"

#include <fmt/core.h>

namespace ecotone::engine::html {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The length of the UTF-8 character at the front and its code; 0 when it is none.
size_t decode(std::string_view s, char32_t& c) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  if (length == 0 || length > s.size()) return 0;
  c = length == 1 ? first : first & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 2) return 0;
    c = c << 6 | (byte(i) & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  return c < kLeast[length] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000) ? 0 : length;
}

bool is_allowed(char32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n';
  if (c >= 0x7F && c < 0xA0) return false;
  if ((c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F || c == 0x061C)
    return false;
  return (c & 0xFFFE) != 0xFFFE && !(c >= 0xFDD0 && c <= 0xFDEF);
}

}  // namespace

Markup escape(std::string_view text) {
  Markup out;
  while (!text.empty()) {
    char32_t c = 0;
    const size_t length = decode(text, c);
    if (length == 0 || !is_allowed(c))
      out.code += kReplacement;
    else if (c == '&')
      out.code += "&amp;";
    else if (c == '<')
      out.code += "&lt;";
    else if (c == '>')
      out.code += "&gt;";
    else if (c == '"')
      out.code += "&quot;";
    else if (c == '\'')
      out.code += "&#39;";
    else
      out.code += text.substr(0, length);
    text.remove_prefix(length ? length : 1);
  }
  return out;
}

Markup element(std::string_view tag, std::span<const Attribute> attributes, const Markup& content) {
  Markup out{fmt::format("<{}", tag)};
  for (const Attribute& a : attributes) out.code += fmt::format(" {}=\"{}\"", a.name, escape(a.value).code);
  out.code += fmt::format(">{}</{}>", content.code, tag);
  return out;
}

Markup element(std::string_view tag, const Markup& content, const std::string& css_class) {
  const Attribute a{"class", css_class};
  return element(tag, std::span(&a, css_class.empty() ? 0 : 1), content);
}

Markup element(std::string_view tag, std::string_view text, const std::string& css_class) {
  return element(tag, escape(text), css_class);
}

Markup table(const Table& t) {
  Markup body;
  auto cell = [](std::string_view tag, const char* scope, const Cell& c) {
    std::vector<Attribute> attributes;
    if (scope != nullptr) attributes.push_back({"scope", scope});
    if (!c.css_class.empty()) attributes.push_back({"class", c.css_class});
    return element(tag, attributes, c.content);
  };
  if (!t.caption.empty()) body += element("caption", t.caption);
  if (!t.header.empty()) {
    Markup row;
    for (const Cell& c : t.header) row += cell("th", "col", c);
    body += element("thead", element("tr", row));
  }
  Markup rows;
  for (const auto& r : t.rows) {
    Markup row;
    for (size_t i = 0; i < r.size(); ++i) row += i ? cell("td", nullptr, r[i]) : cell("th", "row", r[i]);
    rows += element("tr", row) + Markup{"\n"};
  }
  body += element("tbody", rows);
  // A region that scrolls must be reachable by the keyboard, and then needs a name.
  const Attribute scroll[] = {{"class", "scroll"},
                              {"tabindex", "0"},
                              {"role", "region"},
                              {"aria-label", t.caption.empty() ? "table" : t.caption}};
  return element("div", scroll, element("table", body)) + Markup{"\n"};
}

Markup details(std::string_view summary, const Markup& content, bool open) {
  const Attribute a{"open", ""};
  return element("details", std::span(&a, open ? 1 : 0), element("summary", summary) + content) + Markup{"\n"};
}

}  // namespace ecotone::engine::html
