#include "ecotone/op/rnn.h"

#include <algorithm>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/activation.h"
#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/control.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {
namespace {

// Entry i of dimension 0, without it.
ValueId entry(Builder& b, ValueId x, int64_t i) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  std::vector<Dim> start(shape.size(), 0), limit = shape;
  start[0] = i;
  limit[0] = i + 1;
  const int64_t axis[] = {0};
  return squeeze(b, slice(b, x, std::move(start), std::move(limit)), axis);
}

// Entries [from, to) of the last dimension, in multiples of `size`.
ValueId part(Builder& b, ValueId x, int64_t from, int64_t to, const Dim& size) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  std::vector<Dim> start(shape.size(), 0), limit = shape;
  start.back() = size * from;
  limit.back() = size * to;
  return slice(b, x, std::move(start), std::move(limit));
}

// x [.., k] times the transpose of w [m, k].
ValueId times_transposed(Builder& b, ValueId x, ValueId w) {
  DotAttributes a;
  a.lhs_contracting_dimensions = {b.rank(x) - 1};
  a.rhs_contracting_dimensions = {1};
  return dot_general(b, x, w, std::move(a));
}

ValueId activate(Builder& b, const CellActivation& a, ValueId x) {
  const auto like = [&](double v) { return full_like(b, x, v); };
  switch (a.function) {
    case CellFunction::kSigmoid:
      return logistic(b, x);
    case CellFunction::kTanh:
      return tanh(b, x);
    case CellFunction::kRelu:
      return relu(b, x);
    case CellFunction::kAffine:
      return add(b, multiply(b, x, like(a.alpha)), like(a.beta));
    case CellFunction::kLeakyRelu:
      return leaky_relu(b, x, a.alpha);
    case CellFunction::kThresholdedRelu:
      return thresholded_relu(b, x, a.alpha);
    case CellFunction::kScaledTanh:
      return multiply(b, tanh(b, multiply(b, x, like(a.beta))), like(a.alpha));
    case CellFunction::kElu:
      return elu(b, x, a.alpha);
    case CellFunction::kSoftsign:
      return softsign(b, x);
    case CellFunction::kSoftplus:
      return softplus(b, x);
    case CellFunction::kHardSigmoid:
      return hard_sigmoid(b, x, {a.alpha, a.beta});
  }
  fail_kind(ErrorKind::kInternal, "an unknown activation");
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
  const std::vector<CellActivation>& f;
  double clip;
  bool flag;  // GRU: linear_before_reset; LSTM: input_forget

  ValueId gate(ValueId v, int64_t k) const { return part(b, v, k, k + 1, hidden); }
  ValueId apply(size_t which, ValueId v) const {
    if (clip > 0) v = clamp(b, scalar(b, b.dtype(v), -clip), v, scalar(b, b.dtype(v), clip));
    return activate(b, f[which], v);
  }
  // h times rows [from, to) of the recurrence, with its bias.
  ValueId recur(ValueId h, int64_t from, int64_t to) const {
    const std::vector<Dim> shape = b.tensor_type(recurrence).shape;
    const ValueId rows = slice(b, recurrence, {hidden * from, 0}, {hidden * to, shape[1]});
    const ValueId y = times_transposed(b, h, rows);
    return bias ? add(b, y, broadcast_to(b, part(b, *bias, from, to, hidden), b.tensor_type(y).shape)) : y;
  }
};

std::vector<ValueId> rnn_step(const Step& s) {
  return {s.apply(0, add(s.b, s.x, s.recur(s.state[0], 0, 1)))};
}

// Gates z, r, h.
std::vector<ValueId> gru_step(const Step& s) {
  const ValueId h = s.state[0], zr = add(s.b, part(s.b, s.x, 0, 2, s.hidden), s.recur(h, 0, 2));
  const ValueId z = s.apply(0, s.gate(zr, 0)), r = s.apply(0, s.gate(zr, 1));
  const ValueId inner = s.flag ? multiply(s.b, r, s.recur(h, 2, 3)) : s.recur(multiply(s.b, r, h), 2, 3);
  const ValueId candidate = s.apply(1, add(s.b, s.gate(s.x, 2), inner));
  const ValueId rest = subtract(s.b, full_like(s.b, z, 1), z);
  return {add(s.b, multiply(s.b, rest, candidate), multiply(s.b, z, h))};
}

