// com.microsoft: attention in its four forms, and the rotary embedding. Masks are as ONNX Runtime's CPU provider reads
// them: what padding hides gets `mask_filter_value` added.
#include <cmath>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/attention.h"
#include "ecotone/op/build.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/norm.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

using op::ComparisonDirection;

// Size d of input i.
Dim size_of(NodeContext& n, size_t i, size_t d) {
  const std::vector<Dim>& shape = n.type(i).shape;
  if (d >= shape.size()) fail("input {} has {} dimensions; more are needed", i, shape.size());
  return shape[d];
}

// Entries [from, to) of the last dimension.
ValueId columns(Builder& b, ValueId x, const Dim& from, const Dim& to) {
  std::vector<Dim> start(b.tensor_type(x).shape.size(), 0), limit = b.tensor_type(x).shape;
  if (limit.empty()) fail("a scalar where a vector or more is needed");
  start.back() = from;
  limit.back() = to;
  return op::slice(b, x, std::move(start), std::move(limit));
}

int64_t heads_attribute(NodeContext& n, const char* name) {
  const int64_t heads = n.int_attribute(name, 0);
  if (heads < 1) fail("{} must be positive", name);
  return heads;
}

// [batch, seq, heads * size] to [batch, heads, seq, size], and back.
ValueId split_heads(Builder& b, ValueId x, int64_t heads) {
  const std::vector<Dim> s = b.tensor_type(x).shape;
  if (s.size() != 3) fail("a sequence has {} dimensions, not 3", s.size());
  return op::transpose(b, op::reshape(b, x, {s[0], s[1], heads, floordiv(s[2], heads)}), {0, 2, 1, 3});
}
ValueId join_heads(Builder& b, ValueId x) {
  const std::vector<Dim> s = b.tensor_type(x).shape;
  return op::reshape(b, op::transpose(b, x, {0, 2, 1, 3}), {s[0], s[2], s[1] * s[3]});
}

// The scores' scale: the attribute, 1 / sqrt(size) when it is 0 or absent.
double score_scale(NodeContext& n, const Dim& size) {
  const double given = n.float_attribute("scale", 0);
  if (given != 0) return given;
  return 1 / std::sqrt(static_cast<double>(size.constant()));
}

// A mask of any of the accepted forms, as what to add to scores of `shape`:
// [batch] ends of the keys; [2 batch] ends, then starts; [batch, keys] or [batch, queries, keys] flags.
ValueId mask_bias(NodeContext& n, size_t input, const std::vector<Dim>& shape) {
  Builder& b = n.b;
  const ValueId given = n.in(input);
  const std::vector<Dim> s = n.type(input).shape;
  ValueId seen;
  const auto spread = [&](ValueId v, std::vector<int64_t> where) {
    return op::broadcast_in_dim(b, v, shape, std::move(where));
  };
  if (s.size() == 1) {
    const ValueId key = op::iota(b, {n.dtype(input), shape}, 3);
    const bool starts = s[0] == shape[0] * 2;
    if (!starts && s[0].is_constant() && shape[0].is_constant() && s[0] != shape[0])
      fail_kind(ErrorKind::kUnsupported, "a mask of {} entries for a batch of {}", s[0].str(), shape[0].str());
    const ValueId ends = starts ? op::slice(b, given, {0}, {shape[0]}) : given;
    seen = op::compare(b, ComparisonDirection::kLt, key, spread(ends, {0}));
    if (starts) {
      const ValueId begins = spread(op::slice(b, given, {shape[0]}, {s[0]}), {0});
      seen = op::and_(b, seen, op::compare(b, ComparisonDirection::kGe, key, begins));
    }
  } else {
    if (s.size() != 2 && s.size() != 3) fail_kind(ErrorKind::kUnsupported, "a mask of {} dimensions", s.size());
    const ValueId flags = op::compare(b, ComparisonDirection::kGt, given, op::full_like(b, given, 0));
    seen = spread(flags, s.size() == 2 ? std::vector<int64_t>{0, 3} : std::vector<int64_t>{0, 2, 3});
  }
  const DType dtype = n.dtype(0) == DType::kU8 || n.dtype(0) == DType::kI8 ? DType::kF32 : n.dtype(0);
  return op::select(b, seen, op::full(b, dtype, shape, 0),
                    op::full(b, dtype, shape, n.float_attribute("mask_filter_value", -10000)));
}

