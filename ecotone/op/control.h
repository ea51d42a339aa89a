// Control flow, calls, tokens and what only marks.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct CallAttributes {
  std::string callee;
  static constexpr const char* kName = "call";
  static constexpr auto kFields = std::tuple{Field{"callee", &CallAttributes::callee}};
};
// One region, the shared sub-Program, run on the operands. Named "ecotone.call".
const Op& call();
std::vector<ValueId> call(Builder& b, ProgramRef callee, std::span<const ValueId> args, std::vector<Dim> dim_args = {});

// Operand: bool scalar. Regions then, else: () -> results, seeing only captures.
const Op& if_();
std::vector<ValueId> if_(Builder& b, ValueId pred, Region on_true, Region on_false,
                         std::span<const ValueId> captures = {});
// Operand: i32 scalar; an index outside [0, N) takes the last region.
const Op& case_();
std::vector<ValueId> case_(Builder& b, ValueId index, std::vector<Region> branches,
                           std::span<const ValueId> captures = {});
// Operands: the carried values. Regions cond: carried -> bool scalar; body: carried -> carried.
const Op& while_();
std::vector<ValueId> while_(Builder& b, std::span<const ValueId> carried, Region cond, Region body,
                            std::span<const ValueId> captures = {});

struct ScanAttributes {
  Dim length;               // trip count
  int64_t carry_count = 0;  // the first operands; the others are scanned along their dimension 0
  bool reverse = false;     // from the last entry to the first; outputs are stacked at the same index
  static constexpr const char* kName = "scan";
  static constexpr auto kFields =
      std::tuple{Field{"length", &ScanAttributes::length}, Field{"carry_count", &ScanAttributes::carry_count},
                 Field{"reverse", &ScanAttributes::reverse}};
};
// As jax.lax.scan. Region: (carries, slices, captures) -> (carries, outputs). Results: final carries, stacked outputs.
// Named "ecotone.scan".
const Op& scan();
std::vector<ValueId> scan(Builder& b, std::span<const ValueId> carries, std::span<const ValueId> scanned, Dim length,
                          Region body, bool reverse = false, std::span<const ValueId> captures = {});

struct CustomDerivativeAttributes {
  std::string name;
  static constexpr const char* kName = "custom_derivative";
  static constexpr auto kFields = std::tuple{Field{"name", &CustomDerivativeAttributes::name}};
};
// Regions: primal, and its user-given derivative (jvp). Evaluates the primal. Named "ecotone.custom_derivative".
const Op& custom_derivative();

// All operands unchanged.
const Op& optimization_barrier();
// A token after all the token operands.
const Op& after_all();
ValueId after_all(Builder& b, std::span<const ValueId> tokens);

struct CustomCallAttributes {
  std::string target;
  bool has_side_effect = false;
  DynamicAttributes config;         // backend_config and what else the call carried
  std::vector<TensorType> results;  // but for tokens
  std::vector<int64_t> tokens;      // which results are tokens, ascending
  static constexpr const char* kName = "custom_call";
  static constexpr auto kFields = std::tuple{
      Field{"call_target_name", &CustomCallAttributes::target},
      Field{"has_side_effect", &CustomCallAttributes::has_side_effect}, Field{"config", &CustomCallAttributes::config},
      Field{"results", &CustomCallAttributes::results}, Field{"tokens", &CustomCallAttributes::tokens}};
};
// Somebody else's operation. Evaluates targets that only annotate their operand; any other is an Error (kUnsupported).
const Op& custom_call();
// Whether that is so of the target.
bool is_annotation_target(std::string_view target);

}  // namespace ecotone::op
