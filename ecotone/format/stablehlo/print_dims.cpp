// Symbolic sizes as SSA values: i64 scalars computed from get_dimension_size.
#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/literal.h"
#include "ecotone/format/stablehlo/printer.h"

namespace ecotone::stablehlo {

std::string FunctionPrinter::int_constant(int64_t value) {
  return line(fmt::format("stablehlo.constant dense<{}> : tensor<i64>", value));
}

void FunctionPrinter::note_sizes(const std::string& name, const Type& type) {
  if (symbols_.empty() || is_token(type)) return;
  const TensorType& t = std::get<TensorType>(type);
  for (size_t i = 0; i < t.shape.size(); ++i)
    if (const auto s = t.shape[i].as_symbol()) sources_.emplace_back(*s, SizeSource{name, t, static_cast<int64_t>(i)});
}

void FunctionPrinter::note_scalar(const Dim& dim, const std::string& name, DType dtype) {
  if (dim.is_constant()) return;
  scalars_.emplace_back(dim, dtype == DType::kI64 ? name
                                                  : line(fmt::format("stablehlo.convert {} : (tensor<{}>) -> "
                                                                     "tensor<i64>",
                                                                     name, ecotone::name(dtype))));
}

// A symbol's value: the size of a visible value that has exactly it as a dimension.
std::string FunctionPrinter::symbol_scalar(SymbolId id) {
  for (const auto& [symbol, source] : sources_) {
    if (symbol != id) continue;
    const std::string size =
        line(fmt::format("\"stablehlo.get_dimension_size\"({}) <{{dimension = {} : i64}}> : ({}) -> tensor<i32>",
                         source.value, source.axis, type_text(source.type)));
    return line(fmt::format("stablehlo.convert {} : (tensor<i32>) -> tensor<i64>", size));
  }
  fail_kind(ErrorKind::kUnsupported, "no value at hand has the size '{}'; give the sizes (--shape)",
            id < symbols_.size() ? symbols_[id].name : "?");
}

std::string FunctionPrinter::dim_scalar(const Dim& dim) {
  for (const auto& [known, name] : scalars_)
    if (known == dim) return name;
  const auto binary = [&](std::string_view op, const std::string& x, const std::string& y) {
    return line(fmt::format("stablehlo.{} {}, {} : tensor<i64>", op, x, y));
  };
  // Rounds toward minus infinity, unlike StableHLO's remainder.
  const auto modulo = [&](const std::string& x, const std::string& y) {
    return binary("remainder", binary("add", binary("remainder", x, y), y), y);
  };
  std::string result;
  if (const auto c = dim.as_constant()) {
    result = int_constant(*c);
  } else if (const auto s = dim.as_symbol()) {
    result = symbol_scalar(*s);
  } else {
    const DimExpr& e = *dim.expr();
    const auto atom = [&](const DimAtom& a) -> std::string {
      if (a.kind == DimAtomKind::kSymbol) return dim_scalar(Dim::symbol(a.symbol));
      const std::string x = dim_scalar(a.lhs), y = dim_scalar(a.rhs);
      switch (a.kind) {
        case DimAtomKind::kFloordiv:
          return binary("divide", binary("subtract", x, modulo(x, y)), y);
        case DimAtomKind::kMod:
          return modulo(x, y);
        case DimAtomKind::kMin:
          return binary("minimum", x, y);
        default:
          return binary("maximum", x, y);
      }
    };
    for (const DimTerm& t : e.terms) {
      std::string term;
      for (const DimAtom& a : t.factors) {
        const std::string factor = atom(a);
        term = term.empty() ? factor : binary("multiply", term, factor);
      }
      if (t.coefficient != 1) term = binary("multiply", term, int_constant(t.coefficient));
      result = result.empty() ? term : binary("add", result, term);
    }
    if (e.constant != 0) result = binary("add", result, int_constant(e.constant));
  }
  scalars_.emplace_back(dim, result);
  return result;
}

std::string FunctionPrinter::stack_scalars(std::span<const std::string> scalars) {
  if (scalars.empty()) return line("stablehlo.constant dense<> : tensor<0xi64>");
  std::string operands, types;
  for (const std::string& s : scalars) {
    const std::string one = line(fmt::format("stablehlo.reshape {} : (tensor<i64>) -> tensor<1xi64>", s));
    operands += (operands.empty() ? "" : ", ") + one;
    types += types.empty() ? "tensor<1xi64>" : ", tensor<1xi64>";
  }
  return line(
      fmt::format("stablehlo.concatenate {}, dim = 0 : ({}) -> tensor<{}xi64>", operands, types, scalars.size()));
}

std::string FunctionPrinter::dim_vector(std::span<const Dim> dims) {
  std::vector<int64_t> known;
  for (const Dim& d : dims)
    if (const auto c = d.as_constant()) known.push_back(*c);
  if (known.size() == dims.size())
    return line("stablehlo.constant " +
                tensor_text(Tensor::from<int64_t>(known, {static_cast<int64_t>(known.size())})));
  std::vector<std::string> scalars;
  for (const Dim& d : dims) scalars.push_back(dim_scalar(d));
  return stack_scalars(scalars);
}

// JAX's form, which its shape refinement checks and takes out.
void FunctionPrinter::assumptions(const Scope& scope) {
  for (const Assumption& a : scope.program.assumptions()) {
    const Dim left = map(scope, a.left), right = map(scope, a.right);
    if (left == right) continue;
    bool visible = true;
    for (const Dim* d : {&left, &right})
      d->for_each_symbol([&](SymbolId s) {
        visible = visible && std::any_of(sources_.begin(), sources_.end(), [&](const auto& x) { return x.first == s; });
      });
    if (!visible) continue;  // about a size known only from data: not checkable where a function begins
    const std::string x = dim_scalar(left), y = dim_scalar(right);
    const std::string equal = line(
        fmt::format("\"stablehlo.compare\"({}, {}) <{{comparison_direction = #stablehlo<comparison_direction EQ>}}> : "
                    "(tensor<i64>, tensor<i64>) -> tensor<i1>",
                    x, y));
    indent();
    out_ += fmt::format(
        "stablehlo.custom_call @shape_assertion({}, {}, {}) {{api_version = 2 : i32, error_message = {}, "
        "has_side_effect = true}} : (tensor<i1>, tensor<i64>, tensor<i64>) -> ()\n",
        equal, x, y,
        string_text(fmt::format("{} = {{0}} must equal {} = {{1}}", left.str(symbols_), right.str(symbols_))));
  }
}

}  // namespace ecotone::stablehlo