struct Inputs {  // which inputs hold what
  size_t mask, bias;
};
// Attention and MultiHeadAttention once q, k and v are [batch, heads, seq, size]: the output [batch, seq, heads * size]
// and the weights.
std::pair<ValueId, ValueId> attend(NodeContext& n, ValueId q, ValueId k, ValueId v, const Dim& past,
                                   const Inputs& inputs) {
  Builder& b = n.b;
  op::AttentionAttributes a;
  const std::vector<Dim> q_shape = b.tensor_type(q).shape;
  const std::vector<Dim> shape{q_shape[0], q_shape[1], q_shape[2], b.tensor_type(k).shape.at(2)};
  a.scale = score_scale(n, q_shape[3]);
  a.causal = n.int_attribute("unidirectional", 0) != 0;
  a.past = past;
  a.shown = op::AttentionScores::kWeights;
  std::optional<ValueId> added;
  if (n.has(inputs.bias)) added = op::broadcast_to(b, n.in(inputs.bias), shape);
  if (n.has(inputs.mask)) {
    const ValueId mask = mask_bias(n, inputs.mask, shape);
    added = added ? op::add(b, *added, mask) : mask;
  }
  std::vector<ValueId> operands{q, k, v};
  if (added) operands.push_back(*added);
  a.has_mask = added.has_value();
  const std::vector<ValueId> results = op::attention(b, operands, std::move(a));
  return {join_heads(b, results[0]), results[1]};
}

// From the projected [batch, seq, q + k + v] on; `past` holds the earlier keys and values, [2, batch, heads, seq,
// size].
std::vector<Value> attend_projected(NodeContext& n, ValueId qkv, size_t past_input, const Inputs& inputs) {
  Builder& b = n.b;
  if (n.int_attribute("do_rotary", 0) != 0 || n.int_attribute("past_present_share_buffer", 0) != 0)
    fail_kind(ErrorKind::kUnsupported, "do_rotary or past_present_share_buffer");
  const int64_t heads = heads_attribute(n, "num_heads");
  if (b.rank(qkv) != 3) fail("the projected input has {} dimensions, not 3", b.rank(qkv));
  const Dim all = b.tensor_type(qkv).shape.back();
  Dim size = floordiv(all, 3), end = size * 2;  // where q ends, where k does
  if (const auto sizes = n.ints_attribute("qkv_hidden_sizes"); sizes && !sizes->empty()) {
    if (sizes->size() != 3 || (*sizes)[0] != (*sizes)[1]) fail("qkv_hidden_sizes must be three, of q and k equal");
    size = (*sizes)[0];
    end = size * 2;
  }
  const ValueId q = split_heads(b, columns(b, qkv, 0, size), heads);
  ValueId k = split_heads(b, columns(b, qkv, size, end), heads), v = split_heads(b, columns(b, qkv, end, all), heads);
  Dim past = 0;
  if (n.has(past_input)) {
    const std::vector<Dim> s = n.type(past_input).shape;
    if (s.size() != 5) fail("past has {} dimensions, not 5", s.size());
    past = s[3];
    const auto earlier = [&](int64_t i) {
      const ValueId half = op::slice(b, n.in(past_input), {i, 0, 0, 0, 0}, {i + 1, s[1], s[2], s[3], s[4]});
      return op::reshape(b, half, {s[1], s[2], s[3], s[4]});
    };
    const ValueId keys[] = {earlier(0), k}, values[] = {earlier(1), v};
    k = op::concatenate(b, keys, 2);
    v = op::concatenate(b, values, 2);
  }
  std::vector<Value> results{n.result(attend(n, q, k, v, past, inputs).first)};
  if (n.wants(1)) {
    const int64_t front[] = {0};
    const ValueId both[] = {op::expand_dims(b, k, front), op::expand_dims(b, v, front)};
    results.push_back(n.result(op::concatenate(b, both, 0)));
  }
  return results;
}

std::vector<Value> packed_attention(NodeContext& n) {
  ValueId qkv = matmul(n.b, n.in(0), n.in(1));
  if (n.has(2)) qkv = op::add(n.b, qkv, op::broadcast_to(n.b, n.in(2), n.b.tensor_type(qkv).shape));
  return attend_projected(n, qkv, 4, {3, 5});
}

