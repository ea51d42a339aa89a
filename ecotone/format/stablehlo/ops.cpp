// One reader for each operation that is more than operands.
#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/dimension_numbers.h"
#include "ecotone/format/stablehlo/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/control.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/index.h"
#include "ecotone/op/linalg.h"
#include "ecotone/op/random.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/table.h"

namespace ecotone::stablehlo {
namespace {

using Values = std::vector<ValueId>;

// Operands in, results out: the op of the same name.
Values read_plain(OpCall& c) {
  return c.add(*op::find(c.op.name));
}

// Constants and shapes
// --------------------------------------------------------------------------------------------------

Values read_constant(OpCall& c) {
  const syntax::Attribute& value = c.get("value");
  if (value.kind != syntax::Attribute::Kind::kTensor) c.fail_here("the value must be dense<...>");
  // A repeated element is kept as one: a file must not take more memory than its text says.
  constexpr int64_t kMostExpanded = 64;
  if (value.splat && element_count(value.type->shape) > kMostExpanded) {
    const ValueId one = op::constant(c.b(), value.tensor);
    return c.add(op::broadcast_in_dim(),
                 make_attributes(op::BroadcastInDimAttributes{{}, to_dims(value.type->shape)}), Values{one});
  }
  return c.add(op::constant(), make_attributes(op::ConstantAttributes{dense_tensor(value)}));
}

Values read_iota(OpCall& c) {
  return c.add(op::iota(), make_attributes(op::IotaAttributes{c.integer("iota_dimension"), c.declared()}));
}

Values read_reshape(OpCall& c) {
  return c.add(op::reshape(), make_attributes(op::ShapeAttributes{c.declared().shape}));
}

Values read_broadcast_in_dim(OpCall& c) {
  return c.add(op::broadcast_in_dim(),
               make_attributes(op::BroadcastInDimAttributes{c.integers("broadcast_dimensions"), c.declared().shape}));
}

// StableHLO's old broadcast puts new dimensions in front.
Values read_broadcast(OpCall& c) {
  c.expect_operands(1);
  const std::vector<int64_t> sizes = c.integers("broadcast_sizes");
  const TensorType x = tensor(c.operand_type(0));
  std::vector<Dim> shape = to_dims(sizes);
  std::vector<int64_t> dimensions;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    dimensions.push_back(static_cast<int64_t>(sizes.size() + d));
    shape.push_back(x.shape[d]);
  }
  return c.add(op::broadcast_in_dim(),
               make_attributes(op::BroadcastInDimAttributes{std::move(dimensions), std::move(shape)}));
}

Values read_transpose(OpCall& c) {
  return c.add(op::transpose(), make_attributes(op::TransposeAttributes{c.integers("permutation")}));
}

Values read_concatenate(OpCall& c) {
  return c.add(op::concatenate(), make_attributes(op::ConcatenateAttributes{c.integer("dimension")}));
}

Values read_slice(OpCall& c) {
  return c.add(op::slice(),
               make_attributes(op::SliceAttributes{to_dims(c.integers("start_indices")),
                                                   to_dims(c.integers("limit_indices")), c.integers("strides")}));
}

Values read_pad(OpCall& c) {
  return c.add(op::pad(), make_attributes(op::PadAttributes{to_dims(c.integers("edge_padding_low")),
                                                            to_dims(c.integers("edge_padding_high")),
                                                            c.integers("interior_padding")}));
}

Values read_reverse(OpCall& c) {
  return c.add(op::reverse(), make_attributes(op::ReverseAttributes{c.integers("dimensions")}));
}

// Elementwise
// -----------------------------------------------------------------------------------------------------------

Values read_compare(OpCall& c) {
  op::CompareAttributes a;
  a.direction = c.choice<op::ComparisonDirection>("comparison_direction", "EQ");
  a.type = c.choice<op::ComparisonType>("compare_type", "NOTYPE");
  return c.add(op::compare(), make_attributes(a));
}

Values read_convert(OpCall& c) {
  return c.add(op::convert(), make_attributes(op::ConvertAttributes{c.declared_dtype()}));
}
Values read_bitcast_convert(OpCall& c) {
  return c.add(op::bitcast_convert(), make_attributes(op::ConvertAttributes{c.declared_dtype()}));
}

Values read_reduce_precision(OpCall& c) {
  return c.add(op::reduce_precision(),
               make_attributes(op::ReducePrecisionAttributes{c.integer("exponent_bits"), c.integer("mantissa_bits")}));
}

// Products
// --------------------------------------------------------------------------------------------------------------

template <class A, size_t N>
void read_numbers(OpCall& c, const syntax::Attribute& dictionary, const DimensionList<A> (&lists)[N], A& attributes) {
  for (const DimensionList<A>& l : lists)
    if (const syntax::Attribute* a = dictionary.find(l.name))
      for (const syntax::Attribute& i : a->items) {
        if (i.kind != syntax::Attribute::Kind::kInteger)
          c.importer.fail_at(i.at, fmt::format("{}: '{}' must be a list of integers", c.op.name, l.name));
        (attributes.*l.member).push_back(i.integer);
      }
  if constexpr (requires { attributes.index_vector_dim; })
    if (const syntax::Attribute* a = dictionary.find("index_vector_dim")) attributes.index_vector_dim = a->integer;
}

// What a product gives, where that is not its operands' type.
std::optional<DType> other_result_dtype(OpCall& c) {
  const DType declared = c.declared_dtype();
  const DType lhs = tensor(c.operand_type(0)).dtype, rhs = tensor(c.operand_type(1)).dtype;
  return declared == lhs && lhs == rhs ? std::nullopt : std::optional(declared);
}

Values read_dot_general(OpCall& c) {
  c.expect_operands(2);
  op::DotAttributes a;
  if (const syntax::Attribute* dims = c.find("dot_dimension_numbers")) read_numbers(c, *dims, kDotNumbers, a);
  a.precision = c.texts("precision_config");
  if (const syntax::Attribute* algorithm = c.find("algorithm")) a.algorithm = str(to_value(*algorithm));
  a.result_dtype = other_result_dtype(c);
  return c.add(op::dot_general(), make_attributes(std::move(a)));
}

// StableHLO's old dot contracts the last dimension of lhs with the first of rhs.
Values read_dot(OpCall& c) {
  c.expect_operands(2);
  op::DotAttributes a;
  a.precision = c.texts("precision_config");
  a.result_dtype = other_result_dtype(c);
  a.lhs_contracting_dimensions = {tensor(c.operand_type(0)).rank() - 1};
  a.rhs_contracting_dimensions = {0};
  return c.add(op::dot_general(), make_attributes(std::move(a)));
}

Values read_static_convolution(OpCall& c) {
  c.expect_operands(2);
  std::vector<int64_t> low, high;
  c.padding("padding", low, high);
  return read_convolution(c, to_dims(low), to_dims(high));
}

// Data-dependent places
// -------------------------------------------------------------------------------------------------

Values read_dynamic_slice(OpCall& c) {
  return c.add(op::dynamic_slice(), make_attributes(op::DynamicSliceAttributes{to_dims(c.integers("slice_sizes"))}));
}

Values read_static_gather(OpCall& c) {
  c.expect_operands(2);
  return read_gather(c, to_dims(c.integers("slice_sizes")));
}

// The types of a region's arguments: scalars of these operands' element types.
std::vector<Type> scalars_of(OpCall& c, size_t first, size_t count) {
  std::vector<Type> types;
  for (size_t i = 0; i < count; ++i) types.emplace_back(TensorType{tensor(c.operand_type(first + i)).dtype, {}});
  return types;
}
// Reducers take (accumulators, elements), both as the region declares: a region may sum bf16 in f32.
std::vector<Type> reducer_types(OpCall& c, size_t region) {
  std::vector<Type> types;
  if (region >= c.op.regions.size()) c.fail_here("a region is missing");
  for (const syntax::Argument& a : c.op.regions[region].arguments)
    types.push_back(to_type(*a.type, c.frame.strip_quantization, nullptr, c.importer.place(a.at)));
  return types;
}

Values read_scatter(OpCall& c) {
  op::ScatterAttributes a;
  const syntax::Attribute& dims = c.get("scatter_dimension_numbers");
  read_numbers(c, dims, kScatterNumbers, a);
  a.indices_are_sorted = c.flag("indices_are_sorted", false);
  a.unique_indices = c.flag("unique_indices", false);
  Region region = c.region(0, reducer_types(c, 0));
  return c.add(op::scatter(), make_attributes(std::move(a)), {std::move(region)});
}

// Reductions
// ------------------------------------------------------------------------------------------------------------

op::Reducer reducer_of_only_input(OpCall& c, std::vector<Region>& regions) {
  return c.operands.size() == 2 ? simple_reducer(c, tensor(c.operand_type(0)).dtype, regions) : op::Reducer::kRegion;
}

// reduce(...) applies stablehlo.add: the region that is meant.
Region applied_region(OpCall& c, const std::string& name) {
  const Op* inner = op::find(name);
  if (!inner || inner->attributes) c.fail_here(fmt::format("can't apply {}", name));
  if (c.operands.size() != 2) c.fail_here("'applies' takes one input and one initial value");
  std::vector<Type> types = scalars_of(c, 0, 1);
  types.push_back(types[0]);
  return op::make_region(c.b(), "reducer", types,
                         [&](Builder& b, std::span<const ValueId> args) { return b.add(*inner, {}, args); });
}

Values read_reduce(OpCall& c) {
  op::ReduceAttributes a;
  a.dimensions = c.integers("dimensions");
  std::vector<Region> regions;
  if (c.find("reducer_op"))
    regions.push_back(applied_region(c, c.text("reducer_op", "")));
  else
    regions.push_back(c.region(0, reducer_types(c, 0)));
  a.reducer = reducer_of_only_input(c, regions);
  return c.add(op::reduce(), make_attributes(std::move(a)), std::move(regions));
}

Values read_reduce_window(OpCall& c) {
  op::WindowAttributes a;
  a.window_dimensions = to_dims(c.integers("window_dimensions"));
  a.window_strides = c.integers("window_strides");
  a.base_dilations = c.integers("base_dilations");
  a.window_dilations = c.integers("window_dilations");
  std::vector<int64_t> low, high;
  c.padding("padding", low, high);
  a.padding_low = to_dims(low), a.padding_high = to_dims(high);
  std::vector<Region> regions{c.region(0, reducer_types(c, 0))};
  a.reducer = reducer_of_only_input(c, regions);
  return c.add(op::reduce_window(), make_attributes(std::move(a)), std::move(regions));
}

Values read_select_and_scatter(OpCall& c) {
  c.expect_operands(3);
  // The attributes have no defaults here: ones and zeros are written out.
  op::SelectAndScatterAttributes a;
  a.window_dimensions = c.integers("window_dimensions");
  a.window_strides = c.integers("window_strides");
  c.padding("padding", a.padding_low, a.padding_high);
  const auto rank = static_cast<size_t>(tensor(c.operand_type(0)).rank());
  for (std::vector<int64_t>* ones : {&a.window_dimensions, &a.window_strides})
    if (ones->empty()) ones->assign(rank, 1);
  if (a.padding_low.empty()) a.padding_low.assign(rank, 0), a.padding_high.assign(rank, 0);
  std::vector<Region> regions;
  regions.push_back(c.region(0, reducer_types(c, 0)));
  regions.push_back(c.region(1, reducer_types(c, 1)));
  return c.add(op::select_and_scatter(), make_attributes(std::move(a)), std::move(regions));
}

Values read_sort(OpCall& c) {
  op::SortAttributes a;
  a.dimension = c.integer("dimension", -1);
  a.is_stable = c.flag("is_stable", false);
  Region region = c.region(0, reducer_types(c, 0));
  return c.add(op::sort(), make_attributes(a), {std::move(region)});
}

Values read_map(OpCall& c) {
  Region region = c.region(0, scalars_of(c, 0, c.operands.size()));
  return c.add(op::map(), make_attributes(op::MapAttributes{c.integers("dimensions")}), {std::move(region)});
}

// Control flow
// ----------------------------------------------------------------------------------------------------------

Values read_branches(OpCall& c) {
  std::vector<Region> regions;
  for (size_t i = 0; i < c.op.regions.size(); ++i) regions.push_back(c.region(i, {}));
  return c.add(*op::find(c.op.name), {}, std::move(regions));
}

Values read_while(OpCall& c) {
  std::vector<Type> types;
  for (const ValueId v : c.operands) types.push_back(c.b().type(v));
  std::vector<Region> regions;
  regions.push_back(c.region(0, types));
  regions.push_back(c.region(1, types));
  return c.add(op::while_(), {}, std::move(regions));
}

Values read_create_token(OpCall& c) {
  return c.add(op::after_all());
}

// Linear algebra and random bits
// ----------------------------------------------------------------------------------------

// The op of that name, when it is in the table already.
Values add_known(OpCall& c, const char* name, Attributes attributes) {
  const Op* definition = op::find(name);
  if (!definition) return c.importer.unsupported(c, "is not implemented yet");
  return c.add(*definition, std::move(attributes));
}

Values read_cholesky(OpCall& c) {
  return add_known(c, "stablehlo.cholesky", make_attributes(op::CholeskyAttributes{c.flag("lower", false)}));
}

Values read_triangular_solve(OpCall& c) {
  op::TriangularSolveAttributes a;
  a.left_side = c.flag("left_side", true);
  a.lower = c.flag("lower", true);
  a.unit_diagonal = c.flag("unit_diagonal", false);
  a.transpose_a = c.choice<op::Transpose>("transpose_a", "NO_TRANSPOSE");
  return add_known(c, "stablehlo.triangular_solve", make_attributes(a));
}

Values read_fft(OpCall& c) {
  return add_known(
      c, "stablehlo.fft",
      make_attributes(op::FftAttributes{c.choice<op::FftType>("fft_type", "FFT"), c.integers("fft_length")}));
}

Values read_rng_bit_generator(OpCall& c) {
  if (c.op.result_types.size() != 2) c.fail_here("must give a state and bits");
  return add_known(c, "stablehlo.rng_bit_generator",
                   make_attributes(op::RngBitGeneratorAttributes{c.choice<op::RngAlgorithm>("rng_algorithm", "DEFAULT"),
                                                                 c.declared(1)}));
}

// Seedless: the key becomes an input; each draw gets a key of its own.
Values read_rng(OpCall& c) {
  c.expect_operands(3);
  const Op* definition = op::find("stablehlo.rng");
  if (!definition) return c.importer.unsupported(c, "is not implemented yet");
  if (!c.frame.is_entry)
    return c.importer.unsupported(c, "draws without a key outside the entry function; give the program a key");
  constexpr std::string_view kKey = "%rng_key";  // no name of the file starts with %
  Builder& b = c.b();
  auto& key = c.frame.names[kKey];
  if (key.empty()) key.push_back(b.input("rng_key", TensorType{DType::kU64, {Dim(2)}}));
  const ValueId own = op::fold_in(b, key[0], uint64_t{key.size()});
  key.push_back(own);
  const op::RngAttributes a{c.choice<op::RngDistribution>("rng_distribution", "UNIFORM"), c.declared().shape};
  return c.add(*definition, make_attributes(a), Values{c.operands[0], c.operands[1], own});
}

Values read_batch_norm(OpCall& c) {
  const Op* definition = op::find(c.op.name);
  if (!definition) return c.importer.unsupported(c, "is not implemented yet");
  DynamicAttributes a;
  const syntax::Attribute& epsilon = c.get("epsilon");
  a.set("epsilon",
        {epsilon.kind == syntax::Attribute::Kind::kInteger ? static_cast<double>(epsilon.integer) : epsilon.number});
  a.set("feature_index", {c.integer("feature_index")});
  return c.add(*definition, attributes_from_dynamic(definition->attributes, a));
}

// CHLO
// ------------------------------------------------------------------------------------------------------------------

Values read_top_k(OpCall& c) {
  return c.add(op::chlo_top_k(), make_attributes(op::TopKAttributes{c.integer("k")}));
}

Values read_constant_like(OpCall& c) {
  c.expect_operands(1);
  const syntax::Attribute& value = c.get("value");
  const double number =
      value.kind == syntax::Attribute::Kind::kInteger ? static_cast<double>(value.integer) : value.number;
  return {op::full_like(c.b(), c.operands[0], number)};
}

// chlo.broadcast_add: NumPy's broadcasting, then the operation.
Values read_broadcasting(OpCall& c) {
  const std::string inner = "stablehlo." + c.op.name.substr(std::string_view("chlo.broadcast_").size());
  const Op* definition = op::find(inner);
  if (!definition) definition = op::find("chlo." + inner.substr(std::string_view("stablehlo.").size()));
  if (!definition) return c.importer.unsupported(c, "is no operation that Ecotone knows");
  if (c.find("broadcast_dimensions")) return c.importer.unsupported(c, "with broadcast_dimensions is not supported");
  std::vector<Dim> shape;
  for (const ValueId v : c.operands)
    shape = op::broadcast_shapes(c.b(), shape, std::vector<Dim>(c.b().tensor_type(v).shape));
  for (ValueId& v : c.operands) v = op::broadcast_to(c.b(), v, shape);
  if (inner == "stablehlo.compare") return read_compare(c);
  return c.add(*definition);
}

// Names that read as the op of that name, without attributes.
bool is_plain(const Op* definition) {
  return definition && !definition->attributes && !definition->is_composite();
}

const std::unordered_map<std::string_view, OpReader>& readers() {
  static const std::unordered_map<std::string_view, OpReader> map = {
      {"stablehlo.constant", read_constant},
      {"chlo.constant", read_constant},
      {"stablehlo.iota", read_iota},
      {"stablehlo.reshape", read_reshape},
      {"stablehlo.broadcast_in_dim", read_broadcast_in_dim},
      {"stablehlo.broadcast", read_broadcast},
      {"stablehlo.transpose", read_transpose},
      {"stablehlo.concatenate", read_concatenate},
      {"stablehlo.slice", read_slice},
      {"stablehlo.pad", read_pad},
      {"stablehlo.reverse", read_reverse},
      {"stablehlo.compare", read_compare},
      {"stablehlo.convert", read_convert},
      {"stablehlo.bitcast_convert", read_bitcast_convert},
      {"stablehlo.reduce_precision", read_reduce_precision},
      {"stablehlo.dot_general", read_dot_general},
      {"stablehlo.dot", read_dot},
      {"stablehlo.convolution", read_static_convolution},
      {"stablehlo.dynamic_slice", read_dynamic_slice},
      {"stablehlo.gather", read_static_gather},
      {"stablehlo.scatter", read_scatter},
      {"stablehlo.reduce", read_reduce},
      {"stablehlo.reduce_window", read_reduce_window},
      {"stablehlo.select_and_scatter", read_select_and_scatter},
      {"stablehlo.sort", read_sort},
      {"stablehlo.map", read_map},
      {"stablehlo.if", read_branches},
      {"stablehlo.case", read_branches},
      {"stablehlo.while", read_while},
      {"stablehlo.create_token", read_create_token},
      {"stablehlo.composite", read_composite},
      {"func.call", read_call},
      {"stablehlo.cholesky", read_cholesky},
      {"stablehlo.triangular_solve", read_triangular_solve},
      {"stablehlo.fft", read_fft},
      {"stablehlo.rng_bit_generator", read_rng_bit_generator},
      {"stablehlo.rng", read_rng},
      {"stablehlo.batch_norm_inference", read_batch_norm},
      {"stablehlo.batch_norm_training", read_batch_norm},
      {"stablehlo.batch_norm_grad", read_batch_norm},
      {"chlo.top_k", read_top_k},
      {"chlo.constant_like", read_constant_like},
  };
  return map;
}

}  // namespace

