#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace ecotone {

/// How many processors this process may use, at least 1: the affinity mask, lowered by the cgroup's quota (rounded
/// up). ECOTONE_THREADS, when set, is the answer instead; OMP_NUM_THREADS, when set, is an upper bound.
int available_processors();

/// Threads that share loops. Threads start at the first loop that is worth it, and again after a fork.
/// Any number of threads may call parallel_for at once.
class ThreadPool {
 public:
  using Body = std::function<void(int64_t begin, int64_t end)>;

  /// A pool that runs loops on `threads` threads, the calling one included; at least 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// The process's pool of available_processors() threads.
  static ThreadPool& global();

  int threads() const { return threads_; }

  /// Calls body for [begin, begin + grain), [begin + grain, begin + 2 grain), ... and the rest, on this thread and the
  /// pool's, and returns when all are done. The pieces depend on the arguments alone, never on the number of threads. A
  /// loop inside a loop runs on its own thread. When bodies throw, the exception of the first piece (in index order)
  /// that threw is rethrown here, and pieces not yet begun are skipped.
  void parallel_for(int64_t begin, int64_t end, int64_t grain, const Body& body);

 private:
  struct State;
  State* state();

  int threads_;
  std::atomic<State*> state_{nullptr};
};

namespace detail {
/// The number of processors that the cgroup files below `root` (as /sys/fs/cgroup) grant to a process whose
/// /proc/self/cgroup reads `membership`; 0 when there is no limit. Versions 1 and 2.
double cgroup_processors(const std::string& root, std::string_view membership);
}  // namespace detail

}  // namespace ecotone
