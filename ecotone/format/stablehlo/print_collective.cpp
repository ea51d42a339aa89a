// Exchange between processes and with the host, in generic form.
#include <unordered_map>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/literal.h"
#include "ecotone/format/stablehlo/printer.h"
#include "ecotone/op/collective.h"

namespace ecotone::stablehlo {
namespace {

using namespace ecotone::op;

// name = dense<[[0, 1], [2, 3]]> : tensor<2x2xi64>
std::string rows_text(std::string_view name, const std::vector<std::vector<int64_t>>& rows, size_t width) {
  std::vector<int64_t> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  const Shape shape = {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows.empty() ? width : rows[0].size())};
  return fmt::format("{} = {}", name, tensor_text(Tensor::from(std::span<const int64_t>(flat), shape)));
}

std::string channel_text(int64_t id, int64_t type) {
  return fmt::format(", channel_handle = #stablehlo.channel_handle<handle = {}, type = {}>", id, type);
}

constexpr int64_t kDeviceToDevice = 1;

std::string groups_text(const CollectiveAttributes& a) {
  std::string out = rows_text("replica_groups", a.replica_groups, 0);
  if (a.channel_id) out += channel_text(a.channel_id, kDeviceToDevice);
  if (a.use_global_device_ids) out += ", use_global_device_ids";
  return out;
}

void print_all_gather(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<CollectiveAttributes>();
  f.generic(c, "stablehlo.all_gather", fmt::format("all_gather_dim = {} : i64, {}", a.dimension, groups_text(a)));
}

void print_all_reduce(FunctionPrinter& f, PrintCall& c) {
  f.generic(c, "stablehlo.all_reduce", groups_text(c.get<CollectiveAttributes>()));
}

void print_reduce_scatter(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<CollectiveAttributes>();
  f.generic(c, "stablehlo.reduce_scatter",
            fmt::format("scatter_dimension = {} : i64, {}", a.dimension, groups_text(a)));
}

void print_all_to_all(FunctionPrinter& f, PrintCall& c) {
  CollectiveAttributes a = c.get<CollectiveAttributes>();
  // MLIR's verifier divides by the length of the groups: the one group of all is written out.
  if (a.replica_groups.empty() && a.group_size) {
    constexpr int64_t kMostWritten = 1 << 16;
    if (*a.group_size > kMostWritten) fail_kind(ErrorKind::kUnsupported, "a group of {} processes", *a.group_size);
    auto& all = a.replica_groups.emplace_back();
    for (int64_t i = 0; i < *a.group_size; ++i) all.push_back(i);
    c.mark("ecotone.one_group");
  }
  const int64_t length = a.replica_groups.empty() ? 0 : static_cast<int64_t>(a.replica_groups[0].size());
  f.generic(c, "stablehlo.all_to_all",
            fmt::format("split_dimension = {} : i64, concat_dimension = {} : i64, split_count = {} : i64, {}",
                        a.dimension, a.concat_dimension, a.group_size.value_or(length), groups_text(a)));
}

void print_collective_broadcast(FunctionPrinter& f, PrintCall& c) {
  f.generic(c, "stablehlo.collective_broadcast", groups_text(c.get<CollectiveAttributes>()));
}

void print_collective_permute(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<CollectivePermuteAttributes>();
  std::string properties = rows_text("source_target_pairs", a.source_target_pairs, 2);
  if (a.channel_id) properties += channel_text(a.channel_id, kDeviceToDevice);
  f.generic(c, "stablehlo.collective_permute", properties);
}

void print_feed(FunctionPrinter& f, PrintCall& c) {
  const std::string& name = c.equation.op->name;
  f.generic(c, name, fmt::format("{}_config = {}", name.substr(name.find('.') + 1),
                                 string_text(c.get<TransferAttributes>().config)));
}

void print_transfer(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<TransferAttributes>();
  f.generic(c, c.equation.op->name,
            fmt::format("is_host_transfer = {}{}", a.is_host_transfer, channel_text(a.channel_id, a.channel_type)));
}

}  // namespace

PrintFunction find_collective_printer(std::string_view name) {
  static const std::unordered_map<std::string_view, PrintFunction> table = {
      {"stablehlo.all_gather", print_all_gather},
      {"stablehlo.all_reduce", print_all_reduce},
      {"stablehlo.reduce_scatter", print_reduce_scatter},
      {"stablehlo.all_to_all", print_all_to_all},
      {"stablehlo.collective_broadcast", print_collective_broadcast},
      {"stablehlo.collective_permute", print_collective_permute},
      {"stablehlo.infeed", print_feed},
      {"stablehlo.outfeed", print_feed},
      {"stablehlo.send", print_transfer},
      {"stablehlo.recv", print_transfer},
  };
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace ecotone::stablehlo
