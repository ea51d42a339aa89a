module @jit_main attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<4x3xf32>, %arg1: tensor<5x1xi32>, %arg2: tensor<5x3xf32>, %arg3: tensor<4x3xi32>, %arg4: tensor<5x1xi32>, %arg5: tensor<5x3xi32>, %arg6: tensor<4x3xf64>, %arg7: tensor<5x1xi32>, %arg8: tensor<5x3xf64>, %arg9: tensor<4x3xui8>, %arg10: tensor<5x1xi32>, %arg11: tensor<5x3xui8>) -> (tensor<4x3xf32> {jax.result_info = "result[0]"}, tensor<4x3xi32> {jax.result_info = "result[1]"}, tensor<4x3xf64> {jax.result_info = "result[2]"}, tensor<4x3xui8> {jax.result_info = "result[3]"}) {
    %0 = "stablehlo.scatter"(%arg0, %arg1, %arg2) <{indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = false}> ({
    ^bb0(%arg12: tensor<f32>, %arg13: tensor<f32>):
      %4 = stablehlo.maximum %arg12, %arg13 : tensor<f32>
      stablehlo.return %4 : tensor<f32>
    }) : (tensor<4x3xf32>, tensor<5x1xi32>, tensor<5x3xf32>) -> tensor<4x3xf32>
    %1 = "stablehlo.scatter"(%arg3, %arg4, %arg5) <{indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = false}> ({
    ^bb0(%arg12: tensor<i32>, %arg13: tensor<i32>):
      %4 = stablehlo.maximum %arg12, %arg13 : tensor<i32>
      stablehlo.return %4 : tensor<i32>
    }) : (tensor<4x3xi32>, tensor<5x1xi32>, tensor<5x3xi32>) -> tensor<4x3xi32>
    %2 = "stablehlo.scatter"(%arg6, %arg7, %arg8) <{indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = false}> ({
    ^bb0(%arg12: tensor<f64>, %arg13: tensor<f64>):
      %4 = stablehlo.maximum %arg12, %arg13 : tensor<f64>
      stablehlo.return %4 : tensor<f64>
    }) : (tensor<4x3xf64>, tensor<5x1xi32>, tensor<5x3xf64>) -> tensor<4x3xf64>
    %3 = "stablehlo.scatter"(%arg9, %arg10, %arg11) <{indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = false}> ({
    ^bb0(%arg12: tensor<ui8>, %arg13: tensor<ui8>):
      %4 = stablehlo.maximum %arg12, %arg13 : tensor<ui8>
      stablehlo.return %4 : tensor<ui8>
    }) : (tensor<4x3xui8>, tensor<5x1xi32>, tensor<5x3xui8>) -> tensor<4x3xui8>
    return %0, %1, %2, %3 : tensor<4x3xf32>, tensor<4x3xi32>, tensor<4x3xf64>, tensor<4x3xui8>
  }
}
