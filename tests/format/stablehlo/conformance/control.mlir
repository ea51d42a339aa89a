// Calls, loops, and what is no check: a function with arguments.
func.func private @inputs() -> tensor<2x3xf32> {
  %x = stablehlo.constant dense<[[7.51e-01, 2.383e+00, 1.654e+00], [-1.649e+00, -1.199e+00, 2.241e+00]]> : tensor<2x3xf32>
  func.return %x : tensor<2x3xf32>
}
func.func private @square(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %r = stablehlo.multiply %x, %x : tensor<2x3xf32>
  func.return %r : tensor<2x3xf32>
}
func.func private @compare_them(%x: tensor<2x3xf32>, %y: tensor<2x3xf32>) {
  check.expect_eq %x, %y : tensor<2x3xf32>
  func.return
}
func.func public @calls() {
  %x = func.call @inputs() : () -> tensor<2x3xf32>
  %r = func.call @square(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %w = stablehlo.constant dense<[[5.6400096e-01, 5.6786885e+00, 2.735716e+00], [2.719201e+00, 1.437601e+00, 5.022081e+00]]> : tensor<2x3xf32>
  func.call @compare_them(%r, %w) : (tensor<2x3xf32>, tensor<2x3xf32>) -> ()
  func.return
}

// -----

func.func @takes_an_argument(%x: tensor<f32>) {
  check.expect_eq %x, %x : tensor<f32>
  func.return
}
func.func @while() {
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<i32>
  %ten = stablehlo.constant dense<10> : tensor<i32>
  %r:2 = stablehlo.while(%i = %zero, %sum = %zero) : tensor<i32>, tensor<i32>
  cond {
    %c = stablehlo.compare LT, %i, %ten, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %next = stablehlo.add %i, %one : tensor<i32>
    %more = stablehlo.add %sum, %next : tensor<i32>
    stablehlo.return %next, %more : tensor<i32>, tensor<i32>
  }
  check.expect_eq_const %r#0, dense<10> : tensor<i32>
  check.expect_eq_const %r#1, dense<55> : tensor<i32>
  func.return
}
