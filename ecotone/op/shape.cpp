#include "ecotone/op/shape.h"

#include <algorithm>
#include <cstring>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/common.h"
#include "ecotone/op/move.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

MutableTensor result_tensor(const EvalCall& call, MutableTensor::Init init = MutableTensor::Init::kNone) {
  return {call.result_storage(), call.result().static_shape(), init};
}

void expect_length(size_t length, int64_t rank, const char* what) {
  if (static_cast<int64_t>(length) != rank)
    fail("{} has {} entries, but the operand has {} dimensions", what, length, rank);
}

void expect_dimension(int64_t dimension, int64_t rank, const char* what) {
  if (dimension < 0 || dimension >= rank) fail("{} is {}, but must be in [0, {})", what, dimension, rank);
}

// Dimensions that are in range and all different.
void expect_distinct(std::span<const int64_t> dimensions, int64_t rank, const char* what) {
  std::vector<bool> seen(static_cast<size_t>(rank));
  for (int64_t d : dimensions) {
    expect_dimension(d, rank, what);
    if (seen[static_cast<size_t>(d)]) fail("{} names dimension {} twice", what, d);
    seen[static_cast<size_t>(d)] = true;
  }
}

// Refuses a size that is surely negative.
void expect_size(const InferCall& call, const Dim& size, const char* what) {
  if (call.dims.range(size).max < 0) fail("{} is negative: {}", what, size.str(call.dims.symbols()));
}

// constant ------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_constant(const InferCall& call) {
  call.expect_operands(0);
  call.expect_regions(0);
  return {Type(call.get<ConstantAttributes>().value.type())};
}

// A value in another float or complex type of at least its range.
Tensor widened(const Tensor& value, DType storage) {
  if (value.dtype() == storage) return value;
  MutableTensor out(storage, value.shape(), MutableTensor::Init::kNone);
  for (int64_t i = 0; i < value.size(); ++i)
    if (is_complex(storage))
      out.set_complex(i, value.at_complex(i));
    else
      out.set_double(i, value.at_double(i));
  return std::move(out).freeze();
}

std::vector<Tensor> evaluate_constant(const EvalCall& call) {
  return {widened(call.get<ConstantAttributes>().value.plain(), call.result_storage())};
}

// iota ----------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_iota(const InferCall& call) {
  call.expect_operands(0);
  const auto& a = call.get<IotaAttributes>();
  expect_dimension(a.dimension, a.type.rank(), "iota_dimension");
  if (a.type.dtype == DType::kBool) fail("iota does not make bools");
  for (const Dim& d : a.type.shape) expect_size(call, d, "a size");
  return {Type(a.type)};
}

std::vector<Tensor> evaluate_iota(const EvalCall& call) {
  const int64_t dimension = call.get<IotaAttributes>().dimension;
  MutableTensor out = result_tensor(call);
  const Shape shape = out.shape();
  Shape to = row_major_strides(shape), from(shape.size());
  const int64_t length = shape[static_cast<size_t>(dimension)];
  MutableTensor line(out.dtype(), {length});
  for (int64_t i = 0; i < length; ++i) {
    if (is_complex(out.dtype()))
      line.set_complex(i, static_cast<double>(i));
    else if (is_float(out.dtype()))
      line.set_double(
          i, call.mode == EvalMode::kReal ? static_cast<double>(i) : round_to(out.dtype(), static_cast<double>(i)));
    else
      line.set_int(i, i);
  }
  from[static_cast<size_t>(dimension)] = 1;
  copy_strided(shape, byte_size(out.dtype()), out.bytes().data(), to, line.bytes().data(), from);
  return {std::move(out).freeze()};
}

// reshape, broadcast, transpose ---------------------------------------------------------------------------------------

