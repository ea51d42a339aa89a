// What this machine is, read from the system and measured.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ecotone::engine {

struct Cache {
  int level;
  std::string type;  // "Data", "Instruction", "Unified"
  int64_t bytes;
  int shared_by;  // how many logical processors
};

struct Machine {
  std::string cpu, architecture, system;
  std::vector<std::string> units;  // vector and matrix units: "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", ...
  std::vector<Cache> caches;
  int online = 0, usable = 0;   // logical processors; those that affinity and quota leave us
  std::optional<double> quota;  // of CPUs, from the control group
  int64_t memory_bytes = 0;
  std::vector<std::string> gpus;
};
Machine describe_machine();

struct Measured {
  double f32_fma_gflops_one = 0, f32_fma_gflops_all = 0;  // two operations a multiply-add
  double read_gb_per_s_one = 0, read_gb_per_s_all = 0;    // from memory, over 256 MiB a thread
};
// Takes about two seconds. Best of several short runs each: a peak is what the hardware can do.
Measured measure_machine(int threads);

}  // namespace ecotone::engine
