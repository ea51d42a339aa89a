// Elementwise operations; values by NumPy.
func.func @add() {
  %x = stablehlo.constant dense<[[7.51e-01, 2.383e+00, 1.654e+00], [-1.649e+00, -1.199e+00, 2.241e+00]]> : tensor<2x3xf32>
  %y = stablehlo.constant dense<[[-2.968e+00, 1.927e+00, 1.782e+00], [-1.92e-01, -1.182e+00, -1.329e+00]]> : tensor<2x3xf32>
  %r = stablehlo.add %x, %y : tensor<2x3xf32>
  check.expect_eq_const %r, dense<[[-2.217e+00, 4.31e+00, 3.4359999e+00], [-1.8410001e+00, -2.381e+00, 9.1199994e-01]]> : tensor<2x3xf32>
  func.return
}

// -----

func.func @tanh() {
  %x = stablehlo.constant dense<[[7.51e-01, 2.383e+00, 1.654e+00], [-1.649e+00, -1.199e+00, 2.241e+00]]> : tensor<2x3xf32>
  %r = stablehlo.tanh %x : tensor<2x3xf32>
  check.expect_almost_eq_const %r, dense<[[6.3574517e-01, 9.83115e-01, 9.294045e-01], [-9.287203e-01, -8.3334935e-01, 9.7763145e-01]]> : tensor<2x3xf32>
  func.return
}

// -----

func.func @logistic() {
  %x = stablehlo.constant dense<[1.0, -2.0, 0.5, 0x7FF0000000000000, 3.0]> : tensor<5xf64>
  %r = stablehlo.logistic %x : tensor<5xf64>
  %w = stablehlo.constant dense<[0.7310585786300049, 0.11920292202211755, 0.6224593312018546, 1.0, 0.9525741268224334]> : tensor<5xf64>
  check.expect_close %r, %w, max_ulp_difference = 2 : tensor<5xf64>, tensor<5xf64>
  func.return
}

// -----

func.func @divide_i8() {
  %x = stablehlo.constant dense<[7, -7, -128, 100]> : tensor<4xi8>
  %y = stablehlo.constant dense<[2, 2, -1, -3]> : tensor<4xi8>
  %r = stablehlo.divide %x, %y : tensor<4xi8>
  %want = stablehlo.constant dense<[3, -3, -128, -33]> : tensor<4xi8>
  check.expect_eq %r, %want : tensor<4xi8>
  func.return
}

// -----

func.func @multiply_complex() {
  %x = stablehlo.constant dense<[(1.0e+00,2.0e+00), (-0.0e+00,-5.0e-01)]> : tensor<2xcomplex<f32>>
  %y = stablehlo.constant dense<[(3.0e+00,-1.0e+00), (2.0e+00,2.5e-01)]> : tensor<2xcomplex<f32>>
  %r = stablehlo.multiply %x, %y : tensor<2xcomplex<f32>>
  check.expect_almost_eq_const %r, dense<[(5.0e+00,5.0e+00), (1.25e-01,-1.0e+00)]> : tensor<2xcomplex<f32>>
  func.return
}

// -----

func.func @compare() {
  %x = stablehlo.constant dense<[1.5e+00, 0x7FC00000, -0.0e+00, 2.0e+00]> : tensor<4xf32>
  %y = stablehlo.constant dense<[2.0e+00, 1.0e+00, 0.0e+00, 0x7FC00000]> : tensor<4xf32>
  %r = stablehlo.compare LT, %x, %y, FLOAT : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  check.expect_eq_const %r, dense<[true, false, false, false]> : tensor<4xi1>
  %m = stablehlo.maximum %x, %y : tensor<4xf32>
  check.expect_almost_eq_const %m, dense<[2.0e+00, 0x7FC00000, 0.0e+00, 0x7FC00000]> : tensor<4xf32>
  func.return
}
