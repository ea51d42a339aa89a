// Functions: names, equations, regions. The module around them stands in print_module.cpp, what single ops look like in
// print_ops.cpp.
#include <algorithm>

#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/literal.h"
#include "ecotone/format/stablehlo/printer.h"

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

// Entries of an attribute dictionary.
class Entries {
 public:
  void add(std::string_view key, std::string_view value) {
    if (!text_.empty()) text_ += ", ";
    text_ += key;
    text_ += " = ";
    text_ += value;
  }
  void add(const std::shared_ptr<const DynamicAttributes>& annotations, std::span<const SymbolInfo> symbols) {
    if (!annotations || annotations->empty()) return;
    if (!text_.empty()) text_ += ", ";
    text_ += entries_text(*annotations, symbols);
  }
  // " {a = 1}", or nothing.
  std::string dictionary() const { return text_.empty() ? text_ : " {" + text_ + "}"; }

 private:
  std::string text_;
};

void add_shape(Entries& entries, const Type& type, std::span<const SymbolInfo> symbols) {
  if (!is_token(type) && !tensor(type).is_static())
    entries.add("ecotone.shape", string_text(str(tensor(type).shape, symbols)));
}

}  // namespace

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

// Names in the text are of one function, so each stands for one symbol.
SymbolId FunctionPrinter::add_symbol(SymbolInfo symbol) {
  const std::string base = symbol.name;
  for (size_t i = 1; !symbol_names_.insert(symbol.name).second; ++i) symbol.name = fmt::format("{}_{}", base, i);
  symbols_.push_back(std::move(symbol));
  return static_cast<SymbolId>(symbols_.size() - 1);
}

void FunctionPrinter::print(const Program& p, std::string_view name, bool is_public, bool is_listed,
                            std::span<const Dim> dim_args) {
  is_listed_ = is_listed;
  Scope scope{p, std::vector<std::string>(p.value_count()), {}, true};
  for (SymbolId s = 0; s < p.symbols().size(); ++s) {
    if (s < dim_args.size() && dim_args[s].is_constant()) {
      scope.dims.push_back(dim_args[s]);
    } else {
      if (s < dim_args.size()) ++argument_symbols_;
      own_symbols_.push_back(s);
      scope.dims.push_back(Dim::symbol(add_symbol(p.symbols()[s])));
    }
    scope.identity = scope.identity && scope.dims.back() == Dim::symbol(s);
  }
  std::vector<bool> from_data(symbols_.size(), !is_listed);
  std::fill_n(from_data.begin(), argument_symbols_, false);
  if (is_listed && !symbols_.empty())
    for (const Equation& e : p.equations())
      for (const SymbolId s : introduced_symbols(p, e)) from_data.at(s) = true;
  for (size_t s = 0; s < from_data.size(); ++s)
    if (!from_data[s]) declared_.push_back(symbols_[s]);
  const size_t argument_count = p.inputs().size() + p.parameters().size();
  for (size_t i = 0; i < argument_count; ++i) {
    const auto v = static_cast<ValueId>(i);
    scope.names[v] = fmt::format("%arg{}", i);
    note_sizes(scope.names[v], map(scope, p.type(v)));
  }
  ++depth_;
  assumptions(scope);
  equations(scope);
  indent();
  out_ += "return";
  std::vector<Type> types;
  for (const Output& o : p.outputs()) {
    out_ += (types.empty() ? " " : ", ") + scope.names[o.value];
    types.push_back(map(scope, p.type(o.value)));
  }
  if (!types.empty()) out_ += " : " + join_types(types);
  out_ += '\n';
  --depth_;
  indent();
  out_ += "}\n";
  out_ = header(scope, name, is_public, is_listed) + out_;
}