// Attention whose projection is of quantized input and weights.
std::vector<Value> quantized_attention(NodeContext& n) {
  Builder& b = n.b;
  const ValueId product = n.apply_id("MatMulInteger", {n.operand(0), n.operand(1), n.operand(6), n.operand(7)});
  const std::vector<Dim> shape = b.tensor_type(product).shape;
  const auto spread = [&](size_t i) {  // a scalar, or one of each column
    const ValueId x = n.in(i);
    return n.type(i).size() == Dim(1) ? op::broadcast_to(b, op::reshape(b, x, {}), shape)
                                      : op::broadcast_to(b, x, shape);
  };
  ValueId qkv = op::multiply(b, op::convert(b, product, n.dtype(3)), op::multiply(b, spread(3), spread(4)));
  qkv = op::add(b, qkv, op::broadcast_to(b, n.in(2), shape));
  return attend_projected(n, qkv, 8, {5, n.input_count()});
}

// Part `i` of packed [batch, seq, heads, parts, size], as [batch, heads, seq, size].
ValueId unpacked(Builder& b, ValueId x, int64_t i) {
  const std::vector<Dim> s = b.tensor_type(x).shape;
  const ValueId part = op::slice(b, x, {0, 0, 0, i, 0}, {s[0], s[1], s[2], i + 1, s[4]});
  return op::transpose(b, op::reshape(b, part, {s[0], s[1], s[2], s[4]}), {0, 2, 1, 3});
}

std::vector<Value> multi_head_attention(NodeContext& n) {
  Builder& b = n.b;
  const int64_t heads = heads_attribute(n, "num_heads");
  if (n.has(8) || n.has(9)) fail_kind(ErrorKind::kUnsupported, "past_sequence_length or cache_indirection");
  // Heads of input i, which is whole or part `part` of a packed one.
  const auto heads_of = [&](size_t i, int64_t part) {
    if (n.rank(i) == 5) return unpacked(b, n.in(i), part);
    return n.rank(i) == 4 ? n.in(i) : split_heads(b, n.in(i), heads);
  };
  const bool packed = n.rank(0) == 5, packed_pair = !packed && n.has(1) && n.rank(1) == 5;
  if (packed == n.has(1) || (packed || packed_pair) == n.has(2))
    fail("key and value must be given, but not where they are packed");
  ValueId q = heads_of(0, 0), k = packed ? heads_of(0, 1) : heads_of(1, 0);
  ValueId v = packed ? heads_of(0, 2) : packed_pair ? heads_of(1, 1) : heads_of(2, 0);
  if (n.has(3)) {  // one after the other for q, k and v; keys and values of another sequence, split already, have none
    Dim from = 0;
    for (ValueId* x : {&q, &k, &v}) {
      const std::vector<Dim> s = b.tensor_type(*x).shape;
      const Dim size = s[1] * s[3];
      if (x == &q || packed || n.rank(1) != 4) {
        const ValueId bias = op::reshape(b, columns(b, n.in(3), from, from + size), {s[1], s[3]});
        *x = op::add(b, *x, op::broadcast_in_dim(b, bias, s, {1, 3}));
      }
      from = from + size;
    }
  }
  Dim past = 0;
  if (n.has(6) && n.has(7)) {
    past = size_of(n, 6, 2);
    const ValueId keys[] = {n.in(6), k}, values[] = {n.in(7), v};
    k = op::concatenate(b, keys, 2);
    v = op::concatenate(b, values, 2);
  }
  const auto [y, weights] = attend(n, q, k, v, past, {4, 5});
  return {n.result(y), n.result(k), n.result(v), n.result(weights)};
}

// Rotary embedding ----------------------------------------------------------------------------------------------------

