// Everything that a Program says stays when it is printed and read back, and MLIR's tools parse the text.
#include <gtest/gtest.h>

#include "ecotone/op/build.h"
#include "ecotone/op/collective.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/control.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/index.h"
#include "ecotone/op/quantize.h"
#include "ecotone/op/random.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/softmax.h"

#include "tests/format/stablehlo/printed.h"

namespace ecotone::stablehlo {
namespace {

using namespace ecotone::op;

std::shared_ptr<const DynamicAttributes> attributes(const char* key, AttributeValue value) {
  DynamicAttributes d;
  d.set(key, std::move(value));
  return std::make_shared<const DynamicAttributes>(std::move(d));
}

TEST(RoundTrip, NamesKindsAliasesAnnotations) {
  Builder b("my net");
  b.set_location(file_location("net.py", 3, 7));
  const Dim n = b.symbol("batch size", 1, 64);
  const ValueId x = b.input("x \"quoted\"", f32({n, 3}), attributes("mhlo.sharding", {"{replicated}"}));
  const ValueId w = b.parameter("weight", TensorType{DType::kF32, {3}}, std::nullopt,
                                attributes("training.rate", {0.5}));
  const ValueId state = b.input("state", f32({3}));
  b.input("unused", TensorType{DType::kI4, {2}});
  const ValueId y = multiply(b, x, broadcast_in_dim(b, w, {n, 3}, {1}));
  b.name_value(y, "layer/mul:0");
  const ValueId next = b.add(op::add(), {}, std::vector{state, w}, {}, {},
                             attributes("mhlo.frontend_attributes", {DynamicAttributes()}))[0];
  b.output("y", y);
  b.output("out1", next, attributes("jax.result_info", {"result[1]"}));
  b.alias(1, 1);
  DynamicAttributes module;
  module.set("mhlo.num_partitions", {int64_t{1}});
  DynamicAttributes all;
  all.set(std::string(kModuleKey), {std::move(module)});
  all.set("author.name", {"someone"});
  b.annotate(std::make_shared<const DynamicAttributes>(std::move(all)));
  const std::string text = print_and_parse("names", std::move(b).build());
  EXPECT_HAS(text, "module @\"my net\" attributes {mhlo.num_partitions = 1 : i64} {");
  EXPECT_HAS(text, "ecotone.name = \"x \\22quoted\\22\"");
  EXPECT_HAS(text, "ecotone.symbols = [[\"batch size\", 1 : i64, 64 : i64]]");
  EXPECT_HAS(text, "tf.aliasing_output = 1 : i32");
  EXPECT_HAS(text, "{ecotone.tap = \"layer/mul:0\"}");
}

TEST(RoundTrip, LocationsWhenAskedFor) {
  Builder b("main");
  const LocationId file = file_location("net \"1\".py", 12, 5), other = file_location("lib.py", 1, 2);
  const LocationId named = named_location("layer1/conv", file);
  const ValueId x = b.input("x", f32({2}));
  ValueId y = x;
  for (const LocationId l : {file, named, fused_location({named, other}), call_location(other, named),
                             derived_location("grad", named), named_location("node"), fused_location({other})}) {
    b.set_location(l);
    y = add(b, y, x);
  }
  b.output("out0", y);
  const ProgramRef p = std::move(b).build();
  EXPECT_EQ(print_and_parse("locations", p).find("loc("), std::string::npos);
  PrintOptions options;
  options.locations = true;
  const std::string text = print_program(*p, options);
  EXPECT_HAS(text, "= loc(\"net \\221\\22.py\":12:5)\n");
  EXPECT_HAS(text, " = loc(\"layer1/conv\"(#loc0))\n");
  EXPECT_HAS(text, "loc(callsite(");
  EXPECT_HAS(text, "loc(fused<{ecotone.derived = \"grad\"}>[");
}

TEST(RoundTrip, AssumptionsAndRanges) {
  Made m;
  const Dim n = m.b.symbol("n", 2, 100), k = m.b.symbol("k");
  const ValueId x = m.in("x", f32({n, 2})), y = m.in("y", f32({k, 2}));
  m.b.assume_equal(n * Dim(2), k + Dim(3));
  const std::string text = print_and_keep("assumptions", m.done({add(m.b, x, slice(m.b, y, {0, 0}, {n, 2}))}),
                                          {{4, 2}, {5, 2}});
  EXPECT_HAS(text, "ecotone.assume = \"2*n,k+3\"");
  EXPECT_HAS(text, "@shape_assertion");
}

TEST(RoundTrip, SizesFromData) {
  Made m;
  const ValueId x = m.in("x", f32({6, 2})), n = m.in("n", TensorType{DType::kI32, {}});
  const ValueId prefix = take_prefix(m.b, x, n, 0, "count");
  const Dim count = m.b.tensor_type(prefix).shape[0];
  const ValueId sum = reduce(m.b, multiply(m.b, prefix, prefix), {0}, Reducer::kAdd);
  const ValueId doubled = dim_value(m.b, count * Dim(2), DType::kI32);
  // XLA pads what is sized by data.
  const std::string text = print_and_keep("prefix", m.done({sum, doubled}));
  EXPECT_HAS(text, "stablehlo.set_dimension_size");
  EXPECT_HAS(text, "ecotone.symbol = [\"count\", 0 : i64, 6 : i64]");

  Made v;
  const ValueId z = v.in("z", f32({6, 2})), k64 = v.in("n", TensorType{DType::kI64, {}});
  const ValueId cut = take_prefix(v.b, z, k64, 0, "count");
  const std::vector<Dim> shape = v.b.tensor_type(cut).shape;
  print_and_parse("prefix_broadcast",
                  v.done({multiply(v.b, cut, broadcast_in_dim(v.b, scalar(v.b, DType::kF32, 3), shape, {}))}));

  Made s;
  const ValueId k = s.in("k", TensorType{DType::kI64, {}});
  const Dim size = size_from(s.b, k, 10, "k");
  const ValueId index = iota(s.b, TensorType{DType::kF32, {size}}, 0);
  print_and_parse("size_from", s.done({reduce(s.b, index, {0}, Reducer::kAdd), dim_value(s.b, size, DType::kI64)}));
}

TEST(RoundTrip, WindowsOfSymbolicSize) {
  Made m;
  const Dim n = m.b.symbol("n", 2);
  const ValueId x = m.in("x", f32({n, 6}));
  WindowAttributes window;
  window.window_dimensions = {n - Dim(1), 2};
  window.padding_low = {0, 1}, window.padding_high = {n, 0};
  window.reducer = Reducer::kAdd;
  const ValueId sums = reduce_window(m.b, x, scalar(m.b, DType::kF32, 0), window);
  // The same as a region, which must not become the enum.
  window.reducer = Reducer::kRegion;
  window.window_strides = {1, 1};
  const Region region{reducer_body(Reducer::kMaximum, DType::kF32), {}};
  const ValueId least = scalar(m.b, DType::kF32, -100);
  const ValueId most = reduce_window(m.b, std::vector{x}, std::vector{least}, window, region)[0];
  window.window_dimensions = {1, 3}, window.padding_low = window.padding_high = {};
  const ValueId fixed = reduce_window(m.b, std::vector{x}, std::vector{least}, window, region)[0];
  const std::string text = print_and_keep("windows", m.done({sums, most, fixed}), {{4, 6}});
  EXPECT_HAS(text, "@stablehlo.dynamic_reduce_window");
  EXPECT_HAS(text, "ecotone.reducer = \"region\"");
}

TEST(RoundTrip, ConvolutionOfSymbolicPadding) {
  Made m;
  const Dim n = m.b.symbol("n", 3);
  const ValueId x = m.in("x", f32({1, 2, n, 5})), w = m.in("w", f32({3, 2, 3, 2}));
  ConvolutionAttributes conv = nchw_convolution(2);
  conv.padding_low = {n - Dim(1), 0}, conv.padding_high = {floordiv(n, Dim(2)), 1};
  conv.rhs_dilation = {1, 2};
  const ValueId y = convolution(m.b, x, w, conv);
  conv.padding_low = conv.padding_high = {};
  const std::string text = print_and_keep("convolution", m.done({y, convolution(m.b, x, w, conv)}), {{1, 2, 4, 5}});
  EXPECT_HAS(text, "stablehlo.dynamic_conv");
}

TEST(RoundTrip, CallsWithSizesOfTheirOwn) {
  Builder callee("ramp");
  callee.set_location(named_location("ramp"));
  const Dim length = callee.symbol("length"), unused = callee.symbol("unused");
  const ValueId a = callee.input("a", f32({}));
  const ValueId ramp = multiply(callee, iota(callee, TensorType{DType::kF32, {length}}, 0),
                                broadcast_in_dim(callee, a, {length}, {}));
  callee.output("out0", ramp);
  const ProgramRef body = std::move(callee).build();
  Made m;
  const Dim n = m.b.symbol("n");
  const ValueId x = m.in("x", f32({n})), s = m.in("s", f32({}));
  (void)unused;
  const ValueId one = call(m.b, body, std::vector{s}, {n, n})[0];
  const ValueId two = call(m.b, body, std::vector{s}, {n * Dim(2), 7})[0];
  const ValueId three = call(m.b, body, std::vector{s}, {4, 5})[0];
  const std::string text = print_and_keep("sized_calls", m.done({add(m.b, x, one), two, three}), {{5}});
  // No argument of the function tells its length.
  EXPECT_HAS(text, "%size0: tensor<i64> {ecotone.dim = \"length\"}");
  EXPECT_HAS(text, "ecotone.dim_args = \"n,n\"");
  EXPECT_HAS(text, "ecotone.dim_args = \"2*n\"");
}

TEST(RoundTrip, SymbolicScanAndLoops) {
  Made m;
  const Dim n = m.b.symbol("n"), d = m.b.symbol("d");
  const ValueId start = m.in("start", f32({d})), xs = m.in("xs", f32({n, d})), scale = m.in("scale", f32({d}));
  const Type types[] = {f32({d}), f32({d}), f32({d})};
  const Region step = make_region(m.b, "step", types, [&](Builder& r, std::span<const ValueId> v) {
    const ValueId next = add(r, multiply(r, v[0], v[2]), v[1]);
    const ValueId ramp = broadcast_in_dim(r, iota(r, TensorType{DType::kF32, {d}}, 0), {2, d}, {1});
    return std::vector{next, add(r, ramp, broadcast_in_dim(r, next, {2, d}, {1}))};
  });
  const auto done = scan(m.b, std::vector{start}, std::vector{xs}, n, step, true, std::vector{scale});
  const ValueId count = scalar_int(m.b, DType::kI64, 0);
  const Type carried[] = {m.b.type(count), f32({d})};
  const Region condition = make_region(m.b, "condition", carried, [&](Builder& r, std::span<const ValueId> v) {
    return std::vector{compare(r, ComparisonDirection::kLt, v[0], dim_value(r, n, DType::kI64))};
  });
  const Region body = make_region(m.b, "body", carried, [&](Builder& r, std::span<const ValueId> v) {
    return std::vector{add(r, v[0], scalar_int(r, DType::kI64, 1)),
                       add(r, v[1], broadcast_in_dim(r, scalar(r, DType::kF32, 1), {d}, {}))};
  });
  const ValueId looped = while_(m.b, std::vector{count, done[0]}, condition, body)[1];
  const ValueId soft = softmax(m.b, done[1], {2});
  const ValueId q = quantize(m.b, xs, scalar(m.b, DType::kF32, 0.25), constant(m.b, Tensor::scalar<int8_t>(3)),
                             QuantizeAttributes{DType::kI8});
  const std::string text = print_and_keep("symbolic_scan", m.done({looped, done[1], soft, q}), {{3}, {4, 3}, {3}});
  EXPECT_HAS(text, "ecotone.op = \"ecotone.scan\"");
  EXPECT_HAS(text, "ecotone.op = \"ecotone.softmax\"");
}

TEST(RoundTrip, CustomDerivative) {
  Made m;
  const ValueId x = m.in("x", f32({3})), y = m.in("y", f32({3}));
  const Type one[] = {f32({3}), f32({3})}, two[] = {f32({3}), f32({3}), f32({3})};
  const Region primal = make_region(m.b, "clip", one, [](Builder& r, std::span<const ValueId> v) {
    return std::vector{minimum(r, v[0], v[1])};
  });
  const Region derivative = make_region(m.b, "clip.jvp", two, [](Builder& r, std::span<const ValueId> v) {
    return std::vector{minimum(r, v[0], v[2]), v[1]};
  });
  const auto made = m.b.add(custom_derivative(), make_attributes(CustomDerivativeAttributes{"clip"}), std::vector{x},
                            {primal, derivative}, std::vector{y});
  const std::string text = print_and_keep("custom_derivative", m.done({made[0]}));
  EXPECT_HAS(text, "derivative = @clip.derivative");
}

TEST(RoundTrip, RandomNumbersAreEqualElsewhere) {
  Made m;
  const ValueId key = m.in("key", TensorType{DType::kU64, {2}});
  const auto draw = [&](DType dtype, double low, double high, RngDistribution distribution, std::vector<Dim> shape) {
    return rng(m.b, scalar(m.b, dtype, low), scalar(m.b, dtype, high), key, distribution, std::move(shape));
  };
  std::vector<ValueId> drawn = {draw(DType::kF32, -1, 2, RngDistribution::kUniform, {3, 5}),
                                draw(DType::kF64, 2, 0.5, RngDistribution::kNormal, {7}),
                                draw(DType::kF32, 0, 1, RngDistribution::kNormal, {4}),
                                rng(m.b, scalar_int(m.b, DType::kI32, -5), scalar_int(m.b, DType::kI32, 20), key,
                                    RngDistribution::kUniform, {11}),
                                rng_bit_generator(m.b, key, TensorType{DType::kU32, {6}}, RngAlgorithm::kThreeFry).second};
  for (size_t i = 0; i < drawn.size(); ++i) m.b.output("out" + std::to_string(i), drawn[i]);
  print_and_keep("random", std::move(m.b).build(), {}, {Tensor::from<uint64_t>({0x0123456789ABCDEF, 42}, {2})});

  Made s;
  const Dim n = s.b.symbol("n");
  const ValueId x = s.in("x", f32({n, 2})), k = s.in("key", TensorType{DType::kU64, {2}});
  const ValueId noise = rng(s.b, scalar(s.b, DType::kF32, 0), scalar(s.b, DType::kF32, 1), k, RngDistribution::kUniform, {n, 2});
  const auto bits = rng_bit_generator(s.b, k, TensorType{DType::kU64, {n}}, RngAlgorithm::kPhilox);
  print_and_keep("symbolic_random", s.done({add(s.b, x, noise), bits.first, bits.second}), {{3, 2}, {2}});
}

TEST(RoundTrip, CollectivesOfSeveralProcesses) {
  Made m;
  const ValueId x = m.in("x", f32({4, 6}));
  CollectiveAttributes a;
  a.replica_groups = {{0, 1}, {2, 3}};
  a.channel_id = 5, a.use_global_device_ids = true;
  const Type scalars[] = {f32({}), f32({})};
  const Region sum = make_region(m.b, "sum", scalars, [](Builder& r, std::span<const ValueId> v) {
    return std::vector{add(r, v[0], v[1])};
  });
  std::vector<ValueId> made;
  const auto keep = [&](const std::vector<ValueId>& v) { made.insert(made.end(), v.begin(), v.end()); };
  keep(m.b.add(all_reduce(), make_attributes(a), std::vector{x}, {sum}));
  keep(m.b.add(collective_broadcast(), make_attributes(a), std::vector{x}));
  a.dimension = 1;
  keep(m.b.add(all_gather(), make_attributes(a), std::vector{x, x}));
  keep(m.b.add(reduce_scatter(), make_attributes(a), std::vector{x}, {sum}));
  a.concat_dimension = 0;
  keep(m.b.add(all_to_all(), make_attributes(a), std::vector{x}));
  CollectiveAttributes everyone;  // no groups: how many there are follows from the types
  everyone.group_size = 3;
  keep(m.b.add(all_gather(), make_attributes(everyone), std::vector{x}));
  everyone.group_size = 2;
  keep(m.b.add(all_to_all(), make_attributes(everyone), std::vector{x}));
  keep(m.b.add(reduce_scatter(), make_attributes(everyone), std::vector{x}, {sum}));
  CollectivePermuteAttributes permute;
  permute.source_target_pairs = {{0, 1}, {1, 2}, {2, 0}}, permute.channel_id = 2;
  keep(m.b.add(collective_permute(), make_attributes(permute), std::vector{x}));
  permute.source_target_pairs = {}, permute.channel_id = 0;
  keep(m.b.add(collective_permute(), make_attributes(permute), std::vector{x}));
  keep({partition_id(m.b), replica_id(m.b)});
  for (size_t i = 0; i < made.size(); ++i) m.b.output("out" + std::to_string(i), made[i]);
  const ProgramRef p = std::move(m.b).build();
  const std::string text = print_and_parse("collectives", p);
  EXPECT_HAS(text, "all_gather_dim = 1 : i64, replica_groups = dense<[[0, 1], [2, 3]]> : tensor<2x2xi64>, channel_handle = "
                   "#stablehlo.channel_handle<handle = 5, type = 1>, use_global_device_ids");
  EXPECT_HAS(text, "split_count = 2 : i64");
  EXPECT_HAS(text, "source_target_pairs = dense<[[0, 1], [1, 2], [2, 0]]> : tensor<3x2xi64>");
  // One process alone can't do it.
  try {
    backend::evaluate(*p, std::vector{Tensor::zeros(DType::kF32, {4, 6})}, EvalMode::kSpec);
    FAIL() << "evaluated";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kUnsupported);
    EXPECT_HAS(std::string(e.what()), "evaluates one process alone");
  }
}

TEST(RoundTrip, TokensAndEffects) {
  Made m;
  const ValueId t = m.b.input("token", Token{});
  const ValueId x = m.in("x", f32({2}));
  TransferAttributes in;
  in.results = {TensorType{DType::kF32, {2}}, TensorType{DType::kI32, {}}};
  in.config = "from \"host\"";
  const auto fed = m.b.add(infeed(), make_attributes(in), std::vector{t});
  TransferAttributes out;
  out.channel_id = 3, out.channel_type = 2, out.is_host_transfer = true;
  const auto sent = m.b.add(send(), make_attributes(out), std::vector{fed[0], fed[2]});
  CustomCallAttributes print;
  print.target = "print me", print.has_side_effect = true, print.results = {TensorType{DType::kF32, {2}}};
  print.tokens = {0};
  print.config.set("backend_config", {"fmt"});
  print.config.set("api_version", {int64_t{2}});
  const auto called = m.b.add(custom_call(), make_attributes(print), std::vector{sent[0], x});
  const ValueId both = after_all(m.b, std::vector{called[0], t});
  const Type carried[] = {Token{}, f32({2})};
  const Region region = make_region(m.b, "region", carried, [](Builder& r, std::span<const ValueId> v) {
    TransferAttributes config;
    return std::vector{r.add(outfeed(), make_attributes(config), std::vector{v[1], v[0]})[0], v[1]};
  });
  const ValueId truth = constant(m.b, Tensor::scalar(true));
  const auto chosen = if_(m.b, truth, region, region, std::vector{both, called[1]});
  m.b.output("token", chosen[0]);
  m.b.output("y", chosen[1]);
  const std::string text = print_and_parse("tokens", std::move(m.b).build());
  EXPECT_HAS(text, "infeed_config = \"from \\22host\\22\"");
  EXPECT_HAS(text, "-> (!stablehlo.token, tensor<2xf32>)");
}

TEST(RoundTrip, ShardingsAndMeshesOfAFile) {
  const std::string source = R"(module @net attributes {mhlo.num_partitions = 4 : i32} {
  sdy.mesh @mesh = <["x"=2, "y"=2]> {stablehlo.mesh = {axes = [{name = "x", size = 2 : i64}]}}
  func.func public @main(%arg0: tensor<4x2xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>}) -> (tensor<4x2xf32> {jax.result_info = "result", sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {"y"}]>}) {
    %0 = sdy.sharding_constraint %arg0 <@mesh, [{"x"}, {"y"}]> : tensor<4x2xf32>
    %1 = stablehlo.tanh %0 {sdy.sharding = #sdy.sharding_per_value<[<@mesh, [{"x"}, {}]>]>, mhlo.sharding = "{devices=[2,2]0,1,2,3}"} : tensor<4x2xf32>
    %2 = stablehlo.custom_call @Sharding(%1) {backend_config = "", mhlo.sharding = "{replicated}", api_version = 1 : i32, operand_layouts = [dense<[1, 0]> : tensor<2xindex>], result_layouts = [dense<[1, 0]> : tensor<2xindex>]} : (tensor<4x2xf32>) -> tensor<4x2xf32>
    return %2 : tensor<4x2xf32>
  }
}
)";
  const ProgramRef p = parse_program(source, "t.mlir");
  const std::string text = print_and_parse("shardings", p);
  for (const char* kept :
       {"mhlo.num_partitions = 4 : i32", R"(sdy.mesh @mesh = <["x"=2, "y"=2]> {stablehlo.mesh = {axes)",
        R"({sdy.sharding = #sdy.sharding<@mesh, [{"x"}, {}]>})", R"(sdy.sharding_constraint %arg0 <@mesh, [{"x"}, {"y"}]>)",
        R"(#sdy.sharding_per_value<[<@mesh, [{"x"}, {}]>]>)", R"("{devices=[2,2]0,1,2,3}")",
        "operand_layouts = [dense<[1, 0]> : tensor<2xindex>]", R"(jax.result_info = "result")"})
    EXPECT_HAS(text, kept);
  const auto x = Tensor::from<float>({1, 2, 3, 4, 5, 6, 7, 8}, {4, 2});
  EXPECT_NEAR(backend::evaluate(*p, std::vector{x}, EvalMode::kSpec)[0].at_double(0), 0.76159416, 1e-7);
}