std::vector<Type> infer_reshape(const InferCall& call) {
  call.expect_operands(1);
  const TensorType& x = call.operand(0);
  TensorType result{x.dtype, call.get<ShapeAttributes>().shape};
  for (const Dim& d : result.shape) expect_size(call, d, "a size");
  call.dims.require_equal(x.size(), result.size(), "the number of elements of a reshape's operand and result");
  return {Type(std::move(result))};
}

std::vector<Tensor> evaluate_reshape(const EvalCall& call) {
  return {call.operands[0].reshaped(call.result().static_shape())};
}

std::vector<Type> infer_broadcast_in_dim(const InferCall& call) {
  call.expect_operands(1);
  const auto& a = call.get<BroadcastInDimAttributes>();
  const TensorType& x = call.operand(0);
  expect_length(a.broadcast_dimensions.size(), x.rank(), "broadcast_dimensions");
  expect_distinct(a.broadcast_dimensions, static_cast<int64_t>(a.shape.size()), "broadcast_dimensions");
  for (const Dim& d : a.shape) expect_size(call, d, "a size");
  for (size_t i = 0; i < x.shape.size(); ++i)
    if (x.shape[i] != Dim(1))
      call.dims.require_equal(x.shape[i], a.shape[static_cast<size_t>(a.broadcast_dimensions[i])],
                              "the size of a dimension that is broadcast and the result's (only size 1 may differ)");
  return {Type(TensorType{x.dtype, a.shape})};
}

std::vector<Tensor> evaluate_broadcast_in_dim(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  const auto& dimensions = call.get<BroadcastInDimAttributes>().broadcast_dimensions;
  const Shape shape = call.result().static_shape();
  if (x.size() == element_count(shape) && std::is_sorted(dimensions.begin(), dimensions.end()))
    return {x.reshaped(shape)};
  MutableTensor out = result_tensor(call);
  const Shape strides = row_major_strides(x.shape());
  Shape from(shape.size());
  for (size_t i = 0; i < dimensions.size(); ++i)
    if (x.shape()[i] != 1) from[static_cast<size_t>(dimensions[i])] = strides[i];
  copy_strided(shape, byte_size(out.dtype()), out.bytes().data(), row_major_strides(shape), x.bytes().data(), from);
  return {std::move(out).freeze()};
}

std::vector<Type> infer_transpose(const InferCall& call) {
  call.expect_operands(1);
  const auto& permutation = call.get<TransposeAttributes>().permutation;
  const TensorType& x = call.operand(0);
  expect_length(permutation.size(), x.rank(), "permutation");
  expect_distinct(permutation, x.rank(), "permutation");
  TensorType result{x.dtype, {}};
  for (int64_t p : permutation) result.shape.push_back(x.shape[static_cast<size_t>(p)]);
  return {Type(std::move(result))};
}

std::vector<Tensor> evaluate_transpose(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  MutableTensor out = result_tensor(call);
  const Shape strides = row_major_strides(x.shape());
  Shape from;
  for (int64_t p : call.get<TransposeAttributes>().permutation) from.push_back(strides[static_cast<size_t>(p)]);
  copy_strided(out.shape(), byte_size(out.dtype()), out.bytes().data(), row_major_strides(out.shape()),
               x.bytes().data(), from);
  return {std::move(out).freeze()};
}

// concatenate, slice, pad, reverse ------------------------------------------------------------------------------------

std::vector<Type> infer_concatenate(const InferCall& call) {
  call.expect_operands_at_least(1);
  const int64_t dimension = call.get<ConcatenateAttributes>().dimension;
  TensorType result = call.operand(0);
  expect_dimension(dimension, result.rank(), "dimension");
  for (size_t i = 1; i < call.operands.size(); ++i) {
    expect_equal_dtypes(call, 0, i);
    const TensorType& x = call.operand(i);
    if (x.rank() != result.rank()) fail("operand {} has {} dimensions, operand 0 has {}", i, x.rank(), result.rank());
    for (size_t d = 0; d < x.shape.size(); ++d) {
      if (static_cast<int64_t>(d) == dimension) {
        result.shape[d] = result.shape[d] + x.shape[d];
        continue;
      }
      call.dims.require_equal(result.shape[d], x.shape[d],
                              "sizes of what is concatenated, other than along the dimension");
      if (x.shape[d].is_constant()) result.shape[d] = x.shape[d];
    }
  }
  return {Type(std::move(result))};
}

