// Convolution, pooling, normalization, activations, resizing.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

ValueId constant_like(Builder& b, ValueId x, double value) {
  return op::full_like(b, x, value);
}

// A per-channel vector [C] in x's shape [N, C, ...].
ValueId per_channel(Builder& b, ValueId v, ValueId x) {
  return op::broadcast_in_dim(b, v, b.tensor_type(x).shape, {1});
}

// Windows -------------------------------------------------------------------------------------------------------------

struct Window {
  std::vector<int64_t> kernel, strides, dilations;
  std::vector<Dim> low, high;
};

// Strides, dilations and paddings of a convolution or pooling over x's spatial dimensions. `ceil` adds padding at the
// end so that the last, partial window counts (but none that starts in that padding).
Window read_window(NodeContext& n, std::vector<int64_t> kernel, bool ceil) {
  const size_t rank = kernel.size();
  Window w{std::move(kernel), n.ints_attribute("strides").value_or(std::vector<int64_t>(rank, 1)),
           n.ints_attribute("dilations").value_or(std::vector<int64_t>(rank, 1)), std::vector<Dim>(rank, 0),
           std::vector<Dim>(rank, 0)};
  if (n.rank(0) != static_cast<int64_t>(rank) + 2)
    fail("a window of {} dimensions over an input of {}", rank, n.rank(0));
  if (w.strides.size() != rank || w.dilations.size() != rank) fail("strides or dilations do not have {} entries", rank);
  for (size_t i = 0; i < rank; ++i)
    if (w.strides[i] < 1 || w.dilations[i] < 1 || w.kernel[i] < 1)
      fail("kernel, strides and dilations must be positive");
  const std::string mode = n.string_attribute("auto_pad", "NOTSET");
  if (const auto pads = n.ints_attribute("pads"); pads && (mode == "NOTSET" || mode.empty())) {
    if (pads->size() != 2 * rank) fail("pads has {} entries for {} spatial dimensions", pads->size(), rank);
    for (size_t i = 0; i < rank; ++i) {
      w.low[i] = (*pads)[i];
      w.high[i] = (*pads)[i + rank];
    }
  }
  for (size_t i = 0; i < rank; ++i) {
    const Dim size = n.type(0).shape[i + 2];
    const int64_t reach = (w.kernel[i] - 1) * w.dilations[i] + 1, stride = w.strides[i];
    if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
      const Dim total = max((ceildiv(size, stride) - 1) * stride + reach - size, 0);
      w.low[i] = mode == "SAME_UPPER" ? floordiv(total, 2) : ceildiv(total, 2);
      w.high[i] = total - w.low[i];
    } else if (ceil) {
      const Dim whole = size + w.low[i] + w.high[i];
      Dim places = ceildiv(whole - reach, stride) + 1;
      // A window must not start beyond the input and its leading padding.
      const Dim last_start = floordiv(size + w.low[i] - 1, stride) + 1;
      places = min(places, last_start);
      w.high[i] = w.high[i] + max((places - 1) * stride + reach - whole, 0);
    }
  }
  return w;
}

std::vector<int64_t> spatial_sizes(const TensorType& t) {
  std::vector<int64_t> sizes;
  for (size_t i = 2; i < t.shape.size(); ++i) sizes.push_back(t.shape[i].constant());
  return sizes;
}

ValueId with_bias(NodeContext& n, ValueId y, size_t input) {
  return n.has(input) ? op::add(n.b, y, per_channel(n.b, n.in(input), y)) : y;
}

}  // namespace

op::ConvolutionAttributes convolution_attributes(NodeContext& n, size_t weight_input) {
  const TensorType& weight = n.type(weight_input);
  if (weight.rank() != n.rank(0) || n.rank(0) < 3)
    fail("the input has {} dimensions, the weight {}", n.rank(0), weight.rank());
  const std::vector<int64_t> kernel = n.ints_attribute("kernel_shape").value_or(spatial_sizes(weight));
  const Window w = read_window(n, kernel, false);
  op::ConvolutionAttributes a = op::nchw_convolution(n.rank(0) - 2);
  a.window_strides = w.strides;
  a.rhs_dilation = w.dilations;
  a.padding_low = w.low;
  a.padding_high = w.high;
  a.feature_group_count = n.int_attribute("group", 1);
  return a;
}

