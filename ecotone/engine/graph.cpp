#include "ecotone/engine/graph.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "ecotone/ir/location.h"

namespace ecotone::engine {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMostNodes = 60, kMostEntries = 200;

std::string short_name(const Op& op) {
  for (const std::string_view prefix : {"stablehlo.", "ecotone.", "chlo."})
    if (op.name.starts_with(prefix)) return op.name.substr(prefix.size());
  return op.name;
}

// Constants have no operands: a drawing is clearer without them.
bool is_drawn(const Equation& e) {
  return !e.operands.empty();
}

ordered_json nodes_json(const Program& p) {
  ordered_json nodes = ordered_json::array();
  std::vector<int> node_of(p.value_count(), -1);
  auto add = [&](const std::string& op, std::string_view name, std::span<const ValueId> operands) {
    std::vector<int> from;
    for (ValueId v : operands)
      if (node_of[v] >= 0 && std::find(from.begin(), from.end(), node_of[v]) == from.end()) from.push_back(node_of[v]);
    nodes.push_back({{"op", op}, {"name", name}, {"from", from}});
    return static_cast<int>(nodes.size()) - 1;
  };
  for (size_t i = 0; i < p.inputs().size(); ++i) node_of[p.input_value(i)] = add("input", p.inputs()[i].name, {});
  for (const Equation& e : p.equations()) {
    if (!is_drawn(e)) continue;
    const int node = add(short_name(*e.op), location_str(e.location), e.operands);
    for (uint32_t r = 0; r < e.result_count; ++r) node_of[e.first_result + r] = node;
  }
  for (const Output& o : p.outputs()) add("output", o.name, std::span(&o.value, 1));
  return nodes;
}

bool is_contraction(const Op& op) {
  return op.name == "stablehlo.convolution" || op.name == "stablehlo.dot_general";
}

// The names with what repeats written once: at each place the period that covers most.
ordered_json chain_json(const Program& p) {
  constexpr size_t kLongestPeriod = 40;
  std::vector<std::string> names;
  for (const Equation& e : p.equations())
    if (e.op->is_composite() || is_contraction(*e.op)) names.push_back(short_name(*e.op));
  ordered_json chain = ordered_json::array();
  for (size_t i = 0; i < names.size() && chain.size() < kMostEntries;) {
    size_t period = 1, times = 1;
    for (size_t l = 1; l <= kLongestPeriod && i + 2 * l <= names.size(); ++l) {
      size_t same = 0;
      while (i + l + same < names.size() && names[i + same] == names[i + l + same]) ++same;
      const size_t n = 1 + same / l;
      if (n > 1 && n * l > period * times) period = l, times = n;
    }
    chain.push_back({{"ops", std::vector(names.begin() + static_cast<std::ptrdiff_t>(i),
                                         names.begin() + static_cast<std::ptrdiff_t>(i + period))},
                     {"times", times}});
    i += period * times;
  }
  return chain;
}

}  // namespace

ordered_json graph_json(const Program& p) {
  ordered_json j{{"inputs", ordered_json::array()}, {"outputs", ordered_json::array()}};
  for (const Input& i : p.inputs().first(std::min(p.inputs().size(), kMostEntries)))
    j["inputs"].push_back({{"name", i.name}, {"type", str(i.type, p.symbols())}});
  for (const Output& o : p.outputs().first(std::min(p.outputs().size(), kMostEntries)))
    j["outputs"].push_back({{"name", o.name}, {"type", str(p.type(o.value), p.symbols())}});
  int64_t bytes = 0;
  for (const Parameter& x : p.parameters()) bytes += x.value ? static_cast<int64_t>(x.value->bytes().size()) : 0;
  j["equations"] = p.equations().size(), j["parameters"] = p.parameters().size(), j["parameter_bytes"] = bytes;
  std::map<std::string, int> ops;
  for (const Equation& e : p.equations()) ++ops[short_name(*e.op)];
  j["ops"] = ops;
  const auto drawn = static_cast<size_t>(std::count_if(p.equations().begin(), p.equations().end(), is_drawn));
  if (p.inputs().size() + drawn + p.outputs().size() <= kMostNodes)
    j["nodes"] = nodes_json(p);
  else
    j["chain"] = chain_json(p);
  return j;
}

}  // namespace ecotone::engine
