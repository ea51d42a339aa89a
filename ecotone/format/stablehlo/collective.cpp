// Exchange between processes, and with the host.
#include <unordered_map>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/import.h"
#include "ecotone/op/collective.h"

namespace ecotone::stablehlo {
namespace {

using Values = std::vector<ValueId>;

// dense<[[0, 1], [2, 3]]>, or a list of lists, as rows.
std::vector<std::vector<int64_t>> rows(OpCall& c, std::string_view name) {
  const syntax::Attribute* a = c.find(name);
  std::vector<std::vector<int64_t>> rows;
  if (!a) return rows;
  if (a->kind == syntax::Attribute::Kind::kTensor) {
    const Tensor t = dense_tensor(*a);
    if (is_integer(t.dtype()) && t.rank() == 2) {
      const std::vector<int64_t> flat = t.to_ints();
      for (int64_t r = 0; t.size() && r < t.shape()[0]; ++r)
        rows.emplace_back(flat.begin() + r * t.shape()[1], flat.begin() + (r + 1) * t.shape()[1]);
      return rows;
    }
  }
  c.importer.fail_at(a->at, fmt::format("{}: '{}' must be dense<...> : tensor<NxMxi64>", c.op.name, name));
}

int64_t channel_id(OpCall& c) {
  const syntax::Attribute* handle = c.find("channel_handle");
  const syntax::Attribute* id = handle ? handle->find("handle") : nullptr;
  return id ? id->integer : 0;
}

op::CollectiveAttributes collective(OpCall& c) {
  op::CollectiveAttributes a;
  a.replica_groups = rows(c, "replica_groups");
  a.channel_id = channel_id(c);
  a.use_global_device_ids = c.flag("use_global_device_ids", false);
  return a;
}

// How many processes a group has, where the groups' own length does not say it: whole / part.
std::optional<int64_t> group_size(OpCall& c, const op::CollectiveAttributes& a, int64_t whole, int64_t part) {
  if (whole <= 0 || part <= 0 || whole % part) return std::nullopt;
  const bool said = !a.replica_groups.empty() && static_cast<int64_t>(a.replica_groups[0].size()) == whole / part;
  if (c.operands.empty() || said) return std::nullopt;
  return whole / part;
}

// The sizes of dimension d in the text's types of the first operand and result; 0 where open.
std::pair<int64_t, int64_t> sizes_of(OpCall& c, int64_t d) {
  const TensorType operand = tensor(c.operand_type(0));
  if (c.op.result_types.empty() || d < 0 || d >= operand.rank()) return {0, 0};
  const std::vector<int64_t>& result = c.op.result_types[0]->shape;
  const auto i = static_cast<size_t>(d);
  return {operand.shape[i].as_constant().value_or(0), i < result.size() ? result[i] : 0};
}

Values read_all_gather(OpCall& c) {
  op::CollectiveAttributes a = collective(c);
  a.dimension = c.integer("all_gather_dim");
  const auto [part, whole] = sizes_of(c, a.dimension);
  a.group_size = group_size(c, a, whole, part);
  return c.add(op::all_gather(), make_attributes(std::move(a)));
}

// Scalars of an operand's type, twice: what the region combines.
Region combiner(OpCall& c) {
  const Type scalar = TensorType{tensor(c.operand_type(0)).dtype, {}};
  return c.region(0, std::vector<Type>{scalar, scalar});
}

Values read_all_reduce(OpCall& c) {
  op::CollectiveAttributes a = collective(c);
  Region region = combiner(c);
  return c.add(op::all_reduce(), make_attributes(std::move(a)), {std::move(region)});
}

Values read_reduce_scatter(OpCall& c) {
  c.expect_operands(1);
  op::CollectiveAttributes a = collective(c);
  a.dimension = c.integer("scatter_dimension");
  const auto [whole, part] = sizes_of(c, a.dimension);
  a.group_size = group_size(c, a, whole, part);
  Region region = combiner(c);
  return c.add(op::reduce_scatter(), make_attributes(std::move(a)), {std::move(region)});
}

Values read_all_to_all(OpCall& c) {
  op::CollectiveAttributes a = collective(c);
  a.dimension = c.integer("split_dimension");
  a.concat_dimension = c.integer("concat_dimension");
  if (c.find("ecotone.one_group")) a.replica_groups.clear();  // of all processes, as no groups say
  a.group_size = group_size(c, a, c.integer("split_count"), 1);
  return c.add(op::all_to_all(), make_attributes(std::move(a)));
}

Values read_collective_broadcast(OpCall& c) {
  return c.add(op::collective_broadcast(), make_attributes(collective(c)));
}

Values read_collective_permute(OpCall& c) {
  op::CollectivePermuteAttributes a;
  a.source_target_pairs = rows(c, "source_target_pairs");
  a.channel_id = channel_id(c);
  return c.add(op::collective_permute(), make_attributes(std::move(a)));
}

op::TransferAttributes transfer(OpCall& c) {
  op::TransferAttributes a;
  if (const syntax::Attribute* handle = c.find("channel_handle")) {
    const syntax::Attribute* type = handle->find("type");
    a.channel_id = channel_id(c);
    a.channel_type = type ? type->integer : 0;
  }
  a.is_host_transfer = c.flag("is_host_transfer", false);
  a.config = c.text(c.op.name == "stablehlo.infeed" ? "infeed_config" : "outfeed_config", "");
  return a;
}

// All results but the last, a token.
Values read_take(OpCall& c) {
  op::TransferAttributes a = transfer(c);
  for (size_t i = 0; i + 1 < c.op.result_types.size(); ++i) a.results.push_back(c.declared(i));
  return c.add(c.op.name == "stablehlo.infeed" ? op::infeed() : op::recv(), make_attributes(std::move(a)));
}

Values read_give(OpCall& c) {
  return c.add(c.op.name == "stablehlo.outfeed" ? op::outfeed() : op::send(), make_attributes(transfer(c)));
}

}  // namespace

OpReader find_collective_reader(std::string_view name) {
  static const std::unordered_map<std::string_view, OpReader> map = {
      {"stablehlo.all_gather", read_all_gather},
      {"stablehlo.all_reduce", read_all_reduce},
      {"stablehlo.reduce_scatter", read_reduce_scatter},
      {"stablehlo.all_to_all", read_all_to_all},
      {"stablehlo.collective_broadcast", read_collective_broadcast},
      {"stablehlo.collective_permute", read_collective_permute},
      {"stablehlo.infeed", read_take},
      {"stablehlo.recv", read_take},
      {"stablehlo.outfeed", read_give},
      {"stablehlo.send", read_give},
  };
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second;
}

}  // namespace ecotone::stablehlo