namespace {

std::vector<Value> conv(NodeContext& n) {
  return {n.result(with_bias(n, op::convolution(n.b, n.in(0), n.in(1), convolution_attributes(n, 1)), 2))};
}

// The transpose of a convolution: the input dilated by the stride, convolved with the kernel turned around.
std::vector<Value> conv_transpose(NodeContext& n) {
  const TensorType weight = n.type(1);  // [C, M / group, ...]
  const size_t rank = weight.shape.size() - 2;
  if (weight.rank() != n.rank(0) || n.rank(0) < 3)
    fail("the input has {} dimensions, the weight {}", n.rank(0), weight.rank());
  const std::vector<int64_t> kernel = n.ints_attribute("kernel_shape").value_or(spatial_sizes(weight));
  const int64_t groups = n.int_attribute("group", 1);
  const auto strides = n.ints_attribute("strides").value_or(std::vector<int64_t>(rank, 1));
  const auto dilations = n.ints_attribute("dilations").value_or(std::vector<int64_t>(rank, 1));
  const auto output_padding = n.ints_attribute("output_padding").value_or(std::vector<int64_t>(rank, 0));
  const auto output_shape = n.ints_attribute("output_shape");
  const std::string mode = n.string_attribute("auto_pad", "NOTSET");
  auto pads = n.ints_attribute("pads").value_or(std::vector<int64_t>(2 * rank, 0));
  if (kernel.size() != rank || strides.size() != rank || dilations.size() != rank || output_padding.size() != rank ||
      pads.size() != 2 * rank || groups < 1)
    fail("kernel_shape, strides, dilations, pads or group do not fit {} spatial dimensions", rank);
  op::ConvolutionAttributes a = op::nchw_convolution(static_cast<int64_t>(rank));
  a.lhs_dilation = strides;
  a.rhs_dilation = dilations;
  a.feature_group_count = groups;
  a.window_reversal.assign(rank, true);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t reach = (kernel[i] - 1) * dilations[i];
    Dim low = pads[i], high = pads[i + rank];
    const Dim full = (n.type(0).shape[i + 2] - 1) * strides[i] + output_padding[i] + reach + 1;
    if (output_shape || mode == "SAME_UPPER" || mode == "SAME_LOWER") {
      const Dim wanted =
          output_shape ? Dim(output_shape->at(output_shape->size() - rank + i)) : n.type(0).shape[i + 2] * strides[i];
      const Dim total = output_shape ? full - wanted : max(full - wanted, 0);  // less than 0: the end is filled up
      low = mode == "SAME_UPPER" ? floordiv(total, 2) : ceildiv(total, 2);
      if (mode != "SAME_UPPER" && mode != "SAME_LOWER") low = floordiv(max(total, 0), 2);
      high = total - low;
    }
    a.padding_low[i] = Dim(reach) - low;
    a.padding_high[i] = Dim(reach) - high + output_padding[i];
  }
  // [C, M / g, ...] to [M, C / g, ...].
  ValueId kernel_value = n.in(1);
  if (groups == 1) {
    std::swap(a.kernel_input_feature_dimension, a.kernel_output_feature_dimension);
  } else {
    const Dim in_features = floordiv(weight.shape[0], groups), out_features = weight.shape[1];
    std::vector<Dim> split{groups, in_features}, joined{out_features * groups, in_features};
    split.insert(split.end(), weight.shape.begin() + 1, weight.shape.end());
    joined.insert(joined.end(), weight.shape.begin() + 2, weight.shape.end());
    std::vector<int64_t> order(split.size());
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[1], order[2]);
    kernel_value = op::reshape(n.b, op::transpose(n.b, op::reshape(n.b, kernel_value, split), order), joined);
  }
  return {n.result(with_bias(n, op::convolution(n.b, n.in(0), kernel_value, std::move(a)), 2))};
}

op::WindowAttributes pool_window(const Window& w, op::Reducer reducer) {
  op::WindowAttributes a;
  a.window_dimensions = {1, 1};
  for (int64_t k : w.kernel) a.window_dimensions.emplace_back(k);
  const auto widened = [](std::vector<int64_t> v) {
    v.insert(v.begin(), {1, 1});
    return v;
  };
  a.window_strides = widened(w.strides);
  a.window_dilations = widened(w.dilations);
  a.base_dilations.assign(w.kernel.size() + 2, 1);
  a.padding_low = {0, 0};
  a.padding_high = {0, 0};
  a.padding_low.insert(a.padding_low.end(), w.low.begin(), w.low.end());
  a.padding_high.insert(a.padding_high.end(), w.high.begin(), w.high.end());
  a.reducer = reducer;
  return a;
}

ValueId identity_of(Builder& b, op::Reducer reducer, DType dtype) {
  return op::constant(b, op::reducer_identity(reducer, dtype));
}

std::vector<Value> max_pool(NodeContext& n) {
  const Window w = read_window(n, n.ints_attribute("kernel_shape").value_or(std::vector<int64_t>{}),
                               n.int_attribute("ceil_mode", 0) != 0);
  if (n.wants(1)) {
    const auto [y, indices] = max_pool_with_indices(n, pool_window(w, op::Reducer::kMaximum));
    return {n.result(y), n.result(indices)};
  }
  const ValueId lowest = identity_of(n.b, op::Reducer::kMaximum, n.dtype(0));
  return {n.result(op::reduce_window(n.b, n.in(0), lowest, pool_window(w, op::Reducer::kMaximum)))};
}

