// Normalization by a batch's own statistics.
#include <array>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"

namespace ecotone::onnx {
namespace {

// What reducing `axes` took, put back with size 1.
Expr kept(const Expr& x, const Expr& reduced, const std::vector<int64_t>& axes) {
  std::vector<Dim> shape = x.shape();
  for (int64_t a : axes) shape.at(static_cast<size_t>(a)) = 1;
  return reduced.reshape(std::move(shape));
}

std::vector<Value> mean_variance_normalization(NodeContext& n) {
  const Expr x = input(n, 0);
  std::vector<int64_t> axes;
  for (int64_t a : n.ints_attribute("axes").value_or(std::vector<int64_t>{0, 2, 3}))
    axes.push_back(op::normalize_axis(a, x.rank()));
  const Expr centred = x - kept(x, x.mean(axes), axes);
  const Expr deviation = kept(x, (centred * centred).mean(axes), axes).root();
  return {n.result(centred / (deviation + 1e-9))};
}

}  // namespace

std::vector<Value> batch_normalization_training(NodeContext& n) {
  const Expr x = input(n, 0);
  std::vector<int64_t> axes{0};
  for (int64_t d = 2; d < x.rank(); ++d) axes.push_back(d);
  const double momentum = n.float_attribute("momentum", 0.9F), epsilon = n.float_attribute("epsilon", 1e-5F);
  const Expr mean = x.mean(axes), centred = x - kept(x, mean, axes), variance = (centred * centred).mean(axes);
  const auto channel = [&](const Expr& v) { return kept(x, v.to(x.dtype()), axes); };
  const Expr y = centred / (channel(variance) + epsilon).root() * channel(input(n, 1)) + channel(input(n, 2));
  const auto running = [&](size_t i, const Expr& now) {
    const Expr before = input(n, i);
    return n.result(before * momentum + now.to(before.dtype()) * (1 - momentum));
  };
  return {n.result(y), running(3, mean), running(4, variance)};
}

std::span<const Registration> statistics_importers() {
  static constexpr Registration list[] = {{"MeanVarianceNormalization", mean_variance_normalization}};
  return list;
}

}  // namespace ecotone::onnx
