module @jit_main attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<8xf32>) -> (tensor<8xf64> {jax.result_info = "result[0]"}) {
    %0 = stablehlo.iota dim = 0 : tensor<8xf64>
    %cst = stablehlo.constant dense<6.2831853071795862> : tensor<f64>
    %1 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f64>) -> tensor<8xf64>
    %2 = stablehlo.multiply %1, %0 : tensor<8xf64>
    %cst_0 = stablehlo.constant dense<7.000000e+00> : tensor<f64>
    %3 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<f64>) -> tensor<8xf64>
    %4 = stablehlo.divide %2, %3 : tensor<8xf64>
    %5 = stablehlo.cosine %4 : tensor<8xf64>
    %cst_1 = stablehlo.constant dense<1.000000e+00> : tensor<f64>
    %6 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f64>) -> tensor<8xf64>
    %7 = stablehlo.subtract %6, %5 : tensor<8xf64>
    %cst_2 = stablehlo.constant dense<5.000000e-01> : tensor<f64>
    %8 = stablehlo.broadcast_in_dim %cst_2, dims = [] : (tensor<f64>) -> tensor<8xf64>
    %9 = stablehlo.multiply %8, %7 : tensor<8xf64>
    %10 = stablehlo.convert %arg0 : (tensor<8xf32>) -> tensor<8xf64>
    %11 = stablehlo.multiply %10, %9 : tensor<8xf64>
    return %11 : tensor<8xf64>
  }
}
