#include "ecotone/base/file.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ecotone {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ecotone-file-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = fs::canonical(name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path put(const fs::path& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  std::string get(const fs::path& name) { return read_text_file(folder_ / name); }
  std::set<std::string> names() {
    std::set<std::string> result;
    for (const auto& entry : fs::directory_iterator(folder_)) result.insert(entry.path().filename().string());
    return result;
  }

  fs::path folder_;
};

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "(no error)";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

using Names = std::set<std::string>;

TEST_F(FileTest, MapsAFile) {
  fs::path path = put("a.bin", std::string("ab\0cd", 5));
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  EXPECT_EQ(file->text(), std::string_view("ab\0cd", 5));
  EXPECT_EQ(file->bytes().size(), 5u);
  EXPECT_EQ(file->path(), path);
}

TEST_F(FileTest, AnEmptyFileHasNoBytes) {
  EXPECT_TRUE(MappedFile::open(put("empty", ""))->bytes().empty());
}

TEST_F(FileTest, MapErrorsSayWhatAndWhere) {
  for (auto open : {+[](const fs::path& p) { MappedFile::open(p); }, +[](const fs::path& p) { read_text_file(p); }}) {
    std::string missing = message_of([&] { open(folder_ / "none.onnx"); });
    EXPECT_TRUE(contains(missing, "none.onnx: no such file")) << missing;
    std::string folder = message_of([&] { open(folder_); });
    EXPECT_TRUE(contains(folder, "is a folder")) << folder;
    std::string below = message_of([&] { open(put("f", "x") / "g"); });
    EXPECT_TRUE(contains(below, "no such file")) << below;
  }
  if (::geteuid() != 0) {
    fs::path secret = put("secret", "x");
    fs::permissions(secret, fs::perms::none);
    EXPECT_TRUE(contains(message_of([&] { MappedFile::open(secret); }), "no permission"));
  }
}

TEST_F(FileTest, APipeIsRefusedAtOnce) {
  fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_TRUE(contains(message_of([&] { MappedFile::open(pipe); }), "not a regular file"));
}

TEST_F(FileTest, TextHasALimit) {
  fs::path path = put("t", "12345");
  EXPECT_EQ(read_text_file(path, 5), "12345");
  EXPECT_TRUE(contains(message_of([&] { read_text_file(path, 4); }), "limit of 4 bytes"));
  // Says that it is empty, and is not.
  EXPECT_FALSE(read_text_file("/proc/self/status").empty());
}

class AtomicFileTest : public FileTest, public testing::WithParamInterface<AtomicFile::Temporary> {};
INSTANTIATE_TEST_SUITE_P(All, AtomicFileTest,
                         testing::Values(AtomicFile::Temporary::kUnnamedIfPossible, AtomicFile::Temporary::kNamed));

TEST_P(AtomicFileTest, AppearsWhole) {
  AtomicFile file(folder_ / "out.bin", GetParam());
  std::string big(1 << 20, 'x');
  file.write("head ");
  file.write(big);
  file.write(" tail");
  EXPECT_EQ(file.size(), static_cast<int64_t>(big.size()) + 10);
  EXPECT_EQ(names().count("out.bin"), 0u);
  file.commit();
  EXPECT_EQ(get("out.bin"), "head " + big + " tail");
  EXPECT_EQ(names(), Names{"out.bin"});
  EXPECT_THROW(file.commit(), Error);
  EXPECT_THROW(file.write("more"), Error);
}

TEST_P(AtomicFileTest, WithoutCommitNothingStays) {
  put("out.bin", "old");
  {
    AtomicFile file(folder_ / "out.bin", GetParam());
    file.write(std::string(1 << 20, 'x'));
  }
  EXPECT_EQ(names(), Names{"out.bin"});
  EXPECT_EQ(get("out.bin"), "old");
}

TEST_P(AtomicFileTest, ReplacesAndKeepsPermissions) {
  fs::path path = put("out.bin", "old");
  fs::permissions(path, fs::perms(0640));
  AtomicFile file(path, GetParam());
  file.write("new");
  file.commit();
  EXPECT_EQ(get("out.bin"), "new");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0640));
}

TEST_P(AtomicFileTest, NewFilesFollowTheUmask) {
  mode_t old = ::umask(027);
  AtomicFile file(folder_ / "out.bin", GetParam());
  file.commit();
  ::umask(old);
  EXPECT_EQ(fs::status(folder_ / "out.bin").permissions(), fs::perms(0640));
}

TEST_P(AtomicFileTest, ALinkStaysALink) {
  put("data/real.bin", "old");
  fs::create_symlink("data/real.bin", folder_ / "link.bin");
  AtomicFile file(folder_ / "link.bin", GetParam());
  file.write("new");
  file.commit();
  EXPECT_TRUE(fs::is_symlink(folder_ / "link.bin"));
  EXPECT_EQ(get("data/real.bin"), "new");
}

