// Operations whose sizes are values (dynamic_reshape and its like), read as the plain ones with symbolic sizes.
#include <algorithm>
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

// The sizes that operand i holds; nullptr when they are only known when the program runs.
const std::vector<Dim>* sizes_of(OpCall& c, size_t i) {
  if (const std::vector<Dim>* marked = c.sizes(i)) return marked;
  const Known* k = known(c.frame, c.value(i));
  return k && !k->dims.empty() && !holds_data(k->dims) ? &k->dims : nullptr;
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
  c.frame.known[value] = Known{{size}};
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

// A slice whose starts only data tell, but not its sizes: limits less starts. Nothing where data tell these too.
std::optional<std::vector<Dim>> sliced_sizes(OpCall& c, const std::vector<Dim>& strides) {
  const Known *start = known(c.frame, c.value(1)), *limit = known(c.frame, c.value(2));
  if (!start || !limit || start->dims.size() != limit->dims.size()) return std::nullopt;
  std::vector<Dim> sizes;
  for (size_t d = 0; d < start->dims.size(); ++d) {
    sizes.push_back(limit->dims[d] - start->dims[d]);
    if (holds_data({&sizes[d], 1}) || d >= strides.size() || !(strides[d] == Dim(1))) return std::nullopt;
  }
  return sizes;
}

Values read_real_dynamic_slice(OpCall& c) {
  c.expect_operands(4);
  const auto start = shape_operand(c, 1), limit = shape_operand(c, 2), strides = shape_operand(c, 3);
  if (!strides) return c.importer.unsupported(c, kFromData);
  if (!start || !limit) {
    const auto sizes = sliced_sizes(c, *strides);
    if (!sizes) return c.importer.unsupported(c, kFromData);
    Values operands = {c.value(0)};
    for (int64_t d = 0; d < static_cast<int64_t>(sizes->size()); ++d)
      operands.push_back(op::reshape(c.b(), op::slice(c.b(), c.value(1), {d}, {d + 1}), {}));
    return c.add(op::dynamic_slice(), make_attributes(op::DynamicSliceAttributes{*sizes}), operands);
  }
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

}  // namespace

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
