module @jit_main attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<3x5xf32>) -> (tensor<3x5xf32> {jax.result_info = "result[0]"}, tensor<3x5xf32> {jax.result_info = "result[1]"}, tensor<5xf64> {jax.result_info = "result[2]"}, tensor<4xf64> {jax.result_info = "result[3]"}) {
    %0 = call @_roll_static(%arg0) : (tensor<3x5xf32>) -> tensor<3x5xf32>
    %1 = call @_roll_static_0(%arg0) : (tensor<3x5xf32>) -> tensor<3x5xf32>
    %2 = stablehlo.iota dim = 0 : tensor<5xf64>
    %cst = stablehlo.constant dense<2.000000e+00> : tensor<f64>
    %3 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f64>) -> tensor<5xf64>
    %4 = stablehlo.add %2, %3 : tensor<5xf64>
    %c = stablehlo.constant dense<5> : tensor<i64>
    %5 = call @remainder(%4, %c) : (tensor<5xf64>, tensor<i64>) -> tensor<5xf64>
    %cst_0 = stablehlo.constant dense<2.000000e+00> : tensor<f64>
    %6 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<f64>) -> tensor<5xf64>
    %7 = stablehlo.subtract %5, %6 : tensor<5xf64>
    %cst_1 = stablehlo.constant dense<5.000000e+00> : tensor<f64>
    %8 = stablehlo.broadcast_in_dim %cst_1, dims = [] : (tensor<f64>) -> tensor<5xf64>
    %9 = stablehlo.divide %7, %8 : tensor<5xf64>
    %10 = stablehlo.iota dim = 0 : tensor<4xf64>
    %cst_2 = stablehlo.constant dense<6.000000e+00> : tensor<f64>
    %11 = stablehlo.broadcast_in_dim %cst_2, dims = [] : (tensor<f64>) -> tensor<4xf64>
    %12 = stablehlo.divide %10, %11 : tensor<4xf64>
    return %0, %1, %9, %12 : tensor<3x5xf32>, tensor<3x5xf32>, tensor<5xf64>, tensor<4xf64>
  }
  func.func private @_roll_static(%arg0: tensor<3x5xf32>) -> tensor<3x5xf32> {
    %0 = stablehlo.slice %arg0 [2:3, 0:5] : (tensor<3x5xf32>) -> tensor<1x5xf32>
    %1 = stablehlo.slice %arg0 [0:2, 0:5] : (tensor<3x5xf32>) -> tensor<2x5xf32>
    %2 = stablehlo.concatenate %0, %1, dim = 0 : (tensor<1x5xf32>, tensor<2x5xf32>) -> tensor<3x5xf32>
    %3 = stablehlo.slice %2 [0:3, 3:5] : (tensor<3x5xf32>) -> tensor<3x2xf32>
    %4 = stablehlo.slice %2 [0:3, 0:3] : (tensor<3x5xf32>) -> tensor<3x3xf32>
    %5 = stablehlo.concatenate %3, %4, dim = 1 : (tensor<3x2xf32>, tensor<3x3xf32>) -> tensor<3x5xf32>
    return %5 : tensor<3x5xf32>
  }
  func.func private @_roll_static_0(%arg0: tensor<3x5xf32>) -> tensor<3x5xf32> {
    %0 = stablehlo.slice %arg0 [1:3, 0:5] : (tensor<3x5xf32>) -> tensor<2x5xf32>
    %1 = stablehlo.slice %arg0 [0:1, 0:5] : (tensor<3x5xf32>) -> tensor<1x5xf32>
    %2 = stablehlo.concatenate %0, %1, dim = 0 : (tensor<2x5xf32>, tensor<1x5xf32>) -> tensor<3x5xf32>
    %3 = stablehlo.slice %2 [0:3, 2:5] : (tensor<3x5xf32>) -> tensor<3x3xf32>
    %4 = stablehlo.slice %2 [0:3, 0:2] : (tensor<3x5xf32>) -> tensor<3x2xf32>
    %5 = stablehlo.concatenate %3, %4, dim = 1 : (tensor<3x3xf32>, tensor<3x2xf32>) -> tensor<3x5xf32>
    return %5 : tensor<3x5xf32>
  }
  func.func private @remainder(%arg0: tensor<5xf64>, %arg1: tensor<i64>) -> tensor<5xf64> {
    %0 = stablehlo.convert %arg1 : (tensor<i64>) -> tensor<f64>
    %1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f64>) -> tensor<5xf64>
    %2 = stablehlo.remainder %arg0, %1 : tensor<5xf64>
    %cst = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %3 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f64>) -> tensor<5xf64>
    %4 = stablehlo.compare NE, %2, %3, FLOAT : (tensor<5xf64>, tensor<5xf64>) -> tensor<5xi1>
    %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %5 = stablehlo.broadcast_in_dim %cst_0, dims = [] : (tensor<f64>) -> tensor<5xf64>
    %6 = stablehlo.compare LT, %2, %5, FLOAT : (tensor<5xf64>, tensor<5xf64>) -> tensor<5xi1>
    %cst_1 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %7 = stablehlo.compare LT, %0, %cst_1, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
    %8 = stablehlo.broadcast_in_dim %7, dims = [] : (tensor<i1>) -> tensor<5xi1>
    %9 = stablehlo.compare NE, %6, %8, UNSIGNED : (tensor<5xi1>, tensor<5xi1>) -> tensor<5xi1>
    %10 = stablehlo.and %9, %4 : tensor<5xi1>
    %11 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f64>) -> tensor<5xf64>
    %12 = stablehlo.add %2, %11 : tensor<5xf64>
    %13 = stablehlo.select %10, %12, %2 : tensor<5xi1>, tensor<5xf64>
    return %13 : tensor<5xf64>
  }
}
