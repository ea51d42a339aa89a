module @jit_main attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<4x6xf32>, %arg1: tensor<4x6xf64>) -> (tensor<f32> {jax.result_info = "result[0]"}, tensor<4xf32> {jax.result_info = "result[1]"}, tensor<f64> {jax.result_info = "result[2]"}, tensor<4xf64> {jax.result_info = "result[3]"}) {
    %cst = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %0 = stablehlo.reduce(%arg0 init: %cst) applies stablehlo.maximum across dimensions = [0, 1] : (tensor<4x6xf32>, tensor<f32>) -> tensor<f32>
    %cst_0 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %1 = stablehlo.maximum %cst_0, %0 : tensor<f32>
    %2 = stablehlo.is_finite %1 : (tensor<f32>) -> tensor<i1>
    %cst_1 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %3 = stablehlo.select %2, %1, %cst_1 : tensor<i1>, tensor<f32>
    %4 = stablehlo.broadcast_in_dim %3, dims = [] : (tensor<f32>) -> tensor<1x1xf32>
    %5 = stablehlo.broadcast_in_dim %4, dims = [0, 1] : (tensor<1x1xf32>) -> tensor<4x6xf32>
    %6 = stablehlo.subtract %arg0, %5 : tensor<4x6xf32>
    %7 = stablehlo.exponential %6 : tensor<4x6xf32>
    %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %8 = stablehlo.reduce(%7 init: %cst_2) applies stablehlo.add across dimensions = [0, 1] : (tensor<4x6xf32>, tensor<f32>) -> tensor<f32>
    %9 = stablehlo.sign %8 : tensor<f32>
    %10 = stablehlo.abs %8 : tensor<f32>
    %11 = stablehlo.log %10 : tensor<f32>
    %12 = stablehlo.add %11, %3 : tensor<f32>
    %cst_3 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %13 = stablehlo.reduce(%arg0 init: %cst_3) applies stablehlo.maximum across dimensions = [1] : (tensor<4x6xf32>, tensor<f32>) -> tensor<4xf32>
    %cst_4 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %14 = stablehlo.broadcast_in_dim %cst_4, dims = [] : (tensor<f32>) -> tensor<4xf32>
    %15 = stablehlo.maximum %14, %13 : tensor<4xf32>
    %16 = stablehlo.is_finite %15 : (tensor<4xf32>) -> tensor<4xi1>
    %cst_5 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %17 = stablehlo.broadcast_in_dim %cst_5, dims = [] : (tensor<f32>) -> tensor<4xf32>
    %18 = stablehlo.select %16, %15, %17 : tensor<4xi1>, tensor<4xf32>
    %19 = stablehlo.broadcast_in_dim %18, dims = [0] : (tensor<4xf32>) -> tensor<4x1xf32>
    %20 = stablehlo.broadcast_in_dim %19, dims = [0, 1] : (tensor<4x1xf32>) -> tensor<4x6xf32>
    %21 = stablehlo.subtract %arg0, %20 : tensor<4x6xf32>
    %22 = stablehlo.exponential %21 : tensor<4x6xf32>
    %cst_6 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %23 = stablehlo.reduce(%22 init: %cst_6) applies stablehlo.add across dimensions = [1] : (tensor<4x6xf32>, tensor<f32>) -> tensor<4xf32>
    %24 = stablehlo.sign %23 : tensor<4xf32>
    %25 = stablehlo.abs %23 : tensor<4xf32>
    %26 = stablehlo.log %25 : tensor<4xf32>
    %27 = stablehlo.add %26, %18 : tensor<4xf32>
    %cst_7 = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    %28 = stablehlo.reduce(%arg1 init: %cst_7) applies stablehlo.maximum across dimensions = [0, 1] : (tensor<4x6xf64>, tensor<f64>) -> tensor<f64>
    %cst_8 = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    %29 = stablehlo.maximum %cst_8, %28 : tensor<f64>
    %30 = stablehlo.is_finite %29 : (tensor<f64>) -> tensor<i1>
    %cst_9 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %31 = stablehlo.select %30, %29, %cst_9 : tensor<i1>, tensor<f64>
    %32 = stablehlo.broadcast_in_dim %31, dims = [] : (tensor<f64>) -> tensor<1x1xf64>
    %33 = stablehlo.broadcast_in_dim %32, dims = [0, 1] : (tensor<1x1xf64>) -> tensor<4x6xf64>
    %34 = stablehlo.subtract %arg1, %33 : tensor<4x6xf64>
    %35 = stablehlo.exponential %34 : tensor<4x6xf64>
    %cst_10 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %36 = stablehlo.reduce(%35 init: %cst_10) applies stablehlo.add across dimensions = [0, 1] : (tensor<4x6xf64>, tensor<f64>) -> tensor<f64>
    %37 = stablehlo.sign %36 : tensor<f64>
    %38 = stablehlo.abs %36 : tensor<f64>
    %39 = stablehlo.log %38 : tensor<f64>
    %40 = stablehlo.add %39, %31 : tensor<f64>
    %cst_11 = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    %41 = stablehlo.reduce(%arg1 init: %cst_11) applies stablehlo.maximum across dimensions = [1] : (tensor<4x6xf64>, tensor<f64>) -> tensor<4xf64>
    %cst_12 = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    %42 = stablehlo.broadcast_in_dim %cst_12, dims = [] : (tensor<f64>) -> tensor<4xf64>
    %43 = stablehlo.maximum %42, %41 : tensor<4xf64>
    %44 = stablehlo.is_finite %43 : (tensor<4xf64>) -> tensor<4xi1>
    %cst_13 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %45 = stablehlo.broadcast_in_dim %cst_13, dims = [] : (tensor<f64>) -> tensor<4xf64>
    %46 = stablehlo.select %44, %43, %45 : tensor<4xi1>, tensor<4xf64>
    %47 = stablehlo.broadcast_in_dim %46, dims = [0] : (tensor<4xf64>) -> tensor<4x1xf64>
    %48 = stablehlo.broadcast_in_dim %47, dims = [0, 1] : (tensor<4x1xf64>) -> tensor<4x6xf64>
    %49 = stablehlo.subtract %arg1, %48 : tensor<4x6xf64>
    %50 = stablehlo.exponential %49 : tensor<4x6xf64>
    %cst_14 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
    %51 = stablehlo.reduce(%50 init: %cst_14) applies stablehlo.add across dimensions = [1] : (tensor<4x6xf64>, tensor<f64>) -> tensor<4xf64>
    %52 = stablehlo.sign %51 : tensor<4xf64>
    %53 = stablehlo.abs %51 : tensor<4xf64>
    %54 = stablehlo.log %53 : tensor<4xf64>
    %55 = stablehlo.add %54, %46 : tensor<4xf64>
    return %12, %27, %40, %55 : tensor<f32>, tensor<4xf32>, tensor<f64>, tensor<4xf64>
  }
}
