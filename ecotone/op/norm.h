// Means and normalizations. Statistics are of the whole sum: mean = sum / n, variance = mean((x - mean)^2). Types
// narrower than f32 are computed in f32, and each result is rounded once to x's type.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct MeanAttributes {
  std::vector<int64_t> dimensions;  // not negative
  bool keep_dimensions = false;     // as size 1
  static constexpr const char* kName = "mean";
  static constexpr auto kFields = std::tuple{Field{"dimensions", &MeanAttributes::dimensions},
                                             Field{"keep_dimensions", &MeanAttributes::keep_dimensions}};
};
// sum / count over `dimensions`; integers are summed in 64 bits, and the quotient is truncated toward zero.
const Op& mean();
ValueId mean(Builder& b, ValueId x, std::vector<int64_t> dimensions, bool keep_dimensions = false);

struct LayerNormAttributes {
  int64_t axis = 0;  // this dimension and those after it are normalized together; negative: from the end
  double epsilon = 1e-5;
  static constexpr const char* kName = "layer_norm";
  static constexpr auto kFields =
      std::tuple{Field{"axis", &LayerNormAttributes::axis}, Field{"epsilon", &LayerNormAttributes::epsilon}};
};
// (x - mean) / sqrt(variance + epsilon) * scale + bias (Ba et al. 2016). Operands: x, scale, optionally bias, which
// broadcast to x. Results: y of x's type; mean and 1 / deviation, of at least f32, the normalized dimensions kept as 1.
const Op& layer_norm();
std::vector<ValueId> layer_norm(Builder& b, std::span<const ValueId> x_scale_bias, LayerNormAttributes attributes);
// x / sqrt(mean(x^2) + epsilon) * scale (Zhang & Sennrich 2019). Operands: x, scale.
const Op& rms_norm();
ValueId rms_norm(Builder& b, ValueId x, ValueId scale, LayerNormAttributes attributes);

struct NormAttributes {
  double epsilon = 1e-5;
  static constexpr const char* kName = "norm";
  static constexpr auto kFields = std::tuple{Field{"epsilon", &NormAttributes::epsilon}};
};
// x [N, C, ...]; scale, bias, mean, variance [C]: (x - mean) / sqrt(variance + epsilon) * scale + bias (Ioffe & Szegedy
// 2015, as used after training).
const Op& batch_norm();
ValueId batch_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, ValueId mean, ValueId variance, double epsilon);
// x [N, C, ...] normalized over all dimensions past the second; scale and bias [C] (Ulyanov et al. 2016).
const Op& instance_norm();
ValueId instance_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, double epsilon);

struct GroupNormAttributes {
  int64_t groups = 1;
  double epsilon = 1e-5;
  static constexpr const char* kName = "group_norm";
  static constexpr auto kFields =
      std::tuple{Field{"groups", &GroupNormAttributes::groups}, Field{"epsilon", &GroupNormAttributes::epsilon}};
};
// x [N, C, ...] normalized within each group of C / groups channels; scale and bias [C] (Wu & He 2018).
const Op& group_norm();
ValueId group_norm(Builder& b, ValueId x, ValueId scale, ValueId bias, GroupNormAttributes attributes);

struct LpNormAttributes {
  int64_t axis = 0, p = 2;  // p is 1 or 2
  static constexpr const char* kName = "lp_norm";
  static constexpr auto kFields = std::tuple{Field{"axis", &LpNormAttributes::axis}, Field{"p", &LpNormAttributes::p}};
};
// x over its p-norm along `axis`; 0 where that is 0.
const Op& lp_norm();
ValueId lp_norm(Builder& b, ValueId x, LpNormAttributes attributes);

struct LocalResponseNormAttributes {
  int64_t size = 1;
  double alpha = 1e-4, beta = 0.75, bias = 1;
  static constexpr const char* kName = "local_response_norm";
  static constexpr auto kFields =
      std::tuple{Field{"size", &LocalResponseNormAttributes::size}, Field{"alpha", &LocalResponseNormAttributes::alpha},
                 Field{"beta", &LocalResponseNormAttributes::beta}, Field{"bias", &LocalResponseNormAttributes::bias}};
};
// x / (bias + alpha / size * sum of squares over `size` neighbouring channels, dimension 1) ^ beta (Krizhevsky 2012).
const Op& local_response_norm();
ValueId local_response_norm(Builder& b, ValueId x, LocalResponseNormAttributes attributes);

}  // namespace ecotone::op
