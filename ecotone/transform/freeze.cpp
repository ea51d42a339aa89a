#include "ecotone/transform/freeze.h"

#include "ecotone/base/error.h"
#include "ecotone/ir/builder.h"
#include "ecotone/op/shape.h"

namespace ecotone::transform {
namespace {

// The Program in a new Builder, its inputs the same and its parameters as `parameter` makes them; returns what each of
// its values became.
template <class MakeParameter>
std::vector<ValueId> rebuild(Builder& b, const Program& p, MakeParameter parameter) {
  std::vector<Dim> symbols;
  for (const SymbolInfo& s : p.symbols()) symbols.push_back(b.symbol(s.name, s.min, s.max));
  std::vector<ValueId> inputs, parameters;
  for (const Input& i : p.inputs()) inputs.push_back(b.input(i.name, i.type, i.annotations));
  for (const Parameter& q : p.parameters()) parameters.push_back(parameter(q));
  std::vector<ValueId> values = b.inline_values(p, inputs, parameters, symbols);
  for (const auto& [value, name] : p.value_names()) b.name_value(values[value], name);
  return values;
}

}  // namespace

ProgramRef freeze(const Program& program) {
  Builder b(program.name());
  std::string missing;
  for (const Parameter& p : program.parameters())
    if (!p.value) missing += (missing.empty() ? "" : ", ") + p.name;
  if (!missing.empty()) fail("parameters without a value can't become constants: {}", missing);
  const auto values = rebuild(b, program, [&](const Parameter& p) {
    const LocationScope scope(b, derived_location("freeze", named_location(p.name)));
    return op::constant(b, p.value->plain());
  });
  for (const Output& o : program.outputs()) b.output(o.name, values[o.value]);
  for (const Alias& a : program.aliases()) b.alias(a.input, a.output);
  return std::move(b).build();
}

ProgramRef with_outputs(const Program& program, std::span<const Output> outputs) {
  Builder b(program.name());
  const auto values = rebuild(b, program, [&](const Parameter& p) { return b.parameter(p.name, p.type, p.value, p.annotations); });
  for (const Output& o : outputs) b.output(o.name, values.at(o.value));
  return std::move(b).build();
}

}  // namespace ecotone::transform