TEST_P(AtomicFileTest, AFullDiskLeavesNothing) {
  put("out.bin", "old");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit small = limit;
  small.rlim_cur = 1 << 19;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message = message_of([&] {
    AtomicFile file(folder_ / "out.bin", GetParam());
    for (int i = 0; i < 8; ++i) file.write(std::string(1 << 18, 'x'));
    file.commit();
  });
  ::setrlimit(RLIMIT_FSIZE, &limit);
  EXPECT_TRUE(contains(message, "out.bin: cannot write it")) << message;
  EXPECT_EQ(names(), Names{"out.bin"});
  EXPECT_EQ(get("out.bin"), "old");
}

TEST_F(FileTest, KilledWhileWritingLeavesNothing) {
  // Holds where the file system has unnamed files; elsewhere a kill leaves the hidden temporary.
  int probe = ::open(folder_.c_str(), O_TMPFILE | O_WRONLY, 0600);
  if (probe < 0) GTEST_SKIP() << "no unnamed files here";
  ::close(probe);
  pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(folder_ / "out.bin");
    file.write(std::string(1 << 20, 'x'));
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(names(), Names{});
}

TEST_F(FileTest, BadTargets) {
  EXPECT_TRUE(contains(message_of([&] { AtomicFile file(folder_); }), "is a folder"));
  EXPECT_TRUE(contains(message_of([&] { AtomicFile file(folder_ / "no" / "out.bin"); }), "there is no folder"));
  EXPECT_TRUE(contains(message_of([&] { AtomicFile file(""); }), "not the name of a file"));
}

TEST_F(FileTest, ADeviceIsWrittenDirectly) {
  AtomicFile file("/dev/null");
  file.write("x");
  file.commit();
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(FileTest, ResolvesInside) {
  put("model/weights/w.bin", "w");
  fs::path base = folder_ / "model";
  EXPECT_EQ(resolve_inside(base, "weights/w.bin"), base / "weights/w.bin");
  EXPECT_EQ(resolve_inside(base, "./weights/../weights/w.bin"), base / "weights/w.bin");
  EXPECT_EQ(resolve_inside(base, "not-there.bin"), base / "not-there.bin");
  EXPECT_EQ(resolve_inside(base, "..weights"), base / "..weights");
}

TEST_F(FileTest, RefusesToLeave) {
  put("model/w.bin", "w");
  put("secret", "s");
  put("model2/w.bin", "other folder with the same beginning");
  fs::path base = folder_ / "model";
  for (const std::string& reference :
       {std::string("../secret"), std::string("a/../../secret"), std::string("./../model2/w.bin"),
        std::string("../model/w.bin"), std::string("/etc/passwd"), std::string(""), std::string(".."),
        std::string("w.bin\0.png", 10), (base / "w.bin").string()}) {
    EXPECT_THROW(resolve_inside(base, reference), Error) << reference;
  }
}

TEST_F(FileTest, RefusesToLeaveThroughLinks) {
  put("model/w.bin", "w");
  put("elsewhere/secret", "s");
  put("model2/w.bin", "w");
  fs::path base = folder_ / "model";
  fs::create_symlink("../elsewhere/secret", base / "file-link");
  fs::create_directory_symlink("../elsewhere", base / "folder-link");
  fs::create_directory_symlink("../model2", base / "similar-link");
  fs::create_symlink("loop", base / "loop");
  fs::create_symlink("w.bin", base / "good-link");
  // Without looking at links, this is w.bin itself.
  EXPECT_THROW(resolve_inside(base, "folder-link/../elsewhere/secret"), Error);
  EXPECT_THROW(resolve_inside(base, "file-link"), Error);
  EXPECT_THROW(resolve_inside(base, "folder-link/secret"), Error);
  EXPECT_THROW(resolve_inside(base, "folder-link/new"), Error);
  EXPECT_THROW(resolve_inside(base, "similar-link/w.bin"), Error);
  EXPECT_THROW(resolve_inside(base, "loop"), Error);
  EXPECT_EQ(resolve_inside(base, "good-link"), base / "w.bin");
  // The base itself may be reached by a link.
  fs::create_directory_symlink("model", folder_ / "base-link");
  EXPECT_EQ(resolve_inside(folder_ / "base-link", "w.bin"), base / "w.bin");
}

TEST_F(FileTest, TheBaseMayBeTheCurrentFolder) {
  fs::path before = fs::current_path();
  put("w.bin", "w");
  fs::current_path(folder_);
  EXPECT_EQ(resolve_inside("", "w.bin"), folder_ / "w.bin");
  fs::current_path(before);
}

TEST_F(FileTest, TemporaryFolderGoesWithAllInIt) {
  fs::path path;
  {
    const TemporaryFolder folder(folder_ / "made"), other(folder_ / "made");
    path = folder.path();
    EXPECT_TRUE(path.filename().string().starts_with("made-") && path != other.path());
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    put(path.filename() / "deep/file", "text");
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(contains(message_of([&] { TemporaryFolder(folder_ / "nowhere/x"); }), "nowhere/x"));
}

}  // namespace
}  // namespace ecotone
