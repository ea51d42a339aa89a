// Programs as functions: names, regions, calls. What single ops look like stands in print_ops.cpp.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/literal.h"
#include "ecotone/format/stablehlo/printer.h"
#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/op/shape.h"

namespace ecotone::stablehlo {
namespace {

constexpr int kDeepest = 200;  // regions within regions

std::string join_types(std::span<const Type> types) {
  std::string out;
  for (size_t i = 0; i < types.size(); ++i) {
    if (i) out += ", ";
    append_type(out, types[i]);
  }
  return out;
}

std::string join_names(std::span<const std::string> names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

// Argument attributes: what the type can't say.
std::string argument_attributes(const std::string& name, std::string_view expected_name, const Type& type,
                                std::span<const SymbolInfo> symbols, bool is_parameter) {
  std::string out;
  const auto add = [&](std::string_view key, const std::string& value) {
    out += fmt::format("{}ecotone.{} = {}", out.empty() ? " {" : ", ", key, value);
  };
  if (name != expected_name) add("name", string_text(name));
  if (is_parameter) add("kind", "\"parameter\"");
  if (!is_token(type) && !tensor(type).is_static()) {
    std::string shape;
    for (const Dim& d : tensor(type).shape) shape += (shape.empty() ? "" : ",") + d.str(symbols);
    add("shape", string_text(shape));
  }
  return out;
}

void append_annotations(std::string& attributes, const std::shared_ptr<const DynamicAttributes>& annotations,
                        std::span<const SymbolInfo> symbols) {
  if (!annotations) return;
  for (const auto& [key, value] : annotations->entries) {
    if (key.find('.') == std::string::npos || key.starts_with("ecotone.") || key.starts_with("sdy.")) continue;
    attributes += (attributes.empty() ? " {" : ", ") + key_text(key) + " = " + attribute_text(value, symbols);
  }
}

}  // namespace

// Modules -------------------------------------------------------------------------------------------------------------

std::string ModulePrinter::unique_name(std::string_view hint) {
  const std::string base = hint.empty() ? "function" : std::string(hint);
  std::string name = base;
  for (size_t i = names_.size(); !names_.insert(name).second; ++i) name = base + "_" + std::to_string(i);
  return name;
}

std::string ModulePrinter::function_of(const Region& region, std::string_view hint) {
  std::vector<Dim> dim_args;
  std::vector<int64_t> key;
  for (const Dim& d : region.dim_args) {
    dim_args.push_back(d.is_constant() ? d : Dim::symbol(0));
    key.push_back(d.is_constant() ? d.constant() : std::numeric_limits<int64_t>::min());
  }
  auto& name = functions_[{region.body.get(), std::move(key)}];
  if (name.empty()) {
    name = unique_name(hint.empty() ? region.body->name() : hint);
    pending_.push_back({region.body, std::move(dim_args), name});
  }
  return name;
}

std::string ModulePrinter::function_of(const std::string& key, std::string_view hint,
                                       const std::function<ProgramRef()>& make) {
  auto& name = made_[key];
  if (name.empty()) {
    name = unique_name(hint);
    ProgramRef body = make();
    std::vector<Dim> dim_args(body->symbols().size(), Dim::symbol(0));
    pending_.push_back({std::move(body), std::move(dim_args), name});
  }
  return name;
}

void ModulePrinter::add(const Program& program, std::string_view name, bool is_public) {
  FunctionPrinter(*this, text_).print(program, name, is_public, {});
}

void ModulePrinter::print_pending() {
  while (!pending_.empty()) {
    const Pending next = std::move(pending_.front());
    pending_.pop_front();
    FunctionPrinter(*this, text_).print(*next.body, next.name, false, next.dim_args);
    kept_.push_back(next.body);
  }
}

std::string ModulePrinter::finish(std::string_view module_name) && {
  const std::string head =
      module_name.empty() ? std::string("module {\n") : fmt::format("module {} {{\n", symbol_text(module_name));
  return head + text_ + "}\n";
}

// Functions -----------------------------------------------------------------------------------------------------------

Dim FunctionPrinter::map(const Scope& scope, const Dim& d) const {
  if (d.is_constant() || scope.identity) return d;
  return d.map_symbols([&](SymbolId s) { return scope.dims[s]; });
}

Type FunctionPrinter::map(const Scope& scope, const Type& t) const {
  if (is_token(t) || scope.identity || std::get<TensorType>(t).is_static()) return t;
  TensorType mapped = std::get<TensorType>(t);
  for (Dim& d : mapped.shape) d = map(scope, d);
  return mapped;
}

void FunctionPrinter::print(const Program& p, std::string_view name, bool is_public, std::span<const Dim> dim_args) {
  Scope scope{p, std::vector<std::string>(p.value_count()), {}, true};
  for (SymbolId s = 0; s < p.symbols().size(); ++s) {
    if (s < dim_args.size() && dim_args[s].is_constant()) {
      scope.dims.push_back(dim_args[s]);
    } else {
      scope.dims.push_back(Dim::symbol(static_cast<SymbolId>(symbols_.size())));
      symbols_.push_back(p.symbols()[s]);
    }
    scope.identity = scope.identity && scope.dims.back() == Dim::symbol(s);
  }
  indent();
  out_ += fmt::format("func.func {} {}(", is_public ? "public" : "private", symbol_text(name));
  const size_t argument_count = p.inputs().size() + p.parameters().size();
  for (size_t i = 0; i < argument_count; ++i) {
    const bool is_parameter = i >= p.inputs().size();
    const auto v = static_cast<ValueId>(i);
    const Type type = map(scope, p.type(v));
    const std::string& given = is_parameter ? p.parameters()[i - p.inputs().size()].name : p.inputs()[i].name;
    std::string attributes = argument_attributes(given, fmt::format("arg{}", i), type, symbols_, is_parameter);
    append_annotations(attributes,
                       is_parameter ? p.parameters()[i - p.inputs().size()].annotations : p.inputs()[i].annotations,
                       symbols_);
    if (is_public)
      for (const Alias& a : p.aliases())
        if (a.input == i)
          attributes += fmt::format("{}tf.aliasing_output = {} : i32", attributes.empty() ? " {" : ", ", a.output);
    if (!attributes.empty()) attributes += '}';
    scope.names[v] = fmt::format("%arg{}", i);
    note_sizes(scope.names[v], type);
    out_ += fmt::format("{}{}: {}{}", i ? ", " : "", scope.names[v], type_text(type), attributes);
  }
  out_ += ')';
  std::vector<Type> types;
  std::string results;
  for (size_t i = 0; i < p.outputs().size(); ++i) {
    types.push_back(map(scope, p.type(p.outputs()[i].value)));
    std::string attributes =
        is_public ? argument_attributes(p.outputs()[i].name, fmt::format("out{}", i), types[i], symbols_, false) : "";
    if (!attributes.empty()) attributes += '}';
    results += (i ? ", " : "") + type_text(types[i]) + attributes;
  }
  if (!types.empty()) out_ += fmt::format(" -> ({})", results);
  out_ += " {\n";
  ++depth_;
  assumptions(scope);
  equations(scope);
  indent();
  out_ += "return";
  for (size_t i = 0; i < types.size(); ++i) out_ += (i ? ", " : " ") + scope.names[p.outputs()[i].value];
  if (!types.empty()) out_ += " : " + join_types(types);
  out_ += '\n';
  --depth_;
  indent();
  out_ += "}\n";
}

void FunctionPrinter::equations(Scope& scope) {
  for (const Equation& e : scope.program.equations()) {
    try {
      equation(scope, e);
    } catch (const Error& error) {
      throw error.with_context(fmt::format("{} ({})", location_str(e.location), e.op->name));
    }
  }
}

void FunctionPrinter::equation(Scope& scope, const Equation& e) {
  PrintCall call{scope, e, e.attributes, {}, {}, {}};
  if (!scope.identity) call.attributes = e.attributes.map_dims([&](const Dim& d) { return map(scope, d); });
  for (ValueId v : e.operands) {
    call.operands.push_back(scope.names[v]);
    call.operand_types.push_back(map(scope, scope.program.type(v)));
  }
  for (uint32_t i = 0; i < e.result_count; ++i)
    call.result_types.push_back(map(scope, scope.program.type(e.first_result + i)));
  const PrintFunction print = print_function(*e.op);
  if (!print) fail_kind(ErrorKind::kUnsupported, "this operation has no StableHLO text");
  print(*this, call);
  for (uint32_t i = 0; i < e.result_count; ++i) note_sizes(scope.names[e.first_result + i], call.result_types[i]);
}

void FunctionPrinter::region(const Region& r, Scope& parent, std::span<const std::string> captures) {
  if (depth_ > kDeepest) fail_kind(ErrorKind::kUnsupported, "regions are nested more than {} deep", kDeepest);
  const Program& p = *r.body;
  Scope scope{p, std::vector<std::string>(p.value_count()), {}, p.symbols().empty()};
  for (SymbolId s = 0; s < p.symbols().size(); ++s) {
    if (s < r.dim_args.size()) {
      scope.dims.push_back(map(parent, r.dim_args[s]));
    } else {
      scope.dims.push_back(Dim::symbol(static_cast<SymbolId>(symbols_.size())));
      symbols_.push_back(p.symbols()[s]);
    }
  }
  if (captures.size() > p.inputs().size()) fail("a region has fewer inputs than captures");
  const size_t own = p.inputs().size() - captures.size(), sources = sources_.size(), scalars = scalars_.size();
  ++depth_;
  out_ += "{\n";
  if (own) {
    indent();
    out_ += "^bb0(";
    for (size_t i = 0; i < own; ++i) {
      scope.names[i] = fresh();
      const Type type = map(scope, p.type(static_cast<ValueId>(i)));
      note_sizes(scope.names[i], type);
      out_ += fmt::format("{}{}: {}", i ? ", " : "", scope.names[i], type_text(type));
    }
    out_ += "):\n";
  }
  for (size_t i = 0; i < captures.size(); ++i) scope.names[own + i] = captures[i];
  ++depth_;
  equations(scope);
  std::vector<Type> types;
  indent();
  out_ += "stablehlo.return";
  for (size_t i = 0; i < p.outputs().size(); ++i) {
    const ValueId v = p.outputs()[i].value;
    types.push_back(map(scope, p.type(v)));
    out_ += (i ? ", " : " ") + scope.names[v];
  }
  if (!types.empty()) out_ += " : " + join_types(types);
  out_ += '\n';
  depth_ -= 2;
  indent();
  out_ += '}';
  sources_.erase(sources_.begin() + static_cast<std::ptrdiff_t>(sources), sources_.end());
  scalars_.erase(scalars_.begin() + static_cast<std::ptrdiff_t>(scalars), scalars_.end());
}

void FunctionPrinter::regions(PrintCall& call) {
  const auto captures = std::span(call.operands).last(call.equation.capture_count);
  out_ += " (";
  for (size_t i = 0; i < call.equation.regions.size(); ++i) {
    if (i) out_ += ", ";
    region(call.equation.regions[i], call.scope, captures);
  }
  out_ += ')';
}

void FunctionPrinter::combiner(std::string_view op, std::span<const Type> types) {
  std::vector<std::string> x, y, made;
  for (size_t i = 0; i < types.size(); ++i) x.push_back(fresh());
  for (size_t i = 0; i < types.size(); ++i) y.push_back(fresh());
  out_ += " ({\n";
  ++depth_;
  indent();
  out_ += "^bb0(";
  for (const auto* names : {&x, &y})
    for (size_t i = 0; i < types.size(); ++i)
      out_ += fmt::format("{}{}: {}", names == &y || i ? ", " : "", (*names)[i], type_text(types[i]));
  out_ += "):\n";
  ++depth_;
  for (size_t i = 0; i < types.size(); ++i)
    made.push_back(line(fmt::format("{} {}, {} : {}", op, x[i], y[i], type_text(types[i]))));
  indent();
  out_ += fmt::format("stablehlo.return {} : {}\n", join_names(made), join_types(types));
  depth_ -= 2;
  indent();
  out_ += "})";
}

// Lines ---------------------------------------------------------------------------------------------------------------

void FunctionPrinter::begin_results(PrintCall& call) {
  indent();
  const uint32_t count = call.equation.result_count;
  if (count == 0) return;
  const std::string name = fresh();
  out_ += name;
  for (uint32_t i = 0; i < count; ++i)
    call.scope.names[call.equation.first_result + i] = count == 1 ? name : fmt::format("{}#{}", name, i);
  if (count > 1) out_ += fmt::format(":{}", count);
  out_ += " = ";
}

void FunctionPrinter::finish_types(std::span<const Type> operands, std::span<const Type> results) {
  out_ += " : (";
  for (size_t i = 0; i < operands.size(); ++i) {
    if (i) out_ += ", ";
    append_type(out_, operands[i]);
  }
  out_ += results.size() == 1 ? ") -> " : ") -> (";
  for (size_t i = 0; i < results.size(); ++i) {
    if (i) out_ += ", ";
    append_type(out_, results[i]);
  }
  out_ += results.size() == 1 ? "\n" : ")\n";
}

void FunctionPrinter::generic(PrintCall& call, std::string_view op, std::string_view properties) {
  generic(call, op, properties, std::span(call.operands).first(call.declared_count()),
          std::span(call.operand_types).first(call.declared_count()));
}

void FunctionPrinter::generic(PrintCall& call, std::string_view op, std::string_view properties,
                              std::span<const std::string> operands, std::span<const Type> types) {
  begin_results(call);
  out_ += fmt::format("\"{}\"({})", op, join_names(operands));
  if (!properties.empty()) out_ += fmt::format(" <{{{}}}>", properties);
  if (!call.equation.regions.empty()) regions(call);
  finish_types(types, call.result_types);
}

void FunctionPrinter::pretty(PrintCall& call, std::string_view op, std::string_view suffix) {
  begin_results(call);
  out_ += op;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    out_ += i ? ", " : " ";
    out_ += call.operands[i];
  }
  out_ += suffix;
  finish_types(call.operand_types, call.result_types);
}

void FunctionPrinter::pretty_same(PrintCall& call, std::string_view op, std::string_view suffix) {
  begin_results(call);
  out_ += op;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    out_ += i ? ", " : " ";
    out_ += call.operands[i];
  }
  out_ += suffix;
  out_ += " : ";
  append_type(out_, call.result_types[0]);
  out_ += '\n';
}