std::vector<Value> average_pool(NodeContext& n) {
  const std::vector<int64_t> kernel = n.ints_attribute("kernel_shape").value_or(std::vector<int64_t>{});
  const bool ceil = n.int_attribute("ceil_mode", 0) != 0, count_padding = n.int_attribute("count_include_pad", 0) != 0;
  const Window w = read_window(n, kernel, ceil);
  const ValueId x = n.in(0), zero = op::scalar(n.b, n.dtype(0), 0);
  const ValueId sum = op::reduce_window(n.b, x, zero, pool_window(w, op::Reducer::kAdd));
  // How many entries each window sees: of the input, and of its padding when that counts (but never of what ceil_mode
  // adds).
  ValueId ones = constant_like(n.b, x, 1);
  Window counted = w;
  if (count_padding) {
    const Window padded = read_window(n, kernel, false);
    std::vector<Dim> low{0, 0}, high{0, 0};
    low.insert(low.end(), padded.low.begin(), padded.low.end());
    high.insert(high.end(), padded.high.begin(), padded.high.end());
    ones = op::pad(n.b, ones, op::scalar(n.b, n.dtype(0), 1), low, high);
    for (size_t i = 0; i < counted.low.size(); ++i) {
      counted.low[i] = 0;
      counted.high[i] = w.high[i] - padded.high[i];
    }
  }
  const ValueId count = op::reduce_window(n.b, ones, zero, pool_window(counted, op::Reducer::kAdd));
  return {n.result(op::divide(n.b, sum, count))};
}

// The p-norm of each window; for p = 2 the root of the sum of squares.
std::vector<Value> lp_pool(NodeContext& n) {
  const Window w = read_window(n, n.ints_attribute("kernel_shape").value_or(std::vector<int64_t>{}),
                               n.int_attribute("ceil_mode", 0) != 0);
  const double p = static_cast<double>(n.int_attribute("p", 2));
  const ValueId x = op::abs(n.b, n.in(0)), zero = op::scalar(n.b, n.dtype(0), 0);
  const ValueId sum =
      op::reduce_window(n.b, op::power(n.b, x, constant_like(n.b, x, p)), zero, pool_window(w, op::Reducer::kAdd));
  return {n.result(op::power(n.b, sum, constant_like(n.b, sum, 1 / p)))};
}

std::vector<int64_t> spatial_axes(NodeContext& n) {
  std::vector<int64_t> axes(static_cast<size_t>(std::max<int64_t>(0, n.rank(0) - 2)));
  std::iota(axes.begin(), axes.end(), 2);
  return axes;
}
ValueId mean_over(Builder& b, ValueId x, const std::vector<int64_t>& axes) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  Dim count = 1;
  for (int64_t d : axes) count = count * shape[static_cast<size_t>(d)];
  const ValueId sum = op::reduce(b, x, axes, op::Reducer::kAdd);
  const ValueId divisor = op::convert(b, op::dim_value(b, count, DType::kI64), b.dtype(x));
  return op::divide(b, sum, op::broadcast_to(b, divisor, b.tensor_type(sum).shape));
}
ValueId keep_axes(NodeContext& n, ValueId reduced, const std::vector<int64_t>& axes) {
  std::vector<Dim> shape = n.type(0).shape;
  for (int64_t d : axes) shape[static_cast<size_t>(d)] = 1;
  return op::reshape(n.b, reduced, std::move(shape));
}
std::vector<Value> global_average_pool(NodeContext& n) {
  const auto axes = spatial_axes(n);
  return {n.result(keep_axes(n, mean_over(n.b, n.in(0), axes), axes))};
}
std::vector<Value> global_max_pool(NodeContext& n) {
  const auto axes = spatial_axes(n);
  return {n.result(keep_axes(n, op::reduce(n.b, n.in(0), axes, op::Reducer::kMaximum), axes))};
}

// Normalization -------------------------------------------------------------------------------------------------------

std::vector<Value> batch_normalization(NodeContext& n) {
  if (n.int_attribute("training_mode", 0) != 0) return batch_normalization_training(n);
  if (n.wants(1)) fail_kind(ErrorKind::kUnsupported, "BatchNormalization that trains, before opset 14");
  const ValueId x = n.in(0), variance = n.in(4);
  const double epsilon = n.float_attribute("epsilon", 1e-5);
  const ValueId inverse = op::rsqrt(n.b, op::add(n.b, variance, constant_like(n.b, variance, epsilon)));
  const ValueId centred = op::subtract(n.b, x, per_channel(n.b, n.in(3), x));
  const ValueId scaled =
      op::multiply(n.b, op::multiply(n.b, centred, per_channel(n.b, inverse, x)), per_channel(n.b, n.in(1), x));
  return {n.result(op::add(n.b, scaled, per_channel(n.b, n.in(2), x)))};
}