op::Reducer simple_reducer(OpCall& c, DType dtype, std::vector<Region>& regions) {
  if (c.text("ecotone.reducer", "") == "region" || regions[0].body->inputs().size() != 2) return op::Reducer::kRegion;
  const Program& body = *regions[0].body;
  for (const Input& i : body.inputs())
    if (is_token(i.type) || tensor(i.type).dtype != dtype) return op::Reducer::kRegion;
  const op::Reducer reducer = op::reducer_of(body);
  if (reducer != op::Reducer::kRegion) regions.clear();
  return reducer;
}

std::vector<ValueId> read_gather(OpCall& c, std::vector<Dim> slice_sizes) {
  op::GatherAttributes a;
  read_numbers(c, c.get("dimension_numbers"), kGatherNumbers, a);
  a.slice_sizes = std::move(slice_sizes);
  a.indices_are_sorted = c.flag("indices_are_sorted", false);
  return c.add(op::gather(), make_attributes(std::move(a)), Values{c.value(0), c.value(1)});
}

std::vector<ValueId> read_convolution(OpCall& c, std::vector<Dim> padding_low, std::vector<Dim> padding_high) {
  using A = op::ConvolutionAttributes;
  static constexpr Field<A, int64_t> kPlaces[] = {
      {"input_batch_dimension", &A::input_batch_dimension},
      {"input_feature_dimension", &A::input_feature_dimension},
      {"kernel_input_feature_dimension", &A::kernel_input_feature_dimension},
      {"kernel_output_feature_dimension", &A::kernel_output_feature_dimension},
      {"output_batch_dimension", &A::output_batch_dimension},
      {"output_feature_dimension", &A::output_feature_dimension}};
  static constexpr DimensionList<A> kLists[] = {{"input_spatial_dimensions", &A::input_spatial_dimensions},
                                                {"kernel_spatial_dimensions", &A::kernel_spatial_dimensions},
                                                {"output_spatial_dimensions", &A::output_spatial_dimensions}};
  A a;
  const syntax::Attribute& dims = c.get("dimension_numbers");
  for (const auto& place : kPlaces) {
    const syntax::Attribute* found = dims.find(place.name);
    a.*place.member = found ? found->integer : 0;
  }
  read_numbers(c, dims, kLists, a);
  a.padding_low = std::move(padding_low);
  a.padding_high = std::move(padding_high);
  a.window_strides = c.integers("window_strides");
  a.lhs_dilation = c.integers("lhs_dilation");
  a.rhs_dilation = c.integers("rhs_dilation");
  for (const int64_t reversed : c.integers("window_reversal")) a.window_reversal.push_back(reversed != 0);
  a.feature_group_count = c.integer("feature_group_count", 1);
  a.batch_group_count = c.integer("batch_group_count", 1);
  a.precision = c.texts("precision_config");
  a.result_dtype = other_result_dtype(c);
  return c.add(op::convolution(), make_attributes(std::move(a)), Values{c.value(0), c.value(1)});
}

OpReader find_reader(std::string_view name) {
  if (const auto found = readers().find(name); found != readers().end()) return found->second;
  if (const OpReader reader = find_collective_reader(name)) return reader;
  if (const OpReader reader = find_custom_reader(name)) return reader;
  if (name.starts_with("chlo.broadcast_")) return read_broadcasting;
  // Not ecotone.*: these are no dialect's operations.
  if ((name.starts_with("stablehlo.") || name.starts_with("chlo.")) && is_plain(op::find(name))) return read_plain;
  return nullptr;
}

}  // namespace ecotone::stablehlo
