// Convolution, pooling, normalization, activations, resizing.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/activation.h"
#include "ecotone/op/build.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/conv.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/norm.h"
#include "ecotone/op/pool.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/resize.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/softmax.h"

namespace ecotone::onnx {
namespace {

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
  op::ConvTransposeAttributes a{strides, dilations, std::vector<Dim>(rank), std::vector<Dim>(rank), groups};
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
    a.padding_low[i] = low;
    a.padding_high[i] = high - output_padding[i];
  }
  const ValueId x = n.in(0), weights = n.in(1);
  return {n.result(with_bias(n, op::conv_transpose(n.b, x, weights, std::move(a)), 2))};
}

op::PoolWindow pool_window(const Window& w) {
  return {w.kernel, w.strides, w.dilations, w.low, w.high};
}
Window read_pool(NodeContext& n, bool ceil) {
  return read_window(n, n.ints_attribute("kernel_shape").value_or(std::vector<int64_t>{}), ceil);
}

std::vector<Value> max_pool(NodeContext& n) {
  const Window w = read_pool(n, n.int_attribute("ceil_mode", 0) != 0);
  if (n.wants(1)) {
    const auto [y, indices] = max_pool_with_indices(n, op::pool_attributes(pool_window(w), op::Reducer::kMaximum));
    return {n.result(y), n.result(indices)};
  }
  return {n.result(op::max_pool(n.b, n.in(0), {pool_window(w)}))};
}

std::vector<Value> average_pool(NodeContext& n) {
  op::AveragePoolAttributes a{pool_window(read_pool(n, n.int_attribute("ceil_mode", 0) != 0)), {}, {}};
  if (n.int_attribute("count_include_pad", 0) != 0) {  // never what ceil_mode adds
    const Window padded = read_pool(n, false);
    a.counted_low = padded.low;
    a.counted_high = padded.high;
  }
  return {n.result(op::average_pool(n.b, n.in(0), std::move(a)))};
}

std::vector<Value> lp_pool(NodeContext& n) {
  const Window w = read_pool(n, n.int_attribute("ceil_mode", 0) != 0);
  return {n.result(op::lp_pool(n.b, n.in(0), {pool_window(w), static_cast<double>(n.int_attribute("p", 2))}))};
}

std::vector<int64_t> spatial_axes(NodeContext& n) {
  std::vector<int64_t> axes(static_cast<size_t>(std::max<int64_t>(0, n.rank(0) - 2)));
  std::iota(axes.begin(), axes.end(), 2);
  return axes;
}
std::vector<Value> global_average_pool(NodeContext& n) {
  return {n.result(op::mean(n.b, n.in(0), spatial_axes(n), true))};
}
std::vector<Value> global_max_pool(NodeContext& n) {
  const auto axes = spatial_axes(n);
  std::vector<Dim> shape = n.type(0).shape;
  for (int64_t d : axes) shape[static_cast<size_t>(d)] = 1;
  return {n.result(op::reshape(n.b, op::reduce(n.b, n.in(0), axes, op::Reducer::kMaximum), std::move(shape)))};
}

// (sum |x|^p)^(1/p)
std::vector<Value> global_lp_pool(NodeContext& n) {
  const ValueId x = n.in(0), p = op::scalar(n.b, n.dtype(0), static_cast<double>(n.int_attribute("p", 2)));
  const auto axes = spatial_axes(n);
  std::vector<Dim> shape = n.type(0).shape;
  for (int64_t d : axes) shape[static_cast<size_t>(d)] = 1;
  const ValueId sum =
      op::reduce(n.b, op::broadcast_binary(n.b, op::power, op::abs(n.b, x), p), axes, op::Reducer::kAdd);
  const ValueId root = op::divide(n.b, op::full_like(n.b, p, 1), p);
  return {n.result(op::reshape(n.b, op::broadcast_binary(n.b, op::power, sum, root), std::move(shape)))};
}

// Normalization -------------------------------------------------------------------------------------------------------

std::vector<Value> batch_normalization(NodeContext& n) {
  if (n.int_attribute("training_mode", 0) != 0) return batch_normalization_training(n);
  if (n.wants(1)) fail_kind(ErrorKind::kUnsupported, "BatchNormalization that trains, before opset 14");
  const ValueId x = n.in(0), scale = n.in(1), bias = n.in(2), mean = n.in(3), variance = n.in(4);
  return {n.result(op::batch_norm(n.b, x, scale, bias, mean, variance, n.float_attribute("epsilon", 1e-5)))};
}