// (x - mean) / sqrt(var + epsilon) over `axes`; also the mean and the inverse deviation.
struct Normalized {
  ValueId value, mean, inverse;
};
Normalized normalize(Builder& b, ValueId x, const std::vector<int64_t>& axes, double epsilon) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  const ValueId mean = mean_over(b, x, axes);
  const ValueId centred = op::subtract(b, x, op::broadcast_reduced(b, mean, shape, axes));
  const ValueId variance = mean_over(b, op::multiply(b, centred, centred), axes);
  const ValueId inverse = op::rsqrt(b, op::add(b, variance, op::full_like(b, variance, epsilon)));
  return {op::multiply(b, centred, op::broadcast_reduced(b, inverse, shape, axes)), mean, inverse};
}

std::vector<Value> layer_normalization(NodeContext& n) {
  const int64_t axis = n.axis_attribute("axis", -1, n.rank(0));
  std::vector<int64_t> axes(static_cast<size_t>(n.rank(0) - axis));
  std::iota(axes.begin(), axes.end(), axis);
  const DType dtype = n.dtype(0);
  const bool small = bit_width(dtype) < 32;  // computed in f32, as stash_type says
  const ValueId x = small ? op::convert(n.b, n.in(0), DType::kF32) : n.in(0);
  const Normalized r = normalize(n.b, x, axes, n.float_attribute("epsilon", 1e-5));
  const std::vector<Dim>& shape = n.type(0).shape;
  ValueId y = op::convert(n.b, r.value, dtype);
  y = op::multiply(n.b, y, op::broadcast_to(n.b, n.in(1), shape));
  if (n.has(2)) y = op::add(n.b, y, op::broadcast_to(n.b, n.in(2), shape));
  return {n.result(y), n.result(keep_axes(n, r.mean, axes)), n.result(keep_axes(n, r.inverse, axes))};
}

std::vector<Value> rms_normalization(NodeContext& n) {
  const int64_t axis = n.axis_attribute("axis", -1, n.rank(0));
  std::vector<int64_t> axes(static_cast<size_t>(n.rank(0) - axis));
  std::iota(axes.begin(), axes.end(), axis);
  const DType dtype = n.dtype(0);
  const ValueId x = bit_width(dtype) < 32 ? op::convert(n.b, n.in(0), DType::kF32) : n.in(0);
  const std::vector<Dim>& shape = n.type(0).shape;
  const ValueId power = mean_over(n.b, op::multiply(n.b, x, x), axes);
  const ValueId inverse =
      op::rsqrt(n.b, op::add(n.b, power, op::full_like(n.b, power, n.float_attribute("epsilon", 1e-5))));
  const ValueId y = op::convert(n.b, op::multiply(n.b, x, op::broadcast_reduced(n.b, inverse, shape, axes)), dtype);
  return {n.result(op::multiply(n.b, y, op::broadcast_to(n.b, n.in(1), shape)))};
}

std::vector<Value> instance_normalization(NodeContext& n) {
  const ValueId x = n.in(0);
  const Normalized r = normalize(n.b, x, spatial_axes(n), n.float_attribute("epsilon", 1e-5));
  return {
      n.result(op::add(n.b, op::multiply(n.b, r.value, per_channel(n.b, n.in(1), x)), per_channel(n.b, n.in(2), x)))};
}

// exp(x - max) over its sum; before opset 13 over all dimensions from `axis` on.
struct Exponentials {
  ValueId shifted, exponential, sum;
};
Exponentials exponentials(NodeContext& n, std::vector<int64_t>& axes) {
  const int64_t axis = n.axis_attribute("axis", n.opset >= 13 ? -1 : 1, n.rank(0));
  axes.resize(n.opset >= 13 ? 1 : static_cast<size_t>(n.rank(0) - axis));
  std::iota(axes.begin(), axes.end(), axis);
  const ValueId x = n.in(0);
  const std::vector<Dim>& shape = n.type(0).shape;
  const ValueId top = op::reduce(n.b, x, axes, op::Reducer::kMaximum);
  const ValueId shifted = op::subtract(n.b, x, op::broadcast_reduced(n.b, top, shape, axes));
  const ValueId e = op::exponential(n.b, shifted);
  return {shifted, e, op::reduce(n.b, e, axes, op::Reducer::kAdd)};
}
std::vector<Value> softmax(NodeContext& n) {
  std::vector<int64_t> axes;
  const Exponentials e = exponentials(n, axes);
  return {n.result(op::divide(n.b, e.exponential, op::broadcast_reduced(n.b, e.sum, n.type(0).shape, axes)))};
}
std::vector<Value> log_softmax(NodeContext& n) {
  std::vector<int64_t> axes;
  const Exponentials e = exponentials(n, axes);
  return {
      n.result(op::subtract(n.b, e.shifted, op::broadcast_reduced(n.b, op::log(n.b, e.sum), n.type(0).shape, axes)))};
}

// Activations ---------------------------------------------------------------------------------------------------------

std::vector<Value> relu(NodeContext& n) {
  return {n.result(op::maximum(n.b, n.in(0), constant_like(n.b, n.in(0), 0)))};
}

