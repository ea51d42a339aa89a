#include "ecotone/op/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ecotone/base/thread_pool.h"
#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/combine.h"
#include "ecotone/op/common.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/fold.h"
#include "ecotone/op/move.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

const Op& equation_of(Reducer reducer) {
  switch (reducer) {
    case Reducer::kAdd:
      return add();
    case Reducer::kMultiply:
      return multiply();
    case Reducer::kMaximum:
      return maximum();
    case Reducer::kMinimum:
      return minimum();
    case Reducer::kAnd:
      return and_();
    case Reducer::kOr:
      return or_();
    case Reducer::kXor:
      return xor_();
    case Reducer::kRegion:
      break;
  }
  fail_kind(ErrorKind::kInternal, "a region is no reducer");
}

// N inputs of one shape, then N scalar initial values of their types.
size_t expect_inputs_and_inits(const InferCall& call, Reducer reducer) {
  call.expect_operands_at_least(2);
  if (call.operands.size() % 2 != 0) fail("needs as many initial values as inputs");
  const size_t n = call.operands.size() / 2;
  for (size_t i = 0; i < n; ++i) {
    if (i > 0) expect_equal_shapes(call, 0, i);
    expect_equal_dtypes(call, i, n + i);
    if (call.operand(n + i).rank() != 0) fail("initial value {} must be a scalar", i);
  }
  if (reducer == Reducer::kRegion) {
    call.expect_regions(1);
    if (call.regions[0].body->outputs().size() != n) fail("the region must return {} values", n);
  } else {
    call.expect_regions(0);
    if (n != 1) fail("a reducer by name takes one input, not {}", n);
    const DType d = call.operand(0).dtype;
    if (!equation_of(reducer).dtypes.contains(d)) fail("{} does not take {}", equation_of(reducer).name, name(d));
  }
  return n;
}

// reduce --------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_reduce(const InferCall& call) {
  const auto& a = call.get<ReduceAttributes>();
  const size_t n = expect_inputs_and_inits(call, a.reducer);
  const int64_t rank = call.operand(0).rank();
  std::vector<bool> reduced(static_cast<size_t>(rank));
  for (int64_t d : a.dimensions) {
    if (d < 0 || d >= rank) fail("dimension {} is not in [0, {})", d, rank);
    if (reduced[static_cast<size_t>(d)]) fail("dimension {} is named twice", d);
    reduced[static_cast<size_t>(d)] = true;
  }
  std::vector<Type> results;
  for (size_t i = 0; i < n; ++i) {
    TensorType result{call.operand(i).dtype, {}};
    for (size_t d = 0; d < reduced.size(); ++d)
      if (!reduced[d]) result.shape.push_back(call.operand(0).shape[d]);
    results.emplace_back(std::move(result));
  }
  return results;
}

// x with the reduced dimensions moved behind the others, or before them when they stand first already.
struct Folded {
  Tensor x;
  int64_t outer, count, inner;  // count is what is folded
};
Folded fold_axes(const Tensor& x, std::span<const int64_t> dimensions) {
  const auto rank = static_cast<int64_t>(x.shape().size());
  std::vector<int64_t> reduced(dimensions.begin(), dimensions.end()), kept;
  std::ranges::sort(reduced);
  for (int64_t d = 0; d < rank; ++d)
    if (!std::ranges::binary_search(reduced, d)) kept.push_back(d);
  const auto product = [&](std::span<const int64_t> list) {
    return std::accumulate(list.begin(), list.end(), int64_t{1},
                           [&](int64_t p, int64_t d) { return p * x.shape()[static_cast<size_t>(d)]; });
  };
  const int64_t count = product(reduced), others = product(kept);
  if (reduced.empty() || reduced.back() - reduced.front() + 1 == static_cast<int64_t>(reduced.size())) {
    int64_t inner = 1;
    for (int64_t d : kept)
      if (!reduced.empty() && d > reduced.back()) inner *= x.shape()[static_cast<size_t>(d)];
    return {x, inner == 0 ? 0 : others / inner, count, inner};
  }
  std::vector<int64_t> permutation = kept;
  permutation.insert(permutation.end(), reduced.begin(), reduced.end());
  const Shape strides = row_major_strides(x.shape());
  Shape shape, from;
  for (int64_t d : permutation) {
    shape.push_back(x.shape()[static_cast<size_t>(d)]);
    from.push_back(strides[static_cast<size_t>(d)]);
  }
  MutableTensor moved(x.dtype(), shape, MutableTensor::Init::kNone);
  copy_strided(shape, byte_size(x.dtype()), moved.bytes().data(), row_major_strides(shape), x.bytes().data(), from);
  return {std::move(moved).freeze(), others, count, 1};
}

