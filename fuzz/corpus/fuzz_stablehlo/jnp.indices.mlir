module @jit_main attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main() -> (tensor<2x2x3xi64> {jax.result_info = "result[0]"}) {
    %0 = stablehlo.iota dim = 0 : tensor<2xi64>
    %1 = stablehlo.broadcast_in_dim %0, dims = [0] : (tensor<2xi64>) -> tensor<2x3xi64>
    %2 = stablehlo.iota dim = 0 : tensor<3xi64>
    %3 = stablehlo.broadcast_in_dim %2, dims = [1] : (tensor<3xi64>) -> tensor<2x3xi64>
    %4 = stablehlo.broadcast_in_dim %1, dims = [1, 2] : (tensor<2x3xi64>) -> tensor<1x2x3xi64>
    %5 = stablehlo.broadcast_in_dim %3, dims = [1, 2] : (tensor<2x3xi64>) -> tensor<1x2x3xi64>
    %6 = stablehlo.concatenate %4, %5, dim = 0 : (tensor<1x2x3xi64>, tensor<1x2x3xi64>) -> tensor<2x2x3xi64>
    return %6 : tensor<2x2x3xi64>
  }
}
