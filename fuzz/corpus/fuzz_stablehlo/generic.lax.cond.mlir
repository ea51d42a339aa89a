"builtin.module"() <{sym_name = "jit_main"}> ({
  "func.func"() <{arg_attrs = [{}, {}, {}, {}], function_type = (tensor<i1>, tensor<3xf32>, tensor<i1>, tensor<3xi32>) -> (tensor<3xf32>, tensor<3xi32>), res_attrs = [{jax.result_info = "result[0]"}, {jax.result_info = "result[1]"}], sym_name = "main", sym_visibility = "public"}> ({
  ^bb0(%arg0: tensor<i1>, %arg1: tensor<3xf32>, %arg2: tensor<i1>, %arg3: tensor<3xi32>):
    %0 = "stablehlo.convert"(%arg0) : (tensor<i1>) -> tensor<i32>
    %1 = "stablehlo.case"(%0) ({
      %13 = "stablehlo.constant"() <{value = dense<1.000000e+00> : tensor<f32>}> : () -> tensor<f32>
      %14 = "stablehlo.broadcast_in_dim"(%13) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<3xf32>
      %15 = "stablehlo.subtract"(%arg1, %14) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
      "stablehlo.return"(%15) : (tensor<3xf32>) -> ()
    }, {
      %10 = "stablehlo.constant"() <{value = dense<2.000000e+00> : tensor<f32>}> : () -> tensor<f32>
      %11 = "stablehlo.broadcast_in_dim"(%10) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<3xf32>
      %12 = "stablehlo.multiply"(%arg1, %11) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
      "stablehlo.return"(%12) : (tensor<3xf32>) -> ()
    }) : (tensor<i32>) -> tensor<3xf32>
    %2 = "stablehlo.convert"(%arg2) : (tensor<i1>) -> tensor<i32>
    %3 = "stablehlo.case"(%2) ({
      %7 = "stablehlo.constant"() <{value = dense<1> : tensor<i32>}> : () -> tensor<i32>
      %8 = "stablehlo.broadcast_in_dim"(%7) <{broadcast_dimensions = array<i64>}> : (tensor<i32>) -> tensor<3xi32>
      %9 = "stablehlo.subtract"(%arg3, %8) : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
      "stablehlo.return"(%9) : (tensor<3xi32>) -> ()
    }, {
      %4 = "stablehlo.constant"() <{value = dense<2> : tensor<i32>}> : () -> tensor<i32>
      %5 = "stablehlo.broadcast_in_dim"(%4) <{broadcast_dimensions = array<i64>}> : (tensor<i32>) -> tensor<3xi32>
      %6 = "stablehlo.multiply"(%arg3, %5) : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
      "stablehlo.return"(%6) : (tensor<3xi32>) -> ()
    }) : (tensor<i32>) -> tensor<3xi32>
    "func.return"(%1, %3) : (tensor<3xf32>, tensor<3xi32>) -> ()
  }) : () -> ()
}) {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} : () -> ()