std::vector<Tensor> evaluate_reduce(const EvalCall& call) {
  const auto& a = call.get<ReduceAttributes>();
  const Shape shape = call.result().static_shape();
  const size_t n = call.operands.size() / 2;
  Reducer reducer = a.reducer;
  if (reducer == Reducer::kRegion && n == 1 && call.captures.empty()) reducer = reducer_of(*call.regions[0].body);
  if (reducer != Reducer::kRegion) {
    const Folded f = fold_axes(call.operands[0], a.dimensions);
    MutableTensor out(f.x.dtype(), shape, MutableTensor::Init::kNone);
    fold(reducer, f.x, f.outer, f.count, f.inner, call.operands[1], out);
    return {std::move(out).freeze()};
  }
  std::vector<Folded> inputs;
  std::vector<MutableTensor> outs;
  for (size_t i = 0; i < n; ++i) {
    inputs.push_back(fold_axes(call.operands[i], a.dimensions));
    outs.emplace_back(call.operands[i].dtype(), shape, MutableTensor::Init::kNone);
    fill_elements(outs[i], call.operands[n + i].bytes().data());
  }
  std::vector<Tensor> xs;
  for (const Folded& f : inputs) xs.push_back(f.x);
  const ElementCombiner combine(call, call.regions[0]);
  const auto& [x, outer, count, inner] = inputs[0];
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i)
      for (int64_t k = 0; k < count; ++k) combine(outs, o * inner + i, xs, (o * count + k) * inner + i);
  std::vector<Tensor> results;
  for (MutableTensor& out : outs) results.push_back(std::move(out).freeze());
  return results;
}

// sort ----------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_sort(const InferCall& call) {
  call.expect_operands_at_least(1);
  call.expect_regions(1);
  const int64_t rank = call.operand(0).rank(), dimension = call.get<SortAttributes>().dimension;
  if (dimension < -rank || dimension >= rank) fail("dimension {} is not in [-{}, {})", dimension, rank, rank);
  std::vector<Type> results;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    if (i > 0) expect_equal_shapes(call, 0, i);
    results.emplace_back(call.operand(i));
  }
  const Program& body = *call.regions[0].body;
  if (body.outputs().size() != 1 || body.output_types()[0] != Type(TensorType{DType::kBool, {}}))
    fail("the comparator must return one bool scalar");
  return results;
}

// The direction of a comparator that is one `compare` of the first pair of elements of integers, if it is.
std::optional<ComparisonDirection> simple_comparator(const EvalCall& call) {
  const Program& body = *call.regions[0].body;
  if (!call.captures.empty() || body.equations().size() != 1) return std::nullopt;
  const Equation& e = body.equations()[0];
  if (e.op != &compare() || e.operands[0] != 0 || e.operands[1] != 1 || body.outputs()[0].value != e.first_result)
    return std::nullopt;
  if (is_float(call.operands[0].dtype()) || is_complex(call.operands[0].dtype())) return std::nullopt;
  const ComparisonDirection direction = e.attributes.get<CompareAttributes>().direction;
  return direction == ComparisonDirection::kLt || direction == ComparisonDirection::kGt ? std::optional(direction)
                                                                                        : std::nullopt;
}