// x where x > 0 (x >= 0), else `otherwise`.
ValueId where_positive(Builder& b, ValueId x, ValueId positive, ValueId otherwise) {
  return op::select(b, op::compare(b, op::ComparisonDirection::kGe, x, op::full_like(b, x, 0)), positive, otherwise);
}
std::vector<Value> leaky_relu(NodeContext& n) {
  const ValueId x = n.in(0);
  return {n.result(
      where_positive(n.b, x, x, op::multiply(n.b, x, constant_like(n.b, x, n.float_attribute("alpha", 0.01)))))};
}
std::vector<Value> prelu(NodeContext& n) {
  const ValueId x = n.in(0);
  // Opset 6 has one slope a channel.
  const bool channels = n.opset < 7 && n.rank(1) == 1 && n.type(1).shape[0] != Dim(1);
  const ValueId slope = channels ? per_channel(n.b, n.in(1), x) : op::broadcast_to(n.b, n.in(1), n.type(0).shape);
  return {n.result(where_positive(n.b, x, x, op::multiply(n.b, x, slope)))};
}
std::vector<Value> elu(NodeContext& n) {
  const ValueId x = n.in(0), tail = op::exponential_minus_one(n.b, x);
  return {n.result(
      where_positive(n.b, x, x, op::multiply(n.b, tail, constant_like(n.b, x, n.float_attribute("alpha", 1)))))};
}
std::vector<Value> selu(NodeContext& n) {
  const double alpha = n.float_attribute("alpha", 1.67326319217681884765625),
               gamma = n.float_attribute("gamma", 1.05070102214813232421875);
  const ValueId x = n.in(0), tail = op::multiply(n.b, op::exponential_minus_one(n.b, x), constant_like(n.b, x, alpha));
  return {n.result(op::multiply(n.b, where_positive(n.b, x, x, tail), constant_like(n.b, x, gamma)))};
}
std::vector<Value> celu(NodeContext& n) {
  const ValueId x = n.in(0), alpha = constant_like(n.b, x, n.float_attribute("alpha", 1));
  return {n.result(
      where_positive(n.b, x, x, op::multiply(n.b, alpha, op::exponential_minus_one(n.b, op::divide(n.b, x, alpha)))))};
}
std::vector<Value> thresholded_relu(NodeContext& n) {
  const ValueId x = n.in(0), above = op::compare(n.b, op::ComparisonDirection::kGt, x,
                                                 constant_like(n.b, x, n.float_attribute("alpha", 1)));
  return {n.result(op::select(n.b, above, x, constant_like(n.b, x, 0)))};
}
std::vector<Value> shrink(NodeContext& n) {
  const ValueId x = n.in(0), bias = constant_like(n.b, x, n.float_attribute("bias", 0));
  const double lambda = n.float_attribute("lambd", 0.5);
  const ValueId below = op::compare(n.b, op::ComparisonDirection::kLt, x, constant_like(n.b, x, -lambda));
  const ValueId above = op::compare(n.b, op::ComparisonDirection::kGt, x, constant_like(n.b, x, lambda));
  const ValueId upper = op::select(n.b, above, op::subtract(n.b, x, bias), constant_like(n.b, x, 0));
  return {n.result(op::select(n.b, below, op::add(n.b, x, bias), upper))};
}
std::vector<Value> swish(NodeContext& n) {
  const ValueId x = n.in(0);
  return {n.result(op::multiply(
      n.b, x, op::logistic(n.b, op::multiply(n.b, x, constant_like(n.b, x, n.float_attribute("alpha", 1))))))};
}
ValueId hard_sigmoid(Builder& b, ValueId x, double alpha, double beta) {
  const ValueId line = op::add(b, op::multiply(b, x, op::full_like(b, x, alpha)), op::full_like(b, x, beta));
  return op::clamp(b, op::scalar(b, b.dtype(x), 0), line, op::scalar(b, b.dtype(x), 1));
}
std::vector<Value> hard_sigmoid(NodeContext& n) {
  return {n.result(hard_sigmoid(n.b, n.in(0), n.float_attribute("alpha", 0.2F), n.float_attribute("beta", 0.5)))};
}
std::vector<Value> hard_swish(NodeContext& n) {
  const ValueId x = n.in(0);
  return {n.result(op::multiply(n.b, x, hard_sigmoid(n.b, x, 1.0F / 6.0F, 0.5)))};
}
// log(1 + exp(x)) without overflow.
ValueId softplus(Builder& b, ValueId x) {
  const ValueId zero = op::full_like(b, x, 0);
  return op::add(b, op::maximum(b, x, zero), op::log_plus_one(b, op::exponential(b, op::negate(b, op::abs(b, x)))));
}
std::vector<Value> softplus(NodeContext& n) {
  return {n.result(softplus(n.b, n.in(0)))};
}
std::vector<Value> softsign(NodeContext& n) {
  const ValueId x = n.in(0);
  return {n.result(op::divide(n.b, x, op::add(n.b, constant_like(n.b, x, 1), op::abs(n.b, x))))};
}
std::vector<Value> mish(NodeContext& n) {
  const ValueId x = n.in(0);
  return {n.result(op::multiply(n.b, x, op::tanh(n.b, softplus(n.b, x))))};
}
std::vector<Value> gelu(NodeContext& n) {
  const ValueId x = n.in(0), half = constant_like(n.b, x, 0.5), one = constant_like(n.b, x, 1);
  ValueId inner;
  if (n.string_attribute("approximate", "none") == "tanh") {
    const ValueId cube = op::multiply(n.b, op::multiply(n.b, x, x), x);
    const ValueId sum = op::add(n.b, x, op::multiply(n.b, cube, constant_like(n.b, x, 0.044715)));
    inner = op::tanh(n.b, op::multiply(n.b, sum, constant_like(n.b, x, std::sqrt(2 / std::numbers::pi))));
  } else {
    inner = op::erf(n.b, op::multiply(n.b, x, constant_like(n.b, x, 1 / std::numbers::sqrt2)));
  }
  return {n.result(op::multiply(n.b, op::multiply(n.b, x, half), op::add(n.b, one, inner)))};
}