op::LayerNormAttributes layer_attributes(NodeContext& n) {
  return {n.axis_attribute("axis", -1, n.rank(0)), n.float_attribute("epsilon", 1e-5)};
}

std::vector<Value> layer_normalization(NodeContext& n) {
  std::vector<ValueId> operands{n.in(0), n.in(1)};
  if (n.has(2)) operands.push_back(n.in(2));
  std::vector<Value> results;
  for (ValueId r : op::layer_norm(n.b, operands, layer_attributes(n))) results.push_back(n.result(r));
  return results;
}

std::vector<Value> rms_normalization(NodeContext& n) {
  const ValueId x = n.in(0), scale = n.in(1);
  return {n.result(op::rms_norm(n.b, x, scale, layer_attributes(n)))};
}

std::vector<Value> instance_normalization(NodeContext& n) {
  const ValueId x = n.in(0), scale = n.in(1), bias = n.in(2);
  return {n.result(op::instance_norm(n.b, x, scale, bias, n.float_attribute("epsilon", 1e-5)))};
}

// Before opset 13 over all dimensions from `axis` on.
template <ValueId (*F)(Builder&, ValueId, std::vector<int64_t>)>
std::vector<Value> softmax(NodeContext& n) {
  const int64_t axis = n.axis_attribute("axis", n.opset >= 13 ? -1 : 1, n.rank(0));
  std::vector<int64_t> axes(n.opset >= 13 ? 1 : static_cast<size_t>(n.rank(0) - axis));
  std::iota(axes.begin(), axes.end(), axis);
  return {n.result(F(n.b, n.in(0), std::move(axes)))};
}

// Activations ---------------------------------------------------------------------------------------------------------

template <ValueId (*F)(Builder&, ValueId)>
std::vector<Value> activation(NodeContext& n) {
  return {n.result(F(n.b, n.in(0)))};
}
// Those with one number, alpha; its default is `kHundredths` / 100.
template <ValueId (*F)(Builder&, ValueId, double), int kHundredths = 100>
std::vector<Value> activation(NodeContext& n) {
  return {n.result(F(n.b, n.in(0), n.float_attribute("alpha", kHundredths / 100.0)))};
}
std::vector<Value> prelu(NodeContext& n) {
  const ValueId x = n.in(0);
  // Opset 6 has one slope a channel.
  const bool channels = n.opset < 7 && n.rank(1) == 1 && n.type(1).shape[0] != Dim(1);
  return {n.result(op::prelu(n.b, x, channels ? per_channel(n.b, n.in(1), x) : n.in(1)))};
}
std::vector<Value> selu(NodeContext& n) {
  op::SeluAttributes a;
  a.alpha = n.float_attribute("alpha", a.alpha);
  a.gamma = n.float_attribute("gamma", a.gamma);
  return {n.result(op::selu(n.b, n.in(0), a))};
}
std::vector<Value> shrink(NodeContext& n) {
  return {n.result(op::shrink(n.b, n.in(0), {n.float_attribute("lambd", 0.5), n.float_attribute("bias", 0)}))};
}
std::vector<Value> hard_sigmoid(NodeContext& n) {
  return {n.result(op::hard_sigmoid(n.b, n.in(0), {n.float_attribute("alpha", 0.2F), n.float_attribute("beta", 0.5)}))};
}
std::vector<Value> gelu(NodeContext& n) {
  const bool tanh = n.string_attribute("approximate", "none") == "tanh";
  return {n.result(op::gelu(n.b, n.in(0), tanh ? op::GeluForm::kTanh : op::GeluForm::kErf))};
}

// Resize --------------------------------------------------------------------------------------------------------------