std::vector<Tensor> evaluate_sort(const EvalCall& call) {
  const Tensor& first = call.operands[0];
  const auto rank = static_cast<int64_t>(first.shape().size());
  int64_t dimension = call.get<SortAttributes>().dimension;
  if (dimension < 0) dimension += rank;
  const int64_t count = first.shape()[static_cast<size_t>(dimension)];
  std::vector<MutableTensor> outs;
  for (const Tensor& x : call.operands) outs.emplace_back(x.dtype(), x.shape(), MutableTensor::Init::kNone);
  const int64_t stride = row_major_strides(first.shape())[static_cast<size_t>(dimension)];
  const auto direction = simple_comparator(call);
  const bool is_unsigned = is_unsigned_integer(first.dtype());
  std::vector<int64_t> order(static_cast<size_t>(count));
  for (int64_t line = 0, lines = count == 0 ? 0 : first.size() / count; line < lines; ++line) {
    const int64_t start = line / stride * stride * count + line % stride;
    const auto at = [&](int64_t i) { return start + i * stride; };
    std::iota(order.begin(), order.end(), 0);
    if (direction) {
      std::vector<int64_t> keys(order.size());
      for (int64_t i = 0; i < count; ++i) keys[static_cast<size_t>(i)] = first.at_int(at(i));
      const auto less = [&](int64_t i, int64_t j) {
        const int64_t x = keys[static_cast<size_t>(i)], y = keys[static_cast<size_t>(j)];
        return is_unsigned ? static_cast<uint64_t>(x) < static_cast<uint64_t>(y) : x < y;
      };
      if (*direction == ComparisonDirection::kLt)
        std::stable_sort(order.begin(), order.end(), less);
      else
        std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return less(j, i); });
    } else {
      std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
        std::vector<Tensor> args;
        for (const Tensor& x : call.operands) {
          args.push_back(element(x, at(i)));
          args.push_back(element(x, at(j)));
        }
        return call.runner.run(call.regions[0], args)[0].at_int(0) != 0;
      });
    }
    for (size_t t = 0; t < outs.size(); ++t)
      for (int64_t i = 0; i < count; ++i)
        set_element(outs[t], at(i), element(call.operands[t], at(order[static_cast<size_t>(i)])));
  }
  std::vector<Tensor> results;
  for (MutableTensor& out : outs) results.push_back(std::move(out).freeze());
  return results;
}

// map -----------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_map(const InferCall& call) {
  call.expect_operands_at_least(1);
  call.expect_regions(1);
  for (size_t i = 1; i < call.operands.size(); ++i) expect_equal_shapes(call, 0, i);
  const auto& dimensions = call.get<MapAttributes>().dimensions;
  for (size_t i = 0; i < dimensions.size(); ++i)
    if (dimensions[i] != static_cast<int64_t>(i)) fail("map's dimensions must be 0, 1, ..., rank - 1");
  if (static_cast<int64_t>(dimensions.size()) != call.operand(0).rank())
    fail("map's dimensions must be all of the operand's");
  const std::vector<Type> types = call.regions[0].body->output_types();
  if (types.size() != 1 || tensor(types[0]).rank() != 0) fail("map's region must return one scalar");
  return {Type(TensorType{tensor(types[0]).dtype, call.operand(0).shape})};
}

std::vector<Tensor> evaluate_map(const EvalCall& call) {
  MutableTensor out(call.result_storage(), call.result().static_shape(), MutableTensor::Init::kNone);
  for (int64_t i = 0; i < out.size(); ++i) {
    std::vector<Tensor> args;
    for (const Tensor& x : call.operands) args.push_back(element(x, i));
    set_element(out, i, call.runner.run(call.regions[0], args)[0]);
  }
  return {std::move(out).freeze()};
}

}  // namespace

ProgramRef reducer_body(Reducer reducer, DType dtype) {
  Builder b("reducer");
  b.set_location(named_location("reducer"));
  const Type type = TensorType{dtype, {}};
  const ValueId x = b.input("arg0", type), y = b.input("arg1", type);
  b.output("out0", b.add1(equation_of(reducer), {}, {x, y}));
  return std::move(b).build();
}

Reducer reducer_of(const Program& body) {
  if (body.equations().size() != 1 || body.inputs().size() != 2 || body.outputs().size() != 1 ||
      !body.parameters().empty())
    return Reducer::kRegion;
  const Equation& e = body.equations()[0];
  // All of them commute, but for which NaN comes out.
  if (e.operands.size() != 2 || e.operands[0] + e.operands[1] != 1 || body.outputs()[0].value != e.first_result)
    return Reducer::kRegion;
  for (Reducer r : {Reducer::kAdd, Reducer::kMultiply, Reducer::kMaximum, Reducer::kMinimum, Reducer::kAnd,
                    Reducer::kOr, Reducer::kXor})
    if (e.op == &equation_of(r)) return r;
  return Reducer::kRegion;
}

