#include "ecotone/base/thread_pool.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ecotone {
namespace {

// ThreadSanitizer cannot follow a fork of a process with threads.
#ifdef __SANITIZE_THREAD__
constexpr bool kForks = false;
#else
constexpr bool kForks = true;
#endif

TEST(ThreadPool, EveryIndexOnce) {
  ThreadPool pool(4);
  for (int64_t count : {1, 2, 7, 64, 1000}) {
    for (int64_t grain : {1, 3, 64, 5000}) {
      std::vector<int> hits(static_cast<size_t>(count));
      pool.parallel_for(5, 5 + count, grain, [&](int64_t from, int64_t to) {
        for (int64_t i = from; i < to; ++i) ++hits[static_cast<size_t>(i - 5)];
      });
      EXPECT_EQ(hits, std::vector<int>(static_cast<size_t>(count), 1)) << count << " " << grain;
    }
  }
}

TEST(ThreadPool, EmptyRangesAndBadGrains) {
  ThreadPool pool(2);
  int calls = 0;
  pool.parallel_for(3, 3, 1, [&](int64_t, int64_t) { ++calls; });
  pool.parallel_for(3, -3, 1, [&](int64_t, int64_t) { ++calls; });
  EXPECT_EQ(calls, 0);
  std::atomic<int64_t> sum{0};
  pool.parallel_for(0, 10, 0, [&](int64_t from, int64_t to) { sum += to - from; });
  EXPECT_EQ(sum, 10);
}

TEST(ThreadPool, PiecesDoNotDependOnTheNumberOfThreads) {
  using Pieces = std::set<std::pair<int64_t, int64_t>>;
  auto pieces = [](int threads, bool nested) {
    ThreadPool pool(threads);
    std::mutex mutex;
    Pieces result;
    auto loop = [&] {
      pool.parallel_for(-3, 20, 5, [&](int64_t from, int64_t to) {
        std::lock_guard lock(mutex);
        result.emplace(from, to);
      });
    };
    if (nested) {
      pool.parallel_for(0, 2, 1, [&](int64_t from, int64_t) { from == 0 ? loop() : void(); });
    } else {
      loop();
    }
    return result;
  };
  Pieces expected{{-3, 2}, {2, 7}, {7, 12}, {12, 17}, {17, 20}};
  EXPECT_EQ(pieces(1, false), expected);
  EXPECT_EQ(pieces(5, false), expected);
  EXPECT_EQ(pieces(5, true), expected);
}

TEST(ThreadPool, HugeRanges) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::mutex mutex;
    std::set<std::pair<int64_t, int64_t>> pieces;
    pool.parallel_for(kMin, kMax, int64_t{1} << 62, [&](int64_t from, int64_t to) {
      std::lock_guard lock(mutex);
      pieces.emplace(from, to);
    });
    ASSERT_EQ(pieces.size(), 4u);
    EXPECT_EQ(pieces.begin()->first, kMin);
    EXPECT_EQ(pieces.rbegin()->second, kMax);
  }
}

TEST(ThreadPool, ReallyUsesItsThreads) {
  ThreadPool pool(3);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::atomic<int> arrived{0};
  pool.parallel_for(0, 3, 1, [&](int64_t, int64_t) {
    {
      std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    }
    // Nobody leaves before all are here, so one thread cannot do it all; the time limit lets a failure end.
    ++arrived;
    auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (arrived < 3 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  });
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_TRUE(ids.contains(std::this_thread::get_id()));
}

TEST(ThreadPool, NestedLoopsRunInline) {
  ThreadPool pool(4);
  std::atomic<int64_t> sum{0};
  std::atomic<int> elsewhere{0};
  pool.parallel_for(0, 50, 1, [&](int64_t, int64_t) {
    std::thread::id outer = std::this_thread::get_id();
    pool.parallel_for(0, 100, 3, [&](int64_t from, int64_t to) {
      if (std::this_thread::get_id() != outer) ++elsewhere;
      sum += to - from;
    });
  });
  EXPECT_EQ(sum, 5000);
  EXPECT_EQ(elsewhere, 0);
}

TEST(ThreadPool, TheFirstExceptionOfTheRangeArrives) {
  ThreadPool pool(4);
  for (int round = 0; round < 200; ++round) {
    try {
      pool.parallel_for(0, 1000, 1, [&](int64_t i, int64_t) {
        if (i >= 17 && i % 2 == 1) throw std::runtime_error(std::to_string(i));
      });
      FAIL();
    } catch (const std::runtime_error& e) {
      ASSERT_STREQ(e.what(), "17");
    }
  }
  // The pool still works.
  std::atomic<int> count{0};
  pool.parallel_for(0, 100, 1, [&](int64_t, int64_t) { ++count; });
  EXPECT_EQ(count, 100);
}

TEST(ThreadPool, AnExceptionSkipsWhatIsLeft) {
  ThreadPool pool(2);
  std::atomic<int> count{0};
  EXPECT_THROW(pool.parallel_for(0, 1'000'000, 1,
                                 [&](int64_t i, int64_t) {
                                   ++count;
                                   if (i == 10) throw std::runtime_error("stop");
                                 }),
               std::runtime_error);
  EXPECT_LT(count, 1'000'000);
}

TEST(ThreadPool, AnExceptionFromANestedLoop) {
  ThreadPool pool(3);
  EXPECT_THROW(pool.parallel_for(0, 10, 1,
                                 [&](int64_t, int64_t) {
                                   pool.parallel_for(0, 10, 1,
                                                     [&](int64_t, int64_t) { throw std::runtime_error("deep"); });
                                 }),
               std::runtime_error);
  // Not stuck in the belief that this thread is inside a loop.
  std::set<std::thread::id> ids;
  std::mutex mutex;
  pool.parallel_for(0, 200, 1, [&](int64_t, int64_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::lock_guard lock(mutex);
    ids.insert(std::this_thread::get_id());
  });
  EXPECT_GT(ids.size(), 1u);
}

TEST(ThreadPool, ManyCallersAtOnce) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&, t] {
      for (int round = 0; round < 100; ++round) {
        std::vector<int64_t> squares(300);
        pool.parallel_for(0, 300, 7, [&](int64_t from, int64_t to) {
          for (int64_t i = from; i < to; ++i) squares[static_cast<size_t>(i)] = i * i + t;
        });
        // What the pieces wrote is seen here without further ado.
        int64_t sum = std::accumulate(squares.begin(), squares.end(), int64_t{0});
        if (sum != 8955050 + 300 * t) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ThreadPool, ManyPoolsComeAndGo) {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(1 + i % 4);
    std::atomic<int> count{0};
    if (i % 5 != 0) pool.parallel_for(0, 10, 1, [&](int64_t, int64_t) { ++count; });
    EXPECT_EQ(count, i % 5 != 0 ? 10 : 0);
  }
}

