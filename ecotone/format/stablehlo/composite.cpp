// Calls and composites.
#include <algorithm>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/import.h"
#include "ecotone/op/control.h"
#include "ecotone/op/table.h"

namespace ecotone::stablehlo {
namespace {

bool equal_programs(const Program& a, const Program& b, int depth);

bool equal_equations(const Equation& a, const Equation& b, int depth) {
  if (a.op != b.op || a.operands != b.operands || a.capture_count != b.capture_count ||
      a.first_result != b.first_result || a.result_count != b.result_count || a.regions.size() != b.regions.size())
    return false;
  // A call's name says nothing.
  if (a.op != &op::call() && !(a.attributes == b.attributes)) return false;
  for (size_t i = 0; i < a.regions.size(); ++i)
    if (!(a.regions[i].dim_args == b.regions[i].dim_args) ||
        !equal_programs(*a.regions[i].body, *b.regions[i].body, depth + 1))
      return false;
  return true;
}

// Equal but for names and locations.
bool equal_programs(const Program& a, const Program& b, int depth) {
  constexpr int kMostNested = 64;
  if (&a == &b) return true;
  if (depth > kMostNested || a.inputs().size() != b.inputs().size() || a.parameters().size() != b.parameters().size() ||
      a.equations().size() != b.equations().size() || a.outputs().size() != b.outputs().size() ||
      a.value_count() != b.value_count())
    return false;
  for (ValueId v = 0; v < a.value_count(); ++v)
    if (a.type(v) != b.type(v)) return false;
  for (size_t i = 0; i < a.equations().size(); ++i)
    if (!equal_equations(a.equations()[i], b.equations()[i], depth)) return false;
  for (size_t i = 0; i < a.outputs().size(); ++i)
    if (a.outputs()[i].value != b.outputs()[i].value) return false;
  return true;
}

const syntax::Function& callee_of(OpCall& c, std::string_view attribute) {
  const std::string name = c.text(attribute, "");
  const syntax::Function* callee = c.importer.find_function(name);
  if (!callee) c.fail_here(fmt::format("there is no function @{} in this file", name));
  if (!callee->has_body) c.fail_here(fmt::format("the function @{} is declared but has no body", name));
  if (callee->body.arguments.size() != c.operands.size())
    c.fail_here(fmt::format("@{} takes {} arguments, but {} are given", name, callee->body.arguments.size(),
                            c.operands.size()));
  return *callee;
}

std::vector<ValueId> call_function(OpCall& c, const syntax::Function& callee) {
  for (size_t i = 0; i < c.operands.size(); ++i) {
    const syntax::Argument& a = callee.body.arguments[i];
    if (a.type->is_dynamic()) continue;
    const Type type = to_type(*a.type, false, nullptr, c.importer.place(a.at));
    const Type& given = c.b().type(c.operands[i]);
    // A size that is symbolic here may be fixed by the callee.
    bool fits = is_token(type) == is_token(given);
    if (fits && !is_token(type)) {
      const TensorType &t = tensor(type), &g = tensor(given);
      fits = t.dtype == g.dtype && t.shape.size() == g.shape.size();
      for (size_t d = 0; fits && d < t.shape.size(); ++d) {
        fits = !g.shape[d].is_constant() || g.shape[d] == t.shape[d];
        if (fits) c.b().assume_equal(g.shape[d], t.shape[d]);
      }
    }
    if (!fits)
      c.fail_here(fmt::format("argument {} of @{} is {}, but {} is given", i, callee.name, a.type->str(),
                              str(given, c.b().symbols())));
  }
  // Sizes, and tensors that shapes follow from, are known to the caller alone.
  if (c.importer.is_dynamic(callee) || (c.importer.module_is_dynamic() && follows_sizes(c)))
    return c.importer.inline_call(c.frame, callee, c.operands, c.op.at);
  const ProgramRef body = c.importer.function(callee, false);
  return c.add(op::call(), make_attributes(op::CallAttributes{callee.name}), {Region{body, {}}});
}

// Whether our own meaning of the composite is what the file says it is.
bool means_the_same(OpCall& c, const Op& definition, const Attributes& attributes, const syntax::Function& callee) {
  if (c.importer.is_dynamic(callee) || (c.importer.module_is_dynamic() && follows_sizes(c))) return false;
  std::vector<Type> types;
  for (const ValueId v : c.operands) types.push_back(c.b().type(v));
  for (const Type& t : types)
    if (!is_token(t) && !tensor(t).is_static()) return false;
  ProgramRef ours;
  try {
    ours = composite_body(definition, attributes, types, c.b().symbols()).body;
  } catch (const Error&) {
    return false;  // does not take these operands
  }
  return equal_programs(*ours, *c.importer.function(callee, false), 0);
}

// ecotone.scan: its region is a function of the file.
std::vector<ValueId> read_scan(OpCall& c, const DynamicAttributes& given, const syntax::Attribute& dictionary) {
  const syntax::Attribute* body = dictionary.find("body");
  const syntax::Function* callee = body ? c.importer.find_function(body->text) : nullptr;
  if (!callee) c.fail_here("ecotone.scan needs 'body', the name of a function in this file");
  DynamicAttributes own;
  size_t captures = 0;
  for (const auto& [key, value] : given.entries) {
    if (key == "capture_count")
      captures = static_cast<size_t>(std::max<int64_t>(dictionary.find(key)->integer, 0));
    else if (key != "body")
      own.set(key, value);
  }
  if (captures > c.operands.size()) c.fail_here("ecotone.scan has more captures than operands");
  const std::span<const ValueId> all(c.operands);
  const size_t declared = all.size() - captures;
  return c.b().add(op::scan(), attributes_from_dynamic(op::scan().attributes, own), all.first(declared),
                   {Region{c.importer.function(*callee, false), {}}}, all.subspan(declared));
}

}  // namespace

std::vector<ValueId> read_call(OpCall& c) {
  return call_function(c, callee_of(c, "callee"));
}

std::vector<ValueId> read_composite(OpCall& c) {
  const std::string name = c.text("name", "");
  c.integer("version", 0);
  const syntax::Function& callee = callee_of(c, "decomposition");
  const syntax::Attribute* dictionary = c.find("composite_attributes");
  static const syntax::Attribute kNone;
  const Op* definition = op::find(name);
  if (!definition) return call_function(c, callee);
  DynamicAttributes given;
  for (const auto& [key, value] : (dictionary ? *dictionary : kNone).entries) given.set(key, to_value(value));
  // A dynamic scan's function has sizes that only the call tells.
  if (name == "ecotone.scan" && dictionary && !c.importer.module_is_dynamic()) return read_scan(c, given, *dictionary);
  // CHLO's operations, and our primitives that StableHLO lacks, are trusted by name; what else has a body must have
  // ours.
  const bool trusted = name.starts_with("chlo.") || name == "ecotone.quantize" || name == "ecotone.dequantize";
  if (!trusted && !definition->is_composite()) return call_function(c, callee);
  Attributes attributes;
  try {
    attributes = attributes_from_dynamic(definition->attributes, given);
  } catch (const Error&) {
    return call_function(c, callee);  // another's composite of the same name
  }
  if (!trusted && !means_the_same(c, *definition, attributes, callee)) return call_function(c, callee);
  return c.add(*definition, std::move(attributes));
}

}  // namespace ecotone::stablehlo