std::vector<Tensor> evaluate_concatenate(const EvalCall& call) {
  const auto dimension = static_cast<size_t>(call.get<ConcatenateAttributes>().dimension);
  MutableTensor out = result_tensor(call);
  const Shape to = row_major_strides(out.shape());
  const int element = byte_size(out.dtype());
  int64_t start = 0;
  for (const Tensor& x : call.operands) {
    copy_strided(x.shape(), element, out.bytes().data() + start * to[dimension] * element, to, x.bytes().data(),
                 row_major_strides(x.shape()));
    start += x.shape()[dimension];
  }
  return {std::move(out).freeze()};
}

std::vector<Type> infer_slice(const InferCall& call) {
  call.expect_operands(1);
  const auto& a = call.get<SliceAttributes>();
  const TensorType& x = call.operand(0);
  expect_length(a.start_indices.size(), x.rank(), "start_indices");
  expect_length(a.limit_indices.size(), x.rank(), "limit_indices");
  expect_length(a.strides.size(), x.rank(), "strides");
  TensorType result{x.dtype, {}};
  for (size_t i = 0; i < x.shape.size(); ++i) {
    const Dim &start = a.start_indices[i], &limit = a.limit_indices[i];
    if (a.strides[i] <= 0) fail("stride {} of dimension {} must be positive", a.strides[i], i);
    if (call.dims.range(start).max < 0 || call.dims.less_equal(start, limit) == Decision::kNo ||
        call.dims.less_equal(limit, x.shape[i]) == Decision::kNo)
      fail("the slice [{}, {}) of dimension {} is not within its size {}", start.str(call.dims.symbols()),
           limit.str(call.dims.symbols()), i, x.shape[i].str(call.dims.symbols()));
    result.shape.push_back(ceildiv(limit - start, a.strides[i]));
  }
  return {Type(std::move(result))};
}

std::vector<Tensor> evaluate_slice(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  const auto& a = call.get<SliceAttributes>();
  MutableTensor out = result_tensor(call);
  const Shape strides = row_major_strides(x.shape());
  Shape from(strides.size());
  int64_t first = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    const int64_t start = a.start_indices[i].constant(), limit = a.limit_indices[i].constant();
    if (start < 0 || start > limit || limit > x.shape()[i])
      fail("the slice [{}, {}) of dimension {} is not within its size {}", start, limit, i, x.shape()[i]);
    first += start * strides[i];
    from[i] = strides[i] * a.strides[i];
  }
  const int element = byte_size(out.dtype());
  copy_strided(out.shape(), element, out.bytes().data(), row_major_strides(out.shape()),
               x.bytes().data() + first * element, from);
  return {std::move(out).freeze()};
}

std::vector<Type> infer_pad(const InferCall& call) {
  call.expect_operands(2);
  const auto& a = call.get<PadAttributes>();
  const TensorType& x = call.operand(0);
  expect_equal_dtypes(call, 0, 1);
  if (call.operand(1).rank() != 0) fail("the padding value must be a scalar");
  expect_length(a.edge_padding_low.size(), x.rank(), "edge_padding_low");
  expect_length(a.edge_padding_high.size(), x.rank(), "edge_padding_high");
  expect_length(a.interior_padding.size(), x.rank(), "interior_padding");
  TensorType result{x.dtype, {}};
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (a.interior_padding[i] < 0) fail("interior_padding of dimension {} is negative", i);
    const Dim gaps = a.interior_padding[i] == 0 ? Dim(0) : max(x.shape[i] - 1, 0) * a.interior_padding[i];
    result.shape.push_back(a.edge_padding_low[i] + x.shape[i] + gaps + a.edge_padding_high[i]);
    expect_size(call, result.shape.back(), "the padded size");
  }
  return {Type(std::move(result))};
}

