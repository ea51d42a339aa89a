#include "ecotone/engine/machine.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string cpuinfo_field(const std::string& key) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.rfind(key, 0) == 0)
      if (const size_t colon = line.find(':'); colon != std::string::npos && colon + 2 <= line.size())
        return line.substr(colon + 2);
  return "";
}

std::vector<std::string> vector_units() {
  std::string flags = cpuinfo_field("flags");
  if (flags.empty()) flags = cpuinfo_field("Features");  // AArch64
  static const std::set<std::string> known = {
      "sse4_2",   "avx",      "avx2",        "fma",         "f16c",        "avx_vnni", "avx512f",  "avx512bw",
      "avx512vl", "avx512dq", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
      "asimd",    "asimdhp",  "asimddp",     "i8mm",        "bf16",        "sve",      "sve2",     "sme"};
  std::vector<std::string> units;
  std::istringstream words(flags);
  for (std::string w; words >> w;)
    if (known.contains(w)) units.push_back(w);
  return units;
}

std::vector<Cache> read_caches() {
  std::vector<Cache> caches;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/devices/system/cpu/cpu0/cache", error)) {
    if (entry.path().filename().string().rfind("index", 0) != 0) continue;
    Cache c{};
    c.level = static_cast<int>(std::strtol(first_line(entry.path() / "level").c_str(), nullptr, 10));
    c.type = first_line(entry.path() / "type");
    const std::string size = first_line(entry.path() / "size");
    c.bytes = std::strtoll(size.c_str(), nullptr, 10) * (size.ends_with("K")   ? 1024
                                                         : size.ends_with("M") ? 1024 * 1024
                                                                               : 1);
    const std::string map = first_line(entry.path() / "shared_cpu_map");
    for (char digit : map)
      if (std::isxdigit(static_cast<unsigned char>(digit)))
        c.shared_by += __builtin_popcount(static_cast<unsigned>(std::stoi(std::string(1, digit), nullptr, 16)));
    caches.push_back(c);
  }
  std::sort(caches.begin(), caches.end(),
            [](const Cache& a, const Cache& b) { return std::pair(a.level, a.type) < std::pair(b.level, b.type); });
  return caches;
}

std::optional<double> cgroup_quota() {
  std::istringstream v2(first_line("/sys/fs/cgroup/cpu.max"));
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period && quota != "max" && period > 0) return std::strtod(quota.c_str(), nullptr) / period;
  return std::nullopt;
}

std::vector<std::string> find_gpus() {
  std::vector<std::string> gpus;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc/driver/nvidia/gpus", error)) {
    std::ifstream in(entry.path() / "information");
    for (std::string line; std::getline(in, line);)
      if (line.rfind("Model:", 0) == 0) {
        const std::string name = line.substr(std::min(line.find_first_not_of(" \t", 6), line.size()));
        gpus.push_back(name.starts_with("NVIDIA") ? name : "NVIDIA " + name);
      }
  }
  for (const auto& entry : fs::directory_iterator("/sys/class/drm", error)) {
    const std::string name = entry.path().filename().string(), vendor = first_line(entry.path() / "device/vendor");
    if (name.rfind("renderD", 0) != 0) continue;
    if (vendor == "0x1002") gpus.push_back("AMD GPU (" + name + ")");
    if (vendor == "0x8086") gpus.push_back("Intel GPU (" + name + ")");
  }
  return gpus;
}

// Twelve independent chains of 16 floats keep two 512-bit FMA units of four cycles' latency busy, and spill nowhere.
#if defined(__x86_64__)
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
double fma_chains(int64_t rounds) {
  typedef float Vector __attribute__((vector_size(64)));
  Vector a[12], m, b;
  for (int i = 0; i < 16; ++i) m[i] = 0.999f, b[i] = 0.001f;
  for (Vector& v : a) v = b;
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int c = 0; c < 12; ++c)
      for (int i = 0; i < 16; ++i) a[c][i] = __builtin_fmaf(a[c][i], m[i], b[i]);
  }
  double sum = 0;
  for (const Vector& v : a)
    for (int i = 0; i < 16; ++i) sum += static_cast<double>(v[i]);
  return sum;
}

template <class F>
double best_seconds(int threads, int repeats, F&& work) {
  double best = 1e9;
  for (int r = 0; r < repeats; ++r) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back([&work, t] { work(t); });
    work(0);
    for (std::thread& t : others) t.join();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

volatile double sink;  // keeps what is measured from being removed

}  // namespace

Machine describe_machine() {
  Machine m;
  utsname u{};
  uname(&u);
  m.architecture = u.machine;
  m.system = std::string(u.sysname) + " " + u.release;
  m.cpu = cpuinfo_field("model name");
  if (m.cpu.empty()) m.cpu = "unknown";
  m.units = vector_units();
  m.caches = read_caches();
  m.online = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  cpu_set_t set;
  CPU_ZERO(&set);
  m.usable = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : m.online;
  m.quota = cgroup_quota();
  if (m.quota) m.usable = std::max(1, std::min(m.usable, static_cast<int>(*m.quota + 0.999)));
  m.memory_bytes = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  m.gpus = find_gpus();
  return m;
}

Measured measure_machine(int threads) {
  constexpr int64_t kRounds = 2'000'000;
  constexpr double kOperations = kRounds * 12.0 * 16 * 2;
  constexpr size_t kWords = size_t{32} << 20;  // 256 MiB of u64
  Measured result;
  auto chains = [](int) { sink = fma_chains(kRounds); };
  result.f32_fma_gflops_one = kOperations / best_seconds(1, 5, chains) / 1e9;
  result.f32_fma_gflops_all = threads * kOperations / best_seconds(threads, 5, chains) / 1e9;
  std::vector<std::unique_ptr<uint64_t[]>> blocks;
  for (int t = 0; t < threads; ++t) {
    blocks.push_back(std::make_unique<uint64_t[]>(kWords));
    std::fill_n(blocks.back().get(), kWords, 1);
  }
  auto read = [&](int t) {
    const uint64_t* p = blocks[static_cast<size_t>(t)].get();
    uint64_t sums[8] = {};
    for (size_t i = 0; i < kWords; i += 8)
      for (size_t k = 0; k < 8; ++k) sums[k] += p[i + k];
    sink = static_cast<double>(sums[0] + sums[3] + sums[7]);
  };
  const double bytes = kWords * 8.0;
  result.read_gb_per_s_one = bytes / best_seconds(1, 4, read) / 1e9;
  result.read_gb_per_s_all = threads * bytes / best_seconds(threads, 4, read) / 1e9;
  return result;
}

}  // namespace ecotone::engine
