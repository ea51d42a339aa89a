// Ops that move elements to or from places known only from data.
#pragma once

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct DynamicSliceAttributes {
  std::vector<Dim> slice_sizes;
  static constexpr const char* kName = "dynamic_slice";
  static constexpr auto kFields = std::tuple{Field{"slice_sizes", &DynamicSliceAttributes::slice_sizes}};
};
// Operands: x, then one integer scalar per dimension; starts are clamped so that the slice fits.
const Op& dynamic_slice();
ValueId dynamic_slice(Builder& b, ValueId x, std::span<const ValueId> starts, std::vector<Dim> sizes);
// Operands: x, update, then the starts, clamped likewise.
const Op& dynamic_update_slice();
ValueId dynamic_update_slice(Builder& b, ValueId x, ValueId update, std::span<const ValueId> starts);

struct GatherAttributes {
  std::vector<int64_t> offset_dims, collapsed_slice_dims, operand_batching_dims, start_indices_batching_dims,
      start_index_map;
  int64_t index_vector_dim = 0;
  std::vector<Dim> slice_sizes;
  bool indices_are_sorted = false;
  static constexpr const char* kName = "gather";
  static constexpr auto kFields =
      std::tuple{Field{"offset_dims", &GatherAttributes::offset_dims},
                 Field{"collapsed_slice_dims", &GatherAttributes::collapsed_slice_dims},
                 Field{"operand_batching_dims", &GatherAttributes::operand_batching_dims},
                 Field{"start_indices_batching_dims", &GatherAttributes::start_indices_batching_dims},
                 Field{"start_index_map", &GatherAttributes::start_index_map},
                 Field{"index_vector_dim", &GatherAttributes::index_vector_dim},
                 Field{"slice_sizes", &GatherAttributes::slice_sizes},
                 Field{"indices_are_sorted", &GatherAttributes::indices_are_sorted}};
};
const Op& gather();
ValueId gather(Builder& b, ValueId x, ValueId indices, GatherAttributes attributes);
// x's entries along `axis` at `indices` (any rank), as numpy.take: result shape x[:axis] + indices + x[axis+1:].
// Indices must be in range (clamped, as gather does); negative ones are the caller's to mend.
ValueId take(Builder& b, ValueId x, ValueId indices, int64_t axis);

struct ScatterAttributes {
  std::vector<int64_t> update_window_dims, inserted_window_dims, input_batching_dims, scatter_indices_batching_dims,
      scatter_dims_to_operand_dims;
  int64_t index_vector_dim = 0;
  bool indices_are_sorted = false, unique_indices = false;
  static constexpr const char* kName = "scatter";
  static constexpr auto kFields =
      std::tuple{Field{"update_window_dims", &ScatterAttributes::update_window_dims},
                 Field{"inserted_window_dims", &ScatterAttributes::inserted_window_dims},
                 Field{"input_batching_dims", &ScatterAttributes::input_batching_dims},
                 Field{"scatter_indices_batching_dims", &ScatterAttributes::scatter_indices_batching_dims},
                 Field{"scatter_dims_to_operand_dims", &ScatterAttributes::scatter_dims_to_operand_dims},
                 Field{"index_vector_dim", &ScatterAttributes::index_vector_dim},
                 Field{"indices_are_sorted", &ScatterAttributes::indices_are_sorted},
                 Field{"unique_indices", &ScatterAttributes::unique_indices}};
};
// Operands: N inputs, indices, N updates. One region: (N inputs, N updates) -> N. Updates apply serially in index
// order.
const Op& scatter();
std::vector<ValueId> scatter(Builder& b, std::span<const ValueId> inputs, ValueId indices,
                             std::span<const ValueId> updates, ScatterAttributes attributes, Region region,
                             std::span<const ValueId> captures = {});

}  // namespace ecotone::op