// Resize --------------------------------------------------------------------------------------------------------------

// Where output position i lies in the input, by ONNX's coordinate_transformation_mode.
struct ResizeModes {
  std::string mode, coordinates, nearest;
  double cubic_a;
  bool exclude_outside, antialias;
  double extrapolation = 0, start = 0, end = 1;  // of tf_crop_and_resize: the value outside, and the axis's part

  bool crops() const { return coordinates == "tf_crop_and_resize"; }
};
double source_position(const ResizeModes& m, double i, double scale, double in_size, double out_size) {
  const std::string& mode = m.coordinates;
  if (m.crops())
    return (out_size > 1 ? m.start + i * (m.end - m.start) / (out_size - 1) : (m.start + m.end) / 2) * (in_size - 1);
  if (mode == "asymmetric") return i / scale;
  if (mode == "align_corners") return out_size == 1 ? 0 : i * (in_size - 1) / (scale * in_size - 1);
  if (mode == "pytorch_half_pixel") return out_size > 1 ? (i + 0.5) / scale - 0.5 : 0;
  if (mode == "tf_half_pixel_for_nn") return (i + 0.5) / scale;
  if (mode == "half_pixel_symmetric") {
    const double adjustment = out_size / (scale * in_size), center = in_size / 2;
    return center * (1 - adjustment) + (i + 0.5) / scale - 0.5;
  }
  if (mode == "half_pixel") return (i + 0.5) / scale - 0.5;
  fail_kind(ErrorKind::kUnsupported, "coordinate_transformation_mode '{}'", mode);
}
int64_t nearest(const std::string& mode, double x) {
  if (mode == "round_prefer_floor") return static_cast<int64_t>(std::ceil(x - 0.5));
  if (mode == "round_prefer_ceil") return static_cast<int64_t>(std::floor(x + 0.5));
  if (mode == "floor") return static_cast<int64_t>(std::floor(x));
  return static_cast<int64_t>(std::ceil(x));
}
// Keys' cubic at distance t.
double cubic(double t, double a) {
  t = std::fabs(t);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? a * (((t - 5) * t + 8) * t - 4) : 0;
}

// Row i holds the weights of output position i; indices outside the input count for its ends, or not at all.
Tensor weights(const ResizeModes& m, int64_t in_size, int64_t out_size, double scale) {
  std::vector<double> w(static_cast<size_t>(in_size * out_size));
  const double stretch = m.antialias && scale < 1 ? 1 / scale : 1;  // antialiasing widens the filter when it shrinks
  const double radius = (m.mode == "cubic" ? 2 : 1) * stretch;
  for (int64_t i = 0; i < out_size; ++i) {
    const double x =
        source_position(m, static_cast<double>(i), scale, static_cast<double>(in_size), static_cast<double>(out_size));
    double sum = 0;
    double* row = w.data() + i * in_size;
    for (auto k = static_cast<int64_t>(std::floor(x - radius)); k <= static_cast<int64_t>(std::ceil(x + radius)); ++k) {
      const double t = (static_cast<double>(k) - x) / stretch;
      const double value = m.mode == "cubic" ? cubic(t, m.cubic_a) : std::max(0.0, 1 - std::fabs(t));
      if (value == 0 || (m.exclude_outside && (k < 0 || k >= in_size))) continue;
      row[std::clamp<int64_t>(k, 0, in_size - 1)] += value;
      sum += value;
    }
    for (int64_t k = 0; k < in_size && sum != 0; ++k) row[k] /= sum;
  }
  return Tensor::from(std::span<const double>(w), {out_size, in_size});
}

