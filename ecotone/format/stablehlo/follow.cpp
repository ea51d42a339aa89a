// What a program computes from sizes, followed while it is read: shapes are values in MLIR, and Dims here.
#include <algorithm>
#include <set>
#include <variant>

#include "ecotone/format/stablehlo/import.h"

namespace ecotone::stablehlo {
namespace {

using op::ComparisonDirection;

constexpr int64_t kMostKnown = 64;  // elements that are followed

// An integer that only running the program tells is followed as a symbol of its own, which no Program has: differences
// of such are sizes, where a slice's limit is its start plus its size.
constexpr SymbolId kDataSymbol = 1U << 30;
bool has_data(const Dim& d) {
  bool found = false;
  d.for_each_symbol([&](SymbolId s) { found = found || s >= kDataSymbol; });
  return found;
}
bool is_followed(const Builder& b, ValueId v) {
  const Type& t = b.type(v);
  if (is_token(t)) return false;
  const TensorType& type = tensor(t);
  if (!is_integer(type.dtype) && type.dtype != DType::kBool) return false;
  if (type.rank() > 2 || !type.is_static()) return false;  // matrices: paddings
  for (const Dim& d : type.shape)
    if (d.constant() > kMostKnown) return false;
  return element_count(type.static_shape()) <= kMostKnown;
}

std::optional<bool> decide(ComparisonDirection direction, const Dim& x, const Dim& y,
                           std::span<const SymbolInfo> symbols) {
  const auto value = [](Decision d, bool negate) -> std::optional<bool> {
    if (d == Decision::kUnknown) return std::nullopt;
    return (d == Decision::kYes) != negate;
  };
  switch (direction) {
    case ComparisonDirection::kEq:
      return value(decide_equal(x, y, symbols), false);
    case ComparisonDirection::kNe:
      return value(decide_equal(x, y, symbols), true);
    case ComparisonDirection::kLe:
      return value(decide_less_equal(x, y, symbols), false);
    case ComparisonDirection::kGt:
      return value(decide_less_equal(x, y, symbols), true);
    case ComparisonDirection::kGe:
      return value(decide_less_equal(y, x, symbols), false);
    case ComparisonDirection::kLt:
      return value(decide_less_equal(y, x, symbols), true);
  }
  return std::nullopt;
}

// x op y on sizes; nothing when the result can't be told.
std::optional<Dim> combine(std::string_view name, const Dim& x, const Dim& y, std::span<const SymbolInfo> symbols) {
  if (name == "stablehlo.add") return x + y;
  if (name == "stablehlo.subtract") return x - y;
  if (name == "stablehlo.multiply") return x * y;
  if (name == "stablehlo.maximum") return max(x, y);
  if (name == "stablehlo.minimum") return min(x, y);
  const DimRange rx = range(x, symbols), ry = range(y, symbols);
  // Both round toward zero, which is downward for what is not negative.
  if (name == "stablehlo.divide" && rx.min >= 0 && ry.min > 0) return floordiv(x, y);
  if (name == "stablehlo.remainder" && rx.min >= 0 && ry.min > 0) return mod(x, y);
  if (x.is_constant() && y.is_constant()) {
    const int64_t a = x.constant(), b = y.constant();
    if (name == "stablehlo.and") return Dim(a & b);
    if (name == "stablehlo.or") return Dim(a | b);
    if (name == "stablehlo.xor") return Dim(a ^ b);
    const bool safe = b != 0 && !(b == -1 && a == std::numeric_limits<int64_t>::min());
    if (name == "stablehlo.divide" && safe) return Dim(a / b);
    if (name == "stablehlo.remainder" && safe) return Dim(a % b);
  }
  return std::nullopt;
}

std::optional<Dim> sign_of(const Dim& x, std::span<const SymbolInfo> symbols) {
  const DimRange r = range(x, symbols);
  if (r.min > 0) return Dim(1);
  if (r.max < 0) return Dim(-1);
  if (r.min == 0 && r.max == 0) return Dim(0);
  if (r.min >= 0) return min(x, Dim(1));
  return std::nullopt;
}

// Division that rounds down is written with StableHLO's, which rounds toward zero: q - 1 where the remainder is not 0
// and of another sign than the divisor. Its steps are followed where signs are not known; the divisor is positive.
struct DivisionStep {
  std::string_view op;
  Division::Step first;                  // of the first operand
  std::variant<int64_t, Division::Step, std::monostate> second;  // a constant, a step of the same division, the divisor
  Division::Step made;
};
constexpr DivisionStep kDivisionSteps[] = {
    {"NE", Division::kSign, 1, Division::kSignDiffers},
    {"NE", Division::kRemainder, 0, Division::kRemains},
    {"LT", Division::kRemainder, 0, Division::kSignDiffers},
    {"NE", Division::kSignDiffers, 0, Division::kSignDiffers},
    {"stablehlo.and", Division::kSignDiffers, Division::kRemains, Division::kRounds},
    {"stablehlo.and", Division::kRemains, Division::kSignDiffers, Division::kRounds},
    {"stablehlo.subtract", Division::kQuotient, 1, Division::kLowerQuotient},
    {"stablehlo.add", Division::kRemainder, std::monostate(), Division::kUpperRemainder},
};

// The step that the operation is, or what the division gives in `result`.
std::optional<Division> follow_division(OpCall& c, std::optional<Dim>& result) {
  std::string_view name = c.op.name;
  const auto step = [&](size_t i) {
    const Known* k = i < c.operands.size() ? known(c.frame, c.operands[i]) : nullptr;
    return k && k->division ? &*k->division : nullptr;
  };
  const auto size = [&](size_t i) -> const Dim* {
    const Known* k = i < c.operands.size() ? known(c.frame, c.operands[i]) : nullptr;
    return k && k->dims.size() == 1 && !holds_data(k->dims) ? &k->dims[0] : nullptr;
  };
  const Dim *x = size(0), *y = size(1);
  if (name == "stablehlo.sign" && x) return Division{Division::kSign, *x, {}};
  if ((name == "stablehlo.divide" || name == "stablehlo.remainder") && x && y && y->is_constant() && y->constant() > 0)
    return Division{name == "stablehlo.divide" ? Division::kQuotient : Division::kRemainder, *x, *y};
  const Division* first = step(0);
  if (!first) return std::nullopt;
  if (name == "stablehlo.convert" || name == "stablehlo.reshape") return *first;
  if (name == "stablehlo.select") {
    const Division *chosen = step(1), *other = step(2);
    if (first->step != Division::kRounds || !chosen || !other || !chosen->is_of(*first) || !other->is_of(*first))
      return std::nullopt;
    if (chosen->step == Division::kLowerQuotient && other->step == Division::kQuotient)
      result = floordiv(first->x, first->y);
    if (chosen->step == Division::kUpperRemainder && other->step == Division::kRemainder)
      result = mod(first->x, first->y);
    return std::nullopt;
  }
  std::string direction;
  if (name == "stablehlo.compare") name = direction = c.text("comparison_direction", "EQ");
  const Division* second = step(1);
  for (const DivisionStep& s : kDivisionSteps) {
    if (s.op != name || s.first != first->step) continue;
    if (const auto* constant = std::get_if<int64_t>(&s.second)) {
      if (y && *y == Dim(*constant)) return Division{s.made, first->x, first->y};
    } else if (const auto* wanted = std::get_if<Division::Step>(&s.second)) {
      // A sign alone does not know its division's divisor.
      if (second && second->step == *wanted && second->x == first->x)
        return Division{s.made, first->x, *wanted == Division::kRemains ? second->y : first->y};
    } else if (y && *y == first->y) {
      return Division{s.made, first->x, first->y};
    }
  }
  return std::nullopt;
}

std::optional<Known> follow(OpCall& c) {
  const std::string_view name = c.op.name;
  const auto symbols = c.b().symbols();
  // What moves integers and adds them tells differences of what is not known; nothing is decided about that.
  static const std::set<std::string_view> kLinear = {
      "stablehlo.add",     "stablehlo.subtract", "stablehlo.maximum",     "stablehlo.minimum",
      "stablehlo.clamp",   "stablehlo.reshape",  "stablehlo.convert",     "stablehlo.concatenate",
      "stablehlo.slice",   "stablehlo.select",   "stablehlo.dynamic_reshape"};
  const bool is_linear = kLinear.contains(name);
  std::vector<const std::vector<Dim>*> in;
  for (const ValueId v : c.operands) {
    if (is_linear && c.b().dtype(v) != DType::kBool && is_integer(c.b().dtype(v)) && c.b().rank(v) == 0)
      c.frame.known.try_emplace(v, Known{{Dim::symbol(kDataSymbol + v)}});
    const Known* k = known(c.frame, v);
    in.push_back(k && !k->dims.empty() && (is_linear || !holds_data(k->dims)) ? &k->dims : nullptr);
  }
  const auto all_known = [&] { return std::none_of(in.begin(), in.end(), [](auto* p) { return p == nullptr; }); };
  if (name == "stablehlo.constant") {
    const syntax::Attribute& value = c.get("value");
    if (element_count(value.type->shape) > kMostKnown) return std::nullopt;
    Known k;
    for (const int64_t v : dense_tensor(value).to_ints()) k.dims.emplace_back(v);
    return k;
  }
  if (name == "stablehlo.reshape" || name == "stablehlo.convert" || name == "stablehlo.dynamic_reshape") {
    if (in.empty() || !in[0]) return std::nullopt;
    if (c.declared_dtype() == DType::kBool && c.b().dtype(c.operands[0]) != DType::kBool) return std::nullopt;
    return Known{*in[0], known(c.frame, c.operands[0])->comparison};
  }
  if (name == "stablehlo.concatenate") {
    if (c.integer("dimension") != 0) return std::nullopt;  // of matrices, rows alone
    Known k;
    for (size_t i = 0; i < in.size(); ++i) {
      if (tensor(c.operand_type(i)).shape[0] == Dim(0)) continue;
      if (!in[i]) return std::nullopt;
      k.dims.insert(k.dims.end(), in[i]->begin(), in[i]->end());
    }
    return k;
  }
  if (name == "stablehlo.compare" && in.size() == 2 && all_known() && in[0]->size() == 1) {
    const auto direction = c.choice<ComparisonDirection>("comparison_direction", "EQ");
    const Dim &x = (*in[0])[0], &y = (*in[1])[0];
    if (const auto known_flag = decide(direction, x, y, symbols)) return Known{{Dim(*known_flag ? 1 : 0)}};
    return Known{{}, std::make_shared<const Known::Comparison>(Known::Comparison{direction, x, y})};
  }
  if (name == "stablehlo.select" && in.size() == 3) {
    if (in[1] && in[2] && *in[1] == *in[2]) return Known{*in[1]};
    if (!in[0] || in[0]->size() != 1 || !(*in[0])[0].is_constant()) return std::nullopt;
    const auto* chosen = (*in[0])[0].constant() ? in[1] : in[2];
    return chosen ? std::optional(Known{*chosen}) : std::nullopt;
  }
  if (name == "stablehlo.slice" && in.size() == 1 && in[0]) {
    const auto start = c.integers("start_indices"), limit = c.integers("limit_indices"), step = c.integers("strides");
    if (start.size() != 1) return std::nullopt;
    Known k;
    for (int64_t i = start[0]; i < limit[0]; i += step.empty() ? 1 : step[0])
      k.dims.push_back((*in[0])[static_cast<size_t>(i)]);
    return k;
  }
  if (name == "stablehlo.broadcast_in_dim" && in.size() == 1 && in[0] && in[0]->size() == 1) {
    const auto count = static_cast<size_t>(element_count(c.declared().static_shape()));
    return Known{std::vector<Dim>(count, (*in[0])[0])};
  }
  if (name == "stablehlo.clamp" && in.size() == 3 && all_known() && in[0]->size() == in[1]->size() &&
      in[2]->size() == in[1]->size()) {
    Known k;
    for (size_t i = 0; i < in[1]->size(); ++i) k.dims.push_back(min(max((*in[0])[i], (*in[1])[i]), (*in[2])[i]));
    return k;
  }
  if (in.size() == 1 && in[0]) {
    Known k;
    for (const Dim& d : *in[0]) {
      std::optional<Dim> r;
      if (name == "stablehlo.negate") r = Dim(0) - d;
      if (name == "stablehlo.sign") r = sign_of(d, symbols);
      if (name == "stablehlo.abs" && range(d, symbols).min >= 0) r = d;
      if (name == "stablehlo.not" && d.is_constant() && c.b().dtype(c.operands[0]) == DType::kBool)
        r = Dim(1 - d.constant());
      if (!r) return std::nullopt;
      k.dims.push_back(*r);
    }
    return k;
  }
  if (in.size() == 2) {
    // false and anything is false.
    if (name == "stablehlo.and")
      for (const auto* flag : in)
        if (flag && flag->size() == 1 && (*flag)[0] == Dim(0)) return Known{{Dim(0)}};
    if (!all_known() || in[0]->size() != in[1]->size()) return std::nullopt;
    Known k;
    for (size_t i = 0; i < in[0]->size(); ++i) {
      const auto r = combine(name, (*in[0])[i], (*in[1])[i], symbols);
      if (!r) return std::nullopt;
      k.dims.push_back(*r);
    }
    return k;
  }
  return std::nullopt;
}

}  // namespace

bool holds_data(std::span<const Dim> dims) {
  return std::any_of(dims.begin(), dims.end(), [](const Dim& d) { return has_data(d); });
}

bool follows_sizes(const OpCall& call) {
  bool all = true;
  for (const ValueId v : call.operands) {
    const Known* k = known(call.frame, v);
    if (k && holds_data(k->dims)) k = nullptr;
    all = all && k && !k->dims.empty();
    if (!k) continue;
    if (k->comparison || k->division || std::any_of(k->dims.begin(), k->dims.end(), [](const Dim& d) { return !d.is_constant(); }))
      return true;
  }
  return all && !call.operands.empty();
}

const Known* known(const Frame& frame, ValueId value) {
  const auto found = frame.known.find(value);
  return found == frame.known.end() ? nullptr : &found->second;
}

bool is_size(const Known& k) {
  return !holds_data(k.dims);
}

void track(OpCall& c, std::span<const ValueId> results) {
  if (results.size() != 1 || c.frame.known.contains(results[0]) || !is_followed(c.b(), results[0])) return;
  // What calls give is known from their bodies.
  if (!c.op.regions.empty() || c.op.name == "func.call") return;
  try {
    std::optional<Known> k = follow(c);
    std::optional<Dim> result;
    const std::optional<Division> division = follow_division(c, result);
    if (division || result) {
      if (!k) k.emplace();
      k->division = division;
      if (k->dims.empty() && result) k->dims = {*result};
    }
    if (k) c.frame.known.emplace(results[0], std::move(*k));
  } catch (const Error&) {
    // An overflow of int64: the value is left unknown.
  }
}

}  // namespace ecotone::stablehlo