// The enum value of that name.
template <class E>
E named(const std::string& name, const char* attribute) {
  constexpr auto& names = EnumNames<E>::kNames;
  const auto at = std::ranges::find(names, name);
  if (at == names.end()) fail_kind(ErrorKind::kUnsupported, "{} '{}'", attribute, name);
  return static_cast<E>(at - names.begin());
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

// floor(size * scale). Of a known size in f32, as ONNX Runtime computes it: 0.7 of 10 is 7, though the float 0.7 is
// less. Of an open one when the float nearest to a fraction of a small denominator is the scale.
Dim scaled_size(const Dim& size, double scale) {
  constexpr int64_t kMostParts = 64;
  const auto factor = static_cast<float>(scale);
  if (!(factor >= 0)) fail("a region to resize that ends before it starts");
  if (size.is_constant()) {
    const float scaled = std::floor(static_cast<float>(size.constant()) * factor);
    if (!(scaled < 0x1p62F)) fail("a resize from {} entries by {}", size.constant(), scale);
    return static_cast<int64_t>(scaled);
  }
  for (int64_t parts = 1; parts <= kMostParts; ++parts) {
    const double count = std::round(scale * static_cast<double>(parts));
    if (static_cast<float>(count / static_cast<double>(parts)) == factor)
      return floordiv(size * static_cast<int64_t>(count), parts);
  }
  fail_kind(ErrorKind::kUnsupported, "resizing an open size by {}; fix it with --shape", scale);
}

std::vector<Value> resize(NodeContext& n) {
  const bool upsample = n.node.op_type == "Upsample", old = upsample || n.opset < 11;
  const size_t scales_input = old ? 1 : 2;
  const std::string mode = n.string_attribute("mode", "nearest");
  op::ResizeAttributes r;
  r.mode = named<op::ResizeMode>(mode == "bilinear" ? "linear" : mode, "mode");
  r.coordinates = named<op::ResizeCoordinates>(
      n.string_attribute("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel"),
      "coordinate_transformation_mode");
  r.rounding = named<op::ResizeRounding>(n.string_attribute("nearest_mode", old ? "floor" : "round_prefer_floor"),
                                         "nearest_mode");
  r.cubic_a = n.float_attribute("cubic_coeff_a", -0.75);
  r.exclude_outside = n.int_attribute("exclude_outside", 0) != 0;
  r.antialias = n.int_attribute("antialias", 0) != 0;
  r.extrapolation_value = n.float_attribute("extrapolation_value", 0);
  const bool crops = r.coordinates == op::ResizeCoordinates::kTfCropAndResize;
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
  std::vector<double> roi;  // all starts, then all ends
  if (crops) {
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
  for (size_t i = 0; i < axes.size(); ++i) {
    const Dim in = n.type(0).shape[static_cast<size_t>(axes[i])];
    Dim out;
    double scale = 0;  // that of the sizes
    if (has_sizes) {
      out = sizes[i];
      if (in == out && !crops) continue;
      if (kept_scale > 0) scale = kept_scale;
    } else {
      scale = scales[i];
      if (!(scale > 0 && scale < 1e6)) fail("a scale must be positive and below a million");
      if (scale == 1 && !crops) continue;
      out = scaled_size(in, crops ? (roi[i + axes.size()] - roi[i]) * scale : scale);
    }
    r.axes.push_back(axes[i]);
    r.sizes.push_back(out);
    r.scales.push_back(scale);
    if (crops) {
      r.starts.push_back(roi[i]);
      r.ends.push_back(roi[i + axes.size()]);
    }
  }
  if (r.axes.empty()) return {n.input(0)};
  return {n.result(op::resize(n.b, n.in(0), std::move(r)))};
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
      {"GlobalLpPool", global_lp_pool},
      {"BatchNormalization", batch_normalization},
      {"LayerNormalization", layer_normalization},
      {"InstanceNormalization", instance_normalization},
      {"Softmax", softmax<op::softmax>},
      {"LogSoftmax", softmax<op::log_softmax>},
      {"RMSNormalization", rms_normalization},
      {"Celu", activation<op::celu>},
      {"ThresholdedRelu", activation<op::thresholded_relu>},
      {"Shrink", shrink},
      {"Swish", activation<op::swish>},
      {"Relu", activation<op::relu>},
      {"LeakyRelu", activation<op::leaky_relu, 1>},
      {"PRelu", prelu},
      {"Elu", activation<op::elu>},
      {"Selu", selu},
      {"HardSigmoid", hard_sigmoid},
      {"HardSwish", activation<op::hard_swish>},
      {"Softplus", activation<op::softplus>},
      {"Softsign", activation<op::softsign>},
      {"Mish", activation<op::mish>},
      {"Gelu", gelu},
      {"com.microsoft:Gelu", gelu},
      {"Resize", resize},
      {"Upsample", resize},
  };
  return list;
}

}  // namespace ecotone::onnx