// Along one axis. A factor that is an integer also resizes an open size.
ValueId resize_axis(Builder& b, ValueId x, int64_t axis, const Dim& out, double scale, const ResizeModes& m) {
  const Dim in = b.tensor_type(x).shape[static_cast<size_t>(axis)];
  if (in == out && scale == 1 && !m.crops()) return x;
  if (!in.is_constant() || !out.is_constant()) {
    // floor(i / k) for the modes that agree on it.
    const bool plain = m.mode == "nearest" && scale == std::floor(scale) && scale >= 1 &&
                       ((m.coordinates == "asymmetric" && m.nearest == "floor") ||
                        ((m.coordinates == "half_pixel" || m.coordinates == "pytorch_half_pixel") &&
                         m.nearest.starts_with("round_prefer")));
    if (!plain) fail_kind(ErrorKind::kUnsupported, "resizing an open size by {}; fix it with --shape", scale);
    const ValueId position = op::iota(b, {DType::kI64, {out}}, 0);
    return op::take(b, x, op::divide(b, position, op::full_like(b, position, scale)), axis);
  }
  const int64_t in_size = in.constant(), out_size = out.constant();
  // What a resize is computed from is made now, so it must be of a sane size.
  constexpr int64_t kMostWeights = int64_t{1} << 26;
  if (in_size < 1 || out_size < 0 || out_size > kMostWeights / in_size)
    fail("a resize from {} to {} entries", in_size, out_size);
  if (m.mode == "nearest") {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < out_size; ++i) {
      const double at = source_position(m, static_cast<double>(i), scale, static_cast<double>(in_size),
                                        static_cast<double>(out_size));
      indices.push_back(std::clamp<int64_t>(nearest(m.nearest, at), 0, in_size - 1));
    }
    return op::take(b, x, op::constant(b, Tensor::from(std::span<const int64_t>(indices), {out_size})), axis);
  }
  const ValueId w = op::convert(b, op::constant(b, weights(m, in_size, out_size, scale)), b.dtype(x));
  op::DotAttributes a;
  a.lhs_contracting_dimensions = {axis};
  a.rhs_contracting_dimensions = {1};
  const ValueId y = op::dot_general(b, x, w, std::move(a));  // the axis comes out last
  std::vector<int64_t> order;
  const int64_t rank = b.rank(x);
  for (int64_t d = 0; d < rank; ++d) order.push_back(d < axis ? d : d == axis ? rank - 1 : d - 1);
  return op::transpose(b, y, std::move(order));
}

// Positions outside the input become the extrapolation value.
ValueId extrapolated(Builder& b, ValueId x, int64_t axis, int64_t in_size, const ResizeModes& m) {
  const std::vector<Dim> shape = b.tensor_type(x).shape;
  const int64_t out_size = shape[static_cast<size_t>(axis)].constant();
  MutableTensor inside(DType::kBool, {out_size});
  for (int64_t i = 0; i < out_size; ++i) {
    const double at =
        source_position(m, static_cast<double>(i), 1, static_cast<double>(in_size), static_cast<double>(out_size));
    inside.set_int(i, at >= 0 && at <= static_cast<double>(in_size - 1));
  }
  const ValueId mask = op::broadcast_in_dim(b, op::constant(b, std::move(inside).freeze()), shape, {axis});
  return op::select(b, mask, x, op::full_like(b, x, m.extrapolation));
}

// The largest (smallest) sizes that keep the proportions and do not go beyond (below) what is asked for.
std::vector<Dim> proportional(NodeContext& n, const std::string& policy, std::vector<Dim> sizes,
                              const std::vector<int64_t>& axes, double& scale) {
  if (policy != "not_larger" && policy != "not_smaller") fail("keep_aspect_ratio_policy '{}' is unknown", policy);
  const auto in = [&](size_t i) {
    const Dim d = n.type(0).shape[static_cast<size_t>(axes[i])];
    if (!d.is_constant() || !sizes[i].is_constant())
      fail_kind(ErrorKind::kUnsupported, "resizing between open sizes; fix them with --shape");
    return static_cast<double>(std::max<int64_t>(1, d.constant()));
  };
  for (size_t i = 0; i < sizes.size(); ++i) {
    const double ratio = static_cast<double>(sizes[i].constant()) / in(i);
    if (i == 0 || (policy == "not_larger" ? ratio < scale : ratio > scale)) scale = ratio;
  }
  if (!(scale > 0 && scale < 1e6)) fail("a scale must be positive and below a million");
  for (size_t i = 0; i < sizes.size(); ++i) sizes[i] = static_cast<int64_t>(std::floor(in(i)*scale + 0.5));
  return sizes;
}