std::vector<Tensor> evaluate_pad(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  const auto& a = call.get<PadAttributes>();
  MutableTensor out = result_tensor(call);
  fill_elements(out, call.operands[1].bytes().data());
  const Shape out_strides = row_major_strides(out.shape()), x_strides = row_major_strides(x.shape());
  Shape shape(out_strides.size()), to(shape.size());
  int64_t to_first = 0, from_first = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    // x's index k lands at low + k * step; negative padding cuts off what falls outside.
    const int64_t low = a.edge_padding_low[i].constant(), step = a.interior_padding[i] + 1, size = out.shape()[i];
    const int64_t begin = low < 0 ? (-low + step - 1) / step : 0;
    const int64_t end = size <= low ? 0 : std::min(x.shape()[i], (size - 1 - low) / step + 1);
    shape[i] = std::max<int64_t>(0, end - begin);
    to[i] = out_strides[i] * step;
    to_first += (low + begin * step) * out_strides[i];
    from_first += begin * x_strides[i];
  }
  if (element_count(shape) > 0) {
    const int element = byte_size(out.dtype());
    copy_strided(shape, element, out.bytes().data() + to_first * element, to, x.bytes().data() + from_first * element,
                 x_strides);
  }
  return {std::move(out).freeze()};
}

std::vector<Type> infer_reverse(const InferCall& call) {
  call.expect_operands(1);
  expect_distinct(call.get<ReverseAttributes>().dimensions, call.operand(0).rank(), "dimensions");
  return {Type(call.operand(0))};
}

std::vector<Tensor> evaluate_reverse(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  MutableTensor out = result_tensor(call);
  if (x.size() == 0) return {std::move(out).freeze()};
  Shape from = row_major_strides(x.shape());
  int64_t first = 0;
  for (int64_t d : call.get<ReverseAttributes>().dimensions) {
    first += (x.shape()[static_cast<size_t>(d)] - 1) * from[static_cast<size_t>(d)];
    from[static_cast<size_t>(d)] *= -1;
  }
  const int element = byte_size(out.dtype());
  copy_strided(out.shape(), element, out.bytes().data(), row_major_strides(out.shape()),
               x.bytes().data() + first * element, from);
  return {std::move(out).freeze()};
}

// Sizes as values, values as sizes ------------------------------------------------------------------------------------

void expect_integer_scalar(const TensorType& t) {
  if (t.rank() != 0 || !is_integer(t.dtype)) fail("a count must be an integer scalar");
}

std::vector<Type> infer_dim_value(const InferCall& call) {
  call.expect_operands(0);
  const auto& a = call.get<DimValueAttributes>();
  if (!is_integer(a.dtype)) fail("a size is an integer, not {}", name(a.dtype));
  return {Type(TensorType{a.dtype, {}})};
}

std::vector<Tensor> evaluate_dim_value(const EvalCall& call) {
  const auto& a = call.get<DimValueAttributes>();
  MutableTensor out(a.dtype, {});
  out.set_int(0, a.value.constant());
  return {std::move(out).freeze()};
}

std::vector<Type> infer_take_prefix(const InferCall& call) {
  call.expect_operands(2);
  const auto& a = call.get<SymbolAttributes>();
  TensorType result = call.operand(0);
  expect_integer_scalar(call.operand(1));
  expect_dimension(a.axis, result.rank(), "axis");
  result.shape[static_cast<size_t>(a.axis)] = a.size;
  return {Type(std::move(result))};
}