// Written last: what the body asks for is known only then.
std::string FunctionPrinter::header(const Scope& scope, std::string_view name, bool is_public, bool is_listed) {
  const Program& p = scope.program;
  std::string out = fmt::format("  func.func {} {}(", is_public ? "public" : "private", stablehlo::symbol_text(name));
  const size_t argument_count = p.inputs().size() + p.parameters().size();
  for (size_t i = 0; i < argument_count; ++i) {
    const bool is_parameter = i >= p.inputs().size();
    const auto v = static_cast<ValueId>(i);
    const Type type = map(scope, p.type(v));
    Entries entries;
    if (is_listed) {
      const std::string& given = is_parameter ? p.parameters()[i - p.inputs().size()].name : p.inputs()[i].name;
      if (given != fmt::format("arg{}", i)) entries.add("ecotone.name", string_text(given));
      if (const auto tap = p.value_name(v); !tap.empty()) entries.add("ecotone.tap", string_text(tap));
    }
    if (is_parameter) entries.add("ecotone.kind", "\"parameter\"");
    add_shape(entries, type, symbols_);
    entries.add(is_parameter ? p.parameters()[i - p.inputs().size()].annotations : p.inputs()[i].annotations, symbols_);
    if (is_listed)
      for (const Alias& a : p.aliases())
        if (a.input == i) entries.add("tf.aliasing_output", fmt::format("{} : i32", a.output));
    out += fmt::format("{}{}: {}{}", i ? ", " : "", scope.names[v], type_text(type), entries.dictionary());
  }
  for (size_t i = 0; i < appended_.size(); ++i) {
    Entries entries;
    const auto at = std::find(own_symbols_.begin(), own_symbols_.end(), appended_[i]) - own_symbols_.begin();
    entries.add("ecotone.dim", string_text(Dim::symbol(static_cast<SymbolId>(at)).str(symbols_)));
    out += fmt::format("{}%size{}: tensor<i64>{}", argument_count + i ? ", " : "", i, entries.dictionary());
  }
  out += ')';
  if (!p.outputs().empty()) out += " -> (";
  for (size_t i = 0; i < p.outputs().size(); ++i) {
    const Output& o = p.outputs()[i];
    const Type type = map(scope, p.type(o.value));
    Entries entries;
    if (is_listed) {
      if (o.name != fmt::format("out{}", i)) entries.add("ecotone.name", string_text(o.name));
      add_shape(entries, type, symbols_);
      entries.add(o.annotations, symbols_);
    }
    out += fmt::format("{}{}{}", i ? ", " : "", type_text(type), entries.dictionary());
  }
  if (!p.outputs().empty()) out += ')';
  Entries entries;
  if (!symbols_.empty()) {
    std::string list;
    for (const SymbolInfo& s : declared_)
      list += fmt::format("{}[{}, {} : i64, {} : i64]", list.empty() ? "" : ", ", string_text(s.name), s.min, s.max);
    entries.add("ecotone.symbols", "[" + list + "]");
  }
  if (p.annotations()) {
    DynamicAttributes own = *p.annotations();
    std::erase_if(own.entries, [](const auto& entry) { return entry.first == kModuleKey; });
    entries.add(std::make_shared<const DynamicAttributes>(std::move(own)), symbols_);
  }
  if (const std::string dictionary = entries.dictionary(); !dictionary.empty()) out += " attributes" + dictionary;
  return out + " {\n";
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
  PrintCall call{scope, e, e.attributes, {}, {}, {}, {}};
  if (!scope.identity) call.attributes = e.attributes.map_dims([&](const Dim& d) { return map(scope, d); });
  call.operands.reserve(e.operands.size());
  call.operand_types.reserve(e.operands.size());
  for (ValueId v : e.operands) {
    call.operands.push_back(scope.names[v]);
    call.operand_types.push_back(map(scope, scope.program.type(v)));
  }
  for (uint32_t i = 0; i < e.result_count; ++i)
    call.result_types.push_back(map(scope, scope.program.type(e.first_result + i)));
  const PrintFunction print = print_function(*e.op);
  if (!print) fail_kind(ErrorKind::kUnsupported, "this operation has no StableHLO text");
  location_ = e.location;
  mark_kept(call);
  print(*this, call);
  for (uint32_t i = 0; i < e.result_count; ++i) note_sizes(scope.names[e.first_result + i], call.result_types[i]);
}

// Annotations, and the names that values had.
void FunctionPrinter::mark_kept(PrintCall& call) {
  const Equation& e = call.equation;
  if (e.annotations) call.marks = entries_text(*e.annotations, symbols_);
  const Program& p = call.scope.program;
  if (p.value_names().empty()) return;
  std::string taps;
  bool any = false;
  for (uint32_t i = 0; i < e.result_count; ++i) {
    const std::string_view tap = p.value_name(e.first_result + i);
    any = any || !tap.empty();
    taps += (i ? ", " : "") + string_text(tap);
  }
  if (any) call.mark("ecotone.tap", e.result_count == 1 ? taps : "[" + taps + "]");
}

