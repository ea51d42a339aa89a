// Optimizer steps: ai.onnx.preview.training's Adagrad, Adam and Momentum.
#include <array>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"

namespace ecotone::onnx {
namespace {

// Inputs are R, T, then `count` values of each kind (X, G, states...); a step makes X and the states anew, and outputs
// come by kind too.
template <size_t Kinds, class Step>
std::vector<Value> steps(NodeContext& n, const Step& step) {
  if (n.input_count() < 2 + Kinds || (n.input_count() - 2) % Kinds != 0)
    fail("{} inputs, but 2 and a multiple of {} are needed", n.input_count(), Kinds);
  const size_t count = (n.input_count() - 2) / Kinds;
  std::vector<Value> results(count * (Kinds - 1));
  for (size_t i = 0; i < count; ++i) {
    std::vector<Expr> values;
    for (size_t k = 0; k < Kinds; ++k) values.push_back(input(n, 2 + k * count + i));
    const std::vector<Expr> made = step(values);
    for (size_t k = 0; k < made.size(); ++k) results[k * count + i] = n.result(made[k]);
  }
  return results;
}

Expr power(const Expr& x, const Expr& y) {
  return x.made(op::broadcast_binary(x.builder(), op::power, x, y));
}
// The rate and the step's number as scalars of x's type.
Expr scalar_input(NodeContext& n, size_t i, const Expr& x) {
  return input(n, i).to(x.dtype()).reshape({});
}

std::vector<Value> adagrad(NodeContext& n) {
  const double decay = n.float_attribute("decay_factor", 0), epsilon = n.float_attribute("epsilon", 0),
               norm = n.float_attribute("norm_coefficient", 0);
  return steps<3>(n, [&](const std::vector<Expr>& v) -> std::vector<Expr> {
    const Expr &x = v[0], rate = scalar_input(n, 0, x) / (1.0 + scalar_input(n, 1, x) * decay);
    const Expr g = norm * x + v[1], h = v[2] + g * g;
    return {x - rate * g / (h.root() + epsilon), h};
  });
}

std::vector<Value> adam(NodeContext& n) {
  const double alpha = n.float_attribute("alpha", 0.9F), beta = n.float_attribute("beta", 0.999F),
               epsilon = n.float_attribute("epsilon", 0), norm = n.float_attribute("norm_coefficient", 0),
               norm_after = n.float_attribute("norm_coefficient_post", 0);
  return steps<4>(n, [&](const std::vector<Expr>& v) -> std::vector<Expr> {
    const Expr &x = v[0], rate = scalar_input(n, 0, x), t = scalar_input(n, 1, x);
    const Expr g = norm * x + v[1], momentum = alpha * v[2] + (1 - alpha) * g, h = beta * v[3] + (1 - beta) * (g * g);
    const Expr unbiased = rate * (1.0 - power(t.scalar(beta), t)).root() / (1.0 - power(t.scalar(alpha), t));
    const Expr adjusted = where(t > 0.0, unbiased, rate);
    return {(1 - norm_after) * (x - adjusted * (momentum / (h.root() + epsilon))), momentum, h};
  });
}

std::vector<Value> momentum(NodeContext& n) {
  const double alpha = n.float_attribute("alpha", 0), beta = n.float_attribute("beta", 0),
               norm = n.float_attribute("norm_coefficient", 0);
  const std::string mode = n.string_attribute("mode", "standard");
  if (mode != "standard" && mode != "nesterov") fail("mode '{}' is unknown", mode);
  return steps<3>(n, [&](const std::vector<Expr>& v) -> std::vector<Expr> {
    const Expr &x = v[0], rate = scalar_input(n, 0, x), t = scalar_input(n, 1, x);
    const Expr g = norm * x + v[1];
    const Expr momentum = alpha * v[2] + where(t > 0.0, t.scalar(beta), t.scalar(1.0)) * g;
    return {x - rate * (mode == "nesterov" ? g + alpha * momentum : momentum), momentum};
  });
}

}  // namespace

std::span<const Registration> training_importers() {
  static constexpr Registration list[] = {{"ai.onnx.preview.training:Adagrad", adagrad},
                                          {"ai.onnx.preview.training:Adam", adam},
                                          {"ai.onnx.preview.training:Momentum", momentum}};
  return list;
}

}  // namespace ecotone::onnx