TEST(RoundTrip, ModulesOfSeveralFunctions) {
  const std::string source = R"(module @tests attributes {test.suite = "a"} {
  func.func public @f(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = call @shared(%x) : (tensor<2xf32>) -> tensor<2xf32>
    return %0 : tensor<2xf32>
  }
  func.func private @alone(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
  func.func public @g(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = call @shared(%x) : (tensor<2xf32>) -> tensor<2xf32>
    return %0 : tensor<2xf32>
  }
  func.func private @shared(%x: tensor<2xf32>) -> tensor<2xf32> {
    %0 = stablehlo.negate %x : tensor<2xf32>
    return %0 : tensor<2xf32>
  }
}
)";
  const std::string once = print_module(parse_module(source, "t.mlir"));
  EXPECT_EQ(print_module(parse_module(once, "t.mlir")), once);
  EXPECT_HAS(once, "module @tests attributes {test.suite = \"a\"} {");
  EXPECT_HAS(once, "func.func private @alone(");
  EXPECT_EQ(once.find("func.func private @shared"), once.rfind("func.func private @shared")) << once;
}

TEST(RoundTrip, BigConstantsOfOneValueStayConstants) {
  Made m;
  std::vector<ValueId> c;
  for (const DType d : {DType::kF32, DType::kBool, DType::kI4, DType::kC64, DType::kF8E5M2})
    c.push_back(constant(m.b, Tensor::full(d, {10, 13}, 1)));
  for (size_t i = 0; i < c.size(); ++i) m.b.output("out" + std::to_string(i), c[i]);
  print_and_parse("equal_elements", std::move(m.b).build());
}

