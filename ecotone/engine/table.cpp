#include "ecotone/engine/table.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/log.h"

namespace ecotone::engine {
namespace {

using Range = std::pair<char32_t, char32_t>;

// East_Asian_Width W or F in Unicode 14; gaps with nothing assigned are filled.
constexpr Range kWide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},
    {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267f, 0x267f},
    {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},
    {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
    {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},
    {0x2e80, 0x303e},   {0x3041, 0x3247},   {0x3250, 0x4dbf},   {0x4e00, 0xa4c6},   {0xa960, 0xa97c},
    {0xac00, 0xd7a3},   {0xf900, 0xfad9},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6b},   {0xff01, 0xff60},
    {0xffe0, 0xffe6},   {0x16fe0, 0x1b2fb}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e},
    {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393},
    {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4}, {0x1f3f8, 0x1f43e},
    {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e}, {0x1f550, 0x1f567},
    {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5},
    {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6df}, {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc},
    {0x1f7e0, 0x1f7f0}, {0x1f90c, 0x1f93a}, {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff}, {0x1fa70, 0x1faf6},
    {0x20000, 0x3fffd}};

constexpr Range kZero[] = {{0x0000, 0x001f}, {0x007f, 0x009f}, {0x0300, 0x036f},  {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
                           {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2064},  {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
                           {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef}};

template <size_t N>
bool contains(const Range (&ranges)[N], char32_t c) {
  const Range* after = std::upper_bound(ranges, ranges + N, c, [](char32_t x, const Range& r) { return x < r.first; });
  return after != ranges && c <= after[-1].second;
}

int width_of(char32_t c) {
  if (contains(kZero, c)) return 0;
  return contains(kWide, c) ? 2 : 1;
}

constexpr char32_t kBroken = 0xfffd;
constexpr std::string_view kBrokenText = "\xef\xbf\xbd";

// Takes one character off the front; kBroken, one byte long, where there is none.
char32_t next(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  char32_t c = length > 1 ? lead & (0x7fu >> length) : lead;
  bool good = length != 0 && length <= text.size();
  for (size_t i = 1; good && i < length; ++i) {
    good = (byte(i) & 0xc0) == 0x80;
    c = (c << 6) | (byte(i) & 0x3fu);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  good = good && c >= kLeast[length] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
  text.remove_prefix(good ? length : 1);
  return good ? c : kBroken;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t c = next(text);
    const bool control = c != '\n' && (c < 0x20 || (c >= 0x7f && c < 0xa0));
    if (c == kBroken || control)
      out += kBrokenText;
    else
      out += before.substr(0, before.size() - text.size());
  }
  return out;
}

// A line does not begin with these.
bool closes(char32_t c) {
  constexpr std::u32string_view kClosing = U"、。，．：；！？）】》」』〉”’…—％℃";
  return kClosing.find(c) != std::u32string_view::npos;
}
bool opens(char32_t c) {
  constexpr std::u32string_view kOpening = U"（【《「『〈“‘";
  return kOpening.find(c) != std::u32string_view::npos;
}

void wrap_line(std::string_view text, int width, std::vector<std::string>& lines) {
  // Pieces that are never broken, each with the blanks before it.
  struct Piece {
    size_t blanks, begin, end;
    int width;
  };
  std::vector<Piece> pieces;
  std::string_view rest = text;
  char32_t last = ' ';
  size_t blanks = 0;
  while (!rest.empty()) {
    const size_t begin = text.size() - rest.size();
    const char32_t c = next(rest);
    const size_t end = text.size() - rest.size();
    if (c == ' ') {
      ++blanks;
    } else {
      const int columns = width_of(c);
      const bool wide = columns == 2 || (!pieces.empty() && last >= 0x2e80 && columns == 1);
      const bool glued = blanks == 0 && !pieces.empty() && (closes(c) || opens(last) || columns == 0 || !wide);
      if (glued)
        pieces.back().end = end, pieces.back().width += columns;
      else
        pieces.push_back({std::exchange(blanks, 0), begin, end, columns});
    }
    last = c;
  }
  std::string line;
  int columns = 0;
  bool first = true;
  for (const Piece& p : pieces) {
    if (!first && width > 0 && columns + static_cast<int>(p.blanks) + p.width > width) {
      lines.push_back(std::exchange(line, ""));
      columns = 0;
    } else {
      line.append(p.blanks, ' ');
      columns += static_cast<int>(p.blanks);
    }
    line += text.substr(p.begin, p.end - p.begin);
    columns += p.width;
    first = false;
  }
  lines.push_back(line);
}

std::string padded(const std::string& text, int width, Align align, Style style, const Layout& layout) {
  const std::string blanks(static_cast<size_t>(std::max(0, width - display_width(text))), ' ');
  const std::string shown = styled(text, style, layout);
  return align == Align::kLeft ? shown + blanks : blanks + shown;
}

void trim_end(std::string& line) {
  line.resize(line.find_last_not_of(' ') + 1);
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) width += width_of(next(text));
  return width;
}

std::vector<std::string> wrap_text(std::string_view text, int width) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    wrap_line(text.substr(begin, end - begin), width, lines);
    begin = end + 1;
  }
  return lines;
}

