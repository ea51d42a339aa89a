// com.microsoft: the LSTM whose weights are integers.
#include <array>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/control.h"

namespace ecotone::onnx {
namespace {

// x W for x [rows, k] quantized by its own range, W [k, n] integers less their zero point, i32, and their scale [n].
Expr product(const Expr& x, const Expr& weights, const Expr& scale) {
  Builder& b = x.builder();
  const auto [q, x_scale, zero] = dynamic_quantized(b, x);
  const Expr integers = Expr{b, q}.to(DType::kI32) - Expr{b, zero}.to(DType::kI32);
  return Expr{b, matmul(b, integers, weights)}.to(DType::kF32) * (Expr{b, x_scale} * scale);
}

// As ai.onnx's LSTM, but W and R are [directions, input or hidden, 4 hidden] integers with scales and zero points, of
// one number a direction or one a column. What they multiply is quantized by its own range: x at once, h at each step.
std::vector<Value> dynamic_quantize_lstm(NodeContext& n) {
  Builder& b = n.b;
  for (const char* name : {"activations", "clip", "input_forget"})
    if (const AttributeProto* a = n.attribute(name); a && (a->f != 0 || a->i != 0 || !a->strings.empty())) {
      static const std::vector<std::string> kDefault{"Sigmoid", "Tanh", "Tanh"};
      bool usual = !a->strings.empty() && a->strings.size() % 3 == 0;
      for (size_t i = 0; usual && i < a->strings.size(); ++i) usual = a->strings[i] == kDefault[i % 3];
      if (!usual) fail_kind(ErrorKind::kUnsupported, "the attribute {}", name);
    }
  if (n.has(4)) fail_kind(ErrorKind::kUnsupported, "sequence_lens");
  const std::string direction = n.string_attribute("direction", "forward");
  const int64_t directions = direction == "bidirectional" ? 2 : 1;
  if (n.rank(0) != 3 || n.rank(1) != 3 || n.rank(2) != 3) fail("X, W and R must have three dimensions");
  const Expr x = input(n, 0);
  const Dim time = x.size(0), batch = x.size(1), hidden = n.type(2).shape[1];
  b.dims().require_equal(n.type(1).shape[0], directions, "the directions of W, and the attribute's,");
  const auto centred = [&](size_t i, size_t zero, int64_t d) {
    const Expr w = input(n, i).entry(0, d).to(DType::kI32);
    if (!n.has(zero)) return w;
    return w - input(n, zero).entry(0, d).to(DType::kI32);  // a scalar, or one of each column
  };
  std::vector<Expr> all, last_h, last_c;
  for (int64_t d = 0; d < directions; ++d) {
    const bool reverse = d == 1 || direction == "reverse";
    Expr gates = product(x.reshape({time * batch, x.size(2)}), centred(1, 9, d), input(n, 8).entry(0, d))
                     .reshape({time, batch, hidden * 4});
    if (n.has(3)) {
      const Expr bias = input(n, 3).entry(0, d);
      gates = gates + (bias.part(0, 0, hidden * 4) + bias.part(0, hidden * 4, hidden * 8));
    }
    const auto initial = [&](size_t i) {
      return n.has(i) ? ValueId{input(n, i).entry(0, d)} : op::full(b, DType::kF32, {batch, hidden}, 0);
    };
    const ValueId carries[] = {initial(5), initial(6)}, scanned = gates;
    std::vector<ValueId> captures{centred(2, 11, d), input(n, 10).entry(0, d)};
    if (n.has(7)) captures.push_back(input(n, 7).entry(0, d));
    std::vector<Type> types{b.type(carries[0]), b.type(carries[1]), TensorType{DType::kF32, {batch, hidden * 4}}};
    for (ValueId v : captures) types.push_back(b.type(v));
    const auto step = [&](Builder& g, std::span<const ValueId> v) -> std::vector<ValueId> {
      const Expr h{g, v[0]}, c{g, v[1]};
      const Expr sum = Expr{g, v[2]} + product(h, {g, v[3]}, {g, v[4]});
      const auto gate = [&](int64_t i) { return sum.part(1, hidden * i, hidden * (i + 1)); };
      const auto sigmoid = [&](Expr s, int64_t peephole, const Expr& cell) {
        if (v.size() > 5) s = s + Expr{g, v[5]}.part(0, hidden * peephole, hidden * (peephole + 1)) * cell;
        return s.made(op::logistic(g, s));
      };
      const auto tanh = [&](const Expr& s) { return s.made(op::tanh(g, s)); };
      const Expr new_c = sigmoid(gate(2), 2, c) * c + sigmoid(gate(0), 0, c) * tanh(gate(3));
      const Expr new_h = sigmoid(gate(1), 1, new_c) * tanh(new_c);
      return {new_h, new_c, new_h};
    };
    const std::vector<ValueId> results =
        op::scan(b, carries, {&scanned, 1}, time, op::make_region(b, "step", types, step), reverse, captures);
    last_h.emplace_back(b, results[0]);
    last_c.emplace_back(b, results[1]);
    all.emplace_back(b, results[2]);
  }
  return {n.result(stacked(all, 1)), n.result(stacked(last_h, 0)), n.result(stacked(last_c, 0))};
}

}  // namespace

std::span<const Registration> contrib_rnn_importers() {
  static constexpr Registration list[] = {{"com.microsoft:DynamicQuantizeLSTM", dynamic_quantize_lstm}};
  return list;
}

}  // namespace ecotone::onnx