void PrintCall::mark(std::string_view key, std::string_view value) {
  marks += fmt::format("{}{} = {}", marks.empty() ? "" : ", ", key, value);
}

void FunctionPrinter::region(const Region& r, Scope& parent, std::span<const std::string> captures) {
  if (depth_ > kDeepest) fail_kind(ErrorKind::kUnsupported, "regions are nested more than {} deep", kDeepest);
  const Program& p = *r.body;
  Scope scope{p, std::vector<std::string>(p.value_count()), {}, p.symbols().empty()};
  for (SymbolId s = 0; s < p.symbols().size(); ++s)
    scope.dims.push_back(s < r.dim_args.size() ? map(parent, r.dim_args[s]) : Dim::symbol(add_symbol(p.symbols()[s])));
  const size_t own = p.inputs().size() - captures.size(), sources = source_order_.size(),
               scalars = scalar_order_.size();
  const LocationId outer = location_;
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
  location_ = outer;
  // What was computed within is not seen outside.
  for (; source_order_.size() > sources; source_order_.pop_back()) sources_.erase(source_order_.back());
  for (; scalar_order_.size() > scalars; scalar_order_.pop_back()) scalars_.erase(scalar_order_.back());
}

namespace {

// Whether a reader who looks for what regions use from outside finds the captures in their order.
bool captures_are_seen(const Equation& e) {
  size_t seen = 0;
  const auto use = [&](const Region& r, ValueId v) {
    const size_t inputs = r.body->inputs().size(), own = inputs - e.capture_count;
    if (v >= inputs || v < own) return true;
    if (v - own == seen) ++seen;
    return v - own < seen;
  };
  for (const Region& r : e.regions) {
    for (const Equation& inner : r.body->equations()) {
      if (inner.op->name == "ecotone.take_prefix") return false;  // its text may use the second operand first
      for (const ValueId v : inner.operands)
        if (!use(r, v)) return false;
    }
    for (const Output& o : r.body->outputs())
      if (!use(r, o.value)) return false;
  }
  return seen == e.capture_count;
}

}  // namespace

void FunctionPrinter::regions(PrintCall& call) {
  const auto captures = std::span(call.operands).last(call.equation.capture_count);
  for (const Region& r : call.equation.regions)
    if (captures.size() > r.body->inputs().size()) fail("a region has fewer inputs than captures");
  if (!captures_are_seen(call.equation)) {
    std::string names;
    for (const std::string& name : captures) names += (names.empty() ? "" : ", ") + string_text(name);
    call.mark("ecotone.captures", "[" + names + "]");
  }
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
    made.push_back(line(fmt::format("{} {}, {}", op, x[i], y[i]), "", ": " + type_text(types[i])));
  indent();
  out_ += fmt::format("stablehlo.return {} : {}\n", join_names(made), join_types(types));
  depth_ -= 2;
  indent();
  out_ += "})";
}

// Lines ---------------------------------------------------------------------------------------------------------------

void FunctionPrinter::begin(PrintCall& call) {
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

void FunctionPrinter::finish_line(LocationId location) {
  out_ += module_.location_text(location);
  out_ += '\n';
}

void FunctionPrinter::end(PrintCall& call, std::span<const Type> operands) {
  if (!call.marks.empty()) out_ += " {" + call.marks + "}";
  out_ += " : (" + join_types(operands) + ") -> ";
  const bool one = call.result_types.size() == 1;
  out_ += (one ? "" : "(") + join_types(call.result_types) + (one ? "" : ")");
  finish_line(call.equation.location);
}

void FunctionPrinter::generic(PrintCall& call, std::string_view op, std::string_view properties) {
  generic(call, op, properties, std::span(call.operands).first(call.declared_count()),
          std::span(call.operand_types).first(call.declared_count()));
}

void FunctionPrinter::generic(PrintCall& call, std::string_view op, std::string_view properties,
                              std::span<const std::string> operands, std::span<const Type> types) {
  begin(call);
  out_ += fmt::format("\"{}\"({})", op, join_names(operands));
  if (!properties.empty()) out_ += fmt::format(" <{{{}}}>", properties);
  if (!call.equation.regions.empty()) regions(call);
  end(call, types);
}

void FunctionPrinter::head(PrintCall& call, std::string_view op, std::string_view suffix) {
  begin(call);
  out_ += op;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    out_ += i ? ", " : " ";
    out_ += call.operands[i];
  }
  out_ += suffix;
}

