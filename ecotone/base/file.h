#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ecotone/base/error.h"

namespace ecotone {

/// A file's bytes, mapped read-only: opening costs nothing, pages load when touched.
/// The bytes start at a page boundary and live as long as the object. A file that another process truncates while it
/// is mapped ends this process (SIGBUS), as with every memory map.
class MappedFile {
 public:
  /// Maps a regular file; an empty one has no bytes. Error when it is missing, a folder, not regular or not readable.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes) : path_(std::move(path)), bytes_(bytes) {}

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

/// The whole of a file as a string. Also reads pipes and `/dev/stdin`. Error when it is missing, a folder, not
/// readable, or longer than `max_bytes`.
std::string read_text_file(const std::filesystem::path& path, int64_t max_bytes = int64_t{1} << 30);

/// A file that appears whole or not at all. Writes go to an unnamed file in the target's folder (where the file system
/// has these, else to a hidden sibling); commit() flushes it to disk and renames it over the target. Without commit()
/// the target is untouched and nothing stays behind. A target that is not a regular file (`/dev/stdout`, a pipe) is
/// written directly. Every failure is an Error that names the target.
class AtomicFile {
 public:
  enum class Temporary { kUnnamedIfPossible, kNamed };

  explicit AtomicFile(const std::filesystem::path& target, Temporary temporary = Temporary::kUnnamedIfPossible);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Bytes given to write() so far: the offset of the next one.
  int64_t size() const { return size_; }

  void commit();

 private:
  void flush();
  void write_out(const std::byte* data, size_t count);
  void discard() noexcept;

  std::filesystem::path target_;     // as the user wrote it, for messages
  std::filesystem::path real_;       // where to rename to: links resolved, so that a link stays one
  std::filesystem::path temporary_;  // empty while the file has no name
  int fd_ = -1;
  bool direct_ = false;  // not a regular file
  int64_t size_ = 0;
  std::vector<std::byte> buffer_;
};

/// A new folder that goes, with all that is in it, when the object does.
class TemporaryFolder {
 public:
  /// STEM-XXXXXX, where the X are whatever is free; only this user may look into it. Error when it can't be made.
  explicit TemporaryFolder(const std::filesystem::path& stem);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The path of `relative` below `base_folder`, links resolved. For references in untrusted files (external data):
/// an Error for an empty or absolute path, and for one that leaves the folder through `..` or a symbolic link.
/// The file itself need not exist.
std::filesystem::path resolve_inside(const std::filesystem::path& base_folder, std::string_view relative);

}  // namespace ecotone
