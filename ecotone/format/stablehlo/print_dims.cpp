// Symbolic sizes as SSA values: i64 scalars computed from get_dimension_size. These lines are marked `ecotone.size` with
// the sizes that they hold, or `ecotone.helper`, so that readers of ours take them for no equations.
#include <algorithm>

#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/literal.h"
#include "ecotone/format/stablehlo/printer.h"
#include "ecotone/op/shape.h"

namespace ecotone::stablehlo {
namespace {

constexpr std::string_view kHelper = "ecotone.helper";

std::string vector_type(size_t count) {
  return fmt::format("tensor<{}xi64>", count);
}

}  // namespace

std::vector<SymbolId> introduced_symbols(const Program& p, const Equation& e) {
  std::vector<SymbolId> found;
  if (e.op == &op::take_prefix() || e.op == &op::size_from()) {
    if (const auto s = e.attributes.get<op::SymbolAttributes>().size.as_symbol()) found.push_back(*s);
    return found;
  }
  // A composite's body may have some of its own: what neither its operands nor its attributes know.
  if (!e.op->is_composite() || e.op->infer || p.symbols().empty()) return found;
  std::vector<bool> known(p.symbols().size());
  const auto note = [&](const Dim& d) {
    d.for_each_symbol([&](SymbolId s) { known.at(s) = true; });
    return d;
  };
  const auto note_type = [&](const Type& t) {
    if (!is_token(t))
      for (const Dim& d : tensor(t).shape) note(d);
  };
  for (const ValueId v : e.operands) note_type(p.type(v));
  e.attributes.map_dims(note);
  for (uint32_t i = 0; i < e.result_count; ++i)
    if (const Type& t = p.type(e.first_result + i); !is_token(t))
      for (const Dim& d : tensor(t).shape)
        d.for_each_symbol([&](SymbolId s) {
          if (!known.at(s)) found.push_back(s);
          known.at(s) = true;
        });
  return found;
}

std::string FunctionPrinter::symbol_text(SymbolId id) const {
  const SymbolInfo& s = symbols_.at(id);
  return fmt::format("[{}, {} : i64, {} : i64]", string_text(s.name), s.min, s.max);
}

void FunctionPrinter::note_sizes(const std::string& name, const Type& type) {
  if (symbols_.empty() || is_token(type)) return;
  const TensorType& t = std::get<TensorType>(type);
  for (size_t i = 0; i < t.shape.size(); ++i)
    if (const auto s = t.shape[i].as_symbol())
      if (sources_.try_emplace(*s, SizeSource{name, t, static_cast<int64_t>(i)}).second) source_order_.push_back(*s);
}

void FunctionPrinter::note_scalar(const Dim& dim, const std::string& name, DType dtype) {
  if (dim.is_constant() || scalars_.contains(dim)) return;
  scalars_.emplace(dim, size_line("stablehlo.convert " + name, {&dim, 1},
                                  fmt::format(": (tensor<{}>) -> tensor<i64>", ecotone::name(dtype))));
  scalar_order_.push_back(dim);
}

std::string FunctionPrinter::converted(const std::string& value, DType from, DType dtype) {
  if (from == dtype) return value;
  return line("stablehlo.convert " + value, kHelper,
              fmt::format(": (tensor<{}>) -> tensor<{}>", ecotone::name(from), ecotone::name(dtype)));
}

std::string FunctionPrinter::size_line(std::string_view text, std::span<const Dim> dims, std::string_view rest) {
  return line(text, "ecotone.size = " + string_text(str(dims, symbols_)), rest);
}

// A symbol's value: the size of a visible value that has exactly it as a dimension, else what the caller appends.
std::string FunctionPrinter::symbol_scalar(SymbolId id) {
  const Dim dim = Dim::symbol(id);
  if (const auto found = sources_.find(id); found != sources_.end()) {
    const SizeSource source = found->second;
    const std::string size = line(fmt::format("stablehlo.get_dimension_size {}, dim = {}", source.value, source.axis),
                                  kHelper, fmt::format(": ({}) -> tensor<i32>", type_text(source.type)));
    return size_line("stablehlo.convert " + size, {&dim, 1}, ": (tensor<i32>) -> tensor<i64>");
  }
  if (is_listed_ || id >= argument_symbols_)
    fail_kind(ErrorKind::kUnsupported, "no value at hand has the size '{}'; give the sizes (--shape)",
              id < symbols_.size() ? symbols_[id].name : "?");
  const SymbolId own = own_symbols_[id];
  auto at = std::find(appended_.begin(), appended_.end(), own);
  if (at == appended_.end()) at = appended_.insert(at, own);
  return fmt::format("%size{}", at - appended_.begin());
}

std::string FunctionPrinter::dim_scalar(const Dim& dim) {
  if (const auto found = scalars_.find(dim); found != scalars_.end()) return found->second;
  // Of two i64 scalars; `result` is what it holds, where that is a size.
  const auto binary = [&](std::string_view op, const std::string& x, const std::string& y, const Dim* result) {
    const std::string text = fmt::format("stablehlo.{} {}, {}", op, x, y);
    constexpr std::string_view kType = ": tensor<i64>";
    return result ? size_line(text, {result, 1}, kType) : line(text, kHelper, kType);
  };
  // Rounds toward minus infinity, unlike StableHLO's remainder.
  const auto modulo = [&](const std::string& x, const std::string& y, const Dim* result) {
    return binary("remainder", binary("add", binary("remainder", x, y, nullptr), y, nullptr), y, result);
  };
  std::string result;
  if (const auto c = dim.as_constant()) {
    result = line(fmt::format("stablehlo.constant {{ecotone.size = \"{}\"}}", *c), "",
                  fmt::format("dense<{}> : tensor<i64>", *c));
  } else if (const auto s = dim.as_symbol()) {
    result = symbol_scalar(*s);
  } else {
    const DimExpr& e = *dim.expr();
    const auto atom = [&](const DimAtom& a, const Dim* whole) -> std::string {
      if (a.kind == DimAtomKind::kSymbol) return dim_scalar(Dim::symbol(a.symbol));
      const std::string x = dim_scalar(a.lhs), y = dim_scalar(a.rhs);
      switch (a.kind) {
        case DimAtomKind::kFloordiv:
          return binary("divide", binary("subtract", x, modulo(x, y, nullptr), nullptr), y, whole);
        case DimAtomKind::kMod:
          return modulo(x, y, whole);
        case DimAtomKind::kMin:
          return binary("minimum", x, y, whole);
        default:
          return binary("maximum", x, y, whole);
      }
    };
    // The line that finishes the expression is marked with it.
    for (size_t i = 0; i < e.terms.size(); ++i) {
      const DimTerm& t = e.terms[i];
      const bool last_term = i + 1 == e.terms.size() && e.constant == 0;
      std::string term;
      for (size_t k = 0; k < t.factors.size(); ++k) {
        const bool last = last_term && result.empty() && k + 1 == t.factors.size() && t.coefficient == 1;
        const std::string factor = atom(t.factors[k], last && k == 0 ? &dim : nullptr);
        term = k == 0 ? factor : binary("multiply", term, factor, last ? &dim : nullptr);
      }
      if (t.coefficient != 1)
        term = binary("multiply", term, dim_scalar(t.coefficient), last_term && result.empty() ? &dim : nullptr);
      result = result.empty() ? term : binary("add", result, term, last_term ? &dim : nullptr);
    }
    if (e.constant != 0) result = binary("add", result, dim_scalar(e.constant), &dim);
  }
  if (scalars_.emplace(dim, result).second) scalar_order_.push_back(dim);
  return result;
}

std::string FunctionPrinter::dim_vector(std::span<const Dim> dims) {
  if (std::all_of(dims.begin(), dims.end(), [](const Dim& d) { return d.is_constant(); })) {
    std::vector<int64_t> known;
    for (const Dim& d : dims) known.push_back(d.constant());
    return line(fmt::format("stablehlo.constant {{ecotone.size = {}}}", string_text(str(dims, symbols_))), "",
                tensor_text(Tensor::from<int64_t>(known, {static_cast<int64_t>(known.size())})));
  }
  std::vector<std::string> parts, types(dims.size(), "tensor<1xi64>");
  for (const Dim& d : dims) {
    const std::string scalar = dim_scalar(d);
    parts.push_back(line("stablehlo.reshape " + scalar, kHelper, ": (tensor<i64>) -> tensor<1xi64>"));
  }
  return size_line(fmt::format("stablehlo.concatenate {}, dim = 0", fmt::join(parts, ", ")), dims,
                   fmt::format(": ({}) -> {}", fmt::join(types, ", "), vector_type(dims.size())));
}

std::string FunctionPrinter::dim_matrix(std::span<const Dim> dims, int64_t width) {
  const std::string vector = dim_vector(dims);
  return size_line("stablehlo.reshape " + vector, dims,
                   fmt::format(": ({}) -> tensor<{}x{}xi64>", vector_type(dims.size()),
                               static_cast<int64_t>(dims.size()) / width, width));
}

// JAX's form, which its shape refinement checks and takes out.
void FunctionPrinter::assumptions(const Scope& scope) {
  for (const Assumption& a : scope.program.assumptions()) {
    const Dim left = map(scope, a.left), right = map(scope, a.right);
    if (left == right) continue;
    bool visible = true;
    for (const Dim* d : {&left, &right})
      d->for_each_symbol([&](SymbolId s) { visible = visible && (sources_.contains(s) || s < argument_symbols_); });
    if (!visible) continue;  // about a size known only from data: not checkable where a function begins
    location_ = a.location;
    const std::string x = dim_scalar(left), y = dim_scalar(right);
    const std::string equal =
        line(fmt::format("stablehlo.compare EQ, {}, {}", x, y),
             "ecotone.assume = " + string_text(str(std::vector{left, right}, symbols_)),
             ": (tensor<i64>, tensor<i64>) -> tensor<i1>");
    indent();
    out_ += fmt::format(
        "stablehlo.custom_call @shape_assertion({}, {}, {}) {{api_version = 2 : i32, error_message = {}, "
        "has_side_effect = true}} : (tensor<i1>, tensor<i64>, tensor<i64>) -> ()",
        equal, x, y,
        string_text(fmt::format("{} = {{0}} must equal {} = {{1}}", left.str(symbols_), right.str(symbols_))));
    finish_line(a.location);
  }
}

}  // namespace ecotone::stablehlo
