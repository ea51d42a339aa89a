// Constants and ops that only move elements to places known beforehand.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct ConstantAttributes {
  Tensor value;
  static constexpr const char* kName = "constant";
  static constexpr auto kFields = std::tuple{Field{"value", &ConstantAttributes::value}};
};
const Op& constant();
ValueId constant(Builder& b, Tensor value);

struct IotaAttributes {
  int64_t dimension = 0;
  TensorType type;
  static constexpr const char* kName = "iota";
  static constexpr auto kFields =
      std::tuple{Field{"iota_dimension", &IotaAttributes::dimension}, Field{"type", &IotaAttributes::type}};
};
// result[i...] = i[dimension].
const Op& iota();
ValueId iota(Builder& b, TensorType type, int64_t dimension);

struct ShapeAttributes {
  std::vector<Dim> shape;
  static constexpr const char* kName = "shape";
  static constexpr auto kFields = std::tuple{Field{"shape", &ShapeAttributes::shape}};
};
// Same elements in row-major order under another shape of the same size.
const Op& reshape();
ValueId reshape(Builder& b, ValueId x, std::vector<Dim> shape);

struct BroadcastInDimAttributes {
  std::vector<int64_t> broadcast_dimensions;
  std::vector<Dim> shape;
  static constexpr const char* kName = "broadcast_in_dim";
  static constexpr auto kFields =
      std::tuple{Field{"broadcast_dimensions", &BroadcastInDimAttributes::broadcast_dimensions},
                 Field{"shape", &BroadcastInDimAttributes::shape}};
};
// x's dimension i goes to result dimension broadcast_dimensions[i], where its size is 1 or the result's.
const Op& broadcast_in_dim();
ValueId broadcast_in_dim(Builder& b, ValueId x, std::vector<Dim> shape, std::vector<int64_t> broadcast_dimensions);

struct TransposeAttributes {
  std::vector<int64_t> permutation;
  static constexpr const char* kName = "transpose";
  static constexpr auto kFields = std::tuple{Field{"permutation", &TransposeAttributes::permutation}};
};
// Result dimension i is x's dimension permutation[i].
const Op& transpose();
ValueId transpose(Builder& b, ValueId x, std::vector<int64_t> permutation);

struct ConcatenateAttributes {
  int64_t dimension = 0;
  static constexpr const char* kName = "concatenate";
  static constexpr auto kFields = std::tuple{Field{"dimension", &ConcatenateAttributes::dimension}};
};
const Op& concatenate();
ValueId concatenate(Builder& b, std::span<const ValueId> inputs, int64_t dimension);

struct SliceAttributes {
  std::vector<Dim> start_indices, limit_indices;
  std::vector<int64_t> strides;  // positive
  static constexpr const char* kName = "slice";
  static constexpr auto kFields =
      std::tuple{Field{"start_indices", &SliceAttributes::start_indices},
                 Field{"limit_indices", &SliceAttributes::limit_indices}, Field{"strides", &SliceAttributes::strides}};
};
const Op& slice();
ValueId slice(Builder& b, ValueId x, std::vector<Dim> start, std::vector<Dim> limit, std::vector<int64_t> strides = {});

struct PadAttributes {
  std::vector<Dim> edge_padding_low, edge_padding_high;  // may be negative
  std::vector<int64_t> interior_padding;
  static constexpr const char* kName = "pad";
  static constexpr auto kFields = std::tuple{Field{"edge_padding_low", &PadAttributes::edge_padding_low},
                                             Field{"edge_padding_high", &PadAttributes::edge_padding_high},
                                             Field{"interior_padding", &PadAttributes::interior_padding}};
};
// `value` is a scalar of x's dtype.
const Op& pad();
ValueId pad(Builder& b, ValueId x, ValueId value, std::vector<Dim> low, std::vector<Dim> high,
            std::vector<int64_t> interior = {});

struct ReverseAttributes {
  std::vector<int64_t> dimensions;
  static constexpr const char* kName = "reverse";
  static constexpr auto kFields = std::tuple{Field{"dimensions", &ReverseAttributes::dimensions}};
};
const Op& reverse();
ValueId reverse(Builder& b, ValueId x, std::vector<int64_t> dimensions);

struct DimValueAttributes {
  Dim value;
  DType dtype = DType::kI32;
  static constexpr const char* kName = "dim_value";
  static constexpr auto kFields =
      std::tuple{Field{"value", &DimValueAttributes::value}, Field{"dtype", &DimValueAttributes::dtype}};
};
// A size as an integer scalar. No operands.
const Op& dim_value();
ValueId dim_value(Builder& b, Dim value, DType dtype = DType::kI32);

struct SymbolAttributes {
  int64_t axis = 0;  // take_prefix only
  Dim size;          // the symbol that the equation introduces
  static constexpr const char* kName = "symbol";
  static constexpr auto kFields =
      std::tuple{Field{"axis", &SymbolAttributes::axis}, Field{"size", &SymbolAttributes::size}};
};
// The first n entries of x along `axis`; n is an integer scalar, 0 <= n <= x's size, else an Error when run. The
// result's size is a fresh symbol.
const Op& take_prefix();
ValueId take_prefix(Builder& b, ValueId x, ValueId n, int64_t axis, std::string_view symbol_name = "n");
// The scalar n itself; introduces a symbol with its value, which must be in [0, max]. Returns n's value; the symbol is
// `size`.
const Op& size_from();
Dim size_from(Builder& b, ValueId n, int64_t max, std::string_view symbol_name = "n");

}  // namespace ecotone::op