std::vector<Value> resize(NodeContext& n) {
  const bool upsample = n.node.op_type == "Upsample", old = upsample || n.opset < 11;
  const size_t scales_input = old ? 1 : 2;
  ResizeModes m{n.string_attribute("mode", "nearest"),
                n.string_attribute("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel"),
                n.string_attribute("nearest_mode", old ? "floor" : "round_prefer_floor"),
                n.float_attribute("cubic_coeff_a", -0.75),
                n.int_attribute("exclude_outside", 0) != 0,
                n.int_attribute("antialias", 0) != 0};
  if (m.mode == "bilinear") m.mode = "linear";
  m.extrapolation = n.float_attribute("extrapolation_value", 0);
  std::vector<int64_t> axes(static_cast<size_t>(n.rank(0)));
  std::iota(axes.begin(), axes.end(), 0);
  if (const auto given = n.ints_attribute("axes")) {
    axes.clear();
    for (int64_t a : *given) axes.push_back(op::normalize_axis(a, n.rank(0)));
  }
  std::vector<double> scales;
  if (const AttributeProto* a = n.attribute("scales")) scales.assign(a->floats.begin(), a->floats.end());
  const bool has_sizes = !old && n.has(3) && n.type(3).size() != Dim(0);
  if (n.has(scales_input) && !has_sizes) {
    const Tensor* t = n.constant(scales_input);
    if (!t) fail_kind(ErrorKind::kUnsupported, "scales that are computed from data");
    for (int64_t i = 0; i < t->size(); ++i) scales.push_back(t->plain().at_double(i));
  }
  std::vector<Dim> sizes;
  if (has_sizes) sizes = n.sizes(3, "sizes");
  std::vector<double> roi;
  if (m.crops()) {
    const Tensor* t = old ? nullptr : n.constant(1);
    if (!t || t->size() != 2 * static_cast<int64_t>(axes.size()))
      fail_kind(ErrorKind::kUnsupported, "tf_crop_and_resize whose region is not known or has not two entries an axis");
    for (int64_t i = 0; i < t->size(); ++i) roi.push_back(t->plain().at_double(i));
    for (double v : roi)
      if (!(std::fabs(v) < 1e6)) fail("the region to resize goes to {}", v);
  }
  if ((has_sizes ? sizes.size() : scales.size()) != axes.size())
    fail("scales or sizes do not have {} entries", axes.size());
  double kept_scale = 0;  // of all axes, where the proportions are kept
  if (const std::string policy = n.string_attribute("keep_aspect_ratio_policy", "stretch");
      policy != "stretch" && has_sizes)
    sizes = proportional(n, policy, std::move(sizes), axes, kept_scale);
  ValueId x = n.in(0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const Dim in = n.type(0).shape[static_cast<size_t>(axes[i])];
    Dim out;
    double scale = 1;
    if (m.crops()) {
      m.start = roi[i];
      m.end = roi[i + axes.size()];
    }
    if (has_sizes) {
      out = sizes[i];
      if (in == out && !m.crops()) continue;
      if (!in.is_constant() || !out.is_constant())
        fail_kind(ErrorKind::kUnsupported, "resizing between open sizes; fix them with --shape");
      scale = kept_scale > 0 ? kept_scale : static_cast<double>(out.constant()) / static_cast<double>(in.constant());
    } else {
      scale = scales[i];
      if (!(scale > 0 && scale < 1e6)) fail("a scale must be positive and below a million");
      if (scale == 1 && !m.crops()) continue;
      if (in.is_constant())
        out = static_cast<int64_t>(
            std::floor(static_cast<double>(in.constant()) * (m.crops() ? (m.end - m.start) * scale : scale)));
      else
        out = in * static_cast<int64_t>(scale);
    }
    x = resize_axis(n.b, x, axes[i], out, scale, m);
    if (m.crops()) x = extrapolated(n.b, x, axes[i], in.constant(), m);
  }
  return {n.result(x)};
}

}  // namespace

std::span<const Registration> nn_importers() {
  static constexpr Registration list[] = {
      {"Conv", conv},
      {"ConvTranspose", conv_transpose},
      {"MaxPool", max_pool},
      {"AveragePool", average_pool},
      {"LpPool", lp_pool},
      {"GlobalAveragePool", global_average_pool},
      {"GlobalMaxPool", global_max_pool},
      {"BatchNormalization", batch_normalization},
      {"LayerNormalization", layer_normalization},
      {"InstanceNormalization", instance_normalization},
      {"Softmax", softmax},
      {"LogSoftmax", log_softmax},
      {"RMSNormalization", rms_normalization},
      {"Celu", celu},
      {"ThresholdedRelu", thresholded_relu},
      {"Shrink", shrink},
      {"Swish", swish},
      {"Relu", relu},
      {"LeakyRelu", leaky_relu},
      {"PRelu", prelu},
      {"Elu", elu},
      {"Selu", selu},
      {"HardSigmoid", hard_sigmoid},
      {"HardSwish", hard_swish},
      {"Softplus", softplus},
      {"Softsign", softsign},
      {"Mish", mish},
      {"Gelu", gelu},
      {"com.microsoft:Gelu", gelu},
      {"Resize", resize},
      {"Upsample", resize},
  };
  return list;
}

}  // namespace ecotone::onnx