// Gates i, o, f, c.
std::vector<ValueId> lstm_step(const Step& s) {
  const ValueId h = s.state[0], c = s.state[1], gates = add(s.b, s.x, s.recur(h, 0, 4));
  const auto peep = [&](int64_t gate, ValueId cell, int64_t k) {
    const ValueId v = s.gate(gates, gate);
    if (!s.peephole) return v;
    const ValueId p = broadcast_to(s.b, part(s.b, *s.peephole, k, k + 1, s.hidden), s.b.tensor_type(cell).shape);
    return add(s.b, v, multiply(s.b, p, cell));
  };
  const ValueId i = s.apply(0, peep(0, c, 0));
  const ValueId f = s.flag ? subtract(s.b, full_like(s.b, i, 1), i) : s.apply(0, peep(2, c, 2));
  const ValueId next = add(s.b, multiply(s.b, f, c), multiply(s.b, i, s.apply(1, s.gate(gates, 3))));
  const ValueId o = s.apply(0, peep(1, next, 1));
  return {multiply(s.b, o, activate(s.b, s.f[2], next)), next};
}

struct Cell {
  int64_t gates;
  size_t states;  // h, or h and c
  size_t activations;
  bool RecurrentAttributes::* flag;  // the attribute that changes the step
  std::vector<ValueId> (*step)(const Step&);
};

// The operands by their names.
struct Given {
  ValueId x, weights, recurrence;
  std::optional<ValueId> bias, lengths, peepholes;
  std::vector<std::optional<ValueId>> states;

  Given(const Builder& b, const RecurrentAttributes& a, const Cell& cell, Operands operands)
      : x(operands[0]), weights(operands[1]), recurrence(operands[2]), states(cell.states) {
    if (cell.states == 1 && (a.has_c || a.has_peepholes)) fail("only an LSTM has c and peepholes");
    size_t next = 3;
    const auto check = [&](ValueId v, int64_t rank) {
      if (b.rank(v) != rank) fail("an operand has {} dimensions where {} are needed", b.rank(v), rank);
      return v;
    };
    for (ValueId v : {x, weights, recurrence}) check(v, 3);
    const auto take = [&](bool present, int64_t rank) -> std::optional<ValueId> {
      if (!present) return std::nullopt;
      if (next >= operands.size()) fail("{} operands are fewer than the attributes announce", operands.size());
      return check(operands[next++], rank);
    };
    bias = take(a.has_bias, 2);
    lengths = take(a.has_lengths, 1);
    states[0] = take(a.has_h, 3);
    if (cell.states == 2) states[1] = take(a.has_c, 3);
    peepholes = take(a.has_peepholes, 2);
    if (next != operands.size()) fail("{} operands are more than the attributes announce", operands.size());
  }
};

std::vector<CellActivation> activations(const RecurrentAttributes& a, const Cell& cell, size_t direction) {
  if (a.activations.empty()) {
    std::vector<CellActivation> defaults(cell.activations);  // tanh
    if (cell.activations > 1) defaults[0].function = CellFunction::kSigmoid;
    return defaults;
  }
  const size_t first = direction * cell.activations;
  if (a.activations.size() < first + cell.activations)
    fail("{} activations are given, but {} are needed", a.activations.size(), first + cell.activations);
  const auto begin = a.activations.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>(cell.activations)};
}

