// What is wrong with a text is said with its line and column, each mistake in its own words, and no text crashes.
#include <string>

#include <gtest/gtest.h>

#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/stablehlo.h"

namespace ecotone::stablehlo {
namespace {

std::string error_of(const std::string& text) {
  try {
    parse_program(text, "t.mlir");
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

// A function of the lines, which begin at line 2.
std::string error_in(const std::string& lines) {
  return error_of("func.func @main(%x: tensor<3xf32>, %y: tensor<2xf32>, %i: tensor<i32>) -> tensor<3xf32> {\n" +
                  lines + "\n}");
}

struct Mistake {
  const char* lines;
  const char* error;
};

TEST(StableHloReadError, OfOperations) {
  for (const auto& [lines, error] : std::initializer_list<Mistake>{
           {"  %0 = stablehlo.frobnicate %x : tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir: 1 operations are not supported:\n  t.mlir:2:8: stablehlo.frobnicate is no operation that Ecotone "
            "knows"},
           {"  %0 = \"stablehlo.add\"(%x) : (tensor<3xf32>) -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:8: stablehlo.add: wants 2 operands, got 1"},
           {"  %0 = \"stablehlo.add\"(%x, %x) : (tensor<3xf32>) -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:8: stablehlo.add has 2 operands but 1 operand types"},
           {"  %0 = stablehlo.concatenate %x, %y, dim = 0 : (tensor<3xf32>, tensor<2xf32>) -> tensor<4xf32>\n  return "
            "%x : "
            "tensor<3xf32>",
            "t.mlir:2:8: stablehlo.concatenate: the declared result type is tensor<4xf32>, but these operands and "
            "attributes "
            "give 5xf32"},
           {"  %0 = stablehlo.add %x, %y : tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:26: stablehlo.add: %y is 2xf32, but is said to be tensor<3xf32>"},
           {"  %0 = \"stablehlo.add\"(%x, %y) : (tensor<3xf32>, tensor<2xf32>) -> tensor<3xf32>\n  return %0 : "
            "tensor<3xf32>",
            "t.mlir:2:8: stablehlo.add: sizes of elementwise operands must be equal but are 3 and 2"},
           {"  %0 = stablehlo.add %x, %z : tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:26: %z is not defined here"},
           {"  %0 = stablehlo.negate %x#1 : tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:25: %x has 1 results; there is no #1"},
           {"  return %0 : tensor<3xf32>\n  %0 = stablehlo.negate %x : tensor<3xf32>",
            "t.mlir:2:3: a return must be the last operation of its region"},
           {"  %0 = stablehlo.negate %x : tensor<3xf32>", "t.mlir:3:1: a return is missing before this bracket"},
           {"  return %x, %x : tensor<3xf32>, tensor<3xf32>", "t.mlir:2:3: @main declares 1 results but returns 2"},
           {"  return %y : tensor<2xf32>", "t.mlir:2:3: @main declares result 0 as tensor<3xf32>, but returns 2xf32"},
           {"  return %x : tensor<3xf64>", "t.mlir:2:10: func.return: %x is 3xf32, but is said to be tensor<3xf64>"},
           {"  %0 = \"stablehlo.map\"(%x) <{dimensions = array<i64: 0>}> ({\n  ^bb0(%a: tensor<f32>):\n    "
            "stablehlo.return %a : tensor<f64>\n  }) : (tensor<3xf32>) -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:4:22: stablehlo.return: %a is f32, but is said to be tensor<f64>"},
           {"  check.expect_eq %i, %i : tensor<f32>\n  return %x : tensor<3xf32>",
            "t.mlir:2:19: check.expect_eq: %i is i32, but is said to be tensor<f32>"},
           {"  check.expect_almost_eq %x, %y, tolerance = 0.5 : tensor<3xf32>\n  return %x : tensor<3xf32>",
            "t.mlir:2:30: check.expect_almost_eq: %y is 2xf32, but is said to be tensor<3xf32>"},
           {"  %0 = stablehlo.negate %x : tensor<3xf32>\n  %0 = stablehlo.negate %x : tensor<3xf32>\n  return %0 : "
            "tensor<3xf32>",
            "t.mlir:3:3: %0 is defined twice"},
           {"  %0:2 = stablehlo.negate %x : tensor<3xf32>\n  return %x : tensor<3xf32>",
            "t.mlir:2:10: stablehlo.negate is given 2 result names but has 1 result types"},
           {"  %0 = stablehlo.transpose %x, dims = [1] : (tensor<3xf32>) -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:8: stablehlo.transpose: permutation"},
           {"  %0 = \"stablehlo.transpose\"(%x) : (tensor<3xf32>) -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:8: stablehlo.transpose"},
           {"  %0 = \"stablehlo.iota\"() <{iota_dimension = \"x\"}> : () -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:46: stablehlo.iota: 'iota_dimension' must be an integer"},
           {"  %0 = \"stablehlo.iota\"() : () -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:8: stablehlo.iota: the attribute 'iota_dimension' is missing"},
           {"  %0 = \"stablehlo.reverse\"(%x) <{dimensions = [0], dimensions = [0]}> : (tensor<3xf32>) -> "
            "tensor<3xf32>\n  return "
            "%0 : tensor<3xf32>",
            "t.mlir:2:65: the attribute 'dimensions' is given twice"},
           {"  %0 = stablehlo.compare BELOW, %x, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>\n  return %x : "
            "tensor<3xf32>",
            "t.mlir:2:8: stablehlo.compare: 'comparison_direction' is 'BELOW'; it can be EQ, NE, "},
           {"  %0 = stablehlo.slice %x [0:9] : (tensor<3xf32>) -> tensor<9xf32>\n  return %x : tensor<3xf32>",
            "t.mlir:2:8: stablehlo.slice: "},
           {"  %0 = stablehlo.negate %x {a = } : tensor<3xf32>", "t.mlir:2:33: expected an attribute, found '}'"},
           {"  %0 = stablehlo.negate %x", "t.mlir:3:1: expected ':' and the types of stablehlo.negate, found '}'"},
           {"  %0 = stablehlo.negate %x : tensor<3xf32\n  return %x : tensor<3xf32>",
            "t.mlir:3:3: expected '>' after a tensor type, found 'return'"},
           {"  %0 = call @nowhere(%x) : (tensor<3xf32>) -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:8: func.call: there is no function @nowhere in this file"},
           {"  %0 = call @main(%x) : (tensor<3xf32>) -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:8: func.call: @main takes 3 arguments, but 1 are given"},
           {"  %0 = call @main(%x, %y, %i) : (tensor<3xf32>, tensor<2xf32>, tensor<i32>) -> tensor<3xf32>\n  return %0 "
            ": "
            "tensor<3xf32>",
            "t.mlir:1:1: the function @main calls itself; recursion is not supported"},
           {"  %0 = \"stablehlo.if\"(%i) ({\n    stablehlo.return %x : tensor<3xf32>\n  }, {\n    stablehlo.return %x "
            ": "
            "tensor<3xf32>\n  }) : (tensor<i32>) -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:2:8: stablehlo.if: the condition must be a scalar of i1"},
           {"  %0 = \"stablehlo.map\"(%x) <{dimensions = array<i64: 0>}> ({\n  ^bb0(%a: tensor<i32>):\n    "
            "stablehlo.return %a : "
            "tensor<i32>\n  }) : (tensor<3xf32>) -> tensor<3xf32>\n  return %0 : tensor<3xf32>",
            "t.mlir:3:8: stablehlo.map: the argument %a of a region is tensor<i32>, but f32 is passed to it"},
       }) {
    const std::string found = error_in(lines);
    EXPECT_EQ(found.substr(0, std::string_view(error).size()), error) << lines << "\n" << found;
  }
}

TEST(StableHloReadError, OfConstants) {
  for (const auto& [lines, error] : std::initializer_list<Mistake>{
           {"  %0 = stablehlo.constant dense<[1, 2]> : tensor<3xi32>",
            "t.mlir:2:33: the constant's list has 2 entries, but dimension 0 of its type has size 3"},
           {"  %0 = stablehlo.constant dense<[[1], [2]]> : tensor<2xi32>",
            "t.mlir:2:34: expected an integer in a constant, found '['"},
           {"  %0 = stablehlo.constant dense<300> : tensor<ui8>", "t.mlir:2:33: 300 does not fit ui8"},
           {"  %0 = stablehlo.constant dense<1.5> : tensor<i32>",
            "t.mlir:2:33: expected an integer in a constant, found '1.5'"},
           {"  %0 = stablehlo.constant dense<true> : tensor<f32>",
            "t.mlir:2:33: expected a number of f32 in a constant"},
           {"  %0 = stablehlo.constant dense<\"0x0011\"> : tensor<3xi32>", "t.mlir:2:33: the constant has 2 bytes"},
           {"  %0 = stablehlo.constant dense<\"0x001\"> : tensor<3xi32>",
            "t.mlir:2:33: a constant's text must be \"0x...\" with two digits a byte"},
           {"  %0 = stablehlo.constant dense<0x123456789> : tensor<f32>",
            "t.mlir:2:33: 0x123456789 is no bit pattern of f32"},
           {"  %0 = stablehlo.constant dense<1> : tensor<3xf99>", "t.mlir:2:47: 'f99' is no element type of StableHLO"},
           {"  %0 = stablehlo.constant dense<1> : tensor<?xi32>",
            "t.mlir:2:36: a constant's type must be a tensor of known sizes"},
           {"  %0 = stablehlo.constant dense<99999999999999999999> : tensor<i64>",
            "t.mlir:2:33: the integer 99999999999999999999 has more than 64 bits"},
           // Claims of size take no memory.
           {"  %0 = stablehlo.constant dense<[1]> : tensor<4000000000x4xi32>",
            "t.mlir:2:33: the constant has fewer elements"},
           {"  %0 = stablehlo.constant dense<\"0x00112233\"> : tensor<9000000000xi64>",
            "t.mlir:2:33: the constant has 4 bytes"},
           {"  %0 = stablehlo.constant dense<1> : tensor<4000000000x4000000000x4000000000xi32>",
            "t.mlir:2:38: the tensor type tensor<4000000000x4000000000x4000000000xi32> has more than 2^63 elements"},
       }) {
    const std::string found = error_in(lines);
    EXPECT_EQ(found.substr(0, std::string_view(error).size()), error) << lines << "\n" << found;
  }
}

TEST(StableHloReadError, OfFiles) {
  const std::string empty = "{ return }\n";
  for (const auto& [text, error] : std::initializer_list<std::pair<std::string, const char*>>{
           {"", "t.mlir: the file has no function"},
           {"ML\xEFR\x01", "t.mlir: MLIR bytecode is not supported; write the program as text"},
           {"hello", "t.mlir:1:1: expected 'module' or 'func.func', found 'hello'"},
           {"func.func @f() " + empty + "func.func @f() " + empty, "t.mlir:2:1: the function @f is defined twice"},
           {"func.func @f() " + empty + "func.func @g() " + empty,
            "t.mlir: there is no function @main and 2 public functions; name the one to read"},
           {"func.func @main() {\n  return\n", "t.mlir:1:19: this region is never closed with '}'"},
           {"module {\nfunc.func @main() " + empty, "t.mlir:3:1: the module is never closed with '}'"},
           {"func.func @main(%x: tensor<f32>, %x: tensor<f32>) " + empty, "t.mlir:1:34: %x is defined twice"},
           {"func.func @main(%x: tensor<3xf99>) " + empty, "t.mlir:1:30: 'f99' is no element type of StableHLO"},
           {"func.func @main(%x: tensor<*xf32>) " + empty, "t.mlir:1:21: a tensor of unknown rank is not supported"},
           {"func.func @main(%x: memref<3xf32>) " + empty, "t.mlir:1:21: 'memref' is no element type of StableHLO"},
           {"func.func @main(%x: tensor<f32> {tf.aliasing_output = 3 : i32}) " + empty,
            "t.mlir:1:55: tf.aliasing_output is 3, but there are 0 results"},
           {"func.func @main() attributes {a = \"b} " + empty, "t.mlir:1:35: a string has no closing quote"},
           {"func.func @main() attributes {a = #b} " + empty,
            "t.mlir:1:35: the attribute alias #b is not defined above this line"},
           {"func.func @main() {\n  cf.br ^bb1\n^bb1:\n  return\n}", "t.mlir:2:9: "},
           {"func.func @main() {\n^bb0:\n  return\n^bb1:\n  return\n}",
            "t.mlir:4:1: a region with several blocks is not supported"},
           {"func.func @a(%x: tensor<f32>) -> tensor<f32> {\n  %0 = call @b(%x) : (tensor<f32>) -> tensor<f32>\n  "
            "return %0 : "
            "tensor<f32>\n}\nfunc.func @b(%x: tensor<f32>) -> tensor<f32> {\n  %0 = call @a(%x) : (tensor<f32>) -> "
            "tensor<f32>\n"
            "  return %0 : tensor<f32>\n}\nfunc.func @main(%x: tensor<f32>) -> tensor<f32> {\n  %0 = call @a(%x) : "
            "(tensor<f32>) "
            "-> tensor<f32>\n  return %0 : tensor<f32>\n}",
            "t.mlir:1:1: the function @a calls itself; recursion is not supported"},
       }) {
    const std::string found = error_of(text);
    EXPECT_EQ(found.substr(0, std::string_view(error).size()), error) << text << "\n" << found;
  }
}

std::string repeated(std::string_view part, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += part;
  return text;
}

// Each level takes stack: 10^5 of them are refused, wherever they stand.
TEST(StableHloReadError, NestingIsLimited) {
  constexpr int kDeep = 100'000;
  const std::string region = "%0 = \"stablehlo.optimization_barrier\"() ({\n";
  for (const std::string& text : {
           "func.func @main() attributes {a = " + repeated("[", kDeep),
           "func.func @main() attributes {a = " + repeated("{a = ", kDeep),
           "func.func @main() attributes {a = #stablehlo.gather<a = " + repeated("<a = ", kDeep),
           "func.func @main(%x: " + repeated("tuple<", kDeep),
           "func.func @main(%x: " + repeated("(", kDeep),
           "func.func @main(%x: tensor<" + repeated("complex<", kDeep),
           "func.func @main(%x: tensor<!quant.uniform<i8:f32, " + repeated("{", kDeep),
           "func.func @main() {\n%0 = stablehlo.constant dense<" + repeated("[", kDeep) + repeated("]", kDeep) +
               "> : tensor<" + repeated("1x", 1000) + "i32>",
           repeated("module {\n", kDeep),
           "func.func @main() {\n" + repeated(region, kDeep),
           "func.func @main() {\nreturn loc(" + repeated("\"a\"(", kDeep),
           "func.func @main() {\nreturn loc(" + repeated("fused[", kDeep),
           "func.func @main() {\nreturn loc(" + repeated("callsite(", kDeep),
           "\"builtin.module\"() ({\n" + repeated("\"builtin.module\"() ({\n", kDeep),
       }) {
    const std::string error = error_of(text);
    EXPECT_NE(error.find("nested more than"), std::string::npos) << text.substr(0, 80) << "\n" << error.substr(0, 300);
    EXPECT_TRUE(error.starts_with("t.mlir:")) << error.substr(0, 300);
  }
  // What is kept as text takes no stack.
  EXPECT_TRUE(error_of("func.func @main() attributes {a = #a.b" + repeated("<a = <", kDeep))
                  .starts_with("t.mlir:1:39: this bracket is never closed"));
}

TEST(StableHloReadError, CallsAreLimited) {
  constexpr int kDeep = 100'000;
  std::string text =
      "func.func @main(%x: tensor<f32>) -> tensor<f32> {\n  %0 = call @f0(%x) : (tensor<f32>) -> tensor<f32>\n"
      "  return %0 : tensor<f32>\n}\n";
  for (int i = 0; i < kDeep; ++i)
    text += "func.func @f" + std::to_string(i) + "(%x: tensor<f32>) -> tensor<f32> {\n  %0 = call @f" +
            std::to_string((i + 1) % kDeep) + "(%x) : (tensor<f32>) -> tensor<f32>\n  return %0 : tensor<f32>\n}\n";
  const std::string error = error_of(text);
  EXPECT_NE(error.find("nested more than 200 levels deep"), std::string::npos) << error;
}

TEST(StableHloReadError, AllThatIsUnsupportedIsListedAtOnce) {
  const std::string error = error_of(R"(func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = "stablehlo.einsum"(%x) : (tensor<f32>) -> tensor<f32>
  %1 = stablehlo.add %0, %x : tensor<f32>
  %2 = "other.op"(%1) : (tensor<f32>) -> tensor<f32>
  return %2 : tensor<f32>
})");
  EXPECT_NE(error.find("2 operations are not supported"), std::string::npos) << error;
  EXPECT_NE(error.find("t.mlir:2:8: stablehlo.einsum"), std::string::npos) << error;
  EXPECT_NE(error.find("t.mlir:4:8: other.op"), std::string::npos) << error;
}

}  // namespace
}  // namespace ecotone::stablehlo