Layout layout_of(int file_descriptor) {
  Layout layout{0, use_color(file_descriptor)};
  const char* given = std::getenv("COLUMNS");
  const int64_t columns = given != nullptr ? std::strtoll(given, nullptr, 10) : 0;
  if (columns > 0 && columns < 100000) {
    layout.width = static_cast<int>(columns);
  } else if (::isatty(file_descriptor) == 1) {
    winsize size{};
    layout.width = ::ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  }
  return layout;
}

std::string styled(std::string_view text, Style style, const Layout& layout) {
  constexpr const char* kCodes[] = {"", "1", "2", "32", "33", "31"};
  if (!layout.color || style == Style::kPlain || text.empty()) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", kCodes[static_cast<size_t>(style)], text);
}

void Table::add(std::vector<Cell> cells) {
  if (cells.size() > columns_.size()) fail("a row of {} cells in a table of {} columns", cells.size(), columns_.size());
  for (Cell& c : cells) c.text = printable(c.text);
  cells.resize(columns_.size(), Cell(""));
  rows_.push_back(std::move(cells));
}

std::string Table::str(const Layout& layout) const {
  constexpr int kGap = 2, kLeast = 10;
  const size_t count = columns_.size();
  std::vector<int> widths(count);
  bool titles = false;
  for (size_t i = 0; i < count; ++i) {
    widths[i] = display_width(columns_[i].title);
    titles |= widths[i] > 0;
    for (const auto& row : rows_)
      for (const std::string& line : wrap_text(row[i].text, 0)) widths[i] = std::max(widths[i], display_width(line));
  }
  if (layout.width > 0) {
    int total = static_cast<int>(count > 0 ? count - 1 : 0) * kGap;
    for (const int w : widths) total += w;
    // The widest column that may give way gives a column, until it fits.
    for (; total > layout.width; --total) {
      int* widest = nullptr;
      for (size_t i = 0; i < count; ++i)
        if (columns_[i].wraps && widths[i] > kLeast && (widest == nullptr || widths[i] > *widest)) widest = &widths[i];
      if (widest == nullptr) break;
      --*widest;
    }
  }
  std::string out;
  auto print_row = [&](const std::vector<Cell>& row) {
    std::vector<std::vector<std::string>> lines;
    size_t height = 1;
    for (size_t i = 0; i < count; ++i) {
      lines.push_back(wrap_text(row[i].text, columns_[i].wraps ? widths[i] : 0));
      height = std::max(height, lines.back().size());
    }
    for (size_t y = 0; y < height; ++y) {
      std::string line;
      for (size_t i = 0; i < count; ++i) {
        if (i > 0) line.append(kGap, ' ');
        line += padded(y < lines[i].size() ? lines[i][y] : "", widths[i], columns_[i].align, row[i].style, layout);
      }
      trim_end(line);
      out += line + '\n';
    }
  };
  if (titles) {
    std::vector<Cell> head;
    for (const Column& c : columns_) head.emplace_back(c.title, Style::kBold);
    print_row(head);
  }
  for (const auto& row : rows_) print_row(row);
  return out;
}

}  // namespace ecotone::engine
