#include "ecotone/base/file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ecotone {
namespace {

namespace fs = std::filesystem;

std::string reason(int error) {
  return std::generic_category().message(error);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail_open(const fs::path& path, int error) {
  switch (error) {
    case ENOENT:
      fail("{}: no such file", path.string());
    case ENOTDIR:
      fail("{}: no such file: a part of the path is not a folder", path.string());
    case EACCES:
    case EPERM:
      fail("{}: no permission to read it", path.string());
    default:
      fail("{}: cannot open it: {}", path.string(), reason(error));
  }
}

int open_for_reading(const fs::path& path, int flags) {
  int fd;
  do {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) fail_open(path, errno);
  return fd;
}

struct stat status_of(int fd, const fs::path& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) fail_open(path, errno);
  if (S_ISDIR(status.st_mode)) fail("{}: is a folder, not a file", path.string());
  return status;
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path temporary_sibling(const fs::path& path) {
  std::random_device random;
  return folder_of(path) / fmt::format(".{}.{:08x}.tmp", path.filename().string(), random());
}

constexpr size_t kBufferBytes = size_t{1} << 18;

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const fs::path& path) {
  // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
  Descriptor file(open_for_reading(path, O_NONBLOCK));
  struct stat status = status_of(file.get(), path);
  if (!S_ISREG(status.st_mode)) fail("{}: is not a regular file, and cannot be mapped", path.string());
  std::span<const std::byte> bytes;
  if (status.st_size > 0) {
    size_t size = static_cast<size_t>(status.st_size);
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (address == MAP_FAILED) fail("{}: cannot map its {} bytes: {}", path.string(), size, reason(errno));
    bytes = {static_cast<const std::byte*>(address), size};
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, bytes));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

std::string read_text_file(const fs::path& path, int64_t max_bytes) {
  Descriptor file(open_for_reading(path, 0));
  struct stat status = status_of(file.get(), path);
  std::string text;
  // A hint only: files under /proc claim to be empty, and a file may grow meanwhile.
  if (S_ISREG(status.st_mode)) text.reserve(static_cast<size_t>(std::min<int64_t>(status.st_size, max_bytes)));
  char block[1 << 16];
  while (true) {
    ssize_t count = ::read(file.get(), block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("{}: cannot read it: {}", path.string(), reason(errno));
    if (count == 0) return text;
    if (static_cast<int64_t>(text.size()) + count > max_bytes) {
      fail("{}: longer than the limit of {} bytes", path.string(), max_bytes);
    }
    text.append(block, static_cast<size_t>(count));
  }
}

AtomicFile::AtomicFile(const fs::path& target, Temporary temporary) : target_(target), real_(target) {
  if (target.empty() || !target.has_filename()) fail("'{}': not the name of a file to write", target.string());
  std::error_code error;
  fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) fail("{}: is a folder; give the name of a file to write", target.string());
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    direct_ = true;
    fd_ = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd_ < 0) fail("{}: cannot write it: {}", target.string(), reason(errno));
    return;
  }
  if (fs::is_symlink(fs::symlink_status(target, error))) {
    real_ = fs::weakly_canonical(target, error);
    if (error) fail("{}: cannot write it: {}", target.string(), error.message());
  }
  if (fs::exists(status) && ::access(real_.c_str(), W_OK) != 0) {
    fail("{}: exists, and there is no permission to write it", target.string());
  }

  fs::path folder = folder_of(real_);
#ifdef O_TMPFILE
  if (temporary == Temporary::kUnnamedIfPossible) fd_ = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
