module @jit_main attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<23xf32>, %arg1: tensor<23xf64>, %arg2: tensor<23xf16>, %arg3: tensor<23xbf16>) -> (tensor<23xf32> {jax.result_info = "result[0]"}, tensor<23xf64> {jax.result_info = "result[1]"}, tensor<23xf16> {jax.result_info = "result[2]"}, tensor<23xbf16> {jax.result_info = "result[3]"}) {
    %0 = stablehlo.negate %arg0 : tensor<23xf32>
    %1 = stablehlo.negate %arg1 : tensor<23xf64>
    %2 = stablehlo.negate %arg2 : tensor<23xf16>
    %3 = stablehlo.negate %arg3 : tensor<23xbf16>
    return %0, %1, %2, %3 : tensor<23xf32>, tensor<23xf64>, tensor<23xf16>, tensor<23xbf16>
  }
}
