#include "ecotone/op/composite.h"

#include "ecotone/op/table.h"

namespace ecotone::op {

std::vector<ValueId> at_least_f32(Builder& b, Operands x) {
  const DType given = b.dtype(x[0]);
  std::vector<ValueId> wide(x.begin(), x.end());
  for (size_t i = 0; i < x.size(); ++i) {
    const DType d = b.dtype(x[i]);
    if (is_float(d) && d != given) fail("operand {} is {}, but operand 0 is {}", i, name(d), name(given));
    if (d == given && is_float(d) && bit_width(d) < 32) wide[i] = convert(b, x[i], DType::kF32);
  }
  return wide;
}

std::span<const Op* const> composite_ops() {
  static const auto& ops = *new std::vector<const Op*>([] {
    std::vector<const Op*> all;
    for (auto family : {softmax_ops, norm_ops, activation_ops, cumulative_ops, select_ops, nms_ops, pool_ops, conv_ops,
                        resize_ops, attention_ops, rnn_ops, einsum_ops})
      for (const Op* op : family()) all.push_back(op);
    return all;
  }());
  return ops;
}

}  // namespace ecotone::op
