// The lists that name dimensions of gather, scatter and dot, under the names that both directions of the text use.
#pragma once

#include "ecotone/op/contract.h"
#include "ecotone/op/index.h"

namespace ecotone::stablehlo {

template <class A>
using DimensionList = Field<A, std::vector<int64_t>>;

inline constexpr DimensionList<op::GatherAttributes> kGatherNumbers[] = {
    {"offset_dims", &op::GatherAttributes::offset_dims},
    {"collapsed_slice_dims", &op::GatherAttributes::collapsed_slice_dims},
    {"operand_batching_dims", &op::GatherAttributes::operand_batching_dims},
    {"start_indices_batching_dims", &op::GatherAttributes::start_indices_batching_dims},
    {"start_index_map", &op::GatherAttributes::start_index_map}};

inline constexpr DimensionList<op::ScatterAttributes> kScatterNumbers[] = {
    {"update_window_dims", &op::ScatterAttributes::update_window_dims},
    {"inserted_window_dims", &op::ScatterAttributes::inserted_window_dims},
    {"input_batching_dims", &op::ScatterAttributes::input_batching_dims},
    {"scatter_indices_batching_dims", &op::ScatterAttributes::scatter_indices_batching_dims},
    {"scatter_dims_to_operand_dims", &op::ScatterAttributes::scatter_dims_to_operand_dims}};

inline constexpr DimensionList<op::DotAttributes> kDotNumbers[] = {
    {"lhs_batching_dimensions", &op::DotAttributes::lhs_batching_dimensions},
    {"rhs_batching_dimensions", &op::DotAttributes::rhs_batching_dimensions},
    {"lhs_contracting_dimensions", &op::DotAttributes::lhs_contracting_dimensions},
    {"rhs_contracting_dimensions", &op::DotAttributes::rhs_contracting_dimensions}};

}  // namespace ecotone::stablehlo
