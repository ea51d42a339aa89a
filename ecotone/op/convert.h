// Changes of element type.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct ConvertAttributes {
  DType dtype = DType::kF32;
  static constexpr const char* kName = "convert";
  static constexpr auto kFields = std::tuple{Field{"dtype", &ConvertAttributes::dtype}};
};
// To `dtype`. Float to float rounds to nearest even; float to integer truncates and saturates, NaN gives 0 (XLA's
// choice where the specification leaves it open); to bool is x != 0; complex to real drops the imaginary part; integers
// wrap.
const Op& convert();
ValueId convert(Builder& b, ValueId x, DType dtype);  // x itself when it has that type already

// Same bits, other type. When the widths differ a last dimension of their ratio is removed or added.
const Op& bitcast_convert();  // takes ConvertAttributes
ValueId bitcast_convert(Builder& b, ValueId x, DType dtype);

struct ReducePrecisionAttributes {
  int64_t exponent_bits = 8, mantissa_bits = 23;
  static constexpr const char* kName = "reduce_precision";
  static constexpr auto kFields = std::tuple{Field{"exponent_bits", &ReducePrecisionAttributes::exponent_bits},
                                             Field{"mantissa_bits", &ReducePrecisionAttributes::mantissa_bits}};
};
const Op& reduce_precision();
ValueId reduce_precision(Builder& b, ValueId x, int64_t exponent_bits, int64_t mantissa_bits);

// Complex numbers from two float tensors of equal type, and back.
const Op& complex();
ValueId complex(Builder& b, ValueId re, ValueId im);
const Op& real();
ValueId real(Builder& b, ValueId x);
const Op& imag();
ValueId imag(Builder& b, ValueId x);

}  // namespace ecotone::op