std::vector<Tensor> evaluate_take_prefix(const EvalCall& call) {
  const auto& a = call.get<SymbolAttributes>();
  const Tensor& x = call.operands[0];
  const auto axis = static_cast<size_t>(a.axis);
  const int64_t n = call.operands[1].at_int(0);
  if (n < 0 || n > x.shape()[axis]) fail("take_prefix of {} entries from {}", n, x.shape()[axis]);
  if (!a.size.is_constant()) call.runner.bind_symbol(a.size, n);
  Shape shape = x.shape();
  shape[axis] = n;
  MutableTensor out(x.dtype(), shape, MutableTensor::Init::kNone);
  copy_strided(shape, byte_size(x.dtype()), out.bytes().data(), row_major_strides(shape), x.bytes().data(),
               row_major_strides(x.shape()));
  return {std::move(out).freeze()};
}

std::vector<Type> infer_size_from(const InferCall& call) {
  call.expect_operands(1);
  expect_integer_scalar(call.operand(0));
  return {Type(call.operand(0))};
}

std::vector<Tensor> evaluate_size_from(const EvalCall& call) {
  const Dim& size = call.get<SymbolAttributes>().size;
  const int64_t n = call.operands[0].at_int(0);
  if (n < 0) fail("a size computed from data is negative: {}", n);
  if (!size.is_constant()) call.runner.bind_symbol(size, n);
  return {call.operands[0]};
}

}  // namespace

