#include "ecotone/base/thread_pool.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"

namespace ecotone {
namespace {

constexpr int kMostThreads = 1024;

std::optional<int> positive_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  char* end = nullptr;
  long value = std::strtol(text, &end, 10);
  // OMP_NUM_THREADS may be a list, one number a nesting level.
  if (end == text || (*end != '\0' && *end != ',') || value < 1) return std::nullopt;
  return static_cast<int>(std::min<long>(value, kMostThreads));
}

std::optional<std::string> read_if_there(const std::string& path) {
  try {
    return read_text_file(path, 1 << 16);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// "max 100000" or "150000 100000" (version 2).
double quota_v2(const std::string& folder) {
  std::optional<std::string> text = read_if_there(folder + "/cpu.max");
  if (!text || text->starts_with("max")) return 0;
  char* rest = nullptr;
  double quota = std::strtod(text->c_str(), &rest);
  double period = std::strtod(rest, nullptr);
  return quota > 0 && period > 0 ? quota / period : 0;
}

double quota_v1(const std::string& folder) {
  std::optional<std::string> quota = read_if_there(folder + "/cpu.cfs_quota_us");
  std::optional<std::string> period = read_if_there(folder + "/cpu.cfs_period_us");
  if (!quota || !period) return 0;
  double q = std::strtod(quota->c_str(), nullptr);
  double p = std::strtod(period->c_str(), nullptr);
  return q > 0 && p > 0 ? q / p : 0;
}

// Threads do not survive a fork: a pool made before it is recognized by its generation.
std::atomic<int> fork_generation{0};

void watch_forks() {
  static std::once_flag once;
  std::call_once(
      once, [] { pthread_atfork(nullptr, nullptr, [] { fork_generation.fetch_add(1, std::memory_order_relaxed); }); });
}

thread_local bool inside_loop = false;

class InsideLoop {
 public:
  InsideLoop() { inside_loop = true; }
  ~InsideLoop() { inside_loop = false; }
  InsideLoop(const InsideLoop&) = delete;
  InsideLoop& operator=(const InsideLoop&) = delete;
};

}  // namespace

namespace detail {

struct Loop {
  int64_t begin;
  int64_t end;
  int64_t grain;
  int64_t pieces;
  const ThreadPool::Body* body;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;  // guards the two below
  int64_t failed_piece = 0;
  std::exception_ptr exception;
  int helpers = 0;  // guarded by the pool's mutex

  bool has_work() const { return next.load(std::memory_order_relaxed) < pieces && !failed.load(); }

  // A piece, once claimed, always runs: then the first piece that throws is the same in every run.
  void work() {
    InsideLoop inside;
    while (!failed.load(std::memory_order_relaxed)) {
      int64_t piece = next.fetch_add(1, std::memory_order_relaxed);
      if (piece >= pieces) return;
      // Unsigned, since piece * grain may not fit; begin plus it does.
      auto from = static_cast<int64_t>(static_cast<uint64_t>(begin) +
                                       static_cast<uint64_t>(piece) * static_cast<uint64_t>(grain));
      int64_t to = piece + 1 == pieces ? end : from + grain;
      try {
        (*body)(from, to);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!exception || piece < failed_piece) {
          exception = std::current_exception();
          failed_piece = piece;
        }
        failed.store(true);
      }
    }
  }
};

double cgroup_processors(const std::string& root, std::string_view membership) {
  double limit = 0;
  auto lower = [&](double quota) {
    if (quota > 0) limit = limit > 0 ? std::min(limit, quota) : quota;
  };
  while (!membership.empty()) {
    std::string_view line = membership.substr(0, membership.find('\n'));
    membership.remove_prefix(std::min(membership.size(), line.size() + 1));
    size_t first = line.find(':');
    size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string path(line.substr(second + 1));
    // Every ancestor's quota holds. In a container the path may be the host's, and then only the root exists.
    if (controllers.empty()) {
      while (true) {
        lower(quota_v2(root + (path == "/" ? "" : path)));
        if (path.empty() || path == "/") break;
        path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
      }
    } else if (controllers == "cpu" || controllers.starts_with("cpu,") || controllers.ends_with(",cpu") ||
               controllers.find(",cpu,") != std::string_view::npos) {
      for (const char* mount : {"/cpu", "/cpu,cpuacct"}) {
        const std::string folder = root + mount;
        lower(quota_v1(folder));
        lower(quota_v1(folder + path));
      }
    }
  }
  return limit;
}

}  // namespace detail

int available_processors() {
  if (std::optional<int> forced = positive_from_environment("ECOTONE_THREADS")) return *forced;
  int count = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0 && CPU_COUNT(&mask) > 0) count = CPU_COUNT(&mask);
  if (std::optional<std::string> membership = read_if_there("/proc/self/cgroup")) {
    double quota = detail::cgroup_processors("/sys/fs/cgroup", *membership);
    if (quota > 0) count = std::min(count, std::max(1, static_cast<int>(std::ceil(quota))));
  }
  if (std::optional<int> most = positive_from_environment("OMP_NUM_THREADS")) count = std::min(count, *most);
  return std::clamp(count, 1, kMostThreads);
}

