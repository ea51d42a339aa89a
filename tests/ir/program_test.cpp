// The Builder and the verifier: what they make, and what they refuse.
#include <chrono>

#include <gtest/gtest.h>

#include "ecotone/base/error.h"
#include "ecotone/ir/builder.h"
#include "ecotone/ir/verify.h"
#include "ecotone/op/control.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone {
namespace {

Builder located() {
  Builder b;
  b.set_location(named_location("test"));
  return b;
}
TensorType f32(std::vector<Dim> shape) {
  return {DType::kF32, std::move(shape)};
}

TEST(Builder, NumbersInputsThenParametersThenResults) {
  Builder b = located();
  const ValueId x = b.input("x", f32({2}));
  const ValueId y = op::negate(b, x);
  const ValueId w = b.parameter("w", f32({2}), Tensor::from<float>({1, 2}, {2}));
  const ValueId z = op::add(b, y, w);
  b.name_value(z, "sum");
  b.output("z", z);
  const ProgramRef p = std::move(b).build();
  verify(*p);
  EXPECT_EQ(p->parameter_value(0), 1U);
  EXPECT_EQ(p->equations()[0].first_result, 2U);
  EXPECT_EQ(p->equations()[1].operands, (std::vector<ValueId>{2, 1}));
  EXPECT_EQ(p->value_name(3), "sum");
  EXPECT_EQ(p->definition(3), &p->equations()[1]);
  EXPECT_EQ(p->definition(1), nullptr);
}

TEST(Builder, UndecidedSizesBecomeAssumptions) {
  Builder b = located();
  const Dim n = b.symbol("n", 1), m = b.symbol("m", 1);
  const ValueId x = b.input("x", f32({n})), y = b.input("y", f32({m}));
  b.output("z", op::add(b, x, y));
  op::add(b, x, y);  // the same need again
  const ProgramRef p = std::move(b).build();
  verify(*p);
  ASSERT_EQ(p->assumptions().size(), 1U);
}

TEST(Builder, RefusesWhatDoesNotFit) {
  Builder b = located();
  const ValueId x = b.input("x", f32({2})), y = b.input("y", f32({3})), i = b.input("i", TensorType{DType::kI32, {2}});
  const Dim n = b.symbol("n", 5, 9);
  const ValueId s = b.input("s", f32({n}));
  const ValueId t = b.input("t", Token{});
  EXPECT_THROW(op::add(b, x, y), Error);
  EXPECT_THROW(op::add(b, x, i), Error);
  EXPECT_THROW(op::add(b, x, s), Error);   // n is at least 5
  EXPECT_THROW(op::sine(b, i), Error);     // no such dtype
  EXPECT_THROW(op::negate(b, t), Error);   // a token
  EXPECT_THROW(op::add(b, x, 77), Error);  // no such value
  EXPECT_THROW(b.output("o", 77), Error);  // no such value
  EXPECT_THROW(b.add1(op::add(), {}, {x}), Error);
  EXPECT_THROW(b.add1(op::reshape(), {}, {x}), Error);  // another op's attributes
  EXPECT_THROW(op::reshape(b, x, {3}), Error);
  EXPECT_THROW(op::transpose(b, x, {0, 0}), Error);
  EXPECT_THROW(op::transpose(b, x, {1}), Error);  // sorted, but no permutation
  EXPECT_THROW(b.parameter("p", f32({2}), Tensor::from<int32_t>({1, 2}, {2})), Error);
}

TEST(Builder, AssumptionsMustBeAbleToHold) {
  Builder b = located();
  const Dim n = b.symbol("n"), m = b.symbol("m");
  b.output("z", op::add(b, b.input("x", f32({n})), b.input("y", f32({m}))));
  b.set_symbol_range(0, 1, 4);
  b.set_symbol_range(1, 5, 9);
  EXPECT_THROW((void)std::move(b).build(), Error);
}

// An error names the place.
TEST(Builder, ErrorsNameTheLocation) {
  Builder b;
  b.set_location(named_location("conv1"));
  const ValueId x = b.input("x", f32({2})), y = b.input("y", f32({3}));
  try {
    op::add(b, x, y);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("conv1"), std::string::npos) << e.what();
  }
}

