// RNN, GRU and LSTM: a scan over the sequence, one for each direction.
#include <algorithm>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/control.h"
#include "ecotone/op/convert.h"
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

// Entries [from, to) of the last dimension, in multiples of `size`.
ValueId part(Builder& b, ValueId x, int64_t from, int64_t to, const Dim& size) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  std::vector<Dim> start(shape.size(), 0), limit = shape;
  start.back() = size * from;
  limit.back() = size * to;
  return op::slice(b, x, std::move(start), std::move(limit));
}

// x [.., k] times the transpose of w [m, k].
ValueId times_transposed(Builder& b, ValueId x, ValueId w) {
  op::DotAttributes a;
  a.lhs_contracting_dimensions = {b.rank(x) - 1};
  a.rhs_contracting_dimensions = {1};
  return op::dot_general(b, x, w, std::move(a));
}

struct Activation {
  std::string name;
  double alpha, beta;

  ValueId operator()(Builder& b, ValueId x) const {
    const auto like = [&](double v) { return op::full_like(b, x, v); };
    const auto positive = [&](ValueId yes, ValueId no) {
      return op::select(b, op::compare(b, op::ComparisonDirection::kGe, x, like(0)), yes, no);
    };
    if (name == "sigmoid") return op::logistic(b, x);
    if (name == "tanh") return op::tanh(b, x);
    if (name == "relu") return op::maximum(b, x, like(0));
    if (name == "affine") return op::add(b, op::multiply(b, x, like(alpha)), like(beta));
    if (name == "leakyrelu") return positive(x, op::multiply(b, x, like(alpha)));
    if (name == "thresholdedrelu")
      return op::select(b, op::compare(b, op::ComparisonDirection::kGt, x, like(alpha)), x, like(0));
    if (name == "scaledtanh") return op::multiply(b, op::tanh(b, op::multiply(b, x, like(beta))), like(alpha));
    if (name == "elu") return positive(x, op::multiply(b, op::exponential_minus_one(b, x), like(alpha)));
    if (name == "softsign") return op::divide(b, x, op::add(b, like(1), op::abs(b, x)));
    if (name == "softplus") {
      const ValueId tail = op::log_plus_one(b, op::exponential(b, op::negate(b, op::abs(b, x))));
      return op::add(b, op::maximum(b, x, like(0)), tail);
    }
    if (name == "hardsigmoid") {
      const ValueId line = op::add(b, op::multiply(b, x, like(alpha)), like(beta));
      return op::minimum(b, op::maximum(b, line, like(0)), like(1));
    }
    fail_kind(ErrorKind::kUnsupported, "activation '{}'", name);
  }
};

