// What each operation looks like as StableHLO text.
#include <fmt/format.h>

#include "ecotone/base/error.h"
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

// dense<[[low, high], ...]> : tensor<Nx2xi64>
std::string padding_text(std::span<const int64_t> low, std::span<const int64_t> high) {
  std::string out = "dense<";
  for (size_t i = 0; i < low.size(); ++i)
    out += fmt::format("{}[{}, {}]", i ? ", " : "[", low[i], high.empty() ? 0 : high[i]);
  return out + fmt::format("{}> : tensor<{}x2xi64>", low.empty() ? "" : "]", low.size());
}

std::string precision_text(const std::vector<std::string>& precision) {
  std::string out;
  for (const std::string& p : precision) out += fmt::format("{}#stablehlo<precision {}>", out.empty() ? "" : ", ", p);
  return out.empty() ? out : fmt::format(", precision_config = [{}]", out);
}

// name = [..], or nothing for an empty list; between the angle brackets of a dimension-number attribute.
void add_list(std::string& out, std::string_view name, std::span<const int64_t> values) {
  if (!values.empty()) out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", name, list_text(values));
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
  f.begin_results(c);
  f.out() += fmt::format("stablehlo.compare {}, {}, {}", direction, c.operands[0], c.operands[1]);
  if (a.type != ComparisonType::kDefault)
    f.out() += fmt::format(", {}", EnumNames<ComparisonType>::kNames[static_cast<size_t>(a.type)]);
  f.finish_types(c.operand_types, c.result_types);
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
  f.begin_results(c);
  f.out() += "stablehlo.constant ";
  f.out() += tensor_text(c.get<ConstantAttributes>().value);
  f.out() += '\n';
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

std::vector<Dim> to_dim_vector(const std::vector<int64_t>& v) {
  return {v.begin(), v.end()};
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
  const auto& a = c.get<DimValueAttributes>();
  const Type type = c.result_types[0];
  std::string& name = c.scope.names[c.equation.first_result];
  if (const auto constant = a.value.as_constant())
    name = f.line(fmt::format("stablehlo.constant dense<{}> : {}", *constant, type_text(type)));
  else if (a.dtype == DType::kI64)
    name = f.dim_scalar(a.value);
  else
    name = f.line(fmt::format("stablehlo.convert {} : (tensor<i64>) -> {}", f.dim_scalar(a.value), type_text(type)));
}

// A size known only from data: no StableHLO operation makes one.
void print_data_size(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<SymbolAttributes>();
  f.generic(c, "stablehlo.custom_call",
            fmt::format("call_target_name = {}, api_version = 4 : i32, backend_config = {{axis = {} : i64, size = {}}}",
                        string_text(c.equation.op->name), a.axis, string_text(a.size.str(f.symbols()))));
  if (c.equation.op->name == "ecotone.size_from")
    f.note_scalar(a.size, c.scope.names[c.equation.first_result], c.result().dtype);
}

// Indexing ------------------------------------------------------------------------------------------------------------

void print_dynamic_slice(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<DynamicSliceAttributes>();
  if (are_constant(a.slice_sizes))
    return f.pretty(c, "stablehlo.dynamic_slice", ", sizes = " + list_text(constants(a.slice_sizes)));
  // Starts are clamped here, since real_dynamic_slice does not.
  const std::string zero = f.int_constant(0);
  const size_t rank = a.slice_sizes.size();
  std::vector<std::string> starts, limits;
  for (size_t i = 0; i < rank; ++i) {
    const std::string given = f.line(fmt::format("stablehlo.convert {} : ({}) -> tensor<i64>", c.operands[i + 1],
                                                 type_text(c.operand_types[i + 1])));
    const std::string most = f.dim_scalar(c.operand(0).shape[i] - a.slice_sizes[i]);
    const std::string start = f.line(fmt::format("stablehlo.clamp {}, {}, {} : tensor<i64>", zero, given, most));
    starts.push_back(start);
    limits.push_back(f.line(fmt::format("stablehlo.add {}, {} : tensor<i64>", start, f.dim_scalar(a.slice_sizes[i]))));
  }
  const Type vector = TensorType{DType::kI64, {Dim(static_cast<int64_t>(rank))}};
  const std::vector<std::string> operands = {c.operands[0], f.stack_scalars(starts), f.stack_scalars(limits),
                                             f.dim_vector(std::vector<Dim>(rank, 1))};
  const std::vector<Type> types = {c.operand_types[0], vector, vector, vector};
  f.generic(c, "stablehlo.real_dynamic_slice", "", operands, types);
}

void print_gather(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<GatherAttributes>();
  std::string numbers;
  add_list(numbers, "offset_dims", a.offset_dims);
  add_list(numbers, "collapsed_slice_dims", a.collapsed_slice_dims);
  add_list(numbers, "operand_batching_dims", a.operand_batching_dims);
  add_list(numbers, "start_indices_batching_dims", a.start_indices_batching_dims);
  add_list(numbers, "start_index_map", a.start_index_map);
  numbers += fmt::format("{}index_vector_dim = {}", numbers.empty() ? "" : ", ", a.index_vector_dim);
  const std::string properties =
      fmt::format("dimension_numbers = #stablehlo.gather<{}>, indices_are_sorted = {}", numbers, a.indices_are_sorted);
  if (are_constant(a.slice_sizes))
    return f.generic(c, "stablehlo.gather", properties + ", slice_sizes = " + array_text(constants(a.slice_sizes)));
  print_dynamic(f, c, "stablehlo.dynamic_gather", properties, {a.slice_sizes});
}

void print_scatter(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<ScatterAttributes>();
  std::string numbers;
  add_list(numbers, "update_window_dims", a.update_window_dims);
  add_list(numbers, "inserted_window_dims", a.inserted_window_dims);
  add_list(numbers, "input_batching_dims", a.input_batching_dims);
  add_list(numbers, "scatter_indices_batching_dims", a.scatter_indices_batching_dims);
  add_list(numbers, "scatter_dims_to_operand_dims", a.scatter_dims_to_operand_dims);
  numbers += fmt::format("{}index_vector_dim = {}", numbers.empty() ? "" : ", ", a.index_vector_dim);
  f.generic(c, "stablehlo.scatter",
            fmt::format("scatter_dimension_numbers = #stablehlo.scatter<{}>, indices_are_sorted = {}, "
                        "unique_indices = {}",
                        numbers, a.indices_are_sorted, a.unique_indices));
}

// Reductions ----------------------------------------------------------------------------------------------------------

std::string reducer_name(Reducer r) {
  return fmt::format("stablehlo.{}", EnumNames<Reducer>::kNames[static_cast<size_t>(r)]);
}

// Ops whose region may be an enum: the region is written out.
void print_reducing(FunctionPrinter& f, PrintCall& c, std::string_view op, std::string_view properties,
                    Reducer reducer) {
  if (reducer == Reducer::kRegion) return f.generic(c, op, properties);
  const size_t n = c.declared_count() / 2;
  f.begin_results(c);
  f.out() += fmt::format("\"{}\"({}) <{{{}}}>", op, fmt::join(c.operands, ", "), properties);
  f.combiner(reducer_name(reducer), std::span(c.operand_types).subspan(n, n));
  f.finish_types(c.operand_types, c.result_types);
}

void print_reduce(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<ReduceAttributes>();
  if (a.reducer == Reducer::kRegion || c.declared_count() != 2)
    return print_reducing(f, c, "stablehlo.reduce", "dimensions = " + array_text(a.dimensions), a.reducer);
  f.begin_results(c);
  f.out() += fmt::format("stablehlo.reduce({} init: {}) applies {} across dimensions = {}", c.operands[0],
                         c.operands[1], reducer_name(a.reducer), list_text(a.dimensions));
  f.finish_types(c.operand_types, c.result_types);
}

void print_reduce_window(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<WindowAttributes>();
  const size_t rank = a.window_dimensions.size();
  if (!are_constant(a.window_dimensions) || !are_constant(a.padding_low) || !are_constant(a.padding_high))
    fail_kind(ErrorKind::kUnsupported, "a window of symbolic size has no StableHLO text; give the sizes (--shape)");
  const auto strides = or_fill(a.window_strides, rank, 1), base = or_fill(a.base_dilations, rank, 1);
  const auto window = or_fill(a.window_dilations, rank, 1);
  print_reducing(
      f, c, "stablehlo.reduce_window",
      fmt::format(
          "window_dimensions = {}, window_strides = {}, base_dilations = {}, window_dilations = {}, "
          "padding = {}",
          array_text(constants(a.window_dimensions)), array_text(strides), array_text(base), array_text(window),
          padding_text(or_fill(constants(a.padding_low), rank, 0), or_fill(constants(a.padding_high), rank, 0))),
      a.reducer);
}

void print_select_and_scatter(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<SelectAndScatterAttributes>();
  const size_t rank = a.window_dimensions.size();
  f.generic(c, "stablehlo.select_and_scatter",
            fmt::format("window_dimensions = {}, window_strides = {}, padding = {}", array_text(a.window_dimensions),
                        array_text(or_fill(a.window_strides, rank, 1)),
                        padding_text(or_fill(a.padding_low, rank, 0), or_fill(a.padding_high, rank, 0))));
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
  std::string numbers;
  add_list(numbers, "lhs_batching_dimensions", a.lhs_batching_dimensions);
  add_list(numbers, "rhs_batching_dimensions", a.rhs_batching_dimensions);
  add_list(numbers, "lhs_contracting_dimensions", a.lhs_contracting_dimensions);
  add_list(numbers, "rhs_contracting_dimensions", a.rhs_contracting_dimensions);
  std::string algorithm = *a.algorithm;
  std::erase_if(algorithm, [](char ch) { return ch == '"' || ch == '{' || ch == '}'; });
  f.generic(c, "stablehlo.dot_general",
            fmt::format("dot_dimension_numbers = #stablehlo.dot<{}>{}, algorithm = #stablehlo.dot_algorithm<{}>",
                        numbers, precision_text(a.precision), algorithm));
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
  const size_t rank = a.input_spatial_dimensions.size();
  std::string reversal;
  for (size_t i = 0; i < rank; ++i)
    reversal += fmt::format("{}{}", i ? ", " : ": ", !a.window_reversal.empty() && a.window_reversal[i]);
  const std::string properties = fmt::format(
      "window_strides = {}, lhs_dilation = {}, rhs_dilation = {}, window_reversal = array<i1{}>, "
      "dimension_numbers = #stablehlo.conv<{}x{}->{}>, feature_group_count = {} : i64, batch_group_count = {} : i64{}",
      array_text(or_fill(a.window_strides, rank, 1)), array_text(or_fill(a.lhs_dilation, rank, 1)),
      array_text(or_fill(a.rhs_dilation, rank, 1)), reversal,
      convolution_layout('b', a.input_batch_dimension, 'f', a.input_feature_dimension, a.input_spatial_dimensions),
      convolution_layout('i', a.kernel_input_feature_dimension, 'o', a.kernel_output_feature_dimension,
                         a.kernel_spatial_dimensions),
      convolution_layout('b', a.output_batch_dimension, 'f', a.output_feature_dimension, a.output_spatial_dimensions),
      a.feature_group_count, a.batch_group_count, precision_text(a.precision));
  if (are_constant(a.padding_low) && are_constant(a.padding_high))
    return f.generic(
        c, "stablehlo.convolution",
        properties + ", padding = " +
            padding_text(or_fill(constants(a.padding_low), rank, 0), or_fill(constants(a.padding_high), rank, 0)));
  std::vector<Dim> pairs;
  for (size_t i = 0; i < rank; ++i) {
    pairs.push_back(a.padding_low.empty() ? Dim(0) : a.padding_low[i]);
    pairs.push_back(a.padding_high.empty() ? Dim(0) : a.padding_high[i]);
  }
  const std::string padding = f.line(
      fmt::format("stablehlo.reshape {} : (tensor<{}xi64>) -> tensor<{}x2xi64>", f.dim_vector(pairs), 2 * rank, rank));
  const std::vector<std::string> operands = {c.operands[0], c.operands[1], padding};
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
  f.generic(c, "stablehlo.rng_bit_generator",
            fmt::format("rng_algorithm = #stablehlo<rng_algorithm {}>",
                        EnumNames<RngAlgorithm>::kNames[static_cast<size_t>(a.algorithm)]));
}

// The key is left out: StableHLO's rng has none, and a reader adds it again.
void print_rng(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<RngAttributes>();
  const std::vector<std::string> operands = {c.operands[0], c.operands[1], f.dim_vector(a.shape)};
  const std::vector<Type> types = {c.operand_types[0], c.operand_types[1],
                                   TensorType{DType::kI64, {Dim(static_cast<int64_t>(a.shape.size()))}}};
  f.generic(c, "stablehlo.rng",
            fmt::format("rng_distribution = #stablehlo<rng_distribution {}>",
                        EnumNames<RngDistribution>::kNames[static_cast<size_t>(a.distribution)]),
            operands, types);
}

// Calls and our own ---------------------------------------------------------------------------------------------------

void print_call(FunctionPrinter& f, PrintCall& c) {
  f.call(c, f.module().function_of(c.mapped_region(0), c.get<CallAttributes>().callee));
}

// The derivative is not said: MLIR's programs are differentiated before they are printed.
void print_custom_derivative(FunctionPrinter& f, PrintCall& c) {
  f.call(c, f.module().function_of(c.mapped_region(0), c.get<CustomDerivativeAttributes>().name));
}

// What tells two lowered ops apart: operation, attributes, types.
std::string lowering_key(const PrintCall& c) {
  std::string key = c.equation.op->name + str(c.attributes.to_dynamic());
  for (const Type& t : c.operand_types) key += " " + str(t);
  return key;
}

void print_scan(FunctionPrinter& f, PrintCall& c) {
  const std::string body = f.module().function_of(c.mapped_region(0), "scan_body");
  const std::string name =
      f.module().function_of(lowering_key(c) + body, "scan", [&] { return scan_program(c, f.symbols()); });
  f.composite(c, name, fmt::format("body = {}, capture_count = {} : i64", symbol_text(body), c.equation.capture_count));
}

void print_quantize(FunctionPrinter& f, PrintCall& c) {
  f.composite(c, f.module().function_of(lowering_key(c), "quantize", [&] { return quantize_program(c, f.symbols()); }));
}

void print_dequantize(FunctionPrinter& f, PrintCall& c) {
  f.composite(
      c, f.module().function_of(lowering_key(c), "dequantize", [&] { return dequantize_program(c, f.symbols()); }));
}

void print_composite(FunctionPrinter& f, PrintCall& c) {
  const Region body = composite_body(*c.equation.op, c.attributes, c.operand_types, f.symbols());
  f.composite(c, f.module().function_of(body, c.equation.op->name + ".body"));
}

void print_custom_call(FunctionPrinter& f, PrintCall& c) {
  const auto& a = c.get<CustomCallAttributes>();
  std::string properties = fmt::format("call_target_name = {}", string_text(a.target));
  if (a.has_side_effect) properties += ", has_side_effect = true";
  for (const auto& [key, value] : a.config.entries) {
    // Layouts and aliases are about memory, and their attributes are not kept well enough to be written.
    if (key == "call_target_name" || key == "has_side_effect" || key == "operand_layouts" || key == "result_layouts" ||
        key == "output_operand_aliases" || key == "called_computations")
      continue;
    const auto* number = std::get_if<int64_t>(&value.value);
    properties += fmt::format(
        ", {} = {}", key_text(key),
        key == "api_version" && number ? fmt::format("{} : i32", *number) : attribute_text(value, f.symbols()));
  }
  f.generic(c, "stablehlo.custom_call", properties);
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
  if (op.is_composite()) return print_composite;
  // The rest of these dialects is elementwise, without attributes.
  if (!op.attributes && (op.name.starts_with("stablehlo.") || op.name.starts_with("chlo."))) return print_elementwise;
  return nullptr;
}

}  // namespace ecotone::stablehlo
