// Operations that move elements; values by NumPy and JAX.
func.func @transpose() {
  %x = stablehlo.constant dense<[[7.51e-01, 2.383e+00, 1.654e+00], [-1.649e+00, -1.199e+00, 2.241e+00]]> : tensor<2x3xf32>
  %r = stablehlo.transpose %x, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  check.expect_eq_const %r, dense<[[7.51e-01, -1.649e+00], [2.383e+00, -1.199e+00], [1.654e+00, 2.241e+00]]> : tensor<3x2xf32>
  func.return
}

// -----

func.func @slice() {
  %x = stablehlo.constant dense<[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]> : tensor<3x4xi32>
  %r = stablehlo.slice %x [0:3:2, 1:4] : (tensor<3x4xi32>) -> tensor<2x3xi32>
  check.expect_eq_const %r, dense<[[1, 2, 3], [9, 10, 11]]> : tensor<2x3xi32>
  func.return
}

// -----

func.func @pad() {
  %x = stablehlo.constant dense<[[0, 1], [4, 5]]> : tensor<2x2xi32>
  %v = stablehlo.constant dense<-1> : tensor<i32>
  %r = stablehlo.pad %x, %v, low = [1, -1], high = [0, 2], interior = [1, 0] : (tensor<2x2xi32>, tensor<i32>) -> tensor<4x3xi32>
  check.expect_eq_const %r, dense<[[-1, -1, -1], [1, -1, -1], [-1, -1, -1], [5, -1, -1]]> : tensor<4x3xi32>
  func.return
}

// -----

func.func @dynamic_slice() {
  %x = stablehlo.constant dense<[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]> : tensor<3x4xi32>
  %a = stablehlo.constant dense<2> : tensor<i64>
  %b = stablehlo.constant dense<9> : tensor<i64>
  %r = stablehlo.dynamic_slice %x, %a, %b, sizes = [2, 2] : (tensor<3x4xi32>, tensor<i64>, tensor<i64>) -> tensor<2x2xi32>
  check.expect_eq_const %r, dense<[[6, 7], [10, 11]]> : tensor<2x2xi32>
  func.return
}

// -----

func.func @gather() {
  %x = stablehlo.constant dense<[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]> : tensor<3x4xi32>
  %i = stablehlo.constant dense<[2, 0, 7]> : tensor<3xi32>
  %r = "stablehlo.gather"(%x, %i) <{dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false}> : (tensor<3x4xi32>, tensor<3xi32>) -> tensor<3x4xi32>
  check.expect_eq_const %r, dense<[[8, 9, 10, 11], [0, 1, 2, 3], [8, 9, 10, 11]]> : tensor<3x4xi32>
  func.return
}
