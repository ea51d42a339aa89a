#pragma once

#include <stdexcept>
#include <string>

#include <fmt/core.h>

namespace ecotone {

enum class ErrorKind {
  kInvalidInput,  // a file, a Program or an argument is wrong
  kUnsupported,   // right, but we cannot do it (yet)
  kMissing,       // a backend, an engine or a tool is not installed
  kInternal,      // a bug of ours
};

/// What the library throws. The message says what is wrong, where, and what to do about it.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : Error(ErrorKind::kInvalidInput, message) {}
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  ErrorKind kind() const { return kind_; }

  /// The exit code of a command that fails with this error: 3 when something is not installed, else 2.
  int exit_code() const { return kind_ == ErrorKind::kMissing ? 3 : 2; }

  /// The same error as "<prefix>: <message>": callers add where they were.
  Error with_context(const std::string& prefix) const { return Error(kind_, prefix + ": " + what()); }

 private:
  ErrorKind kind_;
};

namespace detail {
// Out of line, to keep formatting code out of every caller.
[[noreturn]] void throw_formatted(ErrorKind kind, fmt::string_view format, fmt::format_args args);
}  // namespace detail

/// Throws an Error of kind kInvalidInput with a formatted message.
template <class... A>
[[noreturn]] void fail(fmt::format_string<A...> format, A&&... args) {
  detail::throw_formatted(ErrorKind::kInvalidInput, format, fmt::make_format_args(args...));
}

/// Throws an Error of the given kind with a formatted message.
template <class... A>
[[noreturn]] void fail_kind(ErrorKind kind, fmt::format_string<A...> format, A&&... args) {
  detail::throw_formatted(kind, format, fmt::make_format_args(args...));
}

}  // namespace ecotone
