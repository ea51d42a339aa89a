// Sums, products, sorting; values by NumPy and JAX in f64.
func.func @dot_general() {
  %x = stablehlo.constant dense<[[-1.471e+00, -3.3e-01, 2.7e-02, 3.21e-01], [2.973e+00, 1.756e+00, 7.33e-01, 2.934e+00]]> : tensor<2x4xf32>
  %y = stablehlo.constant dense<[[-1.708e+00, -2.039e+00, 6.75e-01], [-2.736e+00, -2.786e+00, 8.9e-02], [-2.03e-01, 2.503e+00, 7.75e-01], [8.5e-02, -1.9e-02, -1.515e+00]]> : tensor<4x3xf32>
  %r = stablehlo.dot_general %x, %y, contracting_dims = [1] x [0] : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  check.expect_almost_eq_const %r, dense<[[3.437152e+00, 3.980231e+00, -1.487685e+00], [-9.781709e+00, -9.17521e+00, -1.7138759e+00]]> : tensor<2x3xf32>, tolerance = 1.0e-5
  func.return
}

// -----

func.func @reduce() {
  %x = stablehlo.constant dense<[[7.51e-01, 2.383e+00, 1.654e+00], [-1.649e+00, -1.199e+00, 2.241e+00]]> : tensor<2x3xf32>
  %z = stablehlo.constant dense<0.0e+00> : tensor<f32>
  %r = stablehlo.reduce(%x init: %z) applies stablehlo.add across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  %w = stablehlo.constant dense<[4.788e+00, -6.070001e-01]> : tensor<2xf32>
  "check.expect_close"(%r, %w) {max_ulp_difference = 2 : ui64, min_ulp_difference = 0 : ui64} : (tensor<2xf32>, tensor<2xf32>) -> ()
  func.return
}

// -----

func.func @convolution() {
  %x = stablehlo.constant dense<[[[[-2.929e+00, -1.846e+00, 1.152e+00, -1.796e+00, -7.83e-01], [-2.978e+00, 1.98e+00, -2.073e+00, -1.394e+00, 2.282e+00], [5.9e-02, 2.083e+00, 8.38e-01, 1.451e+00, -2.451e+00], [2.47e-01, 4.7e-02, 2.228e+00, -8.32e-01, 5.89e-01]]]]> : tensor<1x1x4x5xf32>
  %k = stablehlo.constant dense<[[[[-2.644e+00, -6.74e-01], [-1.062e+00, -2.099e+00]]], [[[1.898e+00, -7.23e-01], [2.872e+00, 5.4e-01]]]]> : tensor<2x1x2x2xf32>
  %r = stablehlo.convolution(%x, %k) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1], window = {stride = [1, 2], pad = [[1, 0], [0, 1]]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64} : (tensor<1x1x4x5xf32>, tensor<2x1x2x2xf32>) -> tensor<1x2x4x3xf32>
  %w = stablehlo.constant dense<[[[[6.985352e+00, 2.54638e+00, 8.31546e-01], [7.9950957e+00, 3.292148e+00, -3.5323212e-01], [2.104437e+00, 2.4849632e+00, -3.4306462e+00], [-1.920905e+00, -3.813414e+00, 5.854926e+00]], [[-9.408928e+00, 2.3387039e+00, -2.248776e+00], [-1.17081995e+01, -3.221412e+00, 5.06777e+00], [-5.789516e+00, 2.635841e-01, -2.7080357e+00], [-6.5926296e-01, 6.490987e+00, -2.96039e+00]]]]> : tensor<1x2x4x3xf32>
  stablehlo.custom_call @check.expect_almost_eq(%r, %w) {has_side_effect = true} : (tensor<1x2x4x3xf32>, tensor<1x2x4x3xf32>) -> ()
  func.return
}

// -----

func.func @sort() {
  %x = stablehlo.constant dense<[6.3e-01, 8.28e-01, 1.059e+00, -2.095e+00, -3.58e-01, -1.563e+00]> : tensor<6xf32>
  %r = "stablehlo.sort"(%x) <{dimension = 0 : i64, is_stable = true}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = stablehlo.compare GT, %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  }) : (tensor<6xf32>) -> tensor<6xf32>
  check.expect_eq_const %r, dense<[1.059e+00, 8.28e-01, 6.3e-01, -3.58e-01, -1.563e+00, -2.095e+00]> : tensor<6xf32>
  func.return
}
