// RNN, GRU and LSTM.
#include "ecotone/op/rnn.h"

#include <algorithm>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"

namespace ecotone::onnx {
namespace {

// The activations of all directions; alphas and betas are given in order, to those functions that have them.
std::vector<op::CellActivation> activations(NodeContext& n, size_t needed) {
  const AttributeProto* names = n.attribute("activations");
  if (!names || names->strings.empty()) return {};
  if (names->strings.size() < needed)
    fail("{} activations are named, but {} are needed", names->strings.size(), needed);
  const AttributeProto *alphas = n.attribute("activation_alpha"), *betas = n.attribute("activation_beta");
  std::vector<op::CellActivation> list;
  for (size_t i = 0; i < needed; ++i) {
    std::string name = names->strings[i];
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr auto& known = EnumNames<op::CellFunction>::kNames;
    const auto at = std::ranges::find(known, name);
    if (at == known.end()) fail_kind(ErrorKind::kUnsupported, "activation '{}'", name);
    op::CellActivation a{static_cast<op::CellFunction>(at - known.begin()), 1, 1};
    if (a.function == op::CellFunction::kLeakyRelu) a.alpha = 0.01;
    if (a.function == op::CellFunction::kHardSigmoid) a.alpha = 0.2, a.beta = 0.5;
    if (alphas && i < alphas->floats.size()) a.alpha = static_cast<double>(alphas->floats[i]);
    if (betas && i < betas->floats.size()) a.beta = static_cast<double>(betas->floats[i]);
    list.push_back(a);
  }
  return list;
}

template <std::vector<ValueId> (*F)(Builder&, std::span<const ValueId>, op::RecurrentAttributes), size_t kActivations>
std::vector<Value> recurrent(NodeContext& n) {
  if (n.rank(0) != 3) fail("the input must have three dimensions, not {}", n.rank(0));
  const std::string direction = n.string_attribute("direction", "forward");
  op::RecurrentAttributes a;
  a.direction = direction == "bidirectional" ? op::RecurrentDirection::kBidirectional
                : direction == "reverse"     ? op::RecurrentDirection::kReverse
                                             : op::RecurrentDirection::kForward;
  a.activations = activations(n, direction == "bidirectional" ? 2 * kActivations : kActivations);
  a.clip = n.float_attribute("clip", 0);
  a.batch_first = n.int_attribute("layout", 0) == 1;
  a.linear_before_reset = n.int_attribute("linear_before_reset", 0) != 0;
  a.input_forget = n.int_attribute("input_forget", 0) != 0;
  constexpr bool kLstm = kActivations == 3;
  a.has_bias = n.has(3);
  a.has_lengths = n.has(4);
  a.has_h = n.has(5);
  a.has_c = kLstm && n.has(6);
  a.has_peepholes = kLstm && n.has(7);
  std::vector<ValueId> operands{n.in(0), n.in(1), n.in(2)};
  for (size_t i = 3; i < (kLstm ? 8 : 6); ++i)
    if (n.has(i)) operands.push_back(n.in(i));
  std::vector<Value> results;
  for (ValueId v : F(n.b, operands, std::move(a))) results.push_back(n.result(v));
  return results;
}

}  // namespace

std::span<const Registration> rnn_importers() {
  static constexpr Registration list[] = {
      {"RNN", recurrent<op::rnn, 1>}, {"GRU", recurrent<op::gru, 2>}, {"LSTM", recurrent<op::lstm, 3>}};
  return list;
}

}  // namespace ecotone::onnx
