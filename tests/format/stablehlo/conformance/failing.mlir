// Checks that must fail, beside some that hold; tests/format/stablehlo/conformance_test.py lists which.
func.func @right() {
  %x = stablehlo.constant dense<[[7.51e-01, 2.383e+00, 1.654e+00], [-1.649e+00, -1.199e+00, 2.241e+00]]> : tensor<2x3xf32>
  check.expect_eq %x, %x : tensor<2x3xf32>
  func.return
}

// -----

func.func @one_element_off() {
  %x = stablehlo.constant dense<[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]> : tensor<3x4xi32>
  check.expect_eq_const %x, dense<[[0, 1, 2, 3], [4, 6, 6, 7], [8, 9, 10, 11]]> : tensor<3x4xi32>
  func.return
}

// -----

func.func @beyond_the_tolerance() {
  %x = stablehlo.constant dense<[1.0, 2.0]> : tensor<2xf32>
  check.expect_almost_eq_const %x, dense<[1.0001, 2.001]> : tensor<2xf32>
  %y = stablehlo.constant dense<[1.0, 2.0000007]> : tensor<2xf32>
  check.expect_close %x, %y, max_ulp_difference = 2 : tensor<2xf32>, tensor<2xf32>
  check.expect_close %x, %y, max_ulp_difference = 3 : tensor<2xf32>, tensor<2xf32>
  check.expect_close %x, %y, max_ulp_difference = 9, min_ulp_difference = 1 : tensor<2xf32>, tensor<2xf32>
  func.return
}

// -----

func.func @nan_is_almost_equal_alone() {
  %x = stablehlo.constant dense<[0x7FC00000, -0.0]> : tensor<2xf32>
  %y = stablehlo.constant dense<[0x7FC00000, 0.0]> : tensor<2xf32>
  check.expect_eq %x, %y : tensor<2xf32>
  check.expect_almost_eq %x, %y : tensor<2xf32>
  func.return
}
