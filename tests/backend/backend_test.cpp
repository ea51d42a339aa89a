// The interface of backends, on each that this build has.
#include "ecotone/backend/backend.h"

#include <thread>

#include <gtest/gtest.h>

#include "ecotone/backend/session.h"
#include "ecotone/base/error.h"
#include "ecotone/ir/builder.h"
#include "ecotone/op/build.h"
#include "ecotone/op/collective.h"
#include "ecotone/op/control.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::backend {
namespace {

Tensor floats(std::initializer_list<float> values, Shape shape) {
  return Tensor::from<float>(values, std::move(shape));
}
const Tensor kWeight = floats({10, 20, 30}, {3});

// y = x + w for x [n, 3], with the parameter w [3]; n is open.
ProgramRef add_weight(std::optional<Tensor> weight = kWeight) {
  Builder b;
  b.set_location(named_location("test"));
  const Dim n = b.symbol("n");
  const ValueId x = b.input("x", TensorType{DType::kF32, {n, 3}});
  const ValueId w = b.parameter("w", {DType::kF32, {3}}, std::move(weight));
  b.output("y", op::add(b, x, op::broadcast_to(b, w, b.tensor_type(x).shape)));
  return std::move(b).build();
}

// The entries of x [n] up to its sum.
ProgramRef up_to_sum() {
  Builder b;
  b.set_location(named_location("test"));
  const ValueId x = b.input("x", TensorType{DType::kI64, {b.symbol("n")}});
  b.output("y", op::take_prefix(b, x, op::reduce(b, x, {0}, op::Reducer::kAdd), 0));
  return std::move(b).build();
}

std::string error_of(const std::function<void()>& act, ErrorKind kind) {
  try {
    act();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}
testing::AssertionResult has(const std::string& text, const std::string& words) {
  if (text.find(words) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no '" << words << "' in: " << text;
}

class EachBackend : public testing::TestWithParam<const Backend*> {};
INSTANTIATE_TEST_SUITE_P(Backend, EachBackend, testing::ValuesIn(backends().begin(), backends().end()),
                         [](const auto& info) { return std::string(info.param->name()); });

TEST_P(EachBackend, IsFoundByItsName) {
  EXPECT_EQ(&find(GetParam()->name()), GetParam());
}

TEST_P(EachBackend, RunsIntoGivenBuffersOrItsOwn) {
  const auto executable = GetParam()->compile(add_weight());
  const auto context = executable->bind()->context();  // outlives the Bound
  for (const int64_t rows : {1, 2, 0}) {
    const TensorType type{DType::kF32, {rows, 3}};
    const auto outputs = context->prepare(std::span(&type, 1));
    ASSERT_EQ(outputs, std::vector{type});
    Tensor x = Tensor::full(DType::kF32, {rows, 3}, 1);
    const Buffer given = Buffer::view(x);
    Buffer own = Buffer::allocate(type), fresh;
    const auto* memory = own.bytes.data();
    context->run(std::span(&given, 1), std::span(&own, 1));
    context->run(std::span(&given, 1), std::span(&fresh, 1));
    EXPECT_EQ(own.bytes.data(), memory);
    EXPECT_EQ(own.tensor(), fresh.tensor());
    if (rows == 2) {
      EXPECT_EQ(own.tensor(), floats({11, 21, 31, 11, 21, 31}, {2, 3}));
    }
  }
}

TEST_P(EachBackend, ParametersMayBeGiven) {
  const auto executable = GetParam()->compile(add_weight(std::nullopt));
  EXPECT_TRUE(has(error_of([&] { executable->bind(); }, ErrorKind::kInvalidInput), "'w'"));
  const Buffer weights[] = {Buffer::view(floats({1, 2, 3}, {3})), Buffer::view(floats({4, 5, 6}, {3}))};
  EXPECT_TRUE(has(error_of([&] { executable->bind(weights); }, ErrorKind::kInvalidInput), "1 parameters"));
  const Tensor x = Tensor::zeros(DType::kF32, {1, 3});
  for (const Buffer& w : weights) {
    const auto context = executable->bind(std::span(&w, 1))->context();
    const TensorType type = x.type();
    context->prepare(std::span(&type, 1));
    const Buffer given = Buffer::view(x);
    Buffer y;
    context->run(std::span(&given, 1), std::span(&y, 1));
    EXPECT_EQ(y.tensor(), w.tensor().reshaped({1, 3}));
  }
}

TEST_P(EachBackend, ContextsRunAtOnce) {
  const auto bound = GetParam()->compile(add_weight())->bind();
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      const auto context = bound->context();
      const auto rows = static_cast<int64_t>(t) + 1;
      const TensorType type{DType::kF32, {rows, 3}};
      for (int i = 0; i < 50; ++i) {
        context->prepare(std::span(&type, 1));
        const Buffer x = Buffer::view(Tensor::full(DType::kF32, {rows, 3}, i));
        Buffer y;
        context->run(std::span(&x, 1), std::span(&y, 1));
        wrong[t] += y.tensor().shape() != Shape{rows, 3} || y.tensor().at_double(1) != 20 + i;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST_P(EachBackend, PrepareSaysWhatDoesNotFit) {
  const auto context = GetParam()->compile(add_weight())->bind()->context();
  const auto refused = [&](std::vector<TensorType> types) {
    return error_of([&] { context->prepare(types); }, ErrorKind::kInvalidInput);
  };
  EXPECT_TRUE(has(refused({}), "1 inputs"));
  EXPECT_TRUE(has(refused({{DType::kF64, {1, 3}}}), "'x' must be f32, got f64"));
  EXPECT_TRUE(has(refused({{DType::kF32, {3}}}), "'x' must have 2 dimensions"));
  EXPECT_TRUE(has(refused({{DType::kF32, {1, 4}}}), "dimension 1 must be 3"));
  Buffer x = Buffer::view(Tensor::zeros(DType::kF32, {1, 3})), y;
  error_of([&] { context->run(std::span(&x, 1), std::span(&y, 1)); }, ErrorKind::kInternal);  // nothing is prepared
  const TensorType two{DType::kF32, {2, 3}};
  context->prepare(std::span(&two, 1));
  const auto run = [&] { context->run(std::span(&x, 1), std::span(&y, 1)); };
  EXPECT_TRUE(has(error_of(run, ErrorKind::kInvalidInput), "prepared as 2x3xf32"));
  x = Buffer::view(Tensor::zeros(DType::kF32, {2, 3}));
  y = Buffer::allocate({DType::kF32, {1, 3}});
  EXPECT_TRUE(has(error_of(run, ErrorKind::kInvalidInput), "needs 24 bytes"));
}

TEST_P(EachBackend, PrepareChecksAssumptions) {
  Builder b;
  b.set_location(named_location("test"));
  const ValueId x = b.input("x", TensorType{DType::kF32, {b.symbol("n")}});
  const ValueId y = b.input("y", TensorType{DType::kF32, {b.symbol("m")}});
  b.output("z", op::add(b, x, y));
  const auto context = GetParam()->compile(std::move(b).build())->bind()->context();
  const TensorType types[] = {{DType::kF32, {2}}, {DType::kF32, {3}}};
  EXPECT_TRUE(has(error_of([&] { context->prepare(types); }, ErrorKind::kInvalidInput), "n and m must be equal"));
}

TEST_P(EachBackend, SizesFromDataAreBoundedThenNarrowed) {
  const auto context = GetParam()->compile(up_to_sum())->bind()->context();
  const Tensor x = Tensor::from<int64_t>({1, 0, 1, 0, 0}, {5});
  const TensorType type = x.type();
  const auto bounds = context->prepare(std::span(&type, 1));
  ASSERT_EQ(bounds, std::vector{type});
  const Buffer given = Buffer::view(x);
  Buffer own = Buffer::allocate(bounds[0]), fresh;
  context->run(std::span(&given, 1), std::span(&own, 1));
  context->run(std::span(&given, 1), std::span(&fresh, 1));
  EXPECT_EQ(own.tensor(), Tensor::from<int64_t>({1, 0}, {2}));
  EXPECT_EQ(fresh.tensor(), own.tensor());
}

TEST_P(EachBackend, TokensAreLeftOut) {
  Builder b;
  b.set_location(named_location("test"));
  const ValueId token = b.input("token", Token{});
  const ValueId x = b.input("x", TensorType{DType::kF32, {}});
  b.output("token", op::after_all(b, std::span(&token, 1)));
  b.output("y", op::negate(b, x));
  Session session(*GetParam(), std::move(b).build());
  const Tensor inputs[] = {Tensor(), Tensor::scalar(2.0F)};
  const auto outputs = session.run(inputs);
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_TRUE(outputs[0].is_null());
  EXPECT_EQ(outputs[1], Tensor::scalar(-2.0F));
}

TEST(Reference, BindsParametersWithoutCopies) {
  const auto storage = std::make_shared<std::vector<float>>(3, 1.0F);
  const Tensor weight(DType::kF32, {3}, std::as_bytes(std::span(*storage)), storage);
  const ProgramRef program = add_weight(weight);
  const auto before = storage.use_count();
  const auto bound = find("reference").compile(program)->bind();
  EXPECT_EQ(storage.use_count(), before + 1);
}

TEST(Reference, ListsAllThatItCannotDo) {
  Builder b;
  b.set_location(named_location("here"));
  const ValueId token = b.input("token", Token{});
  op::TransferAttributes a;
  a.results = {{DType::kF32, {2}}};
  for (const Op* op : {&op::infeed(), &op::recv()}) b.add(*op, make_attributes(a), {&token, 1});
  b.output("token", token);
  const ProgramRef p = std::move(b).build();
  const std::string text = error_of([&] { find("reference").compile(p); }, ErrorKind::kUnsupported);
  EXPECT_TRUE(has(text, "here: stablehlo.infeed"));
  EXPECT_TRUE(has(text, "here: stablehlo.recv"));
}

TEST(Reference, InRealModeFloatsAreF64) {
  Session session(find("reference"), add_weight(), {EvalMode::kReal});
  const Tensor x = Tensor::full(DType::kF32, {1, 3}, 1);
  EXPECT_EQ(session.run(std::span(&x, 1))[0], Tensor::from<double>({11, 21, 31}, {1, 3}));
}

TEST(Backends, AnUnknownNameListsThem) {
  const std::string text = error_of([] { find("nosuch"); }, ErrorKind::kMissing);
  EXPECT_TRUE(has(text, "'nosuch'"));
  for (const Backend* b : backends()) EXPECT_TRUE(has(text, std::string(b->name())));
}

}  // namespace
}  // namespace ecotone::backend
