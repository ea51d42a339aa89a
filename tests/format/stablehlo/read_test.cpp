// The StableHLO reader: forms of the text, what becomes of it, and messages.
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/ir/verify.h"
#include "ecotone/op/control.h"

namespace ecotone::stablehlo {
namespace {

ProgramRef parse(const std::string& text, const ReadOptions& options = {}) {
  ProgramRef program = parse_program(text, "t.mlir", options);
  verify(*program);
  return program;
}

std::vector<Tensor> run(const std::string& text, const std::vector<Tensor>& inputs) {
  return backend::evaluate(*parse(text), inputs, EvalMode::kSpec);
}

const char* const kAdd = R"(func.func @main(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %0 = stablehlo.add %x, %y : tensor<3xf32>
  return %0 : tensor<3xf32>
})";

TEST(StableHloRead, PrettyForm) {
  const auto out = run(kAdd, {Tensor::from<float>({1, 2, 3}, {3}), Tensor::from<float>({10, 20, 30}, {3})});
  EXPECT_EQ(out.at(0), Tensor::from<float>({11, 22, 33}, {3}));
}

TEST(StableHloRead, GenericForm) {
  const auto out = run(R"("builtin.module"() <{sym_name = "m"}> ({
  "func.func"() <{sym_name = "main", function_type = (tensor<2x3xf32>) -> tensor<2xf32>}> ({
  ^bb0(%arg0: tensor<2x3xf32>):
    %0 = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
    %1 = "stablehlo.reduce"(%arg0, %0) <{dimensions = array<i64: 1>}> ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %2 = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%2) : (tensor<f32>) -> ()
    }) : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
    "func.return"(%1) : (tensor<2xf32>) -> ()
  }) : () -> ()
}) : () -> ())",
                       {Tensor::from<float>({1, 2, 3, 4, 5, 6}, {2, 3})});
  EXPECT_EQ(out.at(0), Tensor::from<float>({6, 15}, {2}));
}

TEST(StableHloRead, ImplicitCapturesOfRegionsAreDeclared) {
  const std::string text = R"(func.func @main(%x: tensor<i32>, %n: tensor<i32>, %step: tensor<i32>) -> tensor<i32> {
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %r:2 = stablehlo.while(%i = %zero, %sum = %x) : tensor<i32>, tensor<i32>
  cond {
    %c = stablehlo.compare LT, %i, %n, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %one = stablehlo.constant dense<1> : tensor<i32>
    %j = stablehlo.add %i, %one : tensor<i32>
    %s = stablehlo.add %sum, %step : tensor<i32>
    stablehlo.return %j, %s : tensor<i32>, tensor<i32>
  }
  return %r#1 : tensor<i32>
})";
  const auto program = parse(text);
  const Equation& loop = program->equations().back();
  EXPECT_EQ(loop.op, &op::while_());
  EXPECT_EQ(loop.capture_count, 2U);
  const auto out = backend::evaluate(
      *program, std::vector{Tensor::scalar<int32_t>(100), Tensor::scalar<int32_t>(4), Tensor::scalar<int32_t>(7)},
      EvalMode::kSpec);
  EXPECT_EQ(out.at(0).at_int(0), 128);
}

TEST(StableHloRead, CallsShareTheirBody) {
  const auto program = parse(R"(module @m {
  func.func public @main(%x: tensor<f32>) -> tensor<f32> {
    %0 = call @twice(%x) : (tensor<f32>) -> tensor<f32>
    %1 = func.call @twice(%0) : (tensor<f32>) -> tensor<f32>
    return %1 : tensor<f32>
  }
  func.func private @twice(%x: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.add %x, %x : tensor<f32>
    return %0 : tensor<f32>
  }
})");
  ASSERT_EQ(program->equations().size(), 2U);
  EXPECT_EQ(program->equations()[0].regions[0].body, program->equations()[1].regions[0].body);
  EXPECT_EQ(backend::evaluate(*program, std::vector{Tensor::scalar<float>(3)}, EvalMode::kSpec)[0].at_double(0), 12);
}

