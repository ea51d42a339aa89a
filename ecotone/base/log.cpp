#include "ecotone/base/log.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

namespace ecotone {
namespace {

std::atomic<LogLevel> level{LogLevel::kNormal};

// Lines and bars share one terminal.
std::mutex terminal;
bool bar_is_shown = false;

void write_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void clear_bar() {
  if (bar_is_shown) write_stderr("\r\033[K");
  bar_is_shown = false;
}

int terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

void set_log_level(LogLevel value) {
  level.store(value);
}
LogLevel log_level() {
  return level.load();
}

bool use_color(int file_descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::string_view(term) == "dumb") return false;
  return ::isatty(file_descriptor) == 1;
}

namespace detail {

void log_formatted(LogKind kind, fmt::string_view format, fmt::format_args args) {
  LogLevel now = log_level();
  if (kind == LogKind::kDetail && now != LogLevel::kVerbose) return;
  if (kind != LogKind::kError && now == LogLevel::kQuiet) return;
  static const bool color = use_color(STDERR_FILENO);
  std::string line;
  switch (kind) {
    case LogKind::kError:
      line = color ? "\033[1;31merror:\033[0m " : "error: ";
      break;
    case LogKind::kWarning:
      line = color ? "\033[1;33mwarning:\033[0m " : "warning: ";
      break;
    case LogKind::kNote:
    case LogKind::kDetail:
      break;
  }
  line += fmt::vformat(format, args);
  line += '\n';
  std::lock_guard lock(terminal);
  clear_bar();
  write_stderr(line);
}

}  // namespace detail

Progress::Progress(std::string title, int64_t total, bool plain_lines)
    : title_(std::move(title)), total_(total), style_(Style::kNone), begin_(Clock::now()), drawn_(begin_) {
  if (log_level() == LogLevel::kQuiet) return;
  const char* term = std::getenv("TERM");
  bool moves = ::isatty(STDERR_FILENO) == 1 && !(term != nullptr && std::string_view(term) == "dumb");
  if (moves) {
    style_ = Style::kBar;
  } else if (plain_lines) {
    style_ = Style::kLines;
  }
}

Progress::~Progress() {
  finish();
}

void Progress::advance(int64_t count) {
  std::lock_guard lock(mutex_);
  done_ += count;
  draw();
}

void Progress::set_note(std::string note) {
  std::lock_guard lock(mutex_);
  note_ = std::move(note);
  draw();
}

void Progress::finish() {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  if (style_ != Style::kBar) return;
  std::lock_guard screen(terminal);
  clear_bar();
  std::fflush(stderr);
}

void Progress::draw() {
  if (finished_ || style_ == Style::kNone) return;
  Clock::time_point now = Clock::now();
  auto pause = style_ == Style::kBar ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
  if (now - drawn_ < pause) return;
  drawn_ = now;
  std::string count = total_ > 0 ? fmt::format("{}/{}", done_, total_) : fmt::format("{}", done_);
  double seconds = std::chrono::duration<double>(now - begin_).count();
  std::string text = fmt::format("{}: {} ({:.0f} s)", title_, count, seconds);
  if (!note_.empty()) text += " " + note_;
  std::lock_guard screen(terminal);
  if (style_ == Style::kLines) {
    write_stderr(text + "\n");
    return;
  }
  std::string bar;
  if (total_ > 0) {
    constexpr int64_t kWidth = 20;
    int64_t full = std::clamp<int64_t>(static_cast<int64_t>(static_cast<double>(done_) / total_ * kWidth), 0, kWidth);
    bar =
        "[" + std::string(static_cast<size_t>(full), '#') + std::string(static_cast<size_t>(kWidth - full), '.') + "] ";
  }
  std::string line = bar + text;
  size_t columns = static_cast<size_t>(std::max(20, terminal_columns())) - 1;
  if (line.size() > columns) line.resize(columns);
  write_stderr("\r" + line + "\033[K");
  std::fflush(stderr);
  bar_is_shown = true;
}

}  // namespace ecotone
