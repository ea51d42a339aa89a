#include "ecotone/op/composite.h"

#include "ecotone/op/table.h"

namespace ecotone::op {

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