TEST(StableHloRead, AliasesOfAttributesTypesAndLocations) {
  const auto program = parse(R"(#dims = array<i64: 1, 0>
!t = tensor<2x3xf32>
func.func @main(%x: !t) -> tensor<3x2xf32> {
  %0 = "stablehlo.transpose"(%x) <{permutation = #dims}> : (!t) -> tensor<3x2xf32> loc(#loc1)
  return %0 : tensor<3x2xf32>
}
#loc2 = loc("net.py":12:5)
#loc1 = loc("layer"(#loc2)))");
  EXPECT_NE(location_str(program->equations()[0].location).find("layer"), std::string::npos);
  EXPECT_NE(location_str(program->equations()[0].location).find("net.py:12:5"), std::string::npos);
}

TEST(StableHloRead, LocationsThatNameThemselvesEnd) {
  const auto program = parse(R"(func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = stablehlo.abs %x : tensor<f32> loc(#loc1)
  return %0 : tensor<f32>
}
#loc1 = loc(fused[#loc1, #loc2, #loc1])
#loc2 = loc(fused[#loc1, #loc2]))");
  EXPECT_EQ(location_str(program->equations()[0].location), "t.mlir:2:8");
}

TEST(StableHloRead, EveryEquationHasALocation) {
  EXPECT_EQ(location_str(parse(kAdd)->equations()[0].location), "t.mlir:2:8");
}

TEST(StableHloRead, ArgumentsHaveNamesKindsAndAliases) {
  const auto program = parse(R"(func.func @main(%a: tensor<2xf32> {ecotone.name = "x", tf.aliasing_output = 0 : i32},
    %b: tensor<2xf32> {ecotone.kind = "parameter", ecotone.name = "weight"},
    %c: tensor<2xf32> {mhlo.sharding = "{replicated}"}) -> (tensor<2xf32> {ecotone.name = "y"}) {
  %0 = stablehlo.multiply %a, %b : tensor<2xf32>
  %1 = stablehlo.add %0, %c : tensor<2xf32>
  return %1 : tensor<2xf32>
})");
  ASSERT_EQ(program->inputs().size(), 2U);
  EXPECT_EQ(program->inputs()[0].name, "x");
  EXPECT_EQ(program->inputs()[1].name, "arg2");
  ASSERT_NE(program->inputs()[1].annotations, nullptr);
  EXPECT_NE(program->inputs()[1].annotations->find("mhlo.sharding"), nullptr);
  ASSERT_EQ(program->parameters().size(), 1U);
  EXPECT_EQ(program->parameters()[0].name, "weight");
  EXPECT_EQ(program->outputs()[0].name, "y");
  ASSERT_EQ(program->aliases().size(), 1U);
  EXPECT_EQ(program->aliases()[0].input, 0U);
}

TEST(StableHloRead, Constants) {
  const auto out = run(
      R"(func.func @main() -> (tensor<2x2xf32>, tensor<4xi1>, tensor<2xcomplex<f32>>, tensor<f32>, tensor<3xui8>, tensor<2xi4>, tensor<2x0xf32>) {
  %0 = stablehlo.constant dense<[[1.0, -2.5], [0x7FC00001, 3.0e2]]> : tensor<2x2xf32>
  %1 = stablehlo.constant dense<[true, false, false, true]> : tensor<4xi1>
  %2 = stablehlo.constant dense<[(1.0, 2.0), (-3.0, 0.5)]> : tensor<2xcomplex<f32>>
  %3 = stablehlo.constant dense<"0x0000C03F"> : tensor<f32>
  %4 = stablehlo.constant dense<255> : tensor<3xui8>
  %5 = stablehlo.constant dense<[-8, 7]> : tensor<2xi4>
  %6 = stablehlo.constant dense<> : tensor<2x0xf32>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<2x2xf32>, tensor<4xi1>, tensor<2xcomplex<f32>>, tensor<f32>, tensor<3xui8>, tensor<2xi4>, tensor<2x0xf32>
})",
      {});
  EXPECT_EQ(out[0].at_double(1), -2.5);
  EXPECT_EQ(out[0].at_bits(2), 0x7FC00001U);
  EXPECT_EQ(out[0].at_double(3), 300);
  EXPECT_EQ(out[1].to_ints(), (std::vector<int64_t>{1, 0, 0, 1}));
  EXPECT_EQ(out[2].at_complex(1), std::complex<double>(-3, 0.5));
  EXPECT_EQ(out[3].at_double(0), 1.5);
  EXPECT_EQ(out[4].to_ints(), (std::vector<int64_t>{255, 255, 255}));
  EXPECT_EQ(out[5].to_ints(), (std::vector<int64_t>{-8, 7}));
  EXPECT_EQ(out[6].size(), 0);
}

