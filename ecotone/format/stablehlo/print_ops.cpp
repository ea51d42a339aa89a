// What each operation looks like as StableHLO text.
#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/dimension_numbers.h"
#include "ecotone/format/stablehlo/literal.h"
#include "ecotone/format/stablehlo/printer.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/control.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/linalg.h"
#include "ecotone/op/quantize.h"
#include "ecotone/op/random.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/table.h"

namespace ecotone::stablehlo {
namespace {

using namespace ecotone::op;

bool are_constant(std::span<const Dim> dims) {
  return std::all_of(dims.begin(), dims.end(), [](const Dim& d) { return d.is_constant(); });
}

std::vector<int64_t> constants(std::span<const Dim> dims) {
  std::vector<int64_t> r;
  for (const Dim& d : dims) r.push_back(d.constant());
  return r;
}

std::vector<int64_t> or_fill(std::vector<int64_t> v, size_t rank, int64_t value) {
  if (v.empty()) v.assign(rank, value);
  return v;
}

std::vector<Dim> to_dim_vector(const std::vector<int64_t>& v) {
  return {v.begin(), v.end()};
}

// , name = array<i64: ...>; nothing for an empty list.
void add_array(std::string& out, std::string_view name, std::span<const int64_t> values) {
  if (!values.empty()) out += fmt::format(", {} = {}", name, array_text(values));
}

// low, high, low, high, ...; an empty list is of zeros.
template <class T>
std::vector<T> padding_pairs(std::span<const T> low, std::span<const T> high, size_t rank) {
  std::vector<T> pairs;
  for (size_t i = 0; i < rank; ++i) {
    pairs.push_back(low.empty() ? T(0) : low[i]);
    pairs.push_back(high.empty() ? T(0) : high[i]);
  }
  return pairs;
}
std::vector<Dim> padding_pairs(const std::vector<Dim>& low, const std::vector<Dim>& high, size_t rank) {
  return padding_pairs(std::span(low), std::span(high), rank);
}

// , padding = dense<[[low, high], ...]> : tensor<Nx2xi64>; nothing where both lists are empty.
void add_padding(std::string& out, const std::vector<int64_t>& low, const std::vector<int64_t>& high) {
  const size_t rank = std::max(low.size(), high.size());
  if (rank == 0) return;
  const Shape shape = {static_cast<int64_t>(rank), 2};
  const std::vector<int64_t> pairs = padding_pairs(std::span(low), std::span(high), rank);
  out += ", padding = " + tensor_text(Tensor::from(std::span<const int64_t>(pairs), shape));
}

std::string precision_text(const std::vector<std::string>& precision) {
  std::string out;
  for (const std::string& p : precision) out += fmt::format("{}#stablehlo<precision {}>", out.empty() ? "" : ", ", p);
  return out.empty() ? out : fmt::format(", precision_config = [{}]", out);
}

// name = [..], ...: the lists that are not empty, then the vector dimension; what stands in #stablehlo.gather<...>.
template <class A, size_t N>
std::string numbers_text(const A& attributes, const DimensionList<A> (&lists)[N]) {
  std::string out;
  for (const DimensionList<A>& l : lists)
    if (const auto& values = attributes.*l.member; !values.empty())
      out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", l.name, list_text(values));
  if constexpr (requires { attributes.index_vector_dim; })
    out += fmt::format("{}index_vector_dim = {}", out.empty() ? "" : ", ", attributes.index_vector_dim);
  return out;
}

// Elementwise ---------------------------------------------------------------------------------------------------------

// All of one type: the short form.
void print_elementwise(FunctionPrinter& f, PrintCall& c) {
  if (!c.equation.op->name.starts_with("stablehlo.")) return f.generic(c, c.equation.op->name, "");
  for (const Type& t : c.operand_types)
    if (type_text(t) != type_text(c.result_types[0])) return f.generic(c, c.equation.op->name, "");
  f.pretty_same(c, c.equation.op->name, "");
}

void print_compare(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<CompareAttributes>();
  const auto direction = EnumNames<ComparisonDirection>::kNames[static_cast<size_t>(a.direction)];
  f.begin(c);
  f.out() += fmt::format("stablehlo.compare {}, {}, {}", direction, c.operands[0], c.operands[1]);
  if (a.type != ComparisonType::kDefault)
    f.out() += fmt::format(", {}", EnumNames<ComparisonType>::kNames[static_cast<size_t>(a.type)]);
  f.end(c);
}

void print_plain(FunctionPrinter& f, PrintCall& c) {
  f.generic(c, c.equation.op->name, "");
}

void print_conversion(FunctionPrinter& f, PrintCall& c) {
  f.pretty(c, c.equation.op->name, "");
}

void print_reduce_precision(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<ReducePrecisionAttributes>();
  f.generic(c, "stablehlo.reduce_precision",
            fmt::format("exponent_bits = {} : i32, mantissa_bits = {} : i32", a.exponent_bits, a.mantissa_bits));
}

void print_top_k(FunctionPrinter& f, PrintCall& c) {
  f.generic(c, "chlo.top_k", fmt::format("k = {} : i64", c.get<TopKAttributes>().k));
}

// Shapes --------------------------------------------------------------------------------------------------------------

// The operation's dynamic form: vectors of sizes follow its operands.
void print_dynamic(FunctionPrinter& f, PrintCall& c, std::string_view op, std::string_view properties,
                   std::initializer_list<std::vector<Dim>> vectors) {
  std::vector<std::string> operands(c.operands.begin(), c.operands.end());
  std::vector<Type> types = c.operand_types;
  for (const auto& v : vectors) {
    operands.push_back(f.dim_vector(v));
    types.emplace_back(TensorType{DType::kI64, {Dim(static_cast<int64_t>(v.size()))}});
  }
  f.generic(c, op, properties, operands, types);
}

void print_constant(FunctionPrinter& f, PrintCall& c) {
  f.constant(c, c.get<ConstantAttributes>().value);
}

void print_iota(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<IotaAttributes>();
  if (a.type.is_static()) return f.pretty_same(c, "stablehlo.iota", fmt::format(" dim = {}", a.dimension));
  print_dynamic(f, c, "stablehlo.dynamic_iota", fmt::format("iota_dimension = {} : i64", a.dimension), {a.type.shape});
}

void print_reshape(FunctionPrinter& f, PrintCall& c) {
  const std::vector<Dim>& shape = c.result().shape;
  if (are_constant(shape)) return f.pretty(c, "stablehlo.reshape", "");
  print_dynamic(f, c, "stablehlo.dynamic_reshape", "", {shape});
}

void print_broadcast(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<BroadcastInDimAttributes>();
  const std::vector<Dim>& shape = c.result().shape;
  if (are_constant(shape))
    return f.pretty(c, "stablehlo.broadcast_in_dim", ", dims = " + list_text(a.broadcast_dimensions));
  print_dynamic(f, c, "stablehlo.dynamic_broadcast_in_dim",
                "broadcast_dimensions = " + array_text(a.broadcast_dimensions), {shape});
}

void print_transpose(FunctionPrinter& f, PrintCall& c) {
  f.pretty(c, "stablehlo.transpose", ", dims = " + list_text(c.get<TransposeAttributes>().permutation));
}

void print_concatenate(FunctionPrinter& f, PrintCall& c) {
  f.pretty(c, "stablehlo.concatenate", fmt::format(", dim = {}", c.get<ConcatenateAttributes>().dimension));
}

void print_slice(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<SliceAttributes>();
  const std::vector<int64_t> strides = or_fill(a.strides, a.start_indices.size(), 1);
  if (!are_constant(a.start_indices) || !are_constant(a.limit_indices))
    return print_dynamic(f, c, "stablehlo.real_dynamic_slice", "",
                         {a.start_indices, a.limit_indices, to_dim_vector(strides)});
  std::string ranges = " [";
  for (size_t i = 0; i < strides.size(); ++i) {
    ranges += fmt::format("{}{}:{}", i ? ", " : "", a.start_indices[i].constant(), a.limit_indices[i].constant());
    if (strides[i] != 1) ranges += fmt::format(":{}", strides[i]);
  }
  f.pretty(c, "stablehlo.slice", ranges + "]");
}

void print_pad(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<PadAttributes>();
  const std::vector<int64_t> interior = or_fill(a.interior_padding, a.edge_padding_low.size(), 0);
  if (!are_constant(a.edge_padding_low) || !are_constant(a.edge_padding_high))
    return print_dynamic(f, c, "stablehlo.dynamic_pad", "",
                         {a.edge_padding_low, a.edge_padding_high, to_dim_vector(interior)});
  f.pretty(c, "stablehlo.pad",
           fmt::format(", low = {}, high = {}, interior = {}", list_text(constants(a.edge_padding_low)),
                       list_text(constants(a.edge_padding_high)), list_text(interior)));
}

void print_reverse(FunctionPrinter& f, PrintCall& c) {
  f.pretty_same(c, "stablehlo.reverse", ", dims = " + list_text(c.get<ReverseAttributes>().dimensions));
}

void print_dim_value(FunctionPrinter& f, PrintCall& c) {
  const std::string size = f.dim_scalar(c.get<DimValueAttributes>().value);
  c.mark("ecotone.dim_value");
  f.begin(c);
  f.out() += "stablehlo.convert " + size;
  f.end(c, std::vector<Type>{TensorType{DType::kI64, {}}});
}

// take_prefix is a bounded size; size_from only names what its operand is.
void print_data_size(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<SymbolAttributes>();
  const std::optional<SymbolId> symbol = a.size.as_symbol();
  if (!symbol) fail_kind(ErrorKind::kUnsupported, "a size that data would give is fixed here");
  c.mark("ecotone.symbol", f.symbol_text(*symbol));
  const size_t size_operand = c.declared_count() - 1;
  const DType dtype = c.operand(size_operand).dtype;
  if (c.equation.op == &take_prefix()) {
    const std::vector<std::string> operands = {c.operands[0], f.converted(c.operands[1], dtype, DType::kI32)};
    const std::vector<Type> types = {c.operand_types[0], TensorType{DType::kI32, {}}};
    f.generic(c, "stablehlo.set_dimension_size", fmt::format("dimension = {} : i64", a.axis), operands, types);
  } else {
    f.pretty(c, "stablehlo.convert", "");
  }
  f.note_scalar(a.size, c.operands[size_operand], dtype);
}

// Indexing ------------------------------------------------------------------------------------------------------------

// What tells two lowered ops apart: operation, attributes, types.
std::string lowering_key(const PrintCall& c) {
  std::string key = c.equation.op->name + str(c.attributes.to_dynamic());
  for (const Type& t : c.operand_types) key += " " + str(t);
  return key;
}

// A function, and the sizes that its symbols stand for: entries of a composite's attributes.
void set_function(DynamicAttributes& attributes, const std::string& key, const Callee& callee, const Region& region) {
  attributes.set(key, mlir_value(symbol_text(callee.name)));
  AttributeList open;
  for (const Dim& d : region.dim_args)
    if (!d.is_constant()) open.push_back({d});
  if (!open.empty()) attributes.set(key + "_dim_args", {std::move(open)});
}

using Lowering = ProgramRef (*)(const PrintCall&, std::span<const SymbolInfo>);
void print_lowered(FunctionPrinter& f, PrintCall& c, std::string_view hint, Lowering lower) {
  const Callee& callee = f.module().function_of(lowering_key(c), hint, [&] { return lower(c, f.symbols()); });
  f.composite(c, callee, c.attributes.to_dynamic());
}

void print_known_custom_call(FunctionPrinter& f, PrintCall& c, std::string_view target,
                             std::span<const std::string> operands, std::span<const Type> types,
                             std::string_view attributes) {
  f.begin(c);
  f.out() += fmt::format("stablehlo.custom_call {}({}) {{api_version = 2 : i32, {}}}", symbol_text(target),
                         fmt::join(operands, ", "), attributes);
  f.end(c, types);
}

void print_dynamic_slice(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<DynamicSliceAttributes>();
  if (!are_constant(a.slice_sizes)) return print_lowered(f, c, "dynamic_slice", dynamic_slice_program);
  f.pretty(c, "stablehlo.dynamic_slice", ", sizes = " + list_text(constants(a.slice_sizes)));
}

void print_gather(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<GatherAttributes>();
  const std::string properties = fmt::format("dimension_numbers = #stablehlo.gather<{}>, indices_are_sorted = {}",
                                             numbers_text(a, kGatherNumbers), a.indices_are_sorted);
  if (are_constant(a.slice_sizes))
    return f.generic(c, "stablehlo.gather", properties + ", slice_sizes = " + array_text(constants(a.slice_sizes)));
  print_dynamic(f, c, "stablehlo.dynamic_gather", properties, {a.slice_sizes});
}

void print_scatter(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<ScatterAttributes>();
  f.generic(c, "stablehlo.scatter",
            fmt::format("scatter_dimension_numbers = #stablehlo.scatter<{}>, indices_are_sorted = {}, "
                        "unique_indices = {}",
                        numbers_text(a, kScatterNumbers), a.indices_are_sorted, a.unique_indices));
}

// Reductions ----------------------------------------------------------------------------------------------------------

std::string reducer_name(Reducer r) {
  return fmt::format("stablehlo.{}", EnumNames<Reducer>::kNames[static_cast<size_t>(r)]);
}

// A region that readers would take for a reducer, though its sums are rounded to its type at each step.
void mark_plain_region(PrintCall& c) {
  if (c.declared_count() == 2 && c.equation.capture_count == 0 &&
      reducer_of(*c.equation.regions[0].body) != Reducer::kRegion)
    c.mark("ecotone.reducer", "\"region\"");
}

// Ops whose region may be an enum: the region is written out.
void print_reducing(FunctionPrinter& f, PrintCall& c, std::string_view op, std::string_view properties,
                    Reducer reducer) {
  if (reducer == Reducer::kRegion) {
    mark_plain_region(c);
    return f.generic(c, op, properties);
  }
  const size_t n = c.declared_count() / 2;
  f.begin(c);
  f.out() += fmt::format("\"{}\"({}) <{{{}}}>", op, fmt::join(c.operands, ", "), properties);
  f.combiner(reducer_name(reducer), std::span(c.operand_types).subspan(n, n));
  f.end(c);
}

void print_reduce(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<ReduceAttributes>();
  if (a.reducer == Reducer::kRegion || c.declared_count() != 2)
    return print_reducing(f, c, "stablehlo.reduce", "dimensions = " + array_text(a.dimensions), a.reducer);
  f.begin(c);
  f.out() += fmt::format("stablehlo.reduce({} init: {}) applies {} across dimensions = {}", c.operands[0],
                         c.operands[1], reducer_name(a.reducer), list_text(a.dimensions));
  f.end(c);
}

// What StableHLO's passes know; its attributes can't be marked. The lists that are left out are ones or zeros.
void print_dynamic_window(FunctionPrinter& f, PrintCall& c, const WindowAttributes& a) {
  const size_t rank = a.window_dimensions.size();
  Region reducer;
  if (a.reducer == Reducer::kRegion)
    reducer = c.mapped_region(0);
  else
    reducer.body = reducer_body(a.reducer, c.operand(0).dtype);
  const Callee& callee = f.module().function_of(reducer, "reducer");
  if (!callee.appended.empty()) fail_kind(ErrorKind::kUnsupported, "a reducer that needs sizes has no StableHLO text");
  std::vector<std::string> operands = c.operands;
  std::vector<Type> types = c.operand_types;
  const auto append = [&](const std::string& name, std::vector<Dim> shape) {
    operands.push_back(name);
    types.emplace_back(TensorType{DType::kI64, std::move(shape)});
  };
  const Dim count(static_cast<int64_t>(rank));
  append(f.dim_vector(a.window_dimensions), {count});
  for (const auto* list : {&a.window_strides, &a.base_dilations, &a.window_dilations})
    append(f.dim_vector(to_dim_vector(or_fill(*list, rank, 1))), {count});
  append(f.dim_matrix(padding_pairs(a.padding_low, a.padding_high, rank), 2), {count, 2});
  print_known_custom_call(f, c, "stablehlo.dynamic_reduce_window", operands, types,
                          fmt::format("called_computations = [{}]", symbol_text(callee.name)));
}

void print_open_window(FunctionPrinter& f, PrintCall& c) {
  if (c.equation.capture_count)
    fail_kind(ErrorKind::kUnsupported,
              "a window of symbolic size whose reducer uses values from outside has no StableHLO text; give the sizes "
              "(--shape)");
  DynamicAttributes attributes = c.attributes.to_dynamic();
  std::string key = lowering_key(c);
  if (!c.equation.regions.empty()) {
    const Region region = c.mapped_region(0);
    const Callee& reducer = f.module().function_of(region, "reducer");
    set_function(attributes, "region", reducer, region);
    key += reducer.name;
  }
  const Callee& callee = f.module().function_of(key, "reduce_window", [&] { return same_program(c, f.symbols()); });
  f.composite(c, callee, std::move(attributes));
}

void print_reduce_window(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<WindowAttributes>();
  if (!are_constant(a.window_dimensions) || !are_constant(a.padding_low) || !are_constant(a.padding_high))
    return f.is_lowering() ? print_dynamic_window(f, c, a) : print_open_window(f, c);
  std::string properties = "window_dimensions = " + array_text(constants(a.window_dimensions));
  add_array(properties, "window_strides", a.window_strides);
  add_array(properties, "base_dilations", a.base_dilations);
  add_array(properties, "window_dilations", a.window_dilations);
  add_padding(properties, constants(a.padding_low), constants(a.padding_high));
  print_reducing(f, c, "stablehlo.reduce_window", properties, a.reducer);
}

void print_select_and_scatter(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<SelectAndScatterAttributes>();
  std::string properties = "window_dimensions = " + array_text(a.window_dimensions);
  add_array(properties, "window_strides", a.window_strides);
  add_padding(properties, a.padding_low, a.padding_high);
  f.generic(c, "stablehlo.select_and_scatter", properties);
}

void print_sort(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<SortAttributes>();
  f.generic(c, "stablehlo.sort", fmt::format("dimension = {} : i64, is_stable = {}", a.dimension, a.is_stable));
}

void print_map(FunctionPrinter& f, PrintCall& c) {
  f.generic(c, "stablehlo.map", "dimensions = " + array_text(c.get<MapAttributes>().dimensions));
}

// Sums of products ----------------------------------------------------------------------------------------------------

void print_dot(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<DotAttributes>();
  if (!a.algorithm) {
    std::string suffix;
    if (!a.lhs_batching_dimensions.empty())
      suffix += fmt::format(", batching_dims = {} x {}", list_text(a.lhs_batching_dimensions),
                            list_text(a.rhs_batching_dimensions));
    suffix += fmt::format(", contracting_dims = {} x {}", list_text(a.lhs_contracting_dimensions),
                          list_text(a.rhs_contracting_dimensions));
    if (!a.precision.empty()) suffix += fmt::format(", precision = [{}]", fmt::join(a.precision, ", "));
    return f.pretty(c, "stablehlo.dot_general", suffix);
  }
  std::string algorithm = *a.algorithm;
  std::erase_if(algorithm, [](char ch) { return ch == '"' || ch == '{' || ch == '}'; });
  f.generic(c, "stablehlo.dot_general",
            fmt::format("dot_dimension_numbers = #stablehlo.dot<{}>{}, algorithm = #stablehlo.dot_algorithm<{}>",
                        numbers_text(a, kDotNumbers), precision_text(a.precision), algorithm));
}

// [b, f, 0, 1]
std::string convolution_layout(char first, int64_t first_at, char second, int64_t second_at,
                               std::span<const int64_t> spatial) {
  std::vector<std::string> labels(spatial.size() + 2);
  labels.at(static_cast<size_t>(first_at)) = first;
  labels.at(static_cast<size_t>(second_at)) = second;
  for (size_t i = 0; i < spatial.size(); ++i) labels.at(static_cast<size_t>(spatial[i])) = std::to_string(i);
  return fmt::format("[{}]", fmt::join(labels, ", "));
}

void print_convolution(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<ConvolutionAttributes>();
  std::string properties = fmt::format(
      "dimension_numbers = #stablehlo.conv<{}x{}->{}>, feature_group_count = {} : i64, batch_group_count = {} : i64{}",
      convolution_layout('b', a.input_batch_dimension, 'f', a.input_feature_dimension, a.input_spatial_dimensions),
      convolution_layout('i', a.kernel_input_feature_dimension, 'o', a.kernel_output_feature_dimension,
                         a.kernel_spatial_dimensions),
      convolution_layout('b', a.output_batch_dimension, 'f', a.output_feature_dimension, a.output_spatial_dimensions),
      a.feature_group_count, a.batch_group_count, precision_text(a.precision));
  add_array(properties, "window_strides", a.window_strides);
  add_array(properties, "lhs_dilation", a.lhs_dilation);
  add_array(properties, "rhs_dilation", a.rhs_dilation);
  if (!a.window_reversal.empty())
    properties += fmt::format(", window_reversal = array<i1: {}>", fmt::join(a.window_reversal, ", "));
  if (are_constant(a.padding_low) && are_constant(a.padding_high)) {
    add_padding(properties, constants(a.padding_low), constants(a.padding_high));
    return f.generic(c, "stablehlo.convolution", properties);
  }
  const size_t rank = a.input_spatial_dimensions.size();
  const std::vector<std::string> operands = {c.operands[0], c.operands[1],
                                             f.dim_matrix(padding_pairs(a.padding_low, a.padding_high, rank), 2)};
  const std::vector<Type> types = {c.operand_types[0], c.operand_types[1],
                                   TensorType{DType::kI64, {Dim(static_cast<int64_t>(rank)), 2}}};
  f.generic(c, "stablehlo.dynamic_conv", properties, operands, types);
}

// Factorizations, random bits -----------------------------------------------------------------------------------------

void print_cholesky(FunctionPrinter& f, PrintCall& c) {
  f.generic(c, "stablehlo.cholesky", fmt::format("lower = {}", c.get<CholeskyAttributes>().lower));
}

void print_triangular_solve(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<TriangularSolveAttributes>();
  f.generic(
      c, "stablehlo.triangular_solve",
      fmt::format("left_side = {}, lower = {}, unit_diagonal = {}, transpose_a = #stablehlo<transpose {}>", a.left_side,
                  a.lower, a.unit_diagonal, EnumNames<Transpose>::kNames[static_cast<size_t>(a.transpose_a)]));
}

void print_fft(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<FftAttributes>();
  f.generic(c, "stablehlo.fft",
            fmt::format("fft_type = #stablehlo<fft_type {}>, fft_length = {}",
                        EnumNames<FftType>::kNames[static_cast<size_t>(a.type)], array_text(a.length)));
}

void print_rng_bit_generator(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<RngBitGeneratorAttributes>();
  const std::string algorithm = fmt::format("#stablehlo<rng_algorithm {}>",
                                            EnumNames<RngAlgorithm>::kNames[static_cast<size_t>(a.algorithm)]);
  if (a.type.is_static()) return f.generic(c, "stablehlo.rng_bit_generator", "rng_algorithm = " + algorithm);
  if (!f.is_lowering()) return print_lowered(f, c, "rng_bit_generator", same_program);
  const std::vector<std::string> operands = {c.operands[0], f.dim_vector(a.type.shape)};
  const std::vector<Type> types = {c.operand_types[0], TensorType{DType::kI64, {Dim(a.type.rank())}}};
  print_known_custom_call(f, c, "stablehlo.dynamic_rng_bit_generator", operands, types, "rng_algorithm = " + algorithm);
}

// StableHLO's rng has no key: what makes equal numbers from one stands for it.
void print_rng(FunctionPrinter& f, PrintCall& c) {
  print_lowered(f, c, "rng", rng_program);
}

// Calls and our own ---------------------------------------------------------------------------------------------------

void print_call(FunctionPrinter& f, PrintCall& c) {
  f.call(c, c.mapped_region(0), c.get<CallAttributes>().callee);
}

// MLIR sees the primal; the derivative is a function that nothing calls.
void print_custom_derivative(FunctionPrinter& f, PrintCall& c) {
  const Region primal = c.mapped_region(0), derivative = c.mapped_region(1);
  const std::string& name = c.get<CustomDerivativeAttributes>().name;
  const Callee& callee = f.module().function_of(primal, name);
  DynamicAttributes attributes = c.attributes.to_dynamic();
  attributes.set("capture_count", {int64_t{c.equation.capture_count}});
  set_function(attributes, "primal", callee, primal);
  set_function(attributes, "derivative", f.module().function_of(derivative, name + ".derivative"), derivative);
  f.composite(c, callee, primal.dim_args, std::move(attributes));
}

void print_scan(FunctionPrinter& f, PrintCall& c) {
  const Region step = c.mapped_region(0);
  const Callee& body = f.module().function_of(step, "scan_body");
  const Callee& callee = f.module().function_of(lowering_key(c) + body.name + str(step.dim_args, f.symbols()), "scan",
                                                [&] { return scan_program(c, f.symbols()); });
  DynamicAttributes attributes = c.attributes.to_dynamic();
  attributes.set("capture_count", {int64_t{c.equation.capture_count}});
  set_function(attributes, "body", body, step);
  f.composite(c, callee, std::move(attributes));
}

void print_quantize(FunctionPrinter& f, PrintCall& c) {
  print_lowered(f, c, "quantize", quantize_program);
}

void print_dequantize(FunctionPrinter& f, PrintCall& c) {
  print_lowered(f, c, "dequantize", dequantize_program);
}

void print_composite(FunctionPrinter& f, PrintCall& c) {
  const Region body = composite_body(*c.equation.op, c.attributes, c.operand_types, f.symbols());
  const Callee& callee = f.module().function_of(body, c.equation.op->name + ".body");
  f.composite(c, callee, body.dim_args, c.attributes.to_dynamic());
}

void print_custom_call(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<CustomCallAttributes>();
  if (const AttributeValue* sharding = a.config.find(kShardingKey); a.target == "Sharding" && sharding) {
    const std::string* text = mlir_text(*sharding);
    constexpr std::string_view kPrefix = "#sdy.sharding";
    if (text && text->starts_with(kPrefix) && c.operands.size() == 1)
      return f.pretty_same(c, "sdy.sharding_constraint", " " + text->substr(kPrefix.size()));
  }
  if (a.has_side_effect) c.mark("has_side_effect", "true");
  for (const auto& [key, value] : a.config.entries) {
    const auto* number = key == "api_version" ? std::get_if<int64_t>(&value.value) : nullptr;
    c.mark(key_text(key), number ? fmt::format("{} : i32", *number) : attribute_text(value, f.symbols()));
  }
  const auto is_open = [](const TensorType& t) { return !t.is_static(); };
  if (std::any_of(a.results.begin(), a.results.end(), is_open)) {
    std::string shapes;
    for (const Type& t : c.result_types)
      shapes += (shapes.empty() ? "" : ", ") + string_text(is_token(t) ? "" : str(tensor(t).shape, f.symbols()));
    c.mark("ecotone.shapes", "[" + shapes + "]");
  }
  f.begin(c);
  f.out() += fmt::format("stablehlo.custom_call {}({})", symbol_text(a.target), fmt::join(c.operands, ", "));
  f.end(c);
}

const std::unordered_map<std::string_view, PrintFunction>& printers() {
  static const std::unordered_map<std::string_view, PrintFunction> table = {
      {"stablehlo.compare", print_compare},
      {"stablehlo.convert", print_conversion},
      {"stablehlo.bitcast_convert", print_conversion},
      {"stablehlo.reduce_precision", print_reduce_precision},
      {"chlo.top_k", print_top_k},
      {"stablehlo.constant", print_constant},
      {"stablehlo.iota", print_iota},
      {"stablehlo.reshape", print_reshape},
      {"stablehlo.broadcast_in_dim", print_broadcast},
      {"stablehlo.transpose", print_transpose},
      {"stablehlo.concatenate", print_concatenate},
      {"stablehlo.slice", print_slice},
      {"stablehlo.pad", print_pad},
      {"stablehlo.reverse", print_reverse},
      {"stablehlo.dynamic_slice", print_dynamic_slice},
      {"stablehlo.gather", print_gather},
      {"stablehlo.scatter", print_scatter},
      {"stablehlo.reduce", print_reduce},
      {"stablehlo.reduce_window", print_reduce_window},
      {"stablehlo.select_and_scatter", print_select_and_scatter},
      {"stablehlo.sort", print_sort},
      {"stablehlo.map", print_map},
      {"stablehlo.dot_general", print_dot},
      {"stablehlo.convolution", print_convolution},
      {"stablehlo.cholesky", print_cholesky},
      {"stablehlo.triangular_solve", print_triangular_solve},
      {"stablehlo.fft", print_fft},
      {"stablehlo.rng_bit_generator", print_rng_bit_generator},
      {"stablehlo.rng", print_rng},
      {"stablehlo.custom_call", print_custom_call},
      {"stablehlo.select", print_plain},
      {"stablehlo.complex", print_plain},
      {"stablehlo.real", print_plain},
      {"stablehlo.imag", print_plain},
      {"stablehlo.dynamic_update_slice", print_plain},
      {"stablehlo.if", print_plain},
      {"stablehlo.case", print_plain},
      {"stablehlo.while", print_plain},
      {"stablehlo.optimization_barrier", print_plain},
      {"stablehlo.after_all", print_plain},
      {"stablehlo.partition_id", print_plain},
      {"stablehlo.replica_id", print_plain},
      {"ecotone.call", print_call},
      {"ecotone.custom_derivative", print_custom_derivative},
      {"ecotone.scan", print_scan},
      {"ecotone.quantize", print_quantize},
      {"ecotone.dequantize", print_dequantize},
      {"ecotone.dim_value", print_dim_value},
      {"ecotone.take_prefix", print_data_size},
      {"ecotone.size_from", print_data_size},
  };
  return table;
}

}  // namespace

PrintFunction print_function(const Op& op) {
  const auto& table = printers();
  if (const auto found = table.find(op.name); found != table.end()) return found->second;
  if (const PrintFunction collective = find_collective_printer(op.name)) return collective;
  if (op.is_composite()) return print_composite;
  // The rest of these dialects is elementwise, without attributes.
  if (!op.attributes && (op.name.starts_with("stablehlo.") || op.name.starts_with("chlo."))) return print_elementwise;
  return nullptr;
}

}  // namespace ecotone::stablehlo
