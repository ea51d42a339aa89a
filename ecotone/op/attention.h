// Scaled dot-product attention.
#pragma once

#include <array>

#include "ecotone/ir/builder.h"

namespace ecotone::op {

// What the second result shows: products of queries and keys, these after the cap, after the mask, or the weights.
enum class AttentionScores : uint8_t { kProducts, kCapped, kMasked, kWeights };

struct AttentionAttributes {
  double scale = 1;
  double softcap = 0;                           // 0: none
  bool causal = false;                          // query i sees keys up to i + past
  int64_t window_left = -1, window_right = -1;  // how far around i + past a query sees; -1: any
  Dim past = 0;                                 // the keys that precede the first query's
  std::optional<DType> softmax_dtype;           // absent: q's, f32 at least
  AttentionScores shown = AttentionScores::kProducts;
  bool has_mask = false, has_lengths = false, has_sink = false;  // which optional operands there are
  static constexpr const char* kName = "attention";
  static constexpr auto kFields = std::tuple{Field{"scale", &AttentionAttributes::scale},
                                             Field{"softcap", &AttentionAttributes::softcap},
                                             Field{"causal", &AttentionAttributes::causal},
                                             Field{"window_left", &AttentionAttributes::window_left},
                                             Field{"window_right", &AttentionAttributes::window_right},
                                             Field{"past", &AttentionAttributes::past},
                                             Field{"softmax_dtype", &AttentionAttributes::softmax_dtype},
                                             Field{"shown", &AttentionAttributes::shown},
                                             Field{"has_mask", &AttentionAttributes::has_mask},
                                             Field{"has_lengths", &AttentionAttributes::has_lengths},
                                             Field{"has_sink", &AttentionAttributes::has_sink}};
};
// softmax(cap(scale q k^T) + mask) v (Vaswani et al. 2017; grouped heads: Ainslie et al. 2023); cap(s) = softcap
// tanh(s / softcap). Operands: q [batch, heads, queries, size], k [batch, kv_heads, keys, size], v [batch, kv_heads,
// keys, value_size], where each of k's and v's heads serves heads / kv_heads of q's; then, by has_mask, a bool mask
// (false hides) or a float one that is added, which broadcasts to [batch, heads, queries, keys]; then, by has_lengths,
// how many keys each batch entry has, integers [batch], which also place its queries at the end of these; then, by
// has_sink, for each head the score of one more key, [heads], whose weight is dropped (Xiao et al. 2023). A query that
// sees no key gets zeros. Results: [batch, heads, queries, value_size], and the scores [batch, heads, queries, keys].
const Op& attention();
std::vector<ValueId> attention(Builder& b, std::span<const ValueId> operands, AttentionAttributes attributes);

}  // namespace ecotone::op

template <>
struct ecotone::EnumNames<ecotone::op::AttentionScores> {
  static constexpr std::array<std::string_view, 4> kNames = {"products", "capped", "masked", "weights"};
};