TEST(ThreadPool, RestartsAfterAFork) {
  if (!kForks) GTEST_SKIP();
  ThreadPool pool(3);
  std::atomic<int> count{0};
  pool.parallel_for(0, 100, 1, [&](int64_t, int64_t) { ++count; });
  ASSERT_EQ(count, 100);
  pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);
    std::atomic<int> arrived{0};
    std::atomic<int> in_child{0};
    pool.parallel_for(0, 3, 1, [&](int64_t, int64_t) {
      ++arrived;
      auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (arrived < 3 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
      if (arrived == 3) ++in_child;
    });
    ::_exit(in_child == 3 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  pool.parallel_for(0, 100, 1, [&](int64_t, int64_t) { ++count; });
  EXPECT_EQ(count, 200);
}

class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Environment() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(AvailableProcessors, ObeysTheEnvironment) {
  Environment none("ECOTONE_THREADS", nullptr);
  {
    Environment omp("OMP_NUM_THREADS", "1,4");
    EXPECT_EQ(available_processors(), 1);
    Environment ours("ECOTONE_THREADS", "7");
    EXPECT_EQ(available_processors(), 7);
  }
  Environment omp("OMP_NUM_THREADS", nullptr);
  int plain = available_processors();
  EXPECT_GE(plain, 1);
  for (const char* nonsense : {"", "0", "-3", "many", "4x"}) {
    Environment ours("ECOTONE_THREADS", nonsense);
    EXPECT_EQ(available_processors(), plain) << nonsense;
  }
}

TEST(AvailableProcessors, ObeysTheAffinityMask) {
  Environment none("ECOTONE_THREADS", nullptr);
  Environment omp("OMP_NUM_THREADS", nullptr);
  cpu_set_t old;
  ASSERT_EQ(sched_getaffinity(0, sizeof old, &old), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &old)) {
      CPU_SET(i, &one);
      break;
    }
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available_processors(), 1);
  sched_setaffinity(0, sizeof old, &old);
}

TEST(AvailableProcessors, ReadsCgroups) {
  namespace fs = std::filesystem;
  std::string root = (fs::temp_directory_path() / "ecotone-cgroup-XXXXXX").string();
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  auto put = [&](const char* name, const char* text) {
    fs::create_directories(fs::path(root + name).parent_path());
    std::ofstream(root + name) << text;
  };
  EXPECT_EQ(detail::cgroup_processors(root, "0::/\n"), 0);
  put("/cpu.max", "max 100000\n");
  EXPECT_EQ(detail::cgroup_processors(root, "0::/\n"), 0);
  put("/a/cpu.max", "250000 100000\n");
  put("/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(detail::cgroup_processors(root, "0::/a/b\n"), 2.5);
  put("/a/b/cpu.max", "50000 100000\n");
  EXPECT_EQ(detail::cgroup_processors(root, "0::/a/b\n"), 0.5);
  EXPECT_EQ(detail::cgroup_processors(root, "0::/not/here\n"), 0);
  put("/cpu.max", "300000 100000\n");
  EXPECT_EQ(detail::cgroup_processors(root, "0::/not/here\n"), 3);
  put("/cpu/docker/cpu.cfs_quota_us", "150000\n");
  put("/cpu/docker/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(detail::cgroup_processors(root, "5:memory:/x\n3:cpu,cpuacct:/docker\n"), 1.5);
  put("/cpu/docker/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(detail::cgroup_processors(root, "3:cpu,cpuacct:/docker\n"), 0);
  put("/a/cpu.max", "garbage");
  EXPECT_EQ(detail::cgroup_processors(root, "garbage\n::\n0::/a\n"), 3);
  fs::remove_all(root);
}

}  // namespace
}  // namespace ecotone