std::vector<Value> rotary_embedding(NodeContext& n) {
  Builder& b = n.b;
  if (n.int_attribute("is_packed_batching", 0) != 0) fail_kind(ErrorKind::kUnsupported, "is_packed_batching");
  const std::vector<Dim> shape = n.type(0).shape;
  if (shape.size() != 3 && shape.size() != 4) fail("the input has {} dimensions, not 3 or 4", shape.size());
  const std::vector<Dim> places{shape[0], shape[shape.size() - 2]};
  ValueId positions = op::convert(b, n.in(1), DType::kI64);
  if (n.rank(1) < 2) {  // where the sequence begins
    positions = op::broadcast_to(b, op::reshape(b, positions, {}), places);
    positions = op::add(b, positions, op::iota(b, {DType::kI64, places}, 1));
  }
  std::vector<AttributeProto> attributes = n.attributes_but({"scale", "is_packed_batching", "num_heads"});
  if (shape.size() == 3) {
    int64_t heads = n.int_attribute("num_heads", 0);
    if (heads == 0) heads = floordiv(shape[2], size_of(n, 2, 1) * 2).constant();
    attributes.push_back(make_attribute("num_heads", heads));
  }
  return {n.apply("RotaryEmbedding", {n.operand(0), n.operand(2), n.operand(3), n.result(positions)},
                  std::move(attributes))};
}

// Grouped queries -----------------------------------------------------------------------------------------------------

// Row t of the cache is past's row t for t < past_length[batch], then the new ones.
ValueId append(Builder& b, ValueId past, ValueId fresh, ValueId past_length, const Dim& total) {
  const Dim capacity = b.tensor_type(past).shape[2];
  const std::vector<Dim> s = b.tensor_type(fresh).shape, places{s[0], total};
  const ValueId pair[] = {past, fresh}, all = op::concatenate(b, pair, 2);
  const ValueId row = op::iota(b, {DType::kI64, places}, 1);
  const ValueId length = op::broadcast_in_dim(b, past_length, places, {0});
  const ValueId shifted =
      op::add(b, op::subtract(b, row, length), op::broadcast_to(b, op::dim_value(b, capacity, DType::kI64), places));
  const ValueId from = op::select(b, op::compare(b, ComparisonDirection::kLt, row, length), row, shifted);
  op::GatherAttributes a;
  a.operand_batching_dims = a.start_indices_batching_dims = {0};
  a.start_index_map = a.collapsed_slice_dims = {2};
  a.offset_dims = {1, 3};
  a.index_vector_dim = 2;
  a.slice_sizes = {1, s[1], 1, s[3]};
  const int64_t last[] = {2};
  return op::gather(b, all, op::expand_dims(b, from, last), std::move(a));
}

