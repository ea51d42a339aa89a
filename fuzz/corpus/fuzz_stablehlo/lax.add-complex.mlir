module @jit_main attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<59xcomplex<f32>>, %arg1: tensor<59xcomplex<f32>>, %arg2: tensor<59xcomplex<f64>>, %arg3: tensor<59xcomplex<f64>>) -> (tensor<59xcomplex<f32>> {jax.result_info = "result[0]"}, tensor<59xcomplex<f64>> {jax.result_info = "result[1]"}) {
    %0 = stablehlo.add %arg0, %arg1 : tensor<59xcomplex<f32>>
    %1 = stablehlo.add %arg2, %arg3 : tensor<59xcomplex<f64>>
    return %0, %1 : tensor<59xcomplex<f32>>, tensor<59xcomplex<f64>>
  }
}
