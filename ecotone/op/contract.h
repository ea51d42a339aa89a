// Sums of products: dot_general and convolution.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct DotAttributes {
  std::vector<int64_t> lhs_batching_dimensions, rhs_batching_dimensions, lhs_contracting_dimensions,
      rhs_contracting_dimensions;
  std::vector<std::string> precision;    // "DEFAULT", "HIGH", "HIGHEST" per operand; kept, not acted on
  std::optional<DType> result_dtype;     // absent: the operands'
  std::optional<std::string> algorithm;  // kept as text
  static constexpr const char* kName = "dot_general";
  static constexpr auto kFields =
      std::tuple{Field{"lhs_batching_dimensions", &DotAttributes::lhs_batching_dimensions},
                 Field{"rhs_batching_dimensions", &DotAttributes::rhs_batching_dimensions},
                 Field{"lhs_contracting_dimensions", &DotAttributes::lhs_contracting_dimensions},
                 Field{"rhs_contracting_dimensions", &DotAttributes::rhs_contracting_dimensions},
                 Field{"precision_config", &DotAttributes::precision},
                 Field{"result_dtype", &DotAttributes::result_dtype},
                 Field{"algorithm", &DotAttributes::algorithm}};
};
// Result dimensions: batching, then the rest of lhs, then of rhs. Sums run serially over the contracted index in f32
// (f64, or integers of the result type), in row-major order of lhs_contracting_dimensions.
const Op& dot_general();
ValueId dot_general(Builder& b, ValueId lhs, ValueId rhs, DotAttributes attributes);
// numpy.matmul's rules for ranks >= 2 with equal (not broadcast) leading dimensions.
ValueId batch_matmul(Builder& b, ValueId lhs, ValueId rhs);

struct ConvolutionAttributes {
  // Which dimension is what; spatial ones in order.
  int64_t input_batch_dimension = 0, input_feature_dimension = 1;
  std::vector<int64_t> input_spatial_dimensions;
  int64_t kernel_input_feature_dimension = 1, kernel_output_feature_dimension = 0;
  std::vector<int64_t> kernel_spatial_dimensions;
  int64_t output_batch_dimension = 0, output_feature_dimension = 1;
  std::vector<int64_t> output_spatial_dimensions;
  std::vector<int64_t> window_strides, lhs_dilation, rhs_dilation;  // empty: ones
  std::vector<Dim> padding_low, padding_high;                       // empty: zeros
  std::vector<bool> window_reversal;                                // empty: false
  int64_t feature_group_count = 1, batch_group_count = 1;
  std::vector<std::string> precision;
  std::optional<DType> result_dtype;
  static constexpr const char* kName = "convolution";
  static constexpr auto kFields =
      std::tuple{Field{"input_batch_dimension", &ConvolutionAttributes::input_batch_dimension},
                 Field{"input_feature_dimension", &ConvolutionAttributes::input_feature_dimension},
                 Field{"input_spatial_dimensions", &ConvolutionAttributes::input_spatial_dimensions},
                 Field{"kernel_input_feature_dimension", &ConvolutionAttributes::kernel_input_feature_dimension},
                 Field{"kernel_output_feature_dimension", &ConvolutionAttributes::kernel_output_feature_dimension},
                 Field{"kernel_spatial_dimensions", &ConvolutionAttributes::kernel_spatial_dimensions},
                 Field{"output_batch_dimension", &ConvolutionAttributes::output_batch_dimension},
                 Field{"output_feature_dimension", &ConvolutionAttributes::output_feature_dimension},
                 Field{"output_spatial_dimensions", &ConvolutionAttributes::output_spatial_dimensions},
                 Field{"window_strides", &ConvolutionAttributes::window_strides},
                 Field{"lhs_dilation", &ConvolutionAttributes::lhs_dilation},
                 Field{"rhs_dilation", &ConvolutionAttributes::rhs_dilation},
                 Field{"padding_low", &ConvolutionAttributes::padding_low},
                 Field{"padding_high", &ConvolutionAttributes::padding_high},
                 Field{"window_reversal", &ConvolutionAttributes::window_reversal},
                 Field{"feature_group_count", &ConvolutionAttributes::feature_group_count},
                 Field{"batch_group_count", &ConvolutionAttributes::batch_group_count},
                 Field{"precision_config", &ConvolutionAttributes::precision},
                 Field{"result_dtype", &ConvolutionAttributes::result_dtype}};
};
const Op& convolution();
ValueId convolution(Builder& b, ValueId lhs, ValueId rhs, ConvolutionAttributes attributes);
// Attributes for layout NC + spatial, kernel OI + spatial, of this many spatial dimensions; all else at its default.
ConvolutionAttributes nchw_convolution(int64_t spatial_rank);

}  // namespace ecotone::op