// What a size is must be said by the text, or be an error, never a guess.
TEST(RoundTrip, WrongMarksAreErrors) {
  const auto error = [](const std::string& body, const std::string& symbols = R"([["n", 0 : i64, 9 : i64]])") {
    const std::string text = "func.func @main(%x: tensor<?xf32> {ecotone.shape = \"n\"}) -> tensor<?xf32> attributes "
                             "{ecotone.symbols = " + symbols + "} {\n" + body + "\n}";
    try {
      parse_program(text, "t.mlir");
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error("return %x : tensor<?xf32>"), "no error");
  EXPECT_EQ(error("%0 = stablehlo.constant {ecotone.size = \"m\"} dense<1> : tensor<i64>\nreturn %x : tensor<?xf32>"),
            "t.mlir:2:41: there is no size 'm' here");
  EXPECT_EQ(error("%0 = stablehlo.constant {ecotone.size = \"n\"} dense<1> : tensor<i64>\n"
                  "%1 = stablehlo.add %0, %0 : tensor<i64>\nreturn %x : tensor<?xf32>"),
            "t.mlir:3:20: %0 is marked as a size; stablehlo.add can't use it as a value");
  EXPECT_EQ(error("%0 = stablehlo.negate %x {ecotone.tpa = \"a\"} : tensor<?xf32>\nreturn %x : tensor<?xf32>"),
            "t.mlir:2:41: stablehlo.negate: the attribute 'ecotone.tpa' means nothing here");
  EXPECT_EQ(error("return %x : tensor<?xf32>", R"([["n", 5 : i64, 2 : i64]])"),
            "t.mlir:1:106: the size 'n' can't be in [5, 2]");
  EXPECT_EQ(error("return %x : tensor<?xf32>", R"([["n"], ["n"]])"), "t.mlir:1:113: the symbol 'n' is listed twice");
}

}  // namespace
}  // namespace ecotone::stablehlo