// The activations of one direction; alphas and betas are given in order, to those functions that have them.
std::vector<Activation> activations(NodeContext& n, const std::vector<std::string>& defaults, int64_t direction) {
  std::vector<std::string> names;
  if (const AttributeProto* a = n.attribute("activations")) names = a->strings;
  const size_t count = defaults.size(), first = static_cast<size_t>(direction) * count;
  if (!names.empty() && names.size() < first + count)
    fail("{} activations are named, but {} are needed", names.size(), first + count);
  const AttributeProto *alphas = n.attribute("activation_alpha"), *betas = n.attribute("activation_beta");
  std::vector<Activation> list;
  for (size_t i = 0; i < count; ++i) {
    Activation a{names.empty() ? defaults[i] : names[first + i], 0, 0};
    std::ranges::transform(a.name, a.name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    a.alpha = a.name == "leakyrelu" ? 0.01 : a.name == "hardsigmoid" ? 0.2 : 1;
    a.beta = a.name == "hardsigmoid" ? 0.5 : 1;
    if (alphas && first + i < alphas->floats.size()) a.alpha = static_cast<double>(alphas->floats[first + i]);
    if (betas && first + i < betas->floats.size()) a.beta = static_cast<double>(betas->floats[first + i]);
    list.push_back(std::move(a));
  }
  return list;
}

// One step of a cell inside the scan's body.
struct Step {
  Builder& b;
  Dim hidden;
  ValueId x;                    // this entry's projection with the input's bias: [batch, gates * hidden]
  ValueId recurrence;           // [gates * hidden, hidden]
  std::optional<ValueId> bias;  // of the recurrence: [gates * hidden]
  std::optional<ValueId> peephole;
  std::vector<ValueId> state;  // h, and c for an LSTM: [batch, hidden]
  const std::vector<Activation>& f;
  double clip;
  bool flag;  // GRU: linear_before_reset; LSTM: input_forget

  ValueId gate(ValueId v, int64_t k) const { return part(b, v, k, k + 1, hidden); }
  ValueId apply(size_t which, ValueId v) const {
    if (clip > 0) v = op::clamp(b, op::scalar(b, b.dtype(v), -clip), v, op::scalar(b, b.dtype(v), clip));
    return f[which](b, v);
  }
  // h times rows [from, to) of the recurrence, with its bias.
  ValueId recur(ValueId h, int64_t from, int64_t to) const {
    const std::vector<Dim> shape = b.tensor_type(recurrence).shape;
    const ValueId rows = op::slice(b, recurrence, {hidden * from, 0}, {hidden * to, shape[1]});
    const ValueId y = times_transposed(b, h, rows);
    return bias ? op::add(b, y, op::broadcast_to(b, part(b, *bias, from, to, hidden), b.tensor_type(y).shape)) : y;
  }
};

std::vector<ValueId> rnn_step(const Step& s) {
  return {s.apply(0, op::add(s.b, s.x, s.recur(s.state[0], 0, 1)))};
}

// Gates z, r, h.
std::vector<ValueId> gru_step(const Step& s) {
  const ValueId h = s.state[0], zr = op::add(s.b, part(s.b, s.x, 0, 2, s.hidden), s.recur(h, 0, 2));
  const ValueId z = s.apply(0, s.gate(zr, 0)), r = s.apply(0, s.gate(zr, 1));
  const ValueId inner = s.flag ? op::multiply(s.b, r, s.recur(h, 2, 3)) : s.recur(op::multiply(s.b, r, h), 2, 3);
  const ValueId candidate = s.apply(1, op::add(s.b, s.gate(s.x, 2), inner));
  const ValueId rest = op::subtract(s.b, op::full_like(s.b, z, 1), z);
  return {op::add(s.b, op::multiply(s.b, rest, candidate), op::multiply(s.b, z, h))};
}

// Gates i, o, f, c.
std::vector<ValueId> lstm_step(const Step& s) {
  const ValueId h = s.state[0], c = s.state[1], gates = op::add(s.b, s.x, s.recur(h, 0, 4));
  const auto peep = [&](int64_t gate, ValueId cell, int64_t k) {
    const ValueId v = s.gate(gates, gate);
    if (!s.peephole) return v;
    const ValueId p = op::broadcast_to(s.b, part(s.b, *s.peephole, k, k + 1, s.hidden), s.b.tensor_type(cell).shape);
    return op::add(s.b, v, op::multiply(s.b, p, cell));
  };
  const ValueId i = s.apply(0, peep(0, c, 0));
  const ValueId f = s.flag ? op::subtract(s.b, op::full_like(s.b, i, 1), i) : s.apply(0, peep(2, c, 2));
  const ValueId next = op::add(s.b, op::multiply(s.b, f, c), op::multiply(s.b, i, s.apply(1, s.gate(gates, 3))));
  const ValueId o = s.apply(0, peep(1, next, 1));
  return {op::multiply(s.b, o, s.f[2](s.b, next)), next};
}

struct Cell {
  int64_t gates;
  size_t states;  // h, or h and c
  std::vector<std::string> activations;
  const char* flag;  // the attribute that changes the step
  std::vector<ValueId> (*step)(const Step&);
};

// Results: all h [seq, batch, hidden], then the final states [batch, hidden].
std::vector<ValueId> run_direction(NodeContext& n, const Cell& cell, ValueId x, int64_t direction, bool reverse,
                                   bool batch_first) {
  Builder& b = n.b;
  const DType dtype = n.dtype(0);
  const std::vector<Dim> x_shape = b.tensor_type(x).shape;  // [seq, batch, input]
  const ValueId w = entry(b, n.in(1), direction), r = entry(b, n.in(2), direction);
  const Dim hidden = b.tensor_type(r).shape[1];
  const TensorType state_type{dtype, {x_shape[1], hidden}};
  ValueId projected = times_transposed(b, x, w);
  std::vector<ValueId> captures{r};
  if (n.has(3)) {
    const ValueId bias = entry(b, n.in(3), direction);
    projected = op::add(b, projected,
                        op::broadcast_to(b, part(b, bias, 0, cell.gates, hidden), b.tensor_type(projected).shape));
    captures.push_back(part(b, bias, cell.gates, 2 * cell.gates, hidden));
  }
  const bool lengths = n.has(4), peepholes = cell.states == 2 && n.has(7);
  if (peepholes) captures.push_back(entry(b, n.in(7), direction));
  if (lengths) captures.push_back(op::convert(b, n.in(4), DType::kI64));
  std::vector<ValueId> carries, scanned{projected};
  for (size_t i = 0; i < cell.states; ++i) {
    ValueId start = n.has(5 + i) ? n.in(5 + i) : kNoValue;
    if (start != kNoValue && batch_first) start = op::transpose(b, start, {1, 0, 2});
    carries.push_back(start != kNoValue ? entry(b, start, direction) : op::full(b, dtype, state_type.shape, 0));
  }
  if (lengths) scanned.push_back(op::iota(b, {DType::kI64, {x_shape[0]}}, 0));
  std::vector<Type> types(cell.states, state_type);
  types.emplace_back(TensorType{dtype, {x_shape[1], hidden * cell.gates}});
  if (lengths) types.emplace_back(TensorType{DType::kI64, {}});
  for (ValueId c : captures) types.push_back(b.type(c));
  const std::vector<Activation> f = activations(n, cell.activations, direction);
  const Region body =
      op::make_region(b, "cell", types, [&](Builder& g, std::span<const ValueId> args) -> std::vector<ValueId> {
        size_t next = cell.states;
        const ValueId input = args[next++];
        const ValueId time = lengths ? args[next++] : kNoValue;
        const ValueId recurrence = args[next++];
        const std::optional<ValueId> bias = n.has(3) ? std::optional(args[next++]) : std::nullopt;
        const std::optional<ValueId> peephole = peepholes ? std::optional(args[next++]) : std::nullopt;
        const std::vector<ValueId> old(args.begin(), args.begin() + static_cast<std::ptrdiff_t>(cell.states));
        std::vector<ValueId> state =
            cell.step({g, hidden, input, recurrence, bias, peephole, old, f, n.float_attribute("clip", 0),
                       cell.flag && n.int_attribute(cell.flag, 0) != 0});
        ValueId shown = state[0];
        if (lengths) {  // past a sequence's end its state stays and zeros come out
          const ValueId at = op::broadcast_to(g, time, std::vector<Dim>{x_shape[1]});
          const ValueId runs = op::compare(g, op::ComparisonDirection::kLt, at, args[next]);
          const ValueId mask = op::broadcast_in_dim(g, runs, state_type.shape, {0});
          shown = op::select(g, mask, shown, op::full_like(g, shown, 0));
          for (size_t i = 0; i < state.size(); ++i) state[i] = op::select(g, mask, state[i], old[i]);
        }
        state.push_back(shown);
        return state;
      });
  std::vector<ValueId> y = op::scan(b, carries, scanned, x_shape[0], body, reverse, captures);
  std::rotate(y.begin(), y.end() - 1, y.end());
  return y;
}

std::vector<Value> recurrent(NodeContext& n, const Cell& cell) {
  if (n.rank(0) != 3) fail("the input must have three dimensions, not {}", n.rank(0));
  const bool batch_first = n.int_attribute("layout", 0) == 1;
  const ValueId x = batch_first ? op::transpose(n.b, n.in(0), {1, 0, 2}) : n.in(0);
  const std::string direction = n.string_attribute("direction", "forward");
  std::vector<std::vector<ValueId>> parts(cell.states + 1);
  for (int64_t d = 0, count = direction == "bidirectional" ? 2 : 1; d < count; ++d) {
    const std::vector<ValueId> r = run_direction(n, cell, x, d, direction == "reverse" || d == 1, batch_first);
    for (size_t i = 0; i < r.size(); ++i) {
      const int64_t place[] = {i == 0 ? 1 : 0};
      parts[i].push_back(op::expand_dims(n.b, r[i], place));
    }
  }
  std::vector<Value> results;
  for (size_t i = 0; i < parts.size(); ++i) {
    ValueId y = op::concatenate(n.b, parts[i], i == 0 ? 1 : 0);
    if (batch_first)
      y = op::transpose(n.b, y, i == 0 ? std::vector<int64_t>{2, 0, 1, 3} : std::vector<int64_t>{1, 0, 2});
    results.push_back(n.result(y));
  }
  return results;
}

std::vector<Value> rnn(NodeContext& n) {
  return recurrent(n, {1, 1, {"Tanh"}, nullptr, rnn_step});
}
std::vector<Value> gru(NodeContext& n) {
  return recurrent(n, {3, 1, {"Sigmoid", "Tanh"}, "linear_before_reset", gru_step});
}
std::vector<Value> lstm(NodeContext& n) {
  return recurrent(n, {4, 2, {"Sigmoid", "Tanh", "Tanh"}, "input_forget", lstm_step});
}

}  // namespace

std::span<const Registration> rnn_importers() {
  static constexpr Registration list[] = {{"RNN", rnn}, {"GRU", gru}, {"LSTM", lstm}};
  return list;
}

}  // namespace ecotone::onnx