std::vector<Value> group_query_attention(NodeContext& n) {
  Builder& b = n.b;
  const int64_t heads = heads_attribute(n, "num_heads"), shared = heads_attribute(n, "kv_num_heads");
  if (heads % shared != 0) fail("num_heads {} is no multiple of kv_num_heads {}", heads, shared);
  for (size_t i : {12, 13, 16})
    if (n.has(i)) fail_kind(ErrorKind::kUnsupported, "a quantized cache, or query_seqlens");
  if (n.int_attribute("sliding_window_cache", 0) != 0) fail_kind(ErrorKind::kUnsupported, "sliding_window_cache");

  ValueId query = n.in(0), key, value;
  if (n.rank(0) != 3) fail("query has {} dimensions, not 3", n.rank(0));
  if (n.has(1)) {
    key = n.in(1);
    value = n.in(2);
  } else {
    const Dim all = size_of(n, 0, 2), size = floordiv(all, heads + 2 * shared);
    const Dim q_end = size * heads, k_end = q_end + size * shared;
    key = columns(b, query, q_end, k_end);
    value = columns(b, query, k_end, all);
    query = columns(b, query, 0, q_end);
  }
  ValueId q = split_heads(b, query, heads), k = split_heads(b, key, shared), v = split_heads(b, value, shared);
  if (n.has(14) != n.has(15)) fail("q_norm_weight and k_norm_weight come together");
  if (n.has(14)) {
    const double epsilon = n.float_attribute("qk_norm_epsilon", 1e-6F);
    q = op::rms_norm(b, q, n.in(14), {3, n.float_attribute("q_norm_epsilon", epsilon)});
    k = op::rms_norm(b, k, n.in(15), {3, n.float_attribute("k_norm_epsilon", epsilon)});
  }
  const std::vector<Dim> q_shape = b.tensor_type(q).shape;
  const Dim& sequence = q_shape[2];
  const std::vector<Dim> total_given = n.sizes(6, "total_sequence_length");
  if (total_given.size() != 1) fail("total_sequence_length has {} entries", total_given.size());
  const bool prompt = total_given[0] == sequence;
  const auto spread_scalar = [&](const Dim& d, const std::vector<Dim>& shape) {
    return op::broadcast_to(b, op::dim_value(b, d, DType::kI64), shape);
  };

  // How many keys stood in the cache before: all that there are, less these.
  const std::vector<Dim> batch{q_shape[0]};
  ValueId ends = op::reshape(b, op::convert(b, n.in(5), DType::kI64), batch);
  ends = op::add(b, ends, op::full(b, DType::kI64, batch, 1));
  ValueId past_length = op::full(b, DType::kI64, batch, 0);
  if (!prompt) past_length = op::maximum(b, past_length, op::subtract(b, ends, spread_scalar(sequence, batch)));

  const std::vector<Dim> places{q_shape[0], sequence};
  const ValueId position =
      op::add(b, op::iota(b, {DType::kI64, places}, 1), op::broadcast_in_dim(b, past_length, places, {0}));
  if (n.int_attribute("do_rotary", 0) != 0) {
    const Value at = n.has(9) ? n.operand(9) : n.result(position);
    const auto rotated = [&](ValueId x) {
      return n.apply_id("RotaryEmbedding", {n.result(x), n.operand(7), n.operand(8), at},
                        {make_attribute("interleaved", n.int_attribute("rotary_interleaved", 0)),
                         make_attribute("rotary_embedding_dim", size_of(n, 7, 1).constant() * 2)});
    };
    q = rotated(q);
    k = rotated(k);
  }
  if (n.has(3) && n.has(4)) {
    const Dim total = max(size_of(n, 3, 2), total_given[0]);
    k = append(b, n.in(3), k, past_length, total);
    v = append(b, n.in(4), v, past_length, total);
  }
  op::AttentionAttributes a;
  a.scale = score_scale(n, q_shape[3]);
  a.softcap = n.float_attribute("softcap", 0);
  a.causal = n.int_attribute("causal", 1) != 0;
  if (const int64_t window = n.int_attribute("local_window_size", -1); a.causal && window > 0)
    a.window_left = window - 1;
  std::vector<ValueId> operands{q, k, v};
  if (n.has(10)) {
    ValueId bias = n.in(10);
    std::vector<Dim> low(4, 0), high(4, 0);
    high[3] = b.tensor_type(k).shape[2] - size_of(n, 10, 3);  // a cache may be longer than what is used
    if (high[3] != Dim(0)) bias = op::pad(b, bias, op::scalar(b, b.dtype(bias), 0), low, high);
    operands.push_back(bias);
    a.has_mask = true;
  }
  // A prompt's queries stand at its beginning, others at the end of what is there.
  a.has_lengths = !prompt || !a.causal;
  if (a.has_lengths) operands.push_back(a.causal ? op::add(b, past_length, spread_scalar(sequence, batch)) : ends);
  if (n.has(11)) {
    operands.push_back(n.in(11));
    a.has_sink = true;
  } else if (n.int_attribute("smooth_softmax", 0) == 1) {
    operands.push_back(op::full(b, b.dtype(q), {heads}, 0));
    a.has_sink = true;
  }
  const int64_t shown = n.int_attribute("qk_output", 0);
  if (shown < 0 || shown > 2) fail("qk_output {} is unknown", shown);
  a.shown = shown == 1 ? op::AttentionScores::kMasked : op::AttentionScores::kWeights;
  const std::vector<ValueId> results = op::attention(b, operands, std::move(a));
  std::vector<Value> values{n.result(join_heads(b, results[0])), n.result(k), n.result(v)};
  if (shown != 0) {  // what is hidden shows as 0
    const ValueId scores = results[1], hidden = op::is_neg_inf(b, scores);
    values.push_back(n.result(op::select(b, hidden, op::full_like(b, scores, 0), scores)));
  }
  return values;
}

}  // namespace

std::span<const Registration> contrib_attention_importers() {
  static constexpr Registration list[] = {
      {"com.microsoft:Attention", packed_attention},
      {"com.microsoft:QAttention", quantized_attention},
      {"com.microsoft:MultiHeadAttention", multi_head_attention},
      {"com.microsoft:GroupQueryAttention", group_query_attention},
      {"com.microsoft:RotaryEmbedding", rotary_embedding},
  };
  return list;
}

}  // namespace ecotone::onnx
