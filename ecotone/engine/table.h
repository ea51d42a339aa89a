// Tables and paragraphs for a terminal, in any script.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ecotone::engine {

// How many columns of a terminal UTF-8 text takes: 2 for what Unicode calls wide or fullwidth (UAX #11), 0 for
// controls, joiners and combining marks (those used with Latin, and variation selectors), else 1. No locale has a say.
int display_width(std::string_view text);

// Lines of at most `width` columns, broken at spaces and between wide characters (but not before closing punctuation);
// a longer word stays whole. '\n' ends a line. A width of 0 or less breaks nothing else.
std::vector<std::string> wrap_text(std::string_view text, int width);

// Where something is printed: the columns of a terminal (0: a pipe or a file, which has no edge), and whether to color.
struct Layout {
  int width = 0;
  bool color = false;
};
// Of a file descriptor. COLUMNS, where set, goes before what a terminal says, and holds for pipes too; NO_COLOR and
// TERM=dumb are obeyed.
Layout layout_of(int file_descriptor);

enum class Style { kPlain, kBold, kDim, kGood, kWarning, kBad };
// `text` in this style where the layout has color.
std::string styled(std::string_view text, Style style, const Layout& layout);

struct Cell {
  // NOLINTBEGIN(google-explicit-constructor): a row is a list of texts
  Cell(std::string text, Style style = Style::kPlain) : text(std::move(text)), style(style) {}
  Cell(const char* text, Style style = Style::kPlain) : text(text), style(style) {}
  // NOLINTEND(google-explicit-constructor)

  std::string text;
  Style style;
};

enum class Align { kLeft, kRight };
struct Column {
  // NOLINTNEXTLINE(google-explicit-constructor): as above
  Column(std::string title, Align align = Align::kLeft, bool wraps = false)
      : title(std::move(title)), align(align), wraps(wraps) {}

  std::string title;
  Align align;
  bool wraps;  // gives way, in several lines, where the table would be wider than the terminal
};

// Rows under column titles, two blanks between columns. Control characters and broken UTF-8 in a cell (names in models
// are anybody's bytes) print as U+FFFD.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // Missing cells at the end are empty. Error for more cells than columns.
  void add(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  // With a line for the titles, unless all are empty. Ends with a newline.
  std::string str(const Layout& layout) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace ecotone::engine