// A definition whose attributes are of type A.
#define ECOTONE_SHAPE_OP(function, text, A, dtypes)                                                                \
  const Op& function() {                                                                                           \
    static const Op op = primitive(text, &attributes_info<A>(), dtypes, infer_##function, evaluate_##function, 1); \
    return op;                                                                                                     \
  }
ECOTONE_SHAPE_OP(constant, "stablehlo.constant", ConstantAttributes, DTypeSet::all())
ECOTONE_SHAPE_OP(iota, "stablehlo.iota", IotaAttributes,
                 DTypeSet::integers() | DTypeSet::floats() | DTypeSet::complexes())
ECOTONE_SHAPE_OP(reshape, "stablehlo.reshape", ShapeAttributes, DTypeSet::all())
ECOTONE_SHAPE_OP(broadcast_in_dim, "stablehlo.broadcast_in_dim", BroadcastInDimAttributes, DTypeSet::all())
ECOTONE_SHAPE_OP(transpose, "stablehlo.transpose", TransposeAttributes, DTypeSet::all())
ECOTONE_SHAPE_OP(concatenate, "stablehlo.concatenate", ConcatenateAttributes, DTypeSet::all())
ECOTONE_SHAPE_OP(slice, "stablehlo.slice", SliceAttributes, DTypeSet::all())
ECOTONE_SHAPE_OP(pad, "stablehlo.pad", PadAttributes, DTypeSet::all())
ECOTONE_SHAPE_OP(reverse, "stablehlo.reverse", ReverseAttributes, DTypeSet::all())
ECOTONE_SHAPE_OP(dim_value, "ecotone.dim_value", DimValueAttributes, DTypeSet::integers())
ECOTONE_SHAPE_OP(take_prefix, "ecotone.take_prefix", SymbolAttributes, DTypeSet::all())
ECOTONE_SHAPE_OP(size_from, "ecotone.size_from", SymbolAttributes, DTypeSet::integers())
#undef ECOTONE_SHAPE_OP

ValueId constant(Builder& b, Tensor value) {
  return b.add1(constant(), make_attributes(ConstantAttributes{std::move(value)}), {});
}
ValueId iota(Builder& b, TensorType type, int64_t dimension) {
  return b.add1(iota(), make_attributes(IotaAttributes{dimension, std::move(type)}), {});
}
ValueId reshape(Builder& b, ValueId x, std::vector<Dim> shape) {
  if (b.tensor_type(x).shape == shape) return x;
  return b.add1(reshape(), make_attributes(ShapeAttributes{std::move(shape)}), {x});
}
ValueId broadcast_in_dim(Builder& b, ValueId x, std::vector<Dim> shape, std::vector<int64_t> broadcast_dimensions) {
  return b.add1(broadcast_in_dim(),
                make_attributes(BroadcastInDimAttributes{std::move(broadcast_dimensions), std::move(shape)}), {x});
}
ValueId transpose(Builder& b, ValueId x, std::vector<int64_t> permutation) {
  bool identity = static_cast<int64_t>(permutation.size()) == b.rank(x);
  for (size_t i = 0; identity && i < permutation.size(); ++i) identity = permutation[i] == static_cast<int64_t>(i);
  if (identity) return x;
  return b.add1(transpose(), make_attributes(TransposeAttributes{std::move(permutation)}), {x});
}
ValueId concatenate(Builder& b, std::span<const ValueId> inputs, int64_t dimension) {
  if (inputs.size() == 1) return inputs[0];
  return b.add1(concatenate(), make_attributes(ConcatenateAttributes{dimension}), inputs);
}
ValueId slice(Builder& b, ValueId x, std::vector<Dim> start, std::vector<Dim> limit, std::vector<int64_t> strides) {
  if (strides.empty()) strides.assign(start.size(), 1);
  return b.add1(slice(), make_attributes(SliceAttributes{std::move(start), std::move(limit), std::move(strides)}), {x});
}
ValueId pad(Builder& b, ValueId x, ValueId value, std::vector<Dim> low, std::vector<Dim> high,
            std::vector<int64_t> interior) {
  if (interior.empty()) interior.assign(low.size(), 0);
  return b.add1(pad(), make_attributes(PadAttributes{std::move(low), std::move(high), std::move(interior)}),
                {x, value});
}
ValueId reverse(Builder& b, ValueId x, std::vector<int64_t> dimensions) {
  return b.add1(reverse(), make_attributes(ReverseAttributes{std::move(dimensions)}), {x});
}
ValueId dim_value(Builder& b, Dim value, DType dtype) {
  if (value.is_constant()) {
    MutableTensor t(dtype, {});
    t.set_int(0, value.constant());
    return constant(b, std::move(t).freeze());
  }
  return b.add1(dim_value(), make_attributes(DimValueAttributes{std::move(value), dtype}), {});
}
ValueId take_prefix(Builder& b, ValueId x, ValueId n, int64_t axis, std::string_view symbol_name) {
  const Dim whole = b.tensor_type(x).shape.at(static_cast<size_t>(axis));
  const Dim size = b.symbol(symbol_name, 0, b.dims().range(whole).max);
  return b.add1(take_prefix(), make_attributes(SymbolAttributes{axis, size}), {x, n});
}
Dim size_from(Builder& b, ValueId n, int64_t max, std::string_view symbol_name) {
  const Dim size = b.symbol(symbol_name, 0, max);
  b.add1(size_from(), make_attributes(SymbolAttributes{0, size}), {n});
  return size;
}

std::span<const Op* const> shape_ops() {
  static const Op* const ops[] = {&constant(), &iota(), &reshape(), &broadcast_in_dim(), &transpose(),   &concatenate(),
                                  &slice(),    &pad(),  &reverse(), &dim_value(),        &take_prefix(), &size_from()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::ConstantAttributes>();
template const AttributesInfo& attributes_info<op::IotaAttributes>();
template const AttributesInfo& attributes_info<op::ShapeAttributes>();
template const AttributesInfo& attributes_info<op::BroadcastInDimAttributes>();
template const AttributesInfo& attributes_info<op::TransposeAttributes>();
template const AttributesInfo& attributes_info<op::ConcatenateAttributes>();
template const AttributesInfo& attributes_info<op::SliceAttributes>();
template const AttributesInfo& attributes_info<op::PadAttributes>();
template const AttributesInfo& attributes_info<op::ReverseAttributes>();
template const AttributesInfo& attributes_info<op::DimValueAttributes>();
template const AttributesInfo& attributes_info<op::SymbolAttributes>();
}  // namespace ecotone
