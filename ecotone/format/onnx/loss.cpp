// Losses over classes: x [N, C, d...], labels [N, d...].
#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/softmax.h"

namespace ecotone::onnx {
namespace {

ValueId sum_all(Builder& b, ValueId x) {
  std::vector<int64_t> axes;
  for (int64_t d = 0; d < b.rank(x); ++d) axes.push_back(d);
  return op::reduce(b, x, axes, op::Reducer::kAdd);
}

// -x[n, label, d] * weight[label], reduced as the node says.
ValueId negative_log_likelihood(NodeContext& n, ValueId x) {
  Builder& b = n.b;
  const TensorType type = b.tensor_type(x);
  if (type.rank() < 2 || n.rank(1) != type.rank() - 1)
    fail("the labels have {} dimensions, the input {}", n.rank(1), type.rank());
  std::vector<int64_t> label_places;
  for (int64_t d = 0; d < type.rank(); ++d)
    if (d != 1) label_places.push_back(d);
  const ValueId label = op::convert(b, n.in(1), DType::kI64);
  const ValueId wide = op::broadcast_in_dim(b, label, type.shape, label_places);
  ValueId hit = op::compare(b, op::ComparisonDirection::kEq, wide, op::iota(b, {DType::kI64, type.shape}, 1));
  if (n.attribute("ignore_index")) {
    const ValueId ignored =
        op::broadcast_to(b, op::scalar_int(b, DType::kI64, n.int_attribute("ignore_index", 0)), type.shape);
    hit = op::and_(b, hit, op::compare(b, op::ComparisonDirection::kNe, wide, ignored));
  }
  const ValueId zero = op::full_like(b, x, 0);
  const ValueId weight = n.has(2) ? op::broadcast_in_dim(b, n.in(2), type.shape, {1}) : op::full_like(b, x, 1);
  const auto picked = [&](ValueId v) { return op::reduce(b, op::select(b, hit, v, zero), {1}, op::Reducer::kAdd); };
  const ValueId loss = picked(op::negate(b, op::multiply(b, x, weight)));
  const std::string reduction = n.string_attribute("reduction", "mean");
  if (reduction == "none") return loss;
  const ValueId sum = sum_all(b, loss);
  if (reduction == "sum") return sum;
  if (reduction != "mean") fail("reduction '{}' is unknown", reduction);
  return op::divide(b, sum, sum_all(b, picked(weight)));
}

std::vector<Value> negative_log_likelihood(NodeContext& n) {
  return {n.result(negative_log_likelihood(n, n.in(0)))};
}

std::vector<Value> softmax_cross_entropy(NodeContext& n) {
  const ValueId log_probability = op::log_softmax(n.b, n.in(0), {1});
  return {n.result(negative_log_likelihood(n, log_probability)), n.result(log_probability)};
}

}  // namespace

std::span<const Registration> loss_importers() {
  static constexpr Registration list[] = {
      {"NegativeLogLikelihoodLoss", negative_log_likelihood},
      {"SoftmaxCrossEntropyLoss", softmax_cross_entropy},
  };
  return list;
}

}  // namespace ecotone::onnx