#endif
  for (int attempt = 0; fd_ < 0 && attempt < 100; ++attempt) {
    fs::path name = temporary_sibling(real_);
    fd_ = ::open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (fd_ >= 0) {
      temporary_ = name;
    } else if (errno != EEXIST) {
      break;
    }
  }
  if (fd_ < 0) {
    int code = errno;
    if (code == ENOENT) fail("{}: cannot write it: there is no folder {}", target.string(), folder.string());
    fail("{}: cannot write to folder {}: {}", target.string(), folder.string(), reason(code));
  }
  // Replacing a file keeps who may read it.
  struct stat old{};
  if (::stat(real_.c_str(), &old) == 0) (void)!::fchmod(fd_, old.st_mode & 07777);
}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::discard() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (fd_ < 0) fail_kind(ErrorKind::kInternal, "{}: written to after it was finished", target_.string());
  size_ += static_cast<int64_t>(bytes.size());
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  if (bytes.size() >= kBufferBytes) {
    write_out(bytes.data(), bytes.size());
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void AtomicFile::flush() {
  write_out(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void AtomicFile::write_out(const std::byte* data, size_t count) {
  while (count > 0) {
    ssize_t written = ::write(fd_, data, std::min(count, size_t{1} << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      int code = errno;
      discard();
      fail("{}: cannot write it: {}", target_.string(), reason(code));
    }
    data += written;
    count -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  if (fd_ < 0) fail_kind(ErrorKind::kInternal, "{}: committed twice, or after a failure", target_.string());
  flush();
  auto give_up = [&](const char* what) {
    int code = errno;
    discard();
    fail("{}: cannot {}: {}", target_.string(), what, reason(code));
  };
  if (direct_) {
    int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0) give_up("write it");
    return;
  }
  if (::fsync(fd_) != 0) give_up("flush it to disk");
  if (temporary_.empty()) {
    // linkat cannot replace a file, so even an unnamed file needs a name for a moment.
    std::string self = fmt::format("/proc/self/fd/{}", fd_);
    for (int attempt = 0; temporary_.empty(); ++attempt) {
      fs::path name = temporary_sibling(real_);
      if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
        temporary_ = name;
      } else if (errno != EEXIST || attempt == 100) {
        give_up("give it its name");
      }
    }
  }
  if (::rename(temporary_.c_str(), real_.c_str()) != 0) give_up("give it its name");
  temporary_.clear();
  discard();
  // The name is on disk once the folder is; some file systems cannot do this, and then it stays theirs to do.
  int folder = ::open(folder_of(real_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

TemporaryFolder::TemporaryFolder(const fs::path& stem) {
  std::string name = stem.string() + "-XXXXXX";
  if (!::mkdtemp(name.data())) fail("no temporary folder can be made at {}: {}", name, reason(errno));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path resolve_inside(const fs::path& base_folder, std::string_view relative) {
  std::string shown(relative.substr(0, 200));
  if (relative.empty()) fail("a reference to another file is empty");
  if (relative.find('\0') != std::string_view::npos) fail("the reference '{}' to another file has a zero byte", shown);
  fs::path path(relative);
  const char* rule = "only files in the model's own folder may be referred to";
  if (path.is_absolute()) fail("the reference '{}' to another file is an absolute path; {}", shown, rule);
  int depth = 0;
  for (const fs::path& part : path) {
    if (part == "..") --depth;
    if (part != ".." && part != "." && !part.empty()) ++depth;
    if (depth < 0)
      fail("the reference '{}' to another file leaves the folder {}; {}", shown, base_folder.string(), rule);
  }
  std::error_code error;
  fs::path base = fs::canonical(base_folder.empty() ? fs::path(".") : base_folder, error);
  if (error) fail("{}: {}", base_folder.string(), error.message());
  fs::path resolved = fs::weakly_canonical(base / path, error);
  if (error) fail("the reference '{}' to another file cannot be resolved: {}", shown, error.message());
  auto [base_end, _] = std::mismatch(base.begin(), base.end(), resolved.begin(), resolved.end());
  if (base_end != base.end()) {
    fail("the reference '{}' to another file leaves the folder {} through a symbolic link; {}: copy it there", shown,
         base_folder.string(), rule);
  }
  return resolved;
}

}  // namespace ecotone