void FunctionPrinter::pretty(PrintCall& call, std::string_view op, std::string_view suffix) {
  head(call, op, suffix);
  end(call);
}

void FunctionPrinter::pretty_same(PrintCall& call, std::string_view op, std::string_view suffix) {
  head(call, op, suffix);
  if (!call.marks.empty()) out_ += " {" + call.marks + "}";
  out_ += " : ";
  append_type(out_, call.result_types[0]);
  finish_line(call.equation.location);
}

void FunctionPrinter::constant(PrintCall& call, const Tensor& value) {
  begin(call);
  out_ += "stablehlo.constant ";
  if (!call.marks.empty()) out_ += "{" + call.marks + "} ";
  out_ += tensor_text(value);
  finish_line(call.equation.location);
}

std::string FunctionPrinter::line(std::string_view text, std::string_view marks, std::string_view rest) {
  indent();
  std::string name = fresh();
  out_ += name;
  out_ += " = ";
  out_ += text;
  if (!marks.empty()) out_ += fmt::format(" {{{}}}", marks);
  out_ += ' ';
  out_ += rest;
  finish_line(location_);
  return name;
}

// Calls ---------------------------------------------------------------------------------------------------------------

Region PrintCall::mapped_region(size_t i) const {
  Region r = equation.regions[i];
  if (!scope.identity)
    for (Dim& d : r.dim_args) d = d.is_constant() ? d : d.map_symbols([&](SymbolId s) { return scope.dims[s]; });
  return r;
}

void FunctionPrinter::call(PrintCall& call, const Region& region, std::string_view hint) {
  const Callee& callee = module_.function_of(region, hint);
  std::vector<Dim> open = region.dim_args;
  std::erase_if(open, [](const Dim& d) { return d.is_constant(); });
  if (!open.empty()) call.mark("ecotone.dim_args", string_text(str(open, symbols_)));
  for (const SymbolId s : callee.appended) {
    call.operands.push_back(dim_scalar(region.dim_args[s]));
    call.operand_types.emplace_back(TensorType{DType::kI64, {}});
  }
  begin(call);
  out_ += fmt::format("func.call {}({})", stablehlo::symbol_text(callee.name), join_names(call.operands));
  end(call);
}

void FunctionPrinter::composite(PrintCall& call, const Callee& callee, DynamicAttributes attributes) {
  std::vector<Dim> dims;
  for (SymbolId s = 0; s < symbols_.size(); ++s) dims.push_back(Dim::symbol(s));
  composite(call, callee, dims, std::move(attributes));
}

void FunctionPrinter::composite(PrintCall& call, const Callee& callee, std::span<const Dim> dims,
                                DynamicAttributes attributes) {
  const auto is_open = [](const Type& t) { return !is_token(t) && !tensor(t).is_static(); };
  const bool open = !callee.appended.empty() ||
                    std::any_of(call.operand_types.begin(), call.operand_types.end(), is_open) ||
                    std::any_of(call.result_types.begin(), call.result_types.end(), is_open);
  const std::string name = string_text(call.equation.op->name), dictionary = dictionary_text(attributes, symbols_);
  if (!open) {
    begin(call);
    out_ += fmt::format(
        "\"stablehlo.composite\"({}) <{{name = {}, composite_attributes = {}, decomposition = {}, version = 1 : i32}}>",
        join_names(call.operands), name, dictionary, stablehlo::symbol_text(callee.name));
    return end(call);
  }
  for (const SymbolId s : callee.appended) {
    call.operands.push_back(dim_scalar(dims[s]));
    call.operand_types.emplace_back(TensorType{DType::kI64, {}});
  }
  call.mark("ecotone.op", name);
  call.mark("ecotone.attributes", dictionary);
  begin(call);
  out_ += fmt::format("func.call {}({})", stablehlo::symbol_text(callee.name), join_names(call.operands));
  end(call);
}

}  // namespace ecotone::stablehlo
