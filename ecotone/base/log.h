#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include <fmt/core.h>

namespace ecotone {

enum class LogLevel {
  kQuiet,    // errors only
  kNormal,   // and warnings, notes and progress
  kVerbose,  // and details
};

/// The level of this process, for the command line: kNormal unless set. The library itself only writes details.
void set_log_level(LogLevel level);
LogLevel log_level();

/// Whether to color what is written to `file_descriptor`: a terminal, TERM not "dumb", NO_COLOR unset or empty.
bool use_color(int file_descriptor);

namespace detail {
enum class LogKind { kError, kWarning, kNote, kDetail };
void log_formatted(LogKind kind, fmt::string_view format, fmt::format_args args);
}  // namespace detail

// Each writes one line to stderr, whole, from any thread.
template <class... A>
void log_error(fmt::format_string<A...> format, A&&... args) {
  detail::log_formatted(detail::LogKind::kError, format, fmt::make_format_args(args...));
}
template <class... A>
void log_warning(fmt::format_string<A...> format, A&&... args) {
  detail::log_formatted(detail::LogKind::kWarning, format, fmt::make_format_args(args...));
}
template <class... A>
void log_note(fmt::format_string<A...> format, A&&... args) {
  detail::log_formatted(detail::LogKind::kNote, format, fmt::make_format_args(args...));
}
template <class... A>
void log_detail(fmt::format_string<A...> format, A&&... args) {
  detail::log_formatted(detail::LogKind::kDetail, format, fmt::make_format_args(args...));
}

/// Shows how far something is, on stderr: a bar on a terminal; nothing elsewhere, unless `plain_lines` asks for a line
/// every few seconds. Quiet level shows nothing. Any thread may call; the bar goes away at the end.
class Progress {
 public:
  /// `total` in whatever unit advance() counts; 0 when it is not known.
  Progress(std::string title, int64_t total, bool plain_lines = false);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(int64_t count = 1);
  /// A few words on what is being done now.
  void set_note(std::string note);
  void finish();

 private:
  void draw();

  using Clock = std::chrono::steady_clock;
  enum class Style { kNone, kBar, kLines };

  const std::string title_;
  const int64_t total_;
  Style style_;
  std::mutex mutex_;
  std::string note_;
  int64_t done_ = 0;
  Clock::time_point begin_;
  Clock::time_point drawn_;
  bool finished_ = false;
};

}  // namespace ecotone
