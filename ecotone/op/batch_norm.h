// StableHLO's batch normalizations (Ioffe & Szegedy 2015). Types narrower than f32 are computed in f32.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct BatchNormAttributes {
  double epsilon = 1e-5;
  int64_t feature_index = 1;
  static constexpr const char* kName = "batch_norm";
  static constexpr auto kFields = std::tuple{Field{"epsilon", &BatchNormAttributes::epsilon},
                                             Field{"feature_index", &BatchNormAttributes::feature_index}};
};
// x of a float type; scale, offset, mean and variance [x's size at feature_index], of x's type.

// (x - mean) / sqrt(variance + epsilon) * scale + offset. Operands: x, scale, offset, mean, variance.
const Op& batch_norm_inference();
// The same with the mean and variance of x over all dimensions but feature_index. Operands: x, scale, offset. Results:
// y, mean, variance.
const Op& batch_norm_training();
// Derivatives of training. Operands: x, scale, mean, variance, y's gradient. Results: gradients of x, scale, offset.
const Op& batch_norm_grad();

}  // namespace ecotone::op
