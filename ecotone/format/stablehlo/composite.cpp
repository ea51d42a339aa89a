// Calls and composites.
#include <algorithm>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/import.h"
#include "ecotone/op/control.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/table.h"

namespace ecotone::stablehlo {
namespace {

const syntax::Function& function_named(OpCall& c, std::string_view name) {
  const syntax::Function* f = c.importer.find_function(name);
  if (!f) c.fail_here(fmt::format("there is no function @{} in this file", name));
  if (!f->has_body) c.fail_here(fmt::format("the function @{} is declared but has no body", name));
  return *f;
}

const syntax::Function& callee_of(OpCall& c, std::string_view attribute) {
  const syntax::Function& callee = function_named(c, c.text(attribute, ""));
  if (callee.body.arguments.size() != c.operands.size())
    c.fail_here(fmt::format("@{} takes {} arguments, but {} are given", callee.name, callee.body.arguments.size(),
                            c.operands.size()));
  return callee;
}

// Sizes that are appended for functions which can't find them are no operands of the Program's call.
void drop_sizes(OpCall& c, const syntax::Function& callee) {
  std::vector<ValueId> values;
  for (size_t i = 0; i < c.operands.size(); ++i)
    if (!syntax::find(callee.body.arguments[i].attributes, "ecotone.dim")) values.push_back(c.value(i));
  c.operands = std::move(values);
}

size_t symbol_count(const syntax::Function& f) {
  const syntax::Attribute* symbols = syntax::find(f.attributes, "ecotone.symbols");
  return symbols ? symbols->items.size() : 0;
}

Region region_of(OpCall& c, const syntax::Function& f, std::vector<Dim> dim_args) {
  if (dim_args.size() != symbol_count(f))
    c.fail_here(fmt::format("@{} has {} symbols, but {} sizes are given", f.name, symbol_count(f), dim_args.size()));
  return {c.importer.function(f, false), std::move(dim_args)};
}

std::vector<ValueId> call_function(OpCall& c, const syntax::Function& callee) {
  for (size_t i = 0; i < c.operands.size(); ++i) {
    const syntax::Argument& a = callee.body.arguments[i];
    if (c.operands[i] == kNoValue) continue;
    // A size that is symbolic here may be fixed by the callee.
    if (!c.importer.fits(c.frame, *a.type, c.operand_type(i), true))
      c.fail_here(fmt::format("argument {} of @{} is {}, but {} is given", i, callee.name, a.type->str(),
                              str(c.operand_type(i), c.b().symbols())));
  }
  // Sizes, and tensors that shapes follow from, are known to the caller alone.
  if (c.importer.depends_on_caller(c, callee))
    return c.importer.inline_call(c.frame, callee, c.operands, c.op.at);
  drop_sizes(c, callee);
  std::vector<Dim> dim_args;
  if (const syntax::Attribute* sizes = c.find("ecotone.dim_args")) dim_args = c.importer.parse_sizes(c.frame, *sizes);
  return c.add(op::call(), make_attributes(op::CallAttributes{callee.name}), {region_of(c, callee, dim_args)});
}

// Whether our own meaning of the composite is what the file says it is.
bool means_the_same(OpCall& c, const Op& definition, const Attributes& attributes, const syntax::Function& callee) {
  if (c.importer.depends_on_caller(c, callee)) return false;
  std::vector<Type> types;
  for (size_t i = 0; i < c.operands.size(); ++i) types.push_back(c.operand_type(i));
  const auto is_open = [](const Type& t) { return !is_token(t) && !tensor(t).is_static(); };
  if (!c.importer.says_sizes() && std::any_of(types.begin(), types.end(), is_open)) return false;
  ProgramRef ours;
  try {
    ours = composite_body(definition, attributes, types, c.b().symbols()).body;
  } catch (const Error&) {
    return false;  // does not take these operands
  }
  return c.importer.is_same(*ours, *c.importer.function(callee, false));
}

// A function that an entry of the attributes names, with the sizes that its symbols stand for. Both entries go.
Region take_function(OpCall& c, DynamicAttributes& attributes, const std::string& key) {
  const AttributeValue* name = attributes.find(key);
  const auto* text = name ? std::get_if<std::string>(&name->value) : nullptr;
  if (!text) c.fail_here(fmt::format("'{}' must be the name of a function in this file", key));
  const syntax::Function& f = function_named(c, *text);
  std::vector<Dim> dim_args;
  const std::string sizes_key = key + "_dim_args";
  if (const AttributeValue* sizes = attributes.find(sizes_key)) {
    const auto* list = std::get_if<AttributeList>(&sizes->value);
    for (const AttributeValue& v : list ? *list : AttributeList{}) {
      const auto* dim = std::get_if<Dim>(&v.value);
      if (!dim) c.fail_here(fmt::format("'{}' must be a list of sizes", sizes_key));
      dim_args.push_back(*dim);
    }
  }
  Region region = region_of(c, f, std::move(dim_args));
  std::erase_if(attributes.entries, [&](const auto& e) { return e.first == key || e.first == sizes_key; });
  return region;
}

// Ops whose regions are functions of the file: ecotone.scan, ecotone.custom_derivative, a window of open size.
std::vector<ValueId> read_with_functions(OpCall& c, const Op& definition, DynamicAttributes attributes,
                                         std::initializer_list<const char*> keys) {
  size_t captures = 0;
  if (const AttributeValue* count = attributes.find("capture_count"))
    if (const auto* n = std::get_if<int64_t>(&count->value)) captures = static_cast<size_t>(std::max<int64_t>(*n, 0));
  if (captures > c.operands.size()) c.fail_here(fmt::format("{} has more captures than operands", definition.name));
  std::erase_if(attributes.entries, [](const auto& e) { return e.first == "capture_count"; });
  std::vector<Region> regions;
  for (const char* key : keys) regions.push_back(take_function(c, attributes, key));
  const std::span<const ValueId> all(c.operands);
  return c.add_capturing(definition, attributes_from_dynamic(definition.attributes, attributes),
                         all.first(all.size() - captures), std::move(regions), all.last(captures));
}

// An op of ours that the text names; the function says what it means to others.
std::vector<ValueId> read_named(OpCall& c, const std::string& name, const syntax::Attribute* dictionary,
                                const syntax::Function& callee) {
  const Op* definition = op::find(name);
  if (!definition) return call_function(c, callee);
  DynamicAttributes given;
  if (dictionary)
    for (const auto& [key, value] : dictionary->entries)
      given.entries.emplace_back(key, c.importer.with_sizes(c.frame, to_value(value), value.at));
  // A function with open sizes is read apart from its caller only where it says what they are.
  const bool has_functions = definition == &op::scan() || definition == &op::custom_derivative() ||
                             (definition == &op::reduce_window() && given.find("region"));
  if (has_functions && dictionary && !c.importer.depends_on_caller(c, callee)) {
    drop_sizes(c, callee);
    if (definition == &op::scan()) return read_with_functions(c, *definition, std::move(given), {"body"});
    if (definition == &op::reduce_window()) return read_with_functions(c, *definition, std::move(given), {"region"});
    return read_with_functions(c, *definition, std::move(given), {"primal", "derivative"});
  }
  // CHLO's operations, and our primitives that StableHLO lacks, are trusted by name; what else has a body must have
  // ours.
  const bool trusted = name.starts_with("chlo.") || name == "ecotone.quantize" || name == "ecotone.dequantize" ||
                       name == "stablehlo.rng" || name == "stablehlo.dynamic_slice" ||
                       name == "stablehlo.reduce_window" || name == "stablehlo.rng_bit_generator";
  if (!trusted && !definition->is_composite()) return call_function(c, callee);
  Attributes attributes;
  try {
    attributes = attributes_from_dynamic(definition->attributes, given);
  } catch (const Error&) {
    return call_function(c, callee);  // another's composite of the same name
  }
  const std::vector<ValueId> all = c.operands;
  if (c.importer.says_sizes()) drop_sizes(c, callee);
  if (trusted || means_the_same(c, *definition, attributes, callee)) return c.add(*definition, std::move(attributes));
  c.operands = all;
  return call_function(c, callee);
}

}  // namespace

std::vector<ValueId> read_call(OpCall& c) {
  const syntax::Function& callee = callee_of(c, "callee");
  if (const std::string name = c.text("ecotone.op", ""); !name.empty())
    return read_named(c, name, c.find("ecotone.attributes"), callee);
  return call_function(c, callee);
}

std::vector<ValueId> read_composite(OpCall& c) {
  const std::string name = c.text("name", "");
  c.integer("version", 0);
  const syntax::Function& callee = callee_of(c, "decomposition");
  return read_named(c, name, c.find("composite_attributes"), callee);
}

}  // namespace ecotone::stablehlo
