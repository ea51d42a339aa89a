#include "ecotone/op/table.h"

#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "ecotone/base/error.h"

namespace ecotone::op {
namespace {

struct Table {
  std::mutex mutex;
  std::vector<const Op*> ops;
  std::deque<Op> registered;
  std::unordered_map<std::string_view, const Op*> by_name;

  Table() {
    for (auto family : {elementwise_ops, convert_ops, shape_ops, index_ops, reduce_ops, contract_ops, control_ops,
                        random_ops, linalg_ops, batch_norm_ops, collective_ops, quantize_ops, chlo_ops, composite_ops})
      for (const Op* op : family()) {
        ops.push_back(op);
        if (!by_name.emplace(op->name, op).second) fail_kind(ErrorKind::kInternal, "two ops are named '{}'", op->name);
      }
  }

  static Table& instance() {
    static Table* table = new Table;  // never destroyed: Programs point into it
    return *table;
  }
};

}  // namespace

std::span<const Op* const> all_ops() {
  return Table::instance().ops;
}

const Op* find(std::string_view name) {
  Table& table = Table::instance();
  std::lock_guard lock(table.mutex);
  auto it = table.by_name.find(name);
  return it == table.by_name.end() ? nullptr : it->second;
}

const Op& register_op(Op op) {
  if (!op.evaluate && !op.body) fail("op '{}' has neither an evaluation nor a body", op.name);
  Table& table = Table::instance();
  std::lock_guard lock(table.mutex);
  if (table.by_name.contains(op.name)) fail("an op named '{}' exists already", op.name);
  const Op& kept = table.registered.emplace_back(std::move(op));
  table.by_name.emplace(kept.name, &kept);
  return kept;
}

}  // namespace ecotone::op
