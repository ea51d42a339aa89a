// Recurrent layers, by ONNX's definition of RNN, GRU and LSTM: a scan over the sequence, one for each direction. Types
// narrower than f32 are computed in f32, states included, and each result is rounded once.
#pragma once

#include <array>

#include "ecotone/ir/builder.h"

namespace ecotone::op {

enum class CellFunction : uint8_t {
  kSigmoid,
  kTanh,
  kRelu,
  kAffine,  // alpha x + beta
  kLeakyRelu,
  kThresholdedRelu,
  kScaledTanh,  // alpha tanh(beta x)
  kElu,
  kSoftsign,
  kSoftplus,
  kHardSigmoid,  // clamp(alpha x + beta, 0, 1)
};
struct CellActivation {
  CellFunction function = CellFunction::kTanh;
  double alpha = 1, beta = 1;
  static constexpr const char* kName = "activation";
  static constexpr auto kFields =
      std::tuple{Field{"function", &CellActivation::function}, Field{"alpha", &CellActivation::alpha},
                 Field{"beta", &CellActivation::beta}};
};
enum class RecurrentDirection : uint8_t { kForward, kReverse, kBidirectional };

struct RecurrentAttributes {
  RecurrentDirection direction = RecurrentDirection::kForward;
  // Of one direction after the other: RNN f; GRU f, g; LSTM f, g, h. Empty: sigmoid for f of GRU and LSTM, else tanh.
  std::vector<CellActivation> activations;
  double clip = 0;  // what goes into the activations is clamped to [-clip, clip]; 0: not
  bool batch_first = false;
  bool linear_before_reset = false;  // GRU: r multiplies h's product with the weights, not h
  bool input_forget = false;         // LSTM: f = 1 - i
  bool has_bias = false, has_lengths = false, has_h = false, has_c = false, has_peepholes = false;
  static constexpr const char* kName = "recurrent";
  static constexpr auto kFields = std::tuple{Field{"direction", &RecurrentAttributes::direction},
                                             Field{"activations", &RecurrentAttributes::activations},
                                             Field{"clip", &RecurrentAttributes::clip},
                                             Field{"batch_first", &RecurrentAttributes::batch_first},
                                             Field{"linear_before_reset", &RecurrentAttributes::linear_before_reset},
                                             Field{"input_forget", &RecurrentAttributes::input_forget},
                                             Field{"has_bias", &RecurrentAttributes::has_bias},
                                             Field{"has_lengths", &RecurrentAttributes::has_lengths},
                                             Field{"has_h", &RecurrentAttributes::has_h},
                                             Field{"has_c", &RecurrentAttributes::has_c},
                                             Field{"has_peepholes", &RecurrentAttributes::has_peepholes}};
};
// Operands: x [seq, batch, input], weights [directions, gates * hidden, input], recurrence [directions, gates * hidden,
// hidden]; then those that the attributes announce: bias [directions, 2 * gates * hidden] (of the input, of the
// recurrence), lengths [batch] (integers), the first h and c [directions, batch, hidden], peepholes [directions, 3 *
// hidden] (of i, o, f). Gates: GRU z, r, h; LSTM i, o, f, c. With batch_first, x is [batch, seq, input], states are
// [batch, directions, hidden]. Results: all h [seq, directions, batch, hidden] ([batch, seq, directions, hidden]), then
// the last h and, of an LSTM, c. Past a sequence's length zeros come out and its state stays.
//   RNN   h' = f(W x + R h)
//   GRU   z = f(Wz x + Rz h), r = f(Wr x + Rr h), h' = (1 - z) g(Wh x + Rh (r h)) + z h
//   LSTM  i, f, o = f(W x + R h + P c), c' = f c + i g(Wc x + Rc h), h' = o h(c')   (o's peephole sees c')
const Op& rnn();
std::vector<ValueId> rnn(Builder& b, std::span<const ValueId> operands, RecurrentAttributes attributes);
const Op& gru();
std::vector<ValueId> gru(Builder& b, std::span<const ValueId> operands, RecurrentAttributes attributes);
const Op& lstm();
std::vector<ValueId> lstm(Builder& b, std::span<const ValueId> operands, RecurrentAttributes attributes);

}  // namespace ecotone::op

template <>
struct ecotone::EnumNames<ecotone::op::CellFunction> {
  static constexpr std::array<std::string_view, 11> kNames = {
      "sigmoid",    "tanh", "relu",     "affine",   "leakyrelu",  "thresholdedrelu",
      "scaledtanh", "elu",  "softsign", "softplus", "hardsigmoid"};
};
template <>
struct ecotone::EnumNames<ecotone::op::RecurrentDirection> {
  static constexpr std::array<std::string_view, 3> kNames = {"forward", "reverse", "bidirectional"};
};
