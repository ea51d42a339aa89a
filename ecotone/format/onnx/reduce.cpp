// Reductions and what is made of them.
#include "ecotone/op/reduce.h"

#include <numeric>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/norm.h"
#include "ecotone/op/select.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/softmax.h"

namespace ecotone::onnx {
namespace {

struct Axes {
  std::vector<int64_t> list;
  bool keep;
};
// `since`: the opset from which the axes are an input.
Axes reduction_axes(NodeContext& n, int64_t since) {
  Axes a{n.axes(1, since, n.rank(0)), n.int_attribute("keepdims", 1) != 0};
  const bool noop = n.int_attribute("noop_with_empty_axes", 0) != 0;
  if (a.list.empty() && !noop) {
    a.list.resize(static_cast<size_t>(n.rank(0)));
    std::iota(a.list.begin(), a.list.end(), 0);
  }
  return a;
}

ValueId finished(NodeContext& n, ValueId reduced, const Axes& a) {
  if (!a.keep) return reduced;
  std::vector<Dim> shape = n.type(0).shape;
  for (int64_t d : a.list) shape[static_cast<size_t>(d)] = 1;
  return op::reshape(n.b, reduced, std::move(shape));
}

template <op::Reducer R, int64_t kSince = 18>
std::vector<Value> reduction(NodeContext& n) {
  const Axes a = reduction_axes(n, kSince);
  if constexpr (R == op::Reducer::kMultiply)
    if (const auto* d = n.dims(0); d && a.list.size() == 1) {  // the size of a shape
      Dim product = 1;
      for (const Dim& x : *d) product = product * x;
      return {Value::of_dims({product}, n.dtype(0), !a.keep)};
    }
  return {n.result(finished(n, op::reduce(n.b, n.in(0), a.list, R), a))};
}

using Transform = ValueId (*)(Builder&, ValueId);
ValueId as_it_is(Builder&, ValueId x) {
  return x;
}
// A sum of x after `Before`, then `After`.
template <Transform Before, Transform After>
std::vector<Value> sum_of(NodeContext& n) {
  const Axes a = reduction_axes(n, 18);
  const ValueId sum = op::reduce(n.b, Before(n.b, n.in(0)), a.list, op::Reducer::kAdd);
  return {n.result(finished(n, After(n.b, sum), a))};
}

std::vector<Value> reduce_mean(NodeContext& n) {
  const Axes a = reduction_axes(n, 18);
  return {n.result(op::mean(n.b, n.in(0), a.list, a.keep))};
}

std::vector<Value> reduce_log_sum_exp(NodeContext& n) {
  const Axes a = reduction_axes(n, 18);
  return {n.result(finished(n, op::log_sum_exp(n.b, n.in(0), a.list), a))};
}

template <ValueId (*F)(Builder&, ValueId, op::ArgAttributes)>
std::vector<Value> arg_extreme(NodeContext& n) {
  const int64_t axis = n.axis_attribute("axis", 0, n.rank(0));
  const Axes a{{axis}, n.int_attribute("keepdims", 1) != 0};
  return {n.result(finished(n, F(n.b, n.in(0), {axis, n.int_attribute("select_last_index", 0) != 0}), a))};
}

std::vector<Value> top_k(NodeContext& n) {
  const int64_t axis = n.axis_attribute("axis", -1, n.rank(0));
  const int64_t k = n.opset < 10 ? n.int_attribute("k", 1) : n.ints(1, "k").at(0);
  const auto [values, indices] = op::top_k(n.b, n.in(0), {axis, k, n.int_attribute("largest", 1) != 0});
  return {n.result(values), n.result(indices)};
}

}  // namespace

std::span<const Registration> reduce_importers() {
  using R = op::Reducer;
  static constexpr Registration list[] = {
      {"ReduceSum", reduction<R::kAdd, 13>},
      {"ReduceProd", reduction<R::kMultiply>},
      {"ReduceMax", reduction<R::kMaximum>},
      {"ReduceMin", reduction<R::kMinimum>},
      {"ReduceMean", reduce_mean},
      {"ReduceL1", sum_of<op::abs, as_it_is>},
      {"ReduceL2", sum_of<op::square, op::sqrt>},
      {"ReduceLogSum", sum_of<as_it_is, op::log>},
      {"ReduceSumSquare", sum_of<op::square, as_it_is>},
      {"ReduceLogSumExp", reduce_log_sum_exp},
      {"ArgMax", arg_extreme<op::arg_max>},
      {"ArgMin", arg_extreme<op::arg_min>},
      {"TopK", top_k},
  };
  return list;
}

}  // namespace ecotone::onnx
