module @jit_main attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<4x7xf32>, %arg1: tensor<4x7xf64>, %arg2: tensor<4x7xf16>, %arg3: tensor<4x7xbf16>, %arg4: tensor<4x7xi8>, %arg5: tensor<4x7xi16>, %arg6: tensor<4x7xi32>, %arg7: tensor<4x7xi64>, %arg8: tensor<4x7xui8>, %arg9: tensor<4x7xui16>, %arg10: tensor<4x7xui32>, %arg11: tensor<4x7xui64>, %arg12: tensor<4x7xi1>) -> (tensor<4x7xf32> {jax.result_info = "result[0]"}, tensor<4x7xf32> {jax.result_info = "result[1]"}, tensor<4x7xf64> {jax.result_info = "result[2]"}, tensor<4x7xf64> {jax.result_info = "result[3]"}, tensor<4x7xf16> {jax.result_info = "result[4]"}, tensor<4x7xf16> {jax.result_info = "result[5]"}, tensor<4x7xbf16> {jax.result_info = "result[6]"}, tensor<4x7xbf16> {jax.result_info = "result[7]"}, tensor<4x7xi8> {jax.result_info = "result[8]"}, tensor<4x7xi8> {jax.result_info = "result[9]"}, tensor<4x7xi16> {jax.result_info = "result[10]"}, tensor<4x7xi16> {jax.result_info = "result[11]"}, tensor<4x7xi32> {jax.result_info = "result[12]"}, tensor<4x7xi32> {jax.result_info = "result[13]"}, tensor<4x7xi64> {jax.result_info = "result[14]"}, tensor<4x7xi64> {jax.result_info = "result[15]"}, tensor<4x7xui8> {jax.result_info = "result[16]"}, tensor<4x7xui8> {jax.result_info = "result[17]"}, tensor<4x7xui16> {jax.result_info = "result[18]"}, tensor<4x7xui16> {jax.result_info = "result[19]"}, tensor<4x7xui32> {jax.result_info = "result[20]"}, tensor<4x7xui32> {jax.result_info = "result[21]"}, tensor<4x7xui64> {jax.result_info = "result[22]"}, tensor<4x7xui64> {jax.result_info = "result[23]"}, tensor<4x7xi1> {jax.result_info = "result[24]"}, tensor<4x7xi1> {jax.result_info = "result[25]"}) {
    %0 = "stablehlo.sort"(%arg0) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<f32>, %arg14: tensor<f32>):
      %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
      %26 = stablehlo.compare EQ, %arg13, %cst, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
      %27 = stablehlo.select %26, %cst_0, %arg13 : tensor<i1>, tensor<f32>
      %28 = stablehlo.compare NE, %arg13, %arg13, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %cst_1 = stablehlo.constant dense<0x7FC00000> : tensor<f32>
      %29 = stablehlo.select %28, %cst_1, %27 : tensor<i1>, tensor<f32>
      %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
      %30 = stablehlo.compare EQ, %arg14, %cst_2, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
      %31 = stablehlo.select %30, %cst_3, %arg14 : tensor<i1>, tensor<f32>
      %32 = stablehlo.compare NE, %arg14, %arg14, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %cst_4 = stablehlo.constant dense<0x7FC00000> : tensor<f32>
      %33 = stablehlo.select %32, %cst_4, %31 : tensor<i1>, tensor<f32>
      %34 = stablehlo.compare LT, %29, %33, TOTALORDER : (tensor<f32>, tensor<f32>) -> tensor<i1>
      stablehlo.return %34 : tensor<i1>
    }) : (tensor<4x7xf32>) -> tensor<4x7xf32>
    %1 = "stablehlo.sort"(%arg0) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<f32>, %arg14: tensor<f32>):
      %cst = stablehlo.constant dense<0.000000e+00> : tensor<f32>
      %26 = stablehlo.compare EQ, %arg13, %cst, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
      %27 = stablehlo.select %26, %cst_0, %arg13 : tensor<i1>, tensor<f32>
      %28 = stablehlo.compare NE, %arg13, %arg13, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %cst_1 = stablehlo.constant dense<0x7FC00000> : tensor<f32>
      %29 = stablehlo.select %28, %cst_1, %27 : tensor<i1>, tensor<f32>
      %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
      %30 = stablehlo.compare EQ, %arg14, %cst_2, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
      %31 = stablehlo.select %30, %cst_3, %arg14 : tensor<i1>, tensor<f32>
      %32 = stablehlo.compare NE, %arg14, %arg14, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %cst_4 = stablehlo.constant dense<0x7FC00000> : tensor<f32>
      %33 = stablehlo.select %32, %cst_4, %31 : tensor<i1>, tensor<f32>
      %34 = stablehlo.compare LT, %29, %33, TOTALORDER : (tensor<f32>, tensor<f32>) -> tensor<i1>
      stablehlo.return %34 : tensor<i1>
    }) : (tensor<4x7xf32>) -> tensor<4x7xf32>
    %2 = "stablehlo.sort"(%arg1) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<f64>, %arg14: tensor<f64>):
      %cst = stablehlo.constant dense<0.000000e+00> : tensor<f64>
      %26 = stablehlo.compare EQ, %arg13, %cst, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
      %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
      %27 = stablehlo.select %26, %cst_0, %arg13 : tensor<i1>, tensor<f64>
      %28 = stablehlo.compare NE, %arg13, %arg13, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
      %cst_1 = stablehlo.constant dense<0x7FF8000000000000> : tensor<f64>
      %29 = stablehlo.select %28, %cst_1, %27 : tensor<i1>, tensor<f64>
      %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
      %30 = stablehlo.compare EQ, %arg14, %cst_2, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
      %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
      %31 = stablehlo.select %30, %cst_3, %arg14 : tensor<i1>, tensor<f64>
      %32 = stablehlo.compare NE, %arg14, %arg14, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
      %cst_4 = stablehlo.constant dense<0x7FF8000000000000> : tensor<f64>
      %33 = stablehlo.select %32, %cst_4, %31 : tensor<i1>, tensor<f64>
      %34 = stablehlo.compare LT, %29, %33, TOTALORDER : (tensor<f64>, tensor<f64>) -> tensor<i1>
      stablehlo.return %34 : tensor<i1>
    }) : (tensor<4x7xf64>) -> tensor<4x7xf64>
    %3 = "stablehlo.sort"(%arg1) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<f64>, %arg14: tensor<f64>):
      %cst = stablehlo.constant dense<0.000000e+00> : tensor<f64>
      %26 = stablehlo.compare EQ, %arg13, %cst, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
      %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
      %27 = stablehlo.select %26, %cst_0, %arg13 : tensor<i1>, tensor<f64>
      %28 = stablehlo.compare NE, %arg13, %arg13, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
      %cst_1 = stablehlo.constant dense<0x7FF8000000000000> : tensor<f64>
      %29 = stablehlo.select %28, %cst_1, %27 : tensor<i1>, tensor<f64>
      %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
      %30 = stablehlo.compare EQ, %arg14, %cst_2, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
      %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<f64>
      %31 = stablehlo.select %30, %cst_3, %arg14 : tensor<i1>, tensor<f64>
      %32 = stablehlo.compare NE, %arg14, %arg14, FLOAT : (tensor<f64>, tensor<f64>) -> tensor<i1>
      %cst_4 = stablehlo.constant dense<0x7FF8000000000000> : tensor<f64>
      %33 = stablehlo.select %32, %cst_4, %31 : tensor<i1>, tensor<f64>
      %34 = stablehlo.compare LT, %29, %33, TOTALORDER : (tensor<f64>, tensor<f64>) -> tensor<i1>
      stablehlo.return %34 : tensor<i1>
    }) : (tensor<4x7xf64>) -> tensor<4x7xf64>
    %4 = "stablehlo.sort"(%arg2) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<f16>, %arg14: tensor<f16>):
      %cst = stablehlo.constant dense<0.000000e+00> : tensor<f16>
      %26 = stablehlo.compare EQ, %arg13, %cst, FLOAT : (tensor<f16>, tensor<f16>) -> tensor<i1>
      %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f16>
      %27 = stablehlo.select %26, %cst_0, %arg13 : tensor<i1>, tensor<f16>
      %28 = stablehlo.compare NE, %arg13, %arg13, FLOAT : (tensor<f16>, tensor<f16>) -> tensor<i1>
      %cst_1 = stablehlo.constant dense<0x7E00> : tensor<f16>
      %29 = stablehlo.select %28, %cst_1, %27 : tensor<i1>, tensor<f16>
      %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f16>
      %30 = stablehlo.compare EQ, %arg14, %cst_2, FLOAT : (tensor<f16>, tensor<f16>) -> tensor<i1>
      %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<f16>
      %31 = stablehlo.select %30, %cst_3, %arg14 : tensor<i1>, tensor<f16>
      %32 = stablehlo.compare NE, %arg14, %arg14, FLOAT : (tensor<f16>, tensor<f16>) -> tensor<i1>
      %cst_4 = stablehlo.constant dense<0x7E00> : tensor<f16>
      %33 = stablehlo.select %32, %cst_4, %31 : tensor<i1>, tensor<f16>
      %34 = stablehlo.compare LT, %29, %33, TOTALORDER : (tensor<f16>, tensor<f16>) -> tensor<i1>
      stablehlo.return %34 : tensor<i1>
    }) : (tensor<4x7xf16>) -> tensor<4x7xf16>
    %5 = "stablehlo.sort"(%arg2) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<f16>, %arg14: tensor<f16>):
      %cst = stablehlo.constant dense<0.000000e+00> : tensor<f16>
      %26 = stablehlo.compare EQ, %arg13, %cst, FLOAT : (tensor<f16>, tensor<f16>) -> tensor<i1>
      %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<f16>
      %27 = stablehlo.select %26, %cst_0, %arg13 : tensor<i1>, tensor<f16>
      %28 = stablehlo.compare NE, %arg13, %arg13, FLOAT : (tensor<f16>, tensor<f16>) -> tensor<i1>
      %cst_1 = stablehlo.constant dense<0x7E00> : tensor<f16>
      %29 = stablehlo.select %28, %cst_1, %27 : tensor<i1>, tensor<f16>
      %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<f16>
      %30 = stablehlo.compare EQ, %arg14, %cst_2, FLOAT : (tensor<f16>, tensor<f16>) -> tensor<i1>
      %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<f16>
      %31 = stablehlo.select %30, %cst_3, %arg14 : tensor<i1>, tensor<f16>
      %32 = stablehlo.compare NE, %arg14, %arg14, FLOAT : (tensor<f16>, tensor<f16>) -> tensor<i1>
      %cst_4 = stablehlo.constant dense<0x7E00> : tensor<f16>
      %33 = stablehlo.select %32, %cst_4, %31 : tensor<i1>, tensor<f16>
      %34 = stablehlo.compare LT, %29, %33, TOTALORDER : (tensor<f16>, tensor<f16>) -> tensor<i1>
      stablehlo.return %34 : tensor<i1>
    }) : (tensor<4x7xf16>) -> tensor<4x7xf16>
    %6 = "stablehlo.sort"(%arg3) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<bf16>, %arg14: tensor<bf16>):
      %cst = stablehlo.constant dense<0.000000e+00> : tensor<bf16>
      %26 = stablehlo.compare EQ, %arg13, %cst, FLOAT : (tensor<bf16>, tensor<bf16>) -> tensor<i1>
      %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<bf16>
      %27 = stablehlo.select %26, %cst_0, %arg13 : tensor<i1>, tensor<bf16>
      %28 = stablehlo.compare NE, %arg13, %arg13, FLOAT : (tensor<bf16>, tensor<bf16>) -> tensor<i1>
      %cst_1 = stablehlo.constant dense<0x7FC0> : tensor<bf16>
      %29 = stablehlo.select %28, %cst_1, %27 : tensor<i1>, tensor<bf16>
      %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<bf16>
      %30 = stablehlo.compare EQ, %arg14, %cst_2, FLOAT : (tensor<bf16>, tensor<bf16>) -> tensor<i1>
      %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<bf16>
      %31 = stablehlo.select %30, %cst_3, %arg14 : tensor<i1>, tensor<bf16>
      %32 = stablehlo.compare NE, %arg14, %arg14, FLOAT : (tensor<bf16>, tensor<bf16>) -> tensor<i1>
      %cst_4 = stablehlo.constant dense<0x7FC0> : tensor<bf16>
      %33 = stablehlo.select %32, %cst_4, %31 : tensor<i1>, tensor<bf16>
      %34 = stablehlo.compare LT, %29, %33, TOTALORDER : (tensor<bf16>, tensor<bf16>) -> tensor<i1>
      stablehlo.return %34 : tensor<i1>
    }) : (tensor<4x7xbf16>) -> tensor<4x7xbf16>
    %7 = "stablehlo.sort"(%arg3) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<bf16>, %arg14: tensor<bf16>):
      %cst = stablehlo.constant dense<0.000000e+00> : tensor<bf16>
      %26 = stablehlo.compare EQ, %arg13, %cst, FLOAT : (tensor<bf16>, tensor<bf16>) -> tensor<i1>
      %cst_0 = stablehlo.constant dense<0.000000e+00> : tensor<bf16>
      %27 = stablehlo.select %26, %cst_0, %arg13 : tensor<i1>, tensor<bf16>
      %28 = stablehlo.compare NE, %arg13, %arg13, FLOAT : (tensor<bf16>, tensor<bf16>) -> tensor<i1>
      %cst_1 = stablehlo.constant dense<0x7FC0> : tensor<bf16>
      %29 = stablehlo.select %28, %cst_1, %27 : tensor<i1>, tensor<bf16>
      %cst_2 = stablehlo.constant dense<0.000000e+00> : tensor<bf16>
      %30 = stablehlo.compare EQ, %arg14, %cst_2, FLOAT : (tensor<bf16>, tensor<bf16>) -> tensor<i1>
      %cst_3 = stablehlo.constant dense<0.000000e+00> : tensor<bf16>
      %31 = stablehlo.select %30, %cst_3, %arg14 : tensor<i1>, tensor<bf16>
      %32 = stablehlo.compare NE, %arg14, %arg14, FLOAT : (tensor<bf16>, tensor<bf16>) -> tensor<i1>
      %cst_4 = stablehlo.constant dense<0x7FC0> : tensor<bf16>
      %33 = stablehlo.select %32, %cst_4, %31 : tensor<i1>, tensor<bf16>
      %34 = stablehlo.compare LT, %29, %33, TOTALORDER : (tensor<bf16>, tensor<bf16>) -> tensor<i1>
      stablehlo.return %34 : tensor<i1>
    }) : (tensor<4x7xbf16>) -> tensor<4x7xbf16>
    %8 = "stablehlo.sort"(%arg4) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<i8>, %arg14: tensor<i8>):
      %26 = stablehlo.compare LT, %arg13, %arg14, SIGNED : (tensor<i8>, tensor<i8>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xi8>) -> tensor<4x7xi8>
    %9 = "stablehlo.sort"(%arg4) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<i8>, %arg14: tensor<i8>):
      %26 = stablehlo.compare LT, %arg13, %arg14, SIGNED : (tensor<i8>, tensor<i8>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xi8>) -> tensor<4x7xi8>
    %10 = "stablehlo.sort"(%arg5) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<i16>, %arg14: tensor<i16>):
      %26 = stablehlo.compare LT, %arg13, %arg14, SIGNED : (tensor<i16>, tensor<i16>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xi16>) -> tensor<4x7xi16>
    %11 = "stablehlo.sort"(%arg5) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<i16>, %arg14: tensor<i16>):
      %26 = stablehlo.compare LT, %arg13, %arg14, SIGNED : (tensor<i16>, tensor<i16>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xi16>) -> tensor<4x7xi16>
    %12 = "stablehlo.sort"(%arg6) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<i32>, %arg14: tensor<i32>):
      %26 = stablehlo.compare LT, %arg13, %arg14, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xi32>) -> tensor<4x7xi32>
    %13 = "stablehlo.sort"(%arg6) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<i32>, %arg14: tensor<i32>):
      %26 = stablehlo.compare LT, %arg13, %arg14, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xi32>) -> tensor<4x7xi32>
    %14 = "stablehlo.sort"(%arg7) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<i64>, %arg14: tensor<i64>):
      %26 = stablehlo.compare LT, %arg13, %arg14, SIGNED : (tensor<i64>, tensor<i64>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xi64>) -> tensor<4x7xi64>
    %15 = "stablehlo.sort"(%arg7) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<i64>, %arg14: tensor<i64>):
      %26 = stablehlo.compare LT, %arg13, %arg14, SIGNED : (tensor<i64>, tensor<i64>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xi64>) -> tensor<4x7xi64>
    %16 = "stablehlo.sort"(%arg8) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<ui8>, %arg14: tensor<ui8>):
      %26 = stablehlo.compare LT, %arg13, %arg14, UNSIGNED : (tensor<ui8>, tensor<ui8>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xui8>) -> tensor<4x7xui8>
    %17 = "stablehlo.sort"(%arg8) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<ui8>, %arg14: tensor<ui8>):
      %26 = stablehlo.compare LT, %arg13, %arg14, UNSIGNED : (tensor<ui8>, tensor<ui8>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xui8>) -> tensor<4x7xui8>
    %18 = "stablehlo.sort"(%arg9) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<ui16>, %arg14: tensor<ui16>):
      %26 = stablehlo.compare LT, %arg13, %arg14, UNSIGNED : (tensor<ui16>, tensor<ui16>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xui16>) -> tensor<4x7xui16>
    %19 = "stablehlo.sort"(%arg9) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<ui16>, %arg14: tensor<ui16>):
      %26 = stablehlo.compare LT, %arg13, %arg14, UNSIGNED : (tensor<ui16>, tensor<ui16>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xui16>) -> tensor<4x7xui16>
    %20 = "stablehlo.sort"(%arg10) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<ui32>, %arg14: tensor<ui32>):
      %26 = stablehlo.compare LT, %arg13, %arg14, UNSIGNED : (tensor<ui32>, tensor<ui32>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xui32>) -> tensor<4x7xui32>
    %21 = "stablehlo.sort"(%arg10) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<ui32>, %arg14: tensor<ui32>):
      %26 = stablehlo.compare LT, %arg13, %arg14, UNSIGNED : (tensor<ui32>, tensor<ui32>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xui32>) -> tensor<4x7xui32>
    %22 = "stablehlo.sort"(%arg11) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<ui64>, %arg14: tensor<ui64>):
      %26 = stablehlo.compare LT, %arg13, %arg14, UNSIGNED : (tensor<ui64>, tensor<ui64>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xui64>) -> tensor<4x7xui64>
    %23 = "stablehlo.sort"(%arg11) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<ui64>, %arg14: tensor<ui64>):
      %26 = stablehlo.compare LT, %arg13, %arg14, UNSIGNED : (tensor<ui64>, tensor<ui64>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xui64>) -> tensor<4x7xui64>
    %24 = "stablehlo.sort"(%arg12) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<i1>, %arg14: tensor<i1>):
      %26 = stablehlo.compare LT, %arg13, %arg14, UNSIGNED : (tensor<i1>, tensor<i1>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xi1>) -> tensor<4x7xi1>
    %25 = "stablehlo.sort"(%arg12) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg13: tensor<i1>, %arg14: tensor<i1>):
      %26 = stablehlo.compare LT, %arg13, %arg14, UNSIGNED : (tensor<i1>, tensor<i1>) -> tensor<i1>
      stablehlo.return %26 : tensor<i1>
    }) : (tensor<4x7xi1>) -> tensor<4x7xi1>
    return %0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25 : tensor<4x7xf32>, tensor<4x7xf32>, tensor<4x7xf64>, tensor<4x7xf64>, tensor<4x7xf16>, tensor<4x7xf16>, tensor<4x7xbf16>, tensor<4x7xbf16>, tensor<4x7xi8>, tensor<4x7xi8>, tensor<4x7xi16>, tensor<4x7xi16>, tensor<4x7xi32>, tensor<4x7xi32>, tensor<4x7xi64>, tensor<4x7xi64>, tensor<4x7xui8>, tensor<4x7xui8>, tensor<4x7xui16>, tensor<4x7xui16>, tensor<4x7xui32>, tensor<4x7xui32>, tensor<4x7xui64>, tensor<4x7xui64>, tensor<4x7xi1>, tensor<4x7xi1>
  }
}