// Results: all h [seq, batch, hidden], then the final states [batch, hidden].
std::vector<ValueId> run_direction(Builder& b, const RecurrentAttributes& a, const Cell& cell, const Given& given,
                                   ValueId x, int64_t direction, bool reverse) {
  const DType dtype = b.dtype(x);
  const std::vector<Dim> x_shape = b.tensor_type(x).shape;  // [seq, batch, input]
  const ValueId w = entry(b, given.weights, direction), r = entry(b, given.recurrence, direction);
  const Dim hidden = b.tensor_type(r).shape.at(1);
  const TensorType state_type{dtype, {x_shape[1], hidden}};
  ValueId projected = times_transposed(b, x, w);
  std::vector<ValueId> captures{r};
  if (given.bias) {
    const ValueId bias = entry(b, *given.bias, direction);
    projected =
        add(b, projected, broadcast_to(b, part(b, bias, 0, cell.gates, hidden), b.tensor_type(projected).shape));
    captures.push_back(part(b, bias, cell.gates, 2 * cell.gates, hidden));
  }
  if (given.peepholes) captures.push_back(entry(b, *given.peepholes, direction));
  if (given.lengths) captures.push_back(convert(b, *given.lengths, DType::kI64));
  std::vector<ValueId> carries, scanned{projected};
  for (std::optional<ValueId> start : given.states) {
    if (start && a.batch_first) start = transpose(b, *start, {1, 0, 2});
    carries.push_back(start ? entry(b, *start, direction) : full(b, dtype, state_type.shape, 0));
  }
  if (given.lengths) scanned.push_back(iota(b, {DType::kI64, {x_shape[0]}}, 0));
  std::vector<Type> types(cell.states, state_type);
  types.emplace_back(TensorType{dtype, {x_shape[1], hidden * cell.gates}});
  if (given.lengths) types.emplace_back(TensorType{DType::kI64, {}});
  for (ValueId c : captures) types.push_back(b.type(c));
  const std::vector<CellActivation> f = activations(a, cell, static_cast<size_t>(direction));
  const Region body = make_region(b, "cell", types, [&](Builder& g, Operands args) -> std::vector<ValueId> {
    size_t next = cell.states;
    const auto take = [&](bool present) { return present ? std::optional<ValueId>(args[next++]) : std::nullopt; };
    const ValueId input = args[next++];
    const std::optional<ValueId> time = take(given.lengths.has_value());
    const ValueId recurrence = args[next++];
    const std::optional<ValueId> bias = take(given.bias.has_value()), peephole = take(given.peepholes.has_value());
    const std::vector<ValueId> old(args.begin(), args.begin() + static_cast<std::ptrdiff_t>(cell.states));
    std::vector<ValueId> state =
        cell.step({g, hidden, input, recurrence, bias, peephole, old, f, a.clip, cell.flag && a.*cell.flag});
    ValueId shown = state[0];
    if (time) {  // past a sequence's end its state stays and zeros come out
      const ValueId at = broadcast_to(g, *time, std::vector<Dim>{x_shape[1]});
      const ValueId runs = compare(g, ComparisonDirection::kLt, at, args[next]);
      const ValueId mask = broadcast_in_dim(g, runs, state_type.shape, {0});
      shown = select(g, mask, shown, full_like(g, shown, 0));
      for (size_t i = 0; i < state.size(); ++i) state[i] = select(g, mask, state[i], old[i]);
    }
    state.push_back(shown);
    return state;
  });
  std::vector<ValueId> y = scan(b, carries, scanned, x_shape[0], body, reverse, captures);
  std::rotate(y.begin(), y.end() - 1, y.end());
  return y;
}

Results recurrent(Builder& b, const RecurrentAttributes& a, Operands operands, const Cell& cell) {
  const Given given(b, a, cell, operands);
  const ValueId x = a.batch_first ? transpose(b, given.x, {1, 0, 2}) : given.x;
  std::vector<std::vector<ValueId>> parts(cell.states + 1);
  for (int64_t d = 0, count = a.direction == RecurrentDirection::kBidirectional ? 2 : 1; d < count; ++d) {
    const bool reverse = a.direction == RecurrentDirection::kReverse || d == 1;
    const std::vector<ValueId> r = run_direction(b, a, cell, given, x, d, reverse);
    for (size_t i = 0; i < r.size(); ++i) {
      const int64_t place[] = {i == 0 ? 1 : 0};
      parts[i].push_back(expand_dims(b, r[i], place));
    }
  }
  Results results;
  for (size_t i = 0; i < parts.size(); ++i) {
    const ValueId y = concatenate(b, parts[i], i == 0 ? 1 : 0);
    results.push_back(!a.batch_first
                          ? y
                          : transpose(b, y, i == 0 ? std::vector<int64_t>{2, 0, 1, 3} : std::vector<int64_t>{1, 0, 2}));
  }
  return results;
}

Results rnn_body(Builder& b, const RecurrentAttributes& a, Operands x) {
  return recurrent(b, a, x, {1, 1, 1, nullptr, rnn_step});
}
Results gru_body(Builder& b, const RecurrentAttributes& a, Operands x) {
  return recurrent(b, a, x, {3, 1, 2, &RecurrentAttributes::linear_before_reset, gru_step});
}
Results lstm_body(Builder& b, const RecurrentAttributes& a, Operands x) {
  return recurrent(b, a, x, {4, 2, 3, &RecurrentAttributes::input_forget, lstm_step});
}

}  // namespace

#define ECOTONE_RECURRENT(name)                                                                              \
  const Op& name() {                                                                                         \
    static const Op op = composite<RecurrentAttributes, name##_body, 3, 8, Precision::kAtLeastF32>(          \
        "ecotone." #name, DTypeSet::signed_floats());                                                        \
    return op;                                                                                               \
  }                                                                                                          \
  std::vector<ValueId> name(Builder& b, std::span<const ValueId> operands, RecurrentAttributes attributes) { \
    return b.add(name(), make_attributes(std::move(attributes)), operands);                                  \
  }
ECOTONE_RECURRENT(rnn)
ECOTONE_RECURRENT(gru)
ECOTONE_RECURRENT(lstm)

std::span<const Op* const> rnn_ops() {
  static const Op* const ops[] = {&rnn(), &gru(), &lstm()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::RecurrentAttributes>();
}  // namespace ecotone