struct ThreadPool::State {
  const int generation = fork_generation.load(std::memory_order_relaxed);
  std::mutex mutex;
  std::condition_variable wake;    // a loop arrived, or stop
  std::condition_variable helped;  // a helper left a loop
  std::list<detail::Loop*> loops;
  bool stop = false;
  std::vector<std::thread> workers;  // started under the mutex, by the first loop

  detail::Loop* find_work() {
    for (detail::Loop* loop : loops) {
      if (loop->has_work()) return loop;
    }
    return nullptr;
  }

  void serve() {
    std::unique_lock lock(mutex);
    while (true) {
      detail::Loop* loop = nullptr;
      wake.wait(lock, [&] { return stop || (loop = find_work()) != nullptr; });
      if (stop) return;
      ++loop->helpers;
      lock.unlock();
      loop->work();
      lock.lock();
      if (--loop->helpers == 0) helped.notify_all();
    }
  }

  void start(int count) {
    while (static_cast<int>(workers.size()) < count) {
      try {
        workers.emplace_back([this] { serve(); });
      } catch (const std::system_error&) {
        return;  // no more threads to be had: the ones there are do it
      }
    }
  }
};

ThreadPool::ThreadPool(int threads) : threads_(std::clamp(threads, 1, kMostThreads)) {}

ThreadPool::~ThreadPool() {
  State* state = state_.load();
  if (state == nullptr) return;
  // In a forked child the workers are gone and the locks in an unknown state: leave it all.
  if (state->generation != fork_generation.load()) return;
  {
    std::lock_guard lock(state->mutex);
    state->stop = true;
  }
  state->wake.notify_all();
  for (std::thread& worker : state->workers) worker.join();
  delete state;
}

ThreadPool& ThreadPool::global() {
  // Never destroyed: other static objects may still run loops while the process ends.
  static ThreadPool* pool = new ThreadPool(available_processors());
  return *pool;
}

ThreadPool::State* ThreadPool::state() {
  State* current = state_.load(std::memory_order_acquire);
  if (current != nullptr && current->generation == fork_generation.load(std::memory_order_relaxed)) return current;
  watch_forks();
  auto* fresh = new State;
  if (state_.compare_exchange_strong(current, fresh, std::memory_order_acq_rel)) return fresh;
  delete fresh;
  return current;
}

void ThreadPool::parallel_for(int64_t begin, int64_t end, int64_t grain, const Body& body) {
  if (begin >= end) return;
  grain = std::max<int64_t>(grain, 1);
  // Unsigned, since end - begin may not fit.
  uint64_t span = static_cast<uint64_t>(end) - static_cast<uint64_t>(begin);
  uint64_t pieces = span / static_cast<uint64_t>(grain) + (span % static_cast<uint64_t>(grain) != 0);
  if (pieces == 1) return body(begin, end);
  if (inside_loop || threads_ == 1) {
    for (int64_t from = begin;;) {
      // end - from may not fit either, but a piece does.
      bool last = static_cast<uint64_t>(end) - static_cast<uint64_t>(from) <= static_cast<uint64_t>(grain);
      body(from, last ? end : from + grain);
      if (last) return;
      from += grain;
    }
  }

  detail::Loop loop;
  loop.begin = begin;
  loop.end = end;
  loop.grain = grain;
  loop.pieces = static_cast<int64_t>(std::min<uint64_t>(pieces, INT64_MAX));
  loop.body = &body;
  State* state = this->state();
  int wanted = static_cast<int>(std::min<int64_t>(threads_ - 1, loop.pieces - 1));
  std::list<detail::Loop*>::iterator place;
  {
    std::lock_guard lock(state->mutex);
    state->start(wanted);
    place = state->loops.insert(state->loops.end(), &loop);
  }
  for (int i = 0; i < wanted; ++i) state->wake.notify_one();
  loop.work();
  {
    std::unique_lock lock(state->mutex);
    state->loops.erase(place);
    state->helped.wait(lock, [&] { return loop.helpers == 0; });
  }
  if (loop.exception) std::rethrow_exception(loop.exception);
}

}  // namespace ecotone
