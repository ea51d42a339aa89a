// Exchange between processes, and with the host. Types are inferred for any number of processes; evaluation is that of
// a single one (replica 0 of partition 0), whose groups are its own: a group that names another process, like infeed,
// outfeed, send and recv, is an Error (kUnsupported).
#pragma once

#include <span>

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct CollectiveAttributes {
  int64_t dimension = 0;         // all_gather, reduce_scatter: along which; all_to_all: which is split
  int64_t concat_dimension = 0;  // all_to_all
  std::vector<std::vector<int64_t>> replica_groups;  // of equal length; -1 pads; none: all processes in one group
  // Processes in a group, where sizes depend on it (split_count of all_to_all); absent: the groups' length.
  std::optional<int64_t> group_size;
  int64_t channel_id = 0;
  bool use_global_device_ids = false;
  static constexpr const char* kName = "collective";
  static constexpr auto kFields =
      std::tuple{Field{"dimension", &CollectiveAttributes::dimension},
                 Field{"concat_dimension", &CollectiveAttributes::concat_dimension},
                 Field{"replica_groups", &CollectiveAttributes::replica_groups},
                 Field{"group_size", &CollectiveAttributes::group_size},
                 Field{"channel_id", &CollectiveAttributes::channel_id},
                 Field{"use_global_device_ids", &CollectiveAttributes::use_global_device_ids}};
};
// N operands; result i joins operand i of the group's processes along `dimension`.
const Op& all_gather();
// N operands of any shapes; result i combines operand i of the group's processes by the region (x, y) -> one scalar.
const Op& all_reduce();
// One operand: as all_reduce, of which each process keeps its part along `dimension`.
const Op& reduce_scatter();
// N operands, cut in group_size parts along `dimension`; part i goes to process i, which joins what it gets along
// concat_dimension.
const Op& all_to_all();
// One operand; the result is that of the group's first process, and zeros in processes of no group.
const Op& collective_broadcast();

struct CollectivePermuteAttributes {
  std::vector<std::vector<int64_t>> source_target_pairs;
  int64_t channel_id = 0;
  static constexpr const char* kName = "collective_permute";
  static constexpr auto kFields =
      std::tuple{Field{"source_target_pairs", &CollectivePermuteAttributes::source_target_pairs},
                 Field{"channel_id", &CollectivePermuteAttributes::channel_id}};
};
// One operand; the result is the source's, and zeros where a process is no pair's target.
const Op& collective_permute();

// ui32 scalars, without operands: 0 for a single process.
const Op& partition_id();
ValueId partition_id(Builder& b);
const Op& replica_id();
ValueId replica_id(Builder& b);

struct TransferAttributes {
  std::vector<TensorType> results;  // infeed, recv
  std::string config;               // infeed_config, outfeed_config; kept
  int64_t channel_id = 0, channel_type = 0;
  bool is_host_transfer = false;
  static constexpr const char* kName = "transfer";
  static constexpr auto kFields = std::tuple{
      Field{"results", &TransferAttributes::results}, Field{"config", &TransferAttributes::config},
      Field{"channel_id", &TransferAttributes::channel_id}, Field{"channel_type", &TransferAttributes::channel_type},
      Field{"is_host_transfer", &TransferAttributes::is_host_transfer}};
};
// infeed, recv: a token -> `results`, then a token. outfeed, send: tensors, then a token -> a token.
const Op& infeed();
const Op& outfeed();
const Op& send();
const Op& recv();

}  // namespace ecotone::op