Tensor reducer_identity(Reducer reducer, DType dtype) {
  const bool floating = is_float(dtype);
  const auto integer = [&](uint64_t bits) {
    MutableTensor t(dtype, {});
    t.set_int(0, static_cast<int64_t>(bits));
    return std::move(t).freeze();
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (reducer) {
    case Reducer::kAdd:
    case Reducer::kOr:
    case Reducer::kXor:
      return Tensor::zeros(dtype, {});
    case Reducer::kMultiply:
      return Tensor::full(dtype, {}, 1);
    case Reducer::kAnd:
      return integer(~uint64_t{0});
    case Reducer::kMaximum:
      if (floating && !info(dtype).format.is_signed) return Tensor::full(dtype, {}, decode_float(dtype, 0));
      if (floating)
        return Tensor::full(dtype, {},
                            info(dtype).format.specials == FloatSpecials::kIeee ? -kInfinity : -max_finite(dtype));
      return is_complex(dtype) ? Tensor::full(dtype, {}, -kInfinity)
                               : integer(static_cast<uint64_t>(integer_min(dtype)));
    case Reducer::kMinimum:
      if (floating)
        return Tensor::full(dtype, {},
                            info(dtype).format.specials == FloatSpecials::kIeee ? kInfinity : max_finite(dtype));
      return is_complex(dtype) ? Tensor::full(dtype, {}, kInfinity) : integer(integer_max(dtype));
    case Reducer::kRegion:
      break;
  }
  fail_kind(ErrorKind::kInternal, "a region has no identity");
}

const Op& reduce() {
  static const Op op = primitive("stablehlo.reduce", &attributes_info<ReduceAttributes>(), DTypeSet::all(),
                                 infer_reduce, evaluate_reduce);
  return op;
}
ValueId reduce(Builder& b, ValueId x, ValueId init, std::vector<int64_t> dimensions, Reducer reducer) {
  return b.add1(reduce(), make_attributes(ReduceAttributes{std::move(dimensions), reducer}), {x, init});
}
ValueId reduce(Builder& b, ValueId x, std::vector<int64_t> dimensions, Reducer reducer) {
  const ValueId init =
      b.add1(constant(), make_attributes(ConstantAttributes{reducer_identity(reducer, b.dtype(x))}), {});
  return reduce(b, x, init, std::move(dimensions), reducer);
}
std::vector<ValueId> reduce(Builder& b, std::span<const ValueId> inputs, std::span<const ValueId> inits,
                            std::vector<int64_t> dimensions, Region region, std::span<const ValueId> captures) {
  std::vector<ValueId> operands(inputs.begin(), inputs.end());
  operands.insert(operands.end(), inits.begin(), inits.end());
  return b.add(reduce(), make_attributes(ReduceAttributes{std::move(dimensions), Reducer::kRegion}), operands,
               {std::move(region)}, captures);
}

const Op& sort() {
  static const Op op =
      primitive("stablehlo.sort", &attributes_info<SortAttributes>(), DTypeSet::all(), infer_sort, evaluate_sort);
  return op;
}
std::vector<ValueId> sort(Builder& b, std::span<const ValueId> inputs, int64_t dimension, Region comparator,
                          bool is_stable, std::span<const ValueId> captures) {
  return b.add(sort(), make_attributes(SortAttributes{dimension, is_stable}), inputs, {std::move(comparator)},
               captures);
}

const Op& map() {
  static const Op op =
      primitive("stablehlo.map", &attributes_info<MapAttributes>(), DTypeSet::all(), infer_map, evaluate_map);
  return op;
}

std::span<const Op* const> reduce_ops() {
  static const Op* const ops[] = {&reduce(), &reduce_window(), &select_and_scatter(), &sort(), &map()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::ReduceAttributes>();
template const AttributesInfo& attributes_info<op::WindowAttributes>();
template const AttributesInfo& attributes_info<op::SelectAndScatterAttributes>();
template const AttributesInfo& attributes_info<op::SortAttributes>();
template const AttributesInfo& attributes_info<op::MapAttributes>();
}  // namespace ecotone
