// LSTM: a scan over the sequence.
#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/control.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

// Entry i of dimension 0, without it.
ValueId entry(Builder& b, ValueId x, int64_t i) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  std::vector<Dim> start(shape.size(), 0), limit = shape;
  start[0] = i;
  limit[0] = i + 1;
  const int64_t axis[] = {0};
  return op::squeeze(b, op::slice(b, x, std::move(start), std::move(limit)), axis);
}

// Columns [k * size, (k + 1) * size) of a matrix, or entries of a vector.
ValueId part(Builder& b, ValueId x, int64_t k, const Dim& size) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  std::vector<Dim> start(shape.size(), 0), limit = shape;
  start.back() = size * k;
  limit.back() = size * (k + 1);
  return op::slice(b, x, std::move(start), std::move(limit));
}

// x [.., k] times the transpose of w [m, k].
ValueId times_transposed(Builder& b, ValueId x, ValueId w) {
  op::DotAttributes a;
  a.lhs_contracting_dimensions = {b.rank(x) - 1};
  a.rhs_contracting_dimensions = {1};
  return op::dot_general(b, x, w, std::move(a));
}

void refuse(NodeContext& n, const char* attribute) {
  if (n.attribute(attribute)) fail_kind(ErrorKind::kUnsupported, "attribute '{}'", attribute);
}

struct Direction {
  ValueId states, h, c;  // [seq, batch, hidden], [batch, hidden] twice
};

// One direction of an LSTM with the default activations; gates in ONNX's order i, o, f, c.
Direction lstm_direction(NodeContext& n, ValueId x, int64_t direction, bool reverse) {
  Builder& b = n.b;
  const DType dtype = n.dtype(0);
  const std::vector<Dim> x_shape = b.tensor_type(x).shape;  // [seq, batch, input]
  const ValueId w = entry(b, n.in(1), direction), r = entry(b, n.in(2), direction);
  const Dim hidden = b.tensor_type(r).shape[1];
  const std::vector<Dim> state_shape{x_shape[1], hidden};
  ValueId projected = times_transposed(b, x, w);  // [seq, batch, 4 hidden]
  if (n.has(3)) {
    const ValueId bias = entry(b, n.in(3), direction);
    const ValueId sum = op::add(b, part(b, bias, 0, hidden * 4), part(b, bias, 1, hidden * 4));
    projected = op::add(b, projected, op::broadcast_to(b, sum, b.tensor_type(projected).shape));
  }
  const auto state = [&](size_t i) {
    return n.has(i) ? entry(b, n.in(i), direction) : op::full(b, dtype, state_shape, 0);
  };
  const ValueId h0 = state(5), c0 = state(6);
  std::vector<ValueId> captures{r};
  if (n.has(7)) captures.push_back(entry(b, n.in(7), direction));  // peepholes i, o, f
  std::vector<Type> inputs{TensorType{dtype, state_shape}, TensorType{dtype, state_shape},
                           TensorType{dtype, {x_shape[1], hidden * 4}}};
  for (ValueId c : captures) inputs.push_back(b.type(c));
  const Region body =
      op::make_region(b, "lstm", inputs, [&](Builder& g, std::span<const ValueId> args) -> std::vector<ValueId> {
        const ValueId h = args[0], c = args[1], gates = op::add(g, args[2], times_transposed(g, h, args[3]));
        const auto gate = [&](int64_t k) { return part(g, gates, k, hidden); };
        const auto peep = [&](ValueId v, ValueId cell, int64_t k) {
          if (args.size() <= 4) return v;
          return op::add(g, v, op::multiply(g, op::broadcast_to(g, part(g, args[4], k, hidden), state_shape), cell));
        };
        const ValueId i = op::logistic(g, peep(gate(0), c, 0)), f = op::logistic(g, peep(gate(2), c, 2));
        const ValueId next = op::add(g, op::multiply(g, f, c), op::multiply(g, i, op::tanh(g, gate(3))));
        const ValueId o = op::logistic(g, peep(gate(1), next, 1));
        const ValueId out = op::multiply(g, o, op::tanh(g, next));
        return {out, next, out};
      });
  const ValueId carries[] = {h0, c0};
  const std::vector<ValueId> y = op::scan(b, carries, {&projected, 1}, x_shape[0], body, reverse, captures);
  return {y[2], y[0], y[1]};
}

std::vector<Value> lstm(NodeContext& n) {
  for (const char* name : {"activations", "activation_alpha", "activation_beta", "clip"}) refuse(n, name);
  if (n.int_attribute("input_forget", 0) != 0 || n.int_attribute("layout", 0) != 0)
    fail_kind(ErrorKind::kUnsupported, "input_forget or layout");
  if (n.has(4)) fail_kind(ErrorKind::kUnsupported, "sequence_lens");
  if (n.rank(0) != 3) fail("the input must have three dimensions, not {}", n.rank(0));
  const std::string direction = n.string_attribute("direction", "forward");
  const int64_t count = direction == "bidirectional" ? 2 : 1;
  std::vector<ValueId> states, hs, cs;
  const int64_t front[] = {0}, second[] = {1};
  for (int64_t d = 0; d < count; ++d) {
    const Direction r = lstm_direction(n, n.in(0), d, direction == "reverse" || d == 1);
    states.push_back(op::expand_dims(n.b, r.states, second));
    hs.push_back(op::expand_dims(n.b, r.h, front));
    cs.push_back(op::expand_dims(n.b, r.c, front));
  }
  return {n.result(op::concatenate(n.b, states, 1)), n.result(op::concatenate(n.b, hs, 0)),
          n.result(op::concatenate(n.b, cs, 0))};
}

}  // namespace

std::span<const Registration> rnn_importers() {
  static constexpr Registration list[] = {{"LSTM", lstm}};
  return list;
}

}  // namespace ecotone::onnx