// (x - zero) * scale: x holds 0.5 * (10 - 2) and 0.5 * (-6 - 2); their sum with itself is stored at scale 0.25.
TEST(StableHloRead, QuantizedTypesAreExpanded) {
  const auto out = run(R"(!q = !quant.uniform<i8:f32, 0.5:2>
func.func @main(%x: tensor<2x!q>) -> (tensor<2x!quant.uniform<i8:f32, 0.25>>, tensor<2xf32>) {
  %0 = stablehlo.add %x, %x : (tensor<2x!q>, tensor<2x!q>) -> tensor<2x!quant.uniform<i8:f32, 0.25>>
  %1 = stablehlo.uniform_dequantize %x : (tensor<2x!q>) -> tensor<2xf32>
  return %0, %1 : tensor<2x!quant.uniform<i8:f32, 0.25>>, tensor<2xf32>
})",
                       {Tensor::from<int8_t>({10, -6}, {2})});
  EXPECT_EQ(out[0].to_ints(), (std::vector<int64_t>{32, -32}));
  EXPECT_EQ(out[1], Tensor::from<float>({4, -4}, {2}));
}

TEST(StableHloRead, ForeignCallsAreKeptAndRefusedTogether) {
  const auto program = parse(R"(func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %0:3 = stablehlo.custom_call @lapack_sgetrf_ffi(%x) {mhlo.backend_config = {}} : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2xi32>, tensor<i32>)
  %1:2 = stablehlo.custom_call @lapack_sgeqrf_ffi(%0#0) : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2xf32>)
  return %1#0 : tensor<2x2xf32>
})");
  EXPECT_EQ(program->equations().size(), 2U);
  try {
    backend::evaluate(*program, std::vector{Tensor::zeros(DType::kF32, {2, 2})}, EvalMode::kSpec);
    FAIL() << "evaluated";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kUnsupported);
    const std::string message = e.what();
    EXPECT_NE(message.find("t.mlir:2:10: lapack_sgetrf_ffi\n  t.mlir:3:10: lapack_sgeqrf_ffi"), std::string::npos)
        << message;
  }
}

TEST(StableHloRead, TuplesAreTakenApart) {
  const std::string text = R"(!pair = tuple<tensor<2xf32>, tensor<i32>>
func.func @main(%t: !pair, %x: tensor<2xf32>) -> (tuple<!pair, tensor<2xf32>>, tensor<i32>) {
  %a = stablehlo.get_tuple_element %t[0] : (!pair) -> tensor<2xf32>
  %n = stablehlo.get_tuple_element %t[1] : (!pair) -> tensor<i32>
  %sum = stablehlo.add %a, %x : tensor<2xf32>
  %p = stablehlo.tuple %sum, %n : !pair
  %one = stablehlo.constant dense<1> : tensor<i32>
  %loop = "stablehlo.while"(%p) ({
  ^bb0(%q: !pair):
    %k = "stablehlo.get_tuple_element"(%q) <{index = 1 : i32}> : (!pair) -> tensor<i32>
    %limit = stablehlo.constant dense<3> : tensor<i32>
    %c = stablehlo.compare LT, %k, %limit : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  }, {
  ^bb0(%q: !pair):
    %v = "stablehlo.get_tuple_element"(%q) <{index = 0 : i32}> : (!pair) -> tensor<2xf32>
    %k = "stablehlo.get_tuple_element"(%q) <{index = 1 : i32}> : (!pair) -> tensor<i32>
    %w = stablehlo.add %v, %v : tensor<2xf32>
    %next = stablehlo.add %k, %one : tensor<i32>
    %r = stablehlo.tuple %w, %next : !pair
    stablehlo.return %r : !pair
  }) : (!pair) -> !pair
  %m:2 = call @swap(%loop) : (!pair) -> (tensor<i32>, !pair)
  %all = stablehlo.tuple %m#1, %x : tuple<!pair, tensor<2xf32>>
  return %all, %m#0 : tuple<!pair, tensor<2xf32>>, tensor<i32>
}
func.func private @swap(%t: !pair) -> (tensor<i32>, !pair) {
  %n = stablehlo.get_tuple_element %t[1] : (!pair) -> tensor<i32>
  return %n, %t : tensor<i32>, !pair
})";
  const auto program = parse(text);
  EXPECT_EQ(program->inputs().size(), 3U);
  ASSERT_EQ(program->outputs().size(), 4U);
  const auto out = backend::evaluate(
      *program,
      std::vector{Tensor::from<float>({1, 2}, {2}), Tensor::scalar<int32_t>(1), Tensor::from<float>({10, 20}, {2})},
      EvalMode::kSpec);
  EXPECT_EQ(out[0], Tensor::from<float>({44, 88}, {2}));
  EXPECT_EQ(out[1].at_int(0), 3);
  EXPECT_EQ(out[2], Tensor::from<float>({10, 20}, {2}));
  EXPECT_EQ(out[3].at_int(0), 3);
}

