// Made inputs stay in range wherever a Program indexes with them.
#include "ecotone/engine/inputs.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "ecotone/format/stablehlo/stablehlo.h"

namespace ecotone::engine {
namespace {

// jnp.take as JAX prints it: the indexing is in a call, and what is negative is mended in a call of that.
TEST(MadeInputs, IndexWithinTheCallsOfTake) {
  const ProgramRef p = stablehlo::parse_program(R"(module @jit_take {
  func.func public @main(%arg0: tensor<7x3xf32>, %arg1: tensor<40xi32>, %arg2: tensor<40xi32>) -> (tensor<40x3xf32>, tensor<40xi32>) {
    %0 = call @_take(%arg0, %arg1) : (tensor<7x3xf32>, tensor<40xi32>) -> tensor<40x3xf32>
    return %0, %arg2 : tensor<40x3xf32>, tensor<40xi32>
  }
  func.func private @_take(%arg0: tensor<7x3xf32>, %arg1: tensor<40xi32>) -> tensor<40x3xf32> {
    %c = stablehlo.constant dense<0> : tensor<i32>
    %0 = stablehlo.broadcast_in_dim %c, dims = [] : (tensor<i32>) -> tensor<40xi32>
    %1 = stablehlo.compare LT, %arg1, %0, SIGNED : (tensor<40xi32>, tensor<40xi32>) -> tensor<40xi1>
    %c_0 = stablehlo.constant dense<7> : tensor<i32>
    %2 = stablehlo.broadcast_in_dim %c_0, dims = [] : (tensor<i32>) -> tensor<40xi32>
    %3 = stablehlo.add %arg1, %2 : tensor<40xi32>
    %4 = call @_where(%1, %3, %arg1) : (tensor<40xi1>, tensor<40xi32>, tensor<40xi32>) -> tensor<40xi32>
    %5 = stablehlo.broadcast_in_dim %4, dims = [0] : (tensor<40xi32>) -> tensor<40x1xi32>
    %6 = "stablehlo.gather"(%arg0, %5) <{dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 1, 3>}> : (tensor<7x3xf32>, tensor<40x1xi32>) -> tensor<40x3xf32>
    return %6 : tensor<40x3xf32>
  }
  func.func private @_where(%arg0: tensor<40xi1>, %arg1: tensor<40xi32>, %arg2: tensor<40xi32>) -> tensor<40xi32> {
    %0 = stablehlo.select %arg0, %arg1, %arg2 : tensor<40xi1>, tensor<40xi32>
    return %0 : tensor<40xi32>
  }
})",
                                                "t.mlir");
  EXPECT_EQ(indexed_sizes(*p), (std::vector<int64_t>{0, 7, 0}));
  const std::vector<Tensor> made = make_inputs(*p, 0);
  for (const auto& [input, greatest] : {std::pair{size_t{1}, 6}, std::pair{size_t{2}, 1}}) {
    const std::vector<int64_t> values = made[input].to_ints();
    EXPECT_EQ(*std::ranges::min_element(values), 0);
    EXPECT_EQ(*std::ranges::max_element(values), greatest);
  }
}

// Starts are clamped: what differs beyond the last place that a slice fits would all mean the same.
TEST(MadeInputs, StartSlicesWhereTheyFit) {
  const ProgramRef p = stablehlo::parse_program(R"(
func.func @main(%x: tensor<10x4xf32>, %u: tensor<2x4xf32>, %i: tensor<i32>, %j: tensor<i32>, %k: tensor<i32>) -> (tensor<3x4xf32>, tensor<10x4xf32>) {
  %0 = stablehlo.dynamic_slice %x, %i, %j, sizes = [3, 4] : (tensor<10x4xf32>, tensor<i32>, tensor<i32>) -> tensor<3x4xf32>
  %1 = stablehlo.dynamic_update_slice %x, %u, %k, %j : (tensor<10x4xf32>, tensor<2x4xf32>, tensor<i32>, tensor<i32>) -> tensor<10x4xf32>
  return %0, %1 : tensor<3x4xf32>, tensor<10x4xf32>
})",
                                                "t.mlir");
  EXPECT_EQ(indexed_sizes(*p), (std::vector<int64_t>{0, 0, 8, 1, 9}));
}

}  // namespace
}  // namespace ecotone::engine