TEST(Builder, InlinesWithSymbolsReplaced) {
  Builder inner = located();
  const Dim n = inner.symbol("n");
  const ValueId x = inner.input("x", f32({n}));
  inner.output("y", op::reshape(inner, op::negate(inner, x), {n, 1}));
  const ProgramRef body = std::move(inner).build();
  Builder b = located();
  const Dim k = b.symbol("k");
  const ValueId v = b.input("v", f32({2 * k}));
  const auto results = b.inline_program(*body, {&v, 1}, std::vector<Dim>{2 * k});
  b.output("r", results[0]);
  const ProgramRef p = std::move(b).build();
  verify(*p);
  EXPECT_EQ(p->tensor_type(p->outputs()[0].value), f32({2 * k, 1}));
}

// --- the verifier ----------------------------------------------------------------------------------------------------
template <class F>
void expect_refused(const F& fill, const char* why) {
  Builder b = located();
  fill(b);
  const ProgramRef p = std::move(b).build();
  try {
    verify(*p);
    ADD_FAILURE() << why;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(why), std::string::npos) << e.what();
  }
}

TEST(Verify, Refusals) {
  expect_refused(
      [](Builder& b) {
        b.set_location(kNoLocation);
        op::negate(b, b.input("x", f32({2})));
      },
      "no location");
  expect_refused([](Builder& b) { b.input("x", f32({Dim::symbol(3)})); }, "unlisted symbol");
  expect_refused([](Builder& b) { b.parameter("w", f32({2}), Tensor::from<float>({1, 2, 3}, {3})); }, "does not fit");
  expect_refused(
      [](Builder& b) {
        b.output("y", op::abs(b, b.input("x", TensorType{DType::kC64, {2}})));
        b.alias(0, 0);
      },
      "alias");
  expect_refused([](Builder& b) { b.alias(3, 0); }, "alias");
  expect_refused(
      [](Builder& b) {
        Builder inner = located();
        inner.output("w", inner.parameter("w", f32({}), std::nullopt));
        op::call(b, std::move(inner).build(), {});
      },
      "parameters");
  expect_refused(
      [](Builder& b) {
        Builder inner = located();
        inner.output("y", inner.input("x", f32({})));
        const ValueId x = b.input("x", f32({}));
        op::call(b, std::move(inner).build(), {&x, 1}, {1});
      },
      "more size arguments");
  // A fault inside a region is found.
  expect_refused(
      [](Builder& b) {
        Builder inner;  // no location
        inner.output("y", op::negate(inner, inner.input("x", f32({}))));
        const ValueId x = b.input("x", f32({}));
        op::call(b, std::move(inner).build(), {&x, 1});
      },
      "no location");
}

TEST(Verify, SharedBodiesOnce) {
  // 40 levels, each of which calls the one below twice: 2^40 visits if bodies weren't remembered.
  Builder leaf = located();
  leaf.output("y", op::negate(leaf, leaf.input("x", f32({}))));
  ProgramRef body = std::move(leaf).build();
  for (int i = 0; i < 40; ++i) {
    Builder b = located();
    ValueId x = b.input("x", f32({}));
    for (int j = 0; j < 2; ++j) x = op::call(b, body, {&x, 1})[0];
    b.output("y", x);
    body = std::move(b).build();
  }
  verify(*body);
}

TEST(Program, HundredThousandEquations) {
  const auto start = std::chrono::steady_clock::now();
  Builder b = located();
  const Dim n = b.symbol("n", 1);
  const ValueId x = b.input("x", f32({n, 4}));
  ValueId y = x;
  for (int i = 0; i < 50000; ++i) y = op::add(b, op::tanh(b, y), x);
  b.output("y", y);
  const ProgramRef p = std::move(b).build();
  verify(*p);
  EXPECT_EQ(p->equations().size(), 100000U);
#ifdef NDEBUG
  // The budget is for optimized code; sanitizers are slower.
#if !defined(__SANITIZE_ADDRESS__)
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LT(seconds, 2);
#endif
#endif
  (void)start;
}

}  // namespace
}  // namespace ecotone
