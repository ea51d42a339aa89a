// Operators of sequence models: attention that is linear in the length or has a program of its own, causal convolution,
// caches, gates.
#include <array>
#include <cmath>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/control.h"
#include "ecotone/op/index.h"

namespace ecotone::onnx {
namespace {

Expr matmul_of(const Expr& x, const Expr& y) {
  return x.made(matmul(x.builder(), x, y));
}
Expr exponential(const Expr& x) {
  return x.made(op::exponential(x.builder(), x));
}
Expr logistic(const Expr& x) {
  return x.made(op::logistic(x.builder(), x));
}

// state <- exp(decay) state + key (x) beta (value - state key); output = scale query state, in f32.
std::vector<Value> linear_attention(NodeContext& n) {
  Builder& b = n.b;
  const std::string rule = n.string_attribute("update_rule", "gated_delta");
  const bool gated = rule == "gated" || rule == "gated_delta", delta = rule == "delta" || rule == "gated_delta";
  if (!gated && !delta && rule != "linear") fail("update_rule '{}' is unknown", rule);
  const int64_t q_heads = n.int_attribute("q_num_heads", 0), heads = n.int_attribute("kv_num_heads", 0);
  if (heads < 1 || q_heads < 1 || q_heads % heads != 0)
    fail("q_num_heads {} is no positive multiple of kv_num_heads {}", q_heads, heads);
  if (n.rank(0) != 3 || n.rank(1) != 3 || n.rank(2) != 3) fail("query, key and value must have three dimensions");
  if (gated != n.has(4) || delta != n.has(5)) fail("update_rule '{}' does not fit the inputs decay and beta", rule);
  if ((gated && n.rank(4) != 3) || (delta && n.rank(5) != 3)) fail("decay and beta must have three dimensions");
  const Dim batch = n.type(0).shape[0], time = n.type(0).shape[1];
  const Dim key_size = floordiv(n.type(0).shape[2], q_heads), value_size = floordiv(n.type(2).shape[2], heads);
  const int64_t group = q_heads / heads;
  // [batch, time, parts * size] to [time, batch, parts..., size].
  const auto split = [&](size_t i, std::vector<Dim> parts) {
    std::vector<Dim> shape{batch, time};
    shape.insert(shape.end(), parts.begin(), parts.end());
    std::vector<int64_t> order{1, 0};
    for (size_t d = 2; d < shape.size(); ++d) order.push_back(static_cast<int64_t>(d));
    return input(n, i).to(DType::kF32).reshape(std::move(shape)).transpose(std::move(order));
  };
  double scale = n.float_attribute("scale", 0);
  if (scale == 0) scale = 1 / std::sqrt(static_cast<double>(key_size.constant()));
  std::vector<ValueId> scanned{split(0, {heads, group, key_size}), split(1, {heads, key_size}),
                               split(2, {heads, value_size})};
  if (gated) {
    const bool per_head = n.type(4).shape.back() == Dim(heads);
    scanned.push_back(split(4, {heads, per_head ? Dim(1) : key_size, 1}));
  }
  if (delta) scanned.push_back(split(5, {n.type(5).shape.back(), 1}));
  const std::vector<Dim> state_shape{batch, heads, key_size, value_size};
  const DType state_type = n.has(3) ? n.dtype(3) : n.dtype(0);
  const ValueId state = n.has(3) ? input(n, 3).to(DType::kF32) : op::full(b, DType::kF32, state_shape, 0);
  std::vector<Type> types{TensorType{DType::kF32, state_shape}};
  for (ValueId v : scanned) {
    TensorType slice = b.tensor_type(v);
    slice.shape.erase(slice.shape.begin());
    types.emplace_back(std::move(slice));
  }
  Region body =
      op::make_region(b, "step", types, [&](Builder& g, std::span<const ValueId> args) -> std::vector<ValueId> {
        const Expr q{g, args[1]}, k{g, args[2]};
        Expr s{g, args[0]}, v{g, args[3]};
        if (gated) s = s * exponential({g, args[4]});
        if (delta) v = Expr{g, args[gated ? 5 : 4]} * (v - (s * k.expand({3})).sum({2}));
        s = s + k.expand({3}) * v.expand({2});
        return {s, matmul_of(q, s) * scale};
      });
  const std::vector<ValueId> results = op::scan(b, {&state, 1}, scanned, time, std::move(body));
  const Expr y = Expr{b, results[1]}.transpose({1, 0, 2, 3, 4}).reshape({batch, time, value_size * q_heads});
  return {n.result(y.to(n.dtype(0))), n.result(op::convert(b, results[0], state_type))};
}

// A depthwise convolution over what came before; the last entries are the next call's past.
std::vector<Value> causal_conv(NodeContext& n) {
  Builder& b = n.b;
  if (n.rank(0) != 3 || n.rank(1) != 3) fail("input and weight must have three dimensions");
  const std::string activation = n.string_attribute("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish")
    fail("activation '{}' is unknown", activation);
  const Expr x = input(n, 0), w = input(n, 1);
  const Dim past = w.size(2) - 1;
  const Expr before = n.has(3) ? input(n, 3) : x.made(op::full(b, x.dtype(), {x.size(0), x.size(1), past}, 0));
  const Expr padded = joined({before, x}, 2);
  op::ConvolutionAttributes a = op::nchw_convolution(1);
  a.feature_group_count = x.size(1).constant();
  Expr y{b, op::convolution(b, padded, w, std::move(a))};
  if (n.has(2)) y = y + input(n, 2).reshape({x.size(1), 1});
  if (activation != "none") {
    const DType wide = bit_width(x.dtype()) < 32 ? DType::kF32 : x.dtype();
    y = (y.to(wide) * logistic(y.to(wide))).to(x.dtype());
  }
  return {n.result(y), n.result(padded.part(2, padded.size(2) - past, padded.size(2)))};
}

// Writes `update` into the cache from write_indices[batch] on, around its end when circular.
std::vector<Value> tensor_scatter(NodeContext& n) {
  Builder& b = n.b;
  const Expr cache = input(n, 0), update = input(n, 1);
  const int64_t axis = n.axis_attribute("axis", -2, cache.rank());
  if (update.rank() != cache.rank() || axis == 0) fail("the update's dimensions or the axis do not fit the cache");
  const std::string mode = n.string_attribute("mode", "linear");
  if (mode != "linear" && mode != "circular") fail("mode '{}' is unknown", mode);
  const std::vector<Dim> plane{cache.size(0), cache.size(axis)};
  Expr at = places(b, plane, 1);  // the entry of the update that lands at each place
  if (n.has(2)) at = at - input(n, 2).to(DType::kI64).expand({1});
  if (mode == "circular") at = (at % at.scalar(plane[1]) + at.scalar(plane[1])) % at.scalar(plane[1]);
  const Expr length = at.scalar(update.size(axis)), hit = (at >= 0.0) & (at < length);
  op::GatherAttributes a;
  a.operand_batching_dims = a.start_indices_batching_dims = {0};
  a.collapsed_slice_dims = a.start_index_map = {axis};
  a.index_vector_dim = 2;
  a.slice_sizes = update.shape();
  a.slice_sizes[0] = a.slice_sizes[static_cast<size_t>(axis)] = 1;
  for (int64_t d = 2; d < cache.rank(); ++d) a.offset_dims.push_back(d);
  const Expr index = clamped(at, at.scalar(0.0), length - 1.0).expand({2});
  const Expr moved{b, op::gather(b, update, index, std::move(a))};  // [batch, axis, others]
  std::vector<int64_t> order{0};
  std::vector<Dim> mask_shape(static_cast<size_t>(cache.rank()), 1);
  for (int64_t d = 1, other = 2; d < cache.rank(); ++d) order.push_back(d == axis ? 1 : other++);
  mask_shape[0] = plane[0];
  mask_shape[static_cast<size_t>(axis)] = plane[1];
  return {n.result(where(hit.reshape(mask_shape), moved.transpose(order), cache))};
}

std::vector<Value> swiglu(NodeContext& n) {
  const Expr x = input(n, 0), y = input(n, 1);
  return {n.result(x * logistic(n.float_attribute("alpha", 1) * x) * y)};
}

// Attention whose scores and probabilities pass through subgraphs.
std::vector<Value> flex_attention(NodeContext& n) {
  const Expr q = input(n, 0), k = input(n, 1), v = input(n, 2);
  if (q.rank() != 4 || k.rank() != 4 || v.rank() != 4) fail("query, key and value must have four dimensions");
  const Dim batch = q.size(0), heads = q.size(1), kv_heads = k.size(1), group = floordiv(heads, kv_heads);
  double scale = n.float_attribute("scale", 0);
  if (!n.attribute("scale")) scale = 1 / std::sqrt(static_cast<double>(q.size(3).constant()));
  DType wide = bit_width(q.dtype()) < 32 ? DType::kF32 : q.dtype();
  if (const int64_t given = n.int_attribute("softmax_precision", 0); given != 0)
    wide = dtype_of(static_cast<int32_t>(given)).value_or(wide);
  const auto spread = [&](const Expr& x) {  // each head for the queries that share it
    const std::vector<Dim> shape{batch, kv_heads, group, x.size(2), x.size(3)};
    return x.expand({2}).broadcast(shape).reshape({batch, heads, x.size(2), x.size(3)});
  };
  const double root = std::sqrt(scale);
  Expr scores = matmul_of(q * root, (spread(k) * root).transpose({0, 1, 3, 2})).to(wide);
  const auto modified = [&](const Expr& x, const char* name) {
    if (!n.attribute(name)) return x;
    const Value given = n.result(x);
    const std::vector<Value> results = n.graph.inlined(n.graph_attribute(name), {&given, 1});
    if (results.size() != 1) fail("'{}' gives {} values, not one", name, results.size());
    return x.made(n.graph.materialize(results[0])).to(wide).broadcast(x.shape());
  };
  scores = modified(scores, "score_mod");
  const Expr e = exponential(scores - scores.reduced({3}, op::Reducer::kMaximum).expand({3}));
  const Expr weights = modified(e / e.sum({3}).expand({3}), "prob_mod");
  return {n.result(matmul_of(weights, spread(v).to(wide)).to(v.dtype()))};
}

}  // namespace

std::span<const Registration> sequence_model_importers() {
  static constexpr Registration list[] = {
      {"LinearAttention", linear_attention},
      {"CausalConvWithState", causal_conv},
      {"TensorScatter", tensor_scatter},
      {"SwiGLU", swiglu},
      {"ai.onnx.preview:FlexAttention", flex_attention},
  };
  return list;
}

}  // namespace ecotone::onnx
