// Affine quantization, made explicit.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct QuantizeAttributes {
  DType dtype = DType::kI8;         // quantize: the storage type; dequantize: the float type of the result
  int64_t axis = -1;                // -1: scale and zero point are scalars; else they run along this axis
  int64_t block_size = 0;           // > 0: they have x's rank and one entry per block along `axis`
  std::optional<int64_t> min, max;  // narrower storage range (StableHLO's storage_min, storage_max)
  static constexpr const char* kName = "quantize";
  static constexpr auto kFields =
      std::tuple{Field{"dtype", &QuantizeAttributes::dtype}, Field{"axis", &QuantizeAttributes::axis},
                 Field{"block_size", &QuantizeAttributes::block_size}, Field{"min", &QuantizeAttributes::min},
                 Field{"max", &QuantizeAttributes::max}};
};
// clamp(round_nearest_even(x / scale) + zero_point). Operands: x (float), scale (float), zero_point (of `dtype`). For
// float storage types: x / scale rounded to the type, saturating; zero_point is then of that type and ignored when
// zero. In mode `real` x / scale is first rounded to x's declared dtype. Named "ecotone.quantize".
const Op& quantize();
ValueId quantize(Builder& b, ValueId x, ValueId scale, ValueId zero_point, QuantizeAttributes attributes);
// (x - zero_point) * scale. Named "ecotone.dequantize".
const Op& dequantize();
ValueId dequantize(Builder& b, ValueId x, ValueId scale, ValueId zero_point, QuantizeAttributes attributes);

}  // namespace ecotone::op
