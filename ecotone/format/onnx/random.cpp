// Operators that draw random numbers. The numbers are ours (see op/random.h), of the distributions that ONNX names;
// they are the same whenever the key is.
#include "ecotone/op/random.h"

#include <bit>
#include <limits>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/select.h"

namespace ecotone::onnx {

ValueId NodeContext::random_key() {
  const AttributeProto* seed = attribute("seed");
  if (!seed) return graph.next_key();
  // A float of most operators, an integer of Dropout.
  const auto number = node.op_type == "Dropout" ? static_cast<uint64_t>(seed->i) : std::bit_cast<uint32_t>(seed->f);
  const ValueId key = op::constant(b, Tensor::from<uint64_t>({number, 0}, {2}));
  return graph.trip() ? op::fold_in(b, key, *graph.trip()) : key;
}

namespace {

using op::RngDistribution;

DType dtype_attribute(NodeContext& n, DType otherwise) {
  const int64_t number = n.int_attribute("dtype", 0);
  if (number == 0) return otherwise;
  const auto dtype = dtype_of(static_cast<int32_t>(number));
  if (!dtype) fail("element type {} is unknown", number);
  return *dtype;
}

Expr uniform(NodeContext& n, DType dtype, double low, double high, std::vector<Dim> shape) {
  const ValueId from = op::scalar(n.b, dtype, low), to = op::scalar(n.b, dtype, high);
  return {n.b, op::rng(n.b, from, to, n.random_key(), RngDistribution::kUniform, std::move(shape))};
}

// Shape and type of the draws: those of an input, but for `dtype`, or attributes.
TensorType drawn_type(NodeContext& n) {
  TensorType type;
  if (n.node.op_type.ends_with("Like")) {
    type = n.type(0);
    type.dtype = dtype_attribute(n, type.dtype);
  } else {
    type.dtype = dtype_attribute(n, DType::kF32);
    type.shape = to_dims(n.ints_attribute("shape").value_or(std::vector<int64_t>{}));
    for (const Dim& d : type.shape)
      if (d.constant() < 0) fail("size {} is negative", d.constant());
  }
  if (!is_float(type.dtype)) fail("random numbers of type {}; give a float type as dtype", name(type.dtype));
  return type;
}

std::vector<Value> random_normal(NodeContext& n) {
  const TensorType type = drawn_type(n);
  const ValueId mean = op::scalar(n.b, type.dtype, n.float_attribute("mean", 0)),
                scale = op::scalar(n.b, type.dtype, n.float_attribute("scale", 1));
  return {n.result(op::rng(n.b, mean, scale, n.random_key(), RngDistribution::kNormal, type.shape))};
}

std::vector<Value> random_uniform(NodeContext& n) {
  const TensorType type = drawn_type(n);
  return {n.result(uniform(n, type.dtype, n.float_attribute("low", 0), n.float_attribute("high", 1), type.shape))};
}

// A float type in which probabilities are drawn.
DType wide(DType dtype) {
  return dtype == DType::kF64 ? DType::kF64 : DType::kF32;
}

// 1 with the input's probability.
std::vector<Value> bernoulli(NodeContext& n) {
  const Expr p = input(n, 0).to(wide(n.dtype(0)));
  return {n.result((uniform(n, p.dtype(), 0, 1, p.shape()) < p).to(dtype_attribute(n, n.dtype(0))))};
}

// Indices of classes whose log-probabilities, up to a constant, are the rows: the largest of these plus a Gumbel
// variate each (Gumbel 1954; Maddison et al. 2014).
std::vector<Value> multinomial(NodeContext& n) {
  if (n.rank(0) != 2) fail("the input must be [batch, classes], but has {} dimensions", n.rank(0));
  const int64_t samples = n.int_attribute("sample_size", 1);
  const DType dtype = dtype_attribute(n, DType::kI32);
  if (samples < 0) fail("sample_size {} is negative", samples);
  if (!is_integer(dtype)) fail("indices of type {}", name(dtype));
  const Expr logits = input(n, 0).to(wide(n.dtype(0))).expand({1});
  const std::vector<Dim> cube{logits.size(0), samples, logits.size(2)};
  const Expr u = uniform(n, logits.dtype(), std::numeric_limits<float>::min(), 1, cube);  // above 0
  const auto log = [](const Expr& x) { return x.made(op::log(x.builder(), x)); };
  const Expr gumbel = 0.0 - log(0.0 - log(u));
  const Expr at{n.b, op::arg_max(n.b, logits + gumbel, {2, false})};
  return {n.result(at.to(dtype))};
}

// Each entry is kept with probability 1 - ratio and then divided by it; all are kept, as they are, where nothing trains
// or the ratio is 0.
std::vector<Value> dropout(NodeContext& n) {
  const bool asked = n.opset >= 12 && n.has(2) && !(n.dims(2) && (*n.dims(2))[0] == Dim(0));
  const Tensor* known = n.opset >= 12 ? n.constant(1) : nullptr;
  if (!asked || (known && known->plain().at_double(0) == 0)) {
    const DType mask = n.opset < 10 ? n.dtype(0) : DType::kBool;
    return {n.input(0), n.result(op::full(n.b, mask, n.type(0).shape, 1))};
  }
  const Expr x = input(n, 0);
  const DType dtype = wide(x.dtype());
  const Expr ratio = n.has(1) ? input(n, 1).reshape({}).to(dtype) : Expr{n.b, op::scalar(n.b, dtype, 0.5)};
  const Expr trains = input(n, 2).reshape({}).to(DType::kBool);
  const Expr mask = (uniform(n, dtype, 0, 1, x.shape()) >= ratio) | !trains;
  const Expr factor = where(trains, 1.0 / (1.0 - ratio), ratio.scalar(1.0));
  // What is dropped is 0 even where x is infinite or the ratio is 1.
  const Expr y = where(mask, (x.to(dtype) * factor).to(x.dtype()), x.scalar(0.0));
  return {n.result(y), n.result(mask)};
}

}  // namespace

std::span<const Registration> random_importers() {
  static constexpr Registration list[] = {
      {"RandomNormal", random_normal},
      {"RandomNormalLike", random_normal},
      {"RandomUniform", random_uniform},
      {"RandomUniformLike", random_uniform},
      {"Bernoulli", bernoulli},
      {"Multinomial", multinomial},
      {"Dropout", dropout},
  };
  return list;
}

}  // namespace ecotone::onnx
