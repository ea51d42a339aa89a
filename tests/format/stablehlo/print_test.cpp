// What the printer writes.
#include <chrono>
#include <limits>
#include "ecotone/op/build.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/control.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/quantize.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

#include "tests/format/stablehlo/printed.h"

namespace ecotone::stablehlo {
namespace {

using namespace ecotone::op;

TEST(PrintTest, Elementwise) {
  Made m;
  const ValueId x = m.in("x", f32({2, 3})), y = m.in("arg1", f32({2, 3}));
  const ValueId s = add(m.b, x, y);
  const ValueId less = compare(m.b, ComparisonDirection::kLt, x, y);
  const ValueId picked = select(m.b, less, s, tanh(m.b, x));
  const std::string text = print_and_keep("elementwise", m.done({picked, convert(m.b, less, DType::kI32)}));
  EXPECT_HAS(text, "%arg0: tensor<2x3xf32> {ecotone.name = \"x\"}, %arg1: tensor<2x3xf32>)");
  EXPECT_HAS(text, "%0 = stablehlo.add %arg0, %arg1 : tensor<2x3xf32>\n");
  EXPECT_HAS(text, "return ");
}

TEST(PrintTest, ConstantsAreExact) {
  Made m;
  std::vector<ValueId> c;
  const float inf = std::numeric_limits<float>::infinity();
  c.push_back(constant(m.b, Tensor::from<float>({1.5F, -0.0F, inf, std::nanf("")}, {4})));
  c.push_back(constant(m.b, Tensor::from<float>({0.1F, 1e-45F, 3.4028235e38F}, {3})));
  c.push_back(constant(m.b, Tensor::from<double>({0.1, 5e-324, 1e300, 1}, {2, 2})));
  c.push_back(constant(m.b, Tensor::from<uint64_t>({18446744073709551615U, 0}, {2})));
  c.push_back(constant(m.b, Tensor::from<int8_t>({-128, 127, 0}, {3})));
  c.push_back(constant(m.b, Tensor::from<bool>({true, false, true}, {3})));
  c.push_back(constant(m.b, Tensor::from<std::complex<float>>({{1, -2}, {0.5F, inf}}, {2})));
  std::vector<float> many(100);
  for (size_t i = 0; i < many.size(); ++i) many[i] = 1.0F / static_cast<float>(i + 3);
  c.push_back(constant(m.b, Tensor::from<float>(std::span<const float>(many), {10, 10})));
  c.push_back(constant(m.b, Tensor::full(DType::kBF16, {3}, 0.1)));
  c.push_back(constant(m.b, Tensor::full(DType::kF8E4M3FN, {}, 0.3)));
  c.push_back(constant(m.b, Tensor::zeros(DType::kF32, {0, 3})));
  for (size_t i = 0; i < c.size(); ++i) m.b.output("out" + std::to_string(i), c[i]);
  const std::string text = print_and_keep("constants", std::move(m.b).build());
  EXPECT_HAS(text, "dense<[1.5e+00, -0.0e+00, 0x7F800000, 0x7FC00000]> : tensor<4xf32>");
  EXPECT_HAS(text, "dense<[18446744073709551615, 0]> : tensor<2xui64>");
  EXPECT_HAS(text, "dense<[true, false, true]> : tensor<3xi1>");
  EXPECT_HAS(text, "dense<\"0xABAAAA3E0000803E");  // 1/3, 1/4, little-endian
  EXPECT_HAS(text, "dense<> : tensor<0x3xf32>");
}

TEST(PrintTest, ParametersAndSymbols) {
  Made m;
  const Dim n = m.b.symbol("batch");
  const ValueId x = m.in("x", f32({n, 3}));
  const ValueId w = m.b.parameter("weight", TensorType{DType::kF32, {3, 4}}, Tensor::full(DType::kF32, {3, 4}, 0.5));
  DotAttributes dot;
  dot.lhs_contracting_dimensions = {1}, dot.rhs_contracting_dimensions = {0};
  const ValueId y = dot_general(m.b, x, w, dot);
  const ValueId flat = reshape(m.b, y, {n * Dim(2), 2});
  const std::string text = print_program(*m.done({flat}));
  EXPECT_HAS(text, "%arg0: tensor<?x3xf32> {ecotone.name = \"x\", ecotone.shape = \"batch,3\"}");
  EXPECT_HAS(text, "%arg1: tensor<3x4xf32> {ecotone.name = \"weight\", ecotone.kind = \"parameter\"}");
  EXPECT_HAS(text, "tensor<?x2xf32> {ecotone.shape = \"2*batch,2\"}");
  EXPECT_HAS(text, "stablehlo.get_dimension_size %arg0, dim = 0 {ecotone.helper}");
  EXPECT_HAS(text, "stablehlo.dynamic_reshape");
}

TEST(PrintTest, SymbolicShapes) {
  Made m;
  const Dim n = m.b.symbol("n", 1);
  const ValueId x = m.in("x", f32({n, 4}));
  const ValueId row = m.in("row", f32({4}));
  const ValueId sum = add(m.b, x, broadcast_in_dim(m.b, row, {n, 4}, {1}));
  const ValueId half = slice(m.b, sum, {0, 0}, {floordiv(n + Dim(1), Dim(2)), 4});
  const ValueId padded = pad(m.b, half, scalar(m.b, DType::kF32, -1), {0, 0}, {n, 0});
  const ValueId index = iota(m.b, TensorType{DType::kI32, {n}}, 0);
  const ValueId size = dim_value(m.b, n * n + Dim(3), DType::kI32);
  const ValueId tail = dynamic_slice(m.b, x, std::vector{size, size}, {max(n - Dim(2), Dim(1)), 2});
  print_and_keep("symbolic", m.done({padded, index, size, tail}), {{5, 4}, {4}});
}

TEST(PrintTest, Regions) {
  Made m;
  const ValueId x = m.in("x", f32({3, 4}));
  const ValueId k = m.in("k", TensorType{DType::kI32, {}});
  const ValueId limit = scalar_int(m.b, DType::kI32, 5);
  const Type carried[] = {m.b.type(k), m.b.type(x), m.b.type(limit), m.b.type(x)};
  const Region condition = make_region(m.b, "condition", carried, [](Builder& r, std::span<const ValueId> v) {
    return std::vector{compare(r, ComparisonDirection::kLt, v[0], v[2])};
  });
  const Region body = make_region(m.b, "body", carried, [](Builder& r, std::span<const ValueId> v) {
    return std::vector{add(r, v[0], scalar_int(r, DType::kI32, 1)), add(r, multiply(r, v[1], v[3]), v[3])};
  });
  const auto looped = while_(m.b, std::vector{k, x}, condition, body, std::vector{limit, x});
  const ValueId positive = compare(m.b, ComparisonDirection::kGt, looped[0], k);
  const Region yes = make_region(m.b, "yes", std::span(carried).last(1),
                                 [](Builder& r, std::span<const ValueId> v) { return std::vector{negate(r, v[0])}; });
  const Region no = make_region(m.b, "no", std::span(carried).last(1),
                                [](Builder&, std::span<const ValueId> v) { return std::vector{v[0]}; });
  const ValueId chosen = if_(m.b, positive, yes, no, std::vector{looped[1]})[0];
  const ValueId total = reduce(m.b, chosen, {1}, Reducer::kMaximum);
  const Type pair[] = {f32({}), f32({})};
  const Region order = make_region(m.b, "order", pair, [](Builder& r, std::span<const ValueId> v) {
    return std::vector{compare(r, ComparisonDirection::kGt, v[0], v[1])};
  });
  const ValueId sorted = sort(m.b, std::vector{x}, 1, order)[0];
  WindowAttributes window;
  window.window_dimensions = {1, 2}, window.reducer = Reducer::kAdd;
  const ValueId windowed = reduce_window(m.b, x, scalar(m.b, DType::kF32, 0), window);
  print_and_keep("regions", m.done({looped[0], looped[1], chosen, total, sorted, windowed}));
}

TEST(PrintTest, CallsAreShared) {
  Made m;
  const ValueId x = m.in("x", f32({4}));
  Builder callee("layer");
  callee.set_location(named_location("layer"));
  const Dim n = callee.symbol("n");
  const ValueId a = callee.input("a", f32({n}));
  callee.output("out0", tanh(callee, add(callee, a, a)));
  const ProgramRef layer = std::move(callee).build();
  ValueId y = x;
  for (int i = 0; i < 3; ++i) y = call(m.b, layer, std::vector{y}, {4})[0];
  const std::string text = print_and_keep("calls", m.done({y}));
  size_t count = 0;
  for (size_t at = text.find("func.func private @layer("); at != std::string::npos;
       at = text.find("func.func private", at + 1))
    ++count;
  EXPECT_EQ(count, 1U) << text;
  EXPECT_HAS(text, "func.call @layer(%arg0) : (tensor<4xf32>) -> tensor<4xf32>");
}

TEST(PrintTest, ScanStandsAsAWhile) {
  for (const bool reverse : {false, true}) {
    Made m;
    const ValueId start = m.in("start", f32({2}));
    const ValueId xs = m.in("xs", f32({5, 2}));
    const ValueId scale = m.in("scale", f32({2}));
    const Type types[] = {f32({2}), f32({2}), f32({2})};
    const Region body = make_region(m.b, "step", types, [](Builder& r, std::span<const ValueId> v) {
      const ValueId next = add(r, multiply(r, v[0], v[2]), v[1]);
      return std::vector{next, subtract(r, next, v[1])};
    });
    const auto done = scan(m.b, std::vector{start}, std::vector{xs}, 5, body, reverse, std::vector{scale});
    const std::string text = print_and_keep(reverse ? "scan_reverse" : "scan", m.done({done[0], done[1]}));
    EXPECT_HAS(text, "name = \"ecotone.scan\"");
    EXPECT_HAS(text, "stablehlo.while");
  }
}

TEST(PrintTest, QuantizationStandsAsArithmetic) {
  Made m;
  const ValueId x = m.in("x", f32({3, 8}));
  const ValueId scale = constant(m.b, Tensor::from<float>({0.5F, 0.25F, 1.0F}, {3}));
  const ValueId zero = constant(m.b, Tensor::from<int8_t>({3, 0, -7}, {3}));
  QuantizeAttributes a;
  a.dtype = DType::kI8, a.axis = 0;
  const ValueId q = quantize(m.b, x, scale, zero, a);
  a.dtype = DType::kF32;
  const ValueId d = dequantize(m.b, q, scale, zero, a);
  const ValueId scales = constant(m.b, Tensor::from<float>({0.5F, 2, 0.25F, 1, 3, 0.125F}, {3, 2}));
  const ValueId zeros = constant(m.b, Tensor::from<int8_t>({1, 2, 3, 4, 5, 6}, {3, 2}));
  a.axis = 1, a.block_size = 5;
  const ValueId blocked = dequantize(m.b, q, scales, zeros, a);
  const std::string text = print_and_keep("quantize", m.done({q, d, blocked}));
  EXPECT_HAS(text, "name = \"ecotone.quantize\", composite_attributes = {dtype = i8, axis = 0 : i64");
}

TEST(PrintTest, GatherScatterConvolution) {
  Made m;
  const ValueId x = m.in("x", f32({1, 2, 5, 6}));
  const ValueId w = m.in("w", f32({4, 2, 3, 2}));
  ConvolutionAttributes conv = nchw_convolution(2);
  conv.window_strides = {2, 1}, conv.padding_low = {1, 0}, conv.padding_high = {0, 1}, conv.rhs_dilation = {1, 2};
  const ValueId y = convolution(m.b, x, w, conv);
  const ValueId indices = m.in("indices", TensorType{DType::kI32, {3}});
  const ValueId taken = take(m.b, x, indices, 3);
  ScatterAttributes scatter_attributes;
  scatter_attributes.inserted_window_dims = {0}, scatter_attributes.scatter_dims_to_operand_dims = {0};
  scatter_attributes.index_vector_dim = 1;
  const ValueId target = m.in("target", f32({4}));
  const ValueId updates = m.in("updates", f32({3}));
  const Region sum{reducer_body(Reducer::kAdd, DType::kF32), {}};
  const ValueId scattered =
      scatter(m.b, std::vector{target}, indices, std::vector{updates}, scatter_attributes, sum)[0];
  print_and_keep("indexing", m.done({y, taken, scattered}));
}

TEST(PrintTest, ManyEquationsAreQuick) {
  Made m;
  ValueId x = m.in("x", f32({8}));
  for (int i = 0; i < 100000; ++i) x = i % 2 ? add(m.b, x, x) : tanh(m.b, x);
  const ProgramRef p = m.done({x});
  const auto start = std::chrono::steady_clock::now();
  const std::string text = print_program(*p);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_HAS(text, "%99999 = ");
#ifndef __SANITIZE_ADDRESS__  // which slows it several times
  EXPECT_LT(seconds, 2);      // what Programs of 10^5 equations are allowed
#endif
  RecordProperty("seconds", std::to_string(seconds));
}

TEST(PrintTest, AnUnknownOperationIsRefused) {
  static const Op mine = [] {
    Op op;
    op.name = "mine.op";
    op.infer = [](const InferCall& call) { return std::vector<Type>{call.operands[0]}; };
    return op;
  }();
  Made m;
  const ValueId x = m.in("x", f32({2}));
  const ProgramRef p = m.done({m.b.add1(mine, {}, {x})});
  try {
    print_program(*p);
    FAIL() << "printed";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kUnsupported);
    EXPECT_HAS(std::string(e.what()), "mine.op");
  }
}

}  // namespace
}  // namespace ecotone::stablehlo