std::string FunctionPrinter::line(std::string_view text) {
  indent();
  std::string name = fresh();
  out_ += name;
  out_ += " = ";
  out_ += text;
  out_ += '\n';
  return name;
}

Region PrintCall::mapped_region(size_t i) const {
  Region r = equation.regions[i];
  if (!scope.identity)
    for (Dim& d : r.dim_args) d = d.is_constant() ? d : d.map_symbols([&](SymbolId s) { return scope.dims[s]; });
  return r;
}

void FunctionPrinter::call(PrintCall& call, std::string_view function) {
  begin_results(call);
  out_ += fmt::format("func.call {}({})", symbol_text(function), join_names(call.operands));
  finish_types(call.operand_types, call.result_types);
}

void FunctionPrinter::composite(PrintCall& call, std::string_view decomposition, const std::string& extra_attributes) {
  std::string attributes = dictionary_text(call.attributes.to_dynamic(), symbols_);
  if (!extra_attributes.empty()) {
    attributes.pop_back();
    attributes += (attributes.size() > 1 ? ", " : "") + extra_attributes + "}";
  }
  begin_results(call);
  out_ += fmt::format(
      "\"stablehlo.composite\"({}) <{{name = {}, composite_attributes = {}, decomposition = {}, version = 1 : i32}}>",
      join_names(call.operands), string_text(call.equation.op->name), attributes, symbol_text(decomposition));
  finish_types(call.operand_types, call.result_types);
}

// Entry points --------------------------------------------------------------------------------------------------------

std::string print_program(const Program& program) {
  ModulePrinter printer;
  printer.reserve_name("main");
  printer.add(program, "main", true);
  printer.print_pending();
  return std::move(printer).finish(program.name() == "main" ? "" : program.name());
}

std::string print_module(const Module& module) {
  ModulePrinter printer;
  for (const Function& f : module.functions) printer.reserve_name(f.name);
  for (const Function& f : module.functions) printer.add(*f.program, f.name, f.is_public);
  printer.print_pending();
  return std::move(printer).finish(module.name);
}

}  // namespace ecotone::stablehlo
