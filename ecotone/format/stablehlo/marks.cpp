// Lines that our printer writes around StableHLO's operations, and says so by attributes:
//   ecotone.size = "2*n,3"       holds these sizes: a scalar, or a vector of them
//   ecotone.helper               says nothing by itself: its result stands for its first operand, if that is a value
//   ecotone.assume = "n,m"       compares the two, which are taken to be equal
//   ecotone.dim_value            a size, as a value
//   ecotone.symbol = ["k", 0, 9] introduces a size from data: take_prefix, size_from
#include <fmt/format.h>

#include "ecotone/format/stablehlo/import.h"
#include "ecotone/op/shape.h"

namespace ecotone::stablehlo {
namespace {

std::string_view only_result(const OpCall& c) {
  if (c.op.results.size() != 1 || c.op.results[0].count != 1) c.fail_here("is marked as a size, but is not one value");
  const std::string_view name = c.op.results[0].name;
  if (c.frame.names.contains(name) || c.frame.sizes.contains(name))
    c.importer.fail_at(c.op.results[0].at, fmt::format("%{} is defined twice", name));
  return name;
}

void read_helper(OpCall& c) {
  const std::string_view name = only_result(c);
  if (!c.op.operands.empty())
    if (const auto value = c.frame.names.find(c.op.operands[0].name);
        value != c.frame.names.end() && c.op.operands[0].index < value->second.size() &&
        value->second[c.op.operands[0].index] != kNoValue) {
      const ValueId id = value->second[c.op.operands[0].index];
      c.frame.names.emplace(name, std::vector{id});
      return;
    }
  c.frame.sizes.emplace(name, std::vector<Dim>{});
}

Dim read_symbol(OpCall& c, const syntax::Attribute& a) {
  if (a.items.size() != 3 || a.items[0].text.empty())
    c.importer.fail_at(a.at, "ecotone.symbol is [name, least size, greatest size]");
  const int64_t min = a.items[1].integer, max = a.items[2].integer;
  if (min < 0 || min > max) c.importer.fail_at(a.at, fmt::format("a size can't be in [{}, {}]", min, max));
  const Dim size = c.b().symbol(a.items[0].text, min, max);
  c.frame.symbols.emplace_back(a.items[0].text, size);
  return size;
}

}  // namespace

bool read_mark(OpCall& c, std::vector<ValueId>& results) {
  if (const syntax::Attribute* sizes = c.find("ecotone.size")) {
    const std::string_view name = only_result(c);
    c.frame.sizes.emplace(name, c.importer.parse_sizes(c.frame, *sizes));
    return true;
  }
  if (c.find("ecotone.helper")) {
    read_helper(c);
    return true;
  }
  if (const syntax::Attribute* assume = c.find("ecotone.assume")) {
    const std::vector<Dim> sides = c.importer.parse_sizes(c.frame, *assume);
    if (sides.size() != 2) c.importer.fail_at(assume->at, "ecotone.assume is two sizes");
    c.frame.sizes.emplace(only_result(c), std::vector<Dim>{});
    c.b().assume_equal(sides[0], sides[1]);
    return true;
  }
  const bool is_value = c.find("ecotone.dim_value");
  const syntax::Attribute* symbol = c.find("ecotone.symbol");
  if (!is_value && !symbol) return false;
  c.importer.find_operands(c);
  if (is_value) {
    c.expect_operands(1);
    const std::vector<Dim>* size = c.sizes(0);
    if (!size || size->size() != 1) c.fail_here("ecotone.dim_value needs an operand that is marked as one size");
    results = c.add(op::dim_value(), make_attributes(op::DimValueAttributes{(*size)[0], c.declared_dtype()}),
                    std::vector<ValueId>{});
  } else if (c.op.name == "stablehlo.set_dimension_size") {
    const op::SymbolAttributes a{c.integer("dimension"), read_symbol(c, *symbol)};
    results = c.add(op::take_prefix(), make_attributes(a));
  } else if (c.op.name == "stablehlo.convert") {
    results = c.add(op::size_from(), make_attributes(op::SymbolAttributes{0, read_symbol(c, *symbol)}));
  } else {
    c.fail_here("can't introduce a size");
  }
  return true;
}

}  // namespace ecotone::stablehlo