TEST(StableHloRead, ManualComputationsOfOneDevice) {
  const auto text = [](const char* local) {
    return fmt::format(R"(sdy.mesh @mesh = <["x"=2]>
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {{
  %0 = sdy.manual_computation(%x) in_shardings=[<@mesh, [{{"x"}}]>] out_shardings=[<@mesh, [{{"x"}}]>] manual_axes={{"x"}} (%y: tensor<{0}xf32>) {{
    %1 = stablehlo.negate %y : tensor<{0}xf32>
    sdy.return %1 : tensor<{0}xf32>
  }} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}})",
                       local);
  };
  const auto x = Tensor::from<float>({1, 2, 3, 4}, {4});
  EXPECT_EQ(run(text("4"), {x})[0], Tensor::from<float>({-1, -2, -3, -4}, {4}));
  try {
    parse(text("2"));
    FAIL() << "read";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kUnsupported);
    EXPECT_NE(std::string(e.what()).find("t.mlir:3:8: sdy.manual_computation splits arrays"), std::string::npos)
        << e.what();
  }
}

TEST(StableHloRead, ComputedSizesBecomeSymbols) {
  const std::string text = R"(func.func @main(%x: tensor<?x3xf32>) -> tensor<?xf32> {
  %n = stablehlo.get_dimension_size %x, dim = 0 : (tensor<?x3xf32>) -> tensor<i32>
  %three = stablehlo.constant dense<3> : tensor<i32>
  %all = stablehlo.multiply %n, %three : tensor<i32>
  %shape = stablehlo.reshape %all : (tensor<i32>) -> tensor<1xi32>
  %flat = stablehlo.dynamic_reshape %x, %shape : (tensor<?x3xf32>, tensor<1xi32>) -> tensor<?xf32>
  return %flat : tensor<?xf32>
})";
  const auto program = parse(text);
  EXPECT_EQ(str(program->output_types()[0], program->symbols()), "3*arg0_0xf32");
  const auto x = Tensor::from<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(backend::evaluate(*program, std::vector{x}, EvalMode::kSpec)[0], x.reshaped({6}));
  ReadOptions options;
  options.shapes["arg0"] = {2, 3};
  EXPECT_EQ(str(parse(text, options)->output_types()[0]), "6xf32");
}

TEST(StableHloRead, CompositeOfUnknownNameIsACall) {
  const auto program = parse(R"(module {
  func.func @main(%x: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.composite "their.op" %x {composite_attributes = {a = 1 : i32}, decomposition = @impl, version = 1 : i32} : (tensor<f32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
  func.func private @impl(%x: tensor<f32>) -> tensor<f32> {
    %0 = stablehlo.negate %x : tensor<f32>
    return %0 : tensor<f32>
  }
})");
  EXPECT_EQ(program->equations()[0].op, &op::call());
}

TEST(StableHloRead, CompositeOfOurNameOnTypesThatOursDoesNotTakeIsACall) {
  const auto program = parse(R"(module {
  func.func @main(%x: tensor<2xi32>) -> tensor<2xi32> {
    %0 = stablehlo.composite "ecotone.mish" %x {decomposition = @impl, version = 1 : i32} : (tensor<2xi32>) -> tensor<2xi32>
    return %0 : tensor<2xi32>
  }
  func.func private @impl(%x: tensor<2xi32>) -> tensor<2xi32> {
    %0 = stablehlo.negate %x : tensor<2xi32>
    return %0 : tensor<2xi32>
  }
})");
  EXPECT_EQ(program->equations()[0].op, &op::call());
}

TEST(StableHloRead, ModulesKeepTheirFunctions) {
  const Module module = parse_module(R"(module @tests {
  func.func @a() { return }
  func.func private @b(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> }
})",
                                     "t.mlir");
  EXPECT_EQ(module.name, "tests");
  ASSERT_EQ(module.functions.size(), 2U);
  EXPECT_FALSE(module.find("b")->is_public);
  EXPECT_EQ(module.find("c"), nullptr);
}

}  // namespace
}  // namespace ecotone::stablehlo
