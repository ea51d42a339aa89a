module @jit_main attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<131xi8>, %arg1: tensor<131xi8>, %arg2: tensor<131xi16>, %arg3: tensor<131xi16>, %arg4: tensor<131xi32>, %arg5: tensor<131xi32>, %arg6: tensor<131xi64>, %arg7: tensor<131xi64>, %arg8: tensor<59xui8>, %arg9: tensor<59xui8>, %arg10: tensor<59xui16>, %arg11: tensor<59xui16>, %arg12: tensor<59xui32>, %arg13: tensor<59xui32>, %arg14: tensor<59xui64>, %arg15: tensor<59xui64>) -> (tensor<131xi8> {jax.result_info = "result[0]"}, tensor<131xi16> {jax.result_info = "result[1]"}, tensor<131xi32> {jax.result_info = "result[2]"}, tensor<131xi64> {jax.result_info = "result[3]"}, tensor<59xui8> {jax.result_info = "result[4]"}, tensor<59xui16> {jax.result_info = "result[5]"}, tensor<59xui32> {jax.result_info = "result[6]"}, tensor<59xui64> {jax.result_info = "result[7]"}) {
    %0 = stablehlo.remainder %arg0, %arg1 : tensor<131xi8>
    %1 = stablehlo.remainder %arg2, %arg3 : tensor<131xi16>
    %2 = stablehlo.remainder %arg4, %arg5 : tensor<131xi32>
    %3 = stablehlo.remainder %arg6, %arg7 : tensor<131xi64>
    %4 = stablehlo.remainder %arg8, %arg9 : tensor<59xui8>
    %5 = stablehlo.remainder %arg10, %arg11 : tensor<59xui16>
    %6 = stablehlo.remainder %arg12, %arg13 : tensor<59xui32>
    %7 = stablehlo.remainder %arg14, %arg15 : tensor<59xui64>
    return %0, %1, %2, %3, %4, %5, %6, %7 : tensor<131xi8>, tensor<131xi16>, tensor<131xi32>, tensor<131xi64>, tensor<59xui8>, tensor<59xui16>, tensor<59xui32>, tensor<59xui64>
  }
}
