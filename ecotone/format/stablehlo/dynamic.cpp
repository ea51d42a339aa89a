// Operations whose sizes are values (dynamic_reshape and its like), read as the plain ones with symbolic sizes: what
// the program computes from sizes is followed while it is read.
#include <algorithm>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/import.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/index.h"
#include "ecotone/op/random.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::stablehlo {
namespace {

using Values = std::vector<ValueId>;
using op::ComparisonDirection;

constexpr int64_t kMostKnown = 64;  // elements that are followed

// The sizes that operand i holds; nullptr when they are only known when the program runs.
const std::vector<Dim>* sizes_of(OpCall& c, size_t i) {
  if (const std::vector<Dim>* marked = c.sizes(i)) return marked;
  const Known* k = known(c.frame, c.value(i));
  return k && !k->dims.empty() ? &k->dims : nullptr;
}

// A known vector of sizes may be empty, for scalars.
std::optional<std::vector<Dim>> shape_operand(OpCall& c, size_t i) {
  if (const auto* dims = sizes_of(c, i)) return *dims;
  const TensorType& t = tensor(c.operand_type(i));
  if (t.rank() == 1 && t.shape[0] == Dim(0)) return std::vector<Dim>{};
  return std::nullopt;
}

constexpr const char* kFromData = "needs a size that is known only when the program runs";

Values read_get_dimension_size(OpCall& c) {
  c.expect_operands(1);
  const int64_t dimension = c.integer("dimension");
  const TensorType x = tensor(c.operand_type(0));
  if (dimension < 0 || dimension >= x.rank()) c.fail_here(fmt::format("there is no dimension {}", dimension));
  const Dim size = x.shape[static_cast<size_t>(dimension)];
  const ValueId value = op::dim_value(c.b(), size, c.declared_dtype());
  c.frame.known[value] = {{size}, nullptr};
  return {value};
}

// A bound of the size: with a known one the operand's type says it all.
Values read_set_dimension_size(OpCall& c) {
  c.expect_operands(2);
  const int64_t dimension = c.integer("dimension");
  const auto size = shape_operand(c, 1);
  const TensorType x = tensor(c.operand_type(0));
  if (dimension < 0 || dimension >= x.rank()) c.fail_here(fmt::format("there is no dimension {}", dimension));
  if (size && size->size() == 1 && (*size)[0] == x.shape[static_cast<size_t>(dimension)]) return {c.value(0)};
  return {op::take_prefix(c.b(), c.value(0), c.value(1), dimension)};
}

Values read_dynamic_reshape(OpCall& c) {
  c.expect_operands(2);
  const auto shape = shape_operand(c, 1);
  if (!shape) return c.importer.unsupported(c, kFromData);
  return c.add(op::reshape(), make_attributes(op::ShapeAttributes{*shape}), Values{c.value(0)});
}

Values read_dynamic_broadcast_in_dim(OpCall& c) {
  c.expect_operands(2);
  c.find("known_expanding_dimensions");
  c.find("known_nonexpanding_dimensions");
  const auto shape = shape_operand(c, 1);
  if (!shape) return c.importer.unsupported(c, kFromData);
  return c.add(op::broadcast_in_dim(),
               make_attributes(op::BroadcastInDimAttributes{c.integers("broadcast_dimensions"), *shape}),
               Values{c.value(0)});
}

Values read_dynamic_iota(OpCall& c) {
  c.expect_operands(1);
  const auto shape = shape_operand(c, 0);
  if (!shape) return c.importer.unsupported(c, kFromData);
  const op::IotaAttributes a{c.integer("iota_dimension"), TensorType{c.declared_dtype(), *shape}};
  return c.add(op::iota(), make_attributes(a), Values{});
}

Values read_dynamic_pad(OpCall& c) {
  c.expect_operands(5);
  const auto low = shape_operand(c, 2), high = shape_operand(c, 3), interior = shape_operand(c, 4);
  if (!low || !high || !interior) return c.importer.unsupported(c, kFromData);
  std::vector<int64_t> between;
  for (const Dim& d : *interior) {
    if (!d.is_constant()) return c.importer.unsupported(c, "has an interior padding that is no constant");
    between.push_back(d.constant());
  }
  return c.add(op::pad(), make_attributes(op::PadAttributes{*low, *high, std::move(between)}),
               Values{c.value(0), c.value(1)});
}

// Integers that must be known as such.
std::vector<int64_t> constants_of(OpCall& c, const std::vector<Dim>& dims, const char* what) {
  std::vector<int64_t> values;
  for (const Dim& d : dims) {
    if (!d.is_constant()) c.fail_here(fmt::format("{} that is no constant is not supported", what));
    values.push_back(d.constant());
  }
  return values;
}

Values read_real_dynamic_slice(OpCall& c) {
  c.expect_operands(4);
  const auto start = shape_operand(c, 1), limit = shape_operand(c, 2), strides = shape_operand(c, 3);
  if (!start || !limit || !strides) return c.importer.unsupported(c, kFromData);
  const op::SliceAttributes a{*start, *limit, constants_of(c, *strides, "a stride")};
  return c.add(op::slice(), make_attributes(a), Values{c.value(0)});
}

Values read_dynamic_gather(OpCall& c) {
  c.expect_operands(3);
  const auto sizes = shape_operand(c, 2);
  if (!sizes) return c.importer.unsupported(c, kFromData);
  return read_gather(c, *sizes);
}

// low, high, low, high, ...
std::optional<std::pair<std::vector<Dim>, std::vector<Dim>>> padding_operand(OpCall& c, size_t i) {
  const auto flat = shape_operand(c, i);
  if (!flat || flat->size() % 2) return std::nullopt;
  std::vector<Dim> low, high;
  for (size_t d = 0; d < flat->size(); d += 2) {
    low.push_back((*flat)[d]);
    high.push_back((*flat)[d + 1]);
  }
  return std::pair{std::move(low), std::move(high)};
}

Values read_dynamic_conv(OpCall& c) {
  c.expect_operands(3);
  const auto padding = padding_operand(c, 2);
  if (!padding) return c.importer.unsupported(c, kFromData);
  return read_convolution(c, padding->first, padding->second);
}

const syntax::Function& called_computation(OpCall& c) {
  const syntax::Attribute& computations = c.get("called_computations");
  const syntax::Function* f =
      computations.items.size() == 1 ? c.importer.find_function(computations.items[0].text) : nullptr;
  if (!f || !f->has_body) c.fail_here("called_computations must name one function of this file");
  return *f;
}

// N arrays, N initial values; sizes, strides, base and window dilations, paddings.
Values read_dynamic_reduce_window(OpCall& c) {
  constexpr size_t kVectors = 5;
  if (c.operands.size() < 2 + kVectors || (c.operands.size() - kVectors) % 2)
    c.fail_here("@stablehlo.dynamic_reduce_window takes arrays, as many initial values, and 5 lists of sizes");
  const size_t first = c.operands.size() - kVectors;
  const auto window = shape_operand(c, first), strides = shape_operand(c, first + 1), base = shape_operand(c, first + 2);
  const auto dilations = shape_operand(c, first + 3);
  const auto padding = padding_operand(c, first + 4);
  if (!window || !strides || !base || !dilations || !padding) return c.importer.unsupported(c, kFromData);
  op::WindowAttributes a{*window,
                         constants_of(c, *strides, "a stride"),
                         constants_of(c, *base, "a dilation"),
                         constants_of(c, *dilations, "a dilation"),
                         padding->first,
                         padding->second,
                         op::Reducer::kRegion};
  std::vector<Region> regions{Region{c.importer.function(called_computation(c), false), {}}};
  c.find("api_version");
  if (first == 2) a.reducer = simple_reducer(c, tensor(c.operand_type(0)).dtype, regions);
  return c.add(op::reduce_window(), make_attributes(std::move(a)), std::span(c.operands).first(first),
               std::move(regions));
}

Values read_dynamic_rng_bit_generator(OpCall& c) {
  c.expect_operands(2);
  const auto shape = shape_operand(c, 1);
  if (!shape) return c.importer.unsupported(c, kFromData);
  if (c.op.result_types.size() != 2) c.fail_here("must give a state and bits");
  c.find("api_version");
  const op::RngBitGeneratorAttributes a{c.choice<op::RngAlgorithm>("rng_algorithm", "DEFAULT"),
                                        TensorType{c.declared_dtype(1), *shape}};
  return c.add(op::rng_bit_generator(), make_attributes(a), Values{c.value(0)});
}

Values read_dynamic_top_k(OpCall& c) {
  c.expect_operands(2);
  const auto k = shape_operand(c, 1);
  if (!k || k->size() != 1) return c.importer.unsupported(c, kFromData);
  c.find("api_version");
  return c.add(op::chlo_top_k(), make_attributes(op::TopKAttributes{constants_of(c, *k, "a count")[0]}),
               Values{c.value(0)});
}

// What JAX checks of the sizes: taken as an assumption, a range of a symbol, or already known.
Values read_shape_assertion(OpCall& c) {
  if (c.operands.empty()) c.fail_here("shape_assertion needs a condition");
  if (c.sizes(0)) return {};  // our own, marked
  const Known* k = known(c.frame, c.value(0));
  if (k && k->dims.size() == 1 && k->dims[0].is_constant()) {
    if (k->dims[0].constant() == 0)
      c.fail_here("these sizes are not what the program takes: " + c.text("error_message", ""));
    return {};
  }
  if (!k || !k->comparison) return c.importer.unsupported(c, "checks what is known only when the program runs");
  const auto& [direction, left, right] = *k->comparison;
  Builder& b = c.b();
  if (direction == ComparisonDirection::kEq) {
    b.assume_equal(left, right);
    return {};
  }
  // symbol >= constant, or the like.
  const bool at_least = direction == ComparisonDirection::kGe || direction == ComparisonDirection::kGt;
  const bool at_most = direction == ComparisonDirection::kLe || direction == ComparisonDirection::kLt;
  const int64_t strict = direction == ComparisonDirection::kGt || direction == ComparisonDirection::kLt ? 1 : 0;
  if (const auto symbol = left.as_symbol(); symbol && right.is_constant() && (at_least || at_most)) {
    const SymbolInfo& s = b.symbols()[*symbol];
    const int64_t bound = right.constant();
    if (at_least)
      b.set_symbol_range(*symbol, std::max(s.min, bound + strict), s.max);
    else
      b.set_symbol_range(*symbol, s.min, std::min(s.max, bound - strict));
    return {};
  }
  // left >= right holds when max(left, right) is left; left > right when left >= right + 1.
  if (at_least) {
    b.assume_equal(max(left, right + Dim(strict)), left);
    return {};
  }
  if (at_most) {
    b.assume_equal(min(left, right - Dim(strict)), left);
    return {};
  }
  return c.importer.unsupported(c, "checks that sizes differ");
}

// Targets that StableHLO's own passes know where sizes are open.
Values read_known_custom_call(OpCall& c) {
  static const std::unordered_map<std::string_view, OpReader> targets = {
      {"shape_assertion", read_shape_assertion},
      {"stablehlo.dynamic_reduce_window", read_dynamic_reduce_window},
      {"stablehlo.dynamic_rng_bit_generator", read_dynamic_rng_bit_generator},
      {"stablehlo.dynamic_top_k", read_dynamic_top_k},
  };
  const auto found = targets.find(c.text("call_target_name", ""));
  return found == targets.end() ? read_custom_call(c) : found->second(c);
}

// Following values
// -------------------------------------------------------------------------------------------------------

bool is_followed(const Builder& b, ValueId v) {
  const Type& t = b.type(v);
  if (is_token(t)) return false;
  const TensorType& type = tensor(t);
  return (is_integer(type.dtype) || type.dtype == DType::kBool) && type.rank() <= 1 &&
         (type.rank() == 0 || (type.shape[0].is_constant() && type.shape[0].constant() <= kMostKnown));
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

// Whether two comparisons never hold together, looking at the least value of their symbol and at the others apart: a
// floor division of x >= 0 asks whether sign(x) != 1 and x mod y != 0.
bool exclude_each_other(const Known::Comparison& a, const Known::Comparison& b, std::span<const SymbolInfo> symbols) {
  std::set<SymbolId> found;
  for (const Dim& d : {a.left, a.right, b.left, b.right}) d.for_each_symbol([&](SymbolId s) { found.insert(s); });
  if (found.size() != 1) return false;
  const SymbolId symbol = *found.begin();
  const int64_t least = symbols[symbol].min;
  std::vector<SymbolInfo> above(symbols.begin(), symbols.end());
  if (least == above[symbol].max) return false;
  above[symbol].min = least + 1;
  const auto at_least = [&](const Dim& d) {
    return d.map_symbols([&](SymbolId s) { return s == symbol ? Dim(least) : Dim::symbol(s); });
  };
  const auto fails = [](std::optional<bool> holds) { return holds.has_value() && !*holds; };
  return (fails(decide(a.direction, a.left, a.right, above)) || fails(decide(b.direction, b.left, b.right, above))) &&
         (fails(decide(a.direction, at_least(a.left), at_least(a.right), symbols)) ||
          fails(decide(b.direction, at_least(b.left), at_least(b.right), symbols)));
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

std::optional<Known> follow(OpCall& c) {
  const std::string_view name = c.op.name;
  const auto symbols = c.b().symbols();
  std::vector<const std::vector<Dim>*> in;
  for (const ValueId v : c.operands) {
    const Known* k = known(c.frame, v);
    in.push_back(k && !k->dims.empty() ? &k->dims : nullptr);
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
    if (const auto known_flag = decide(direction, x, y, symbols)) return Known{{Dim(*known_flag ? 1 : 0)}, nullptr};
    return Known{{}, std::make_shared<const Known::Comparison>(Known::Comparison{direction, x, y})};
  }
  if (name == "stablehlo.select" && in.size() == 3) {
    if (in[1] && in[2] && *in[1] == *in[2]) return Known{*in[1], nullptr};
    if (!in[0] || in[0]->size() != 1 || !(*in[0])[0].is_constant()) return std::nullopt;
    const auto* chosen = (*in[0])[0].constant() ? in[1] : in[2];
    return chosen ? std::optional(Known{*chosen, nullptr}) : std::nullopt;
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
    const TensorType t = c.declared();
    return Known{std::vector<Dim>(t.rank() ? static_cast<size_t>(t.shape[0].constant()) : 1, (*in[0])[0]), nullptr};
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
    if (name == "stablehlo.and") {
      for (const auto* flag : in)
        if (flag && flag->size() == 1 && (*flag)[0] == Dim(0)) return Known{{Dim(0)}, nullptr};
      const Known *a = known(c.frame, c.operands[0]), *b = known(c.frame, c.operands[1]);
      if (a && b && a->comparison && b->comparison && exclude_each_other(*a->comparison, *b->comparison, symbols))
        return Known{{Dim(0)}, nullptr};
    }
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

bool follows_sizes(const OpCall& call) {
  bool all = true;
  for (const ValueId v : call.operands) {
    const Known* k = known(call.frame, v);
    all = all && k && !k->dims.empty();
    if (!k) continue;
    if (k->comparison || std::any_of(k->dims.begin(), k->dims.end(), [](const Dim& d) { return !d.is_constant(); }))
      return true;
  }
  return all && !call.operands.empty();
}

const Known* known(const Frame& frame, ValueId value) {
  const auto found = frame.known.find(value);
  return found == frame.known.end() ? nullptr : &found->second;
}

void track(OpCall& c, std::span<const ValueId> results) {
  if (results.size() != 1 || c.frame.known.contains(results[0]) || !is_followed(c.b(), results[0])) return;
  // What calls give is known from their bodies.
  if (!c.op.regions.empty() || c.op.name == "func.call") return;
  try {
    if (auto k = follow(c)) c.frame.known.emplace(results[0], std::move(*k));
  } catch (const Error&) {
    // An overflow of int64: the value is left unknown.
  }
}

OpReader find_dynamic_reader(std::string_view name) {
  static const std::unordered_map<std::string_view, OpReader> map = {
      {"stablehlo.get_dimension_size", read_get_dimension_size},
      {"stablehlo.set_dimension_size", read_set_dimension_size},
      {"stablehlo.dynamic_reshape", read_dynamic_reshape},
      {"stablehlo.dynamic_broadcast_in_dim", read_dynamic_broadcast_in_dim},
      {"stablehlo.dynamic_iota", read_dynamic_iota},
      {"stablehlo.dynamic_pad", read_dynamic_pad},
      {"stablehlo.real_dynamic_slice", read_real_dynamic_slice},
      {"stablehlo.dynamic_gather", read_dynamic_gather},
      {"stablehlo.dynamic_conv", read_dynamic_conv},
      {"stablehlo.custom_call", read_known_custom_call},
  };
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second;
}

}  // namespace ecotone::stablehlo
