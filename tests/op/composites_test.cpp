// Each composite against its formula in plain loops of doubles.
#include "tests/op/composites.h"

#include <algorithm>
#include <numbers>

#include "ecotone/backend/reference/error_rule.h"
#include "ecotone/op/activation.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/cost.h"
#include "ecotone/op/cumulative.h"
#include "ecotone/op/norm.h"
#include "ecotone/op/select.h"
#include "ecotone/op/softmax.h"
#include "ecotone/op/table.h"

namespace ecotone::composites_test {
namespace {

TEST(Softmax, OverOneAndTwoDimensions) {
  const Tensor x = random({3, 4, 5}, 1);
  const auto v = data(x);
  std::vector<double> soft(60), log_soft(60), lse(3);
  for (size_t i = 0; i < 3; ++i)
    for (size_t k = 0; k < 5; ++k) {
      double sum = 0;
      for (size_t j = 0; j < 4; ++j) sum += std::exp(v[i * 20 + j * 5 + k]);
      for (size_t j = 0; j < 4; ++j) {
        soft[i * 20 + j * 5 + k] = std::exp(v[i * 20 + j * 5 + k]) / sum;
        log_soft[i * 20 + j * 5 + k] = v[i * 20 + j * 5 + k] - std::log(sum);
      }
    }
  for (size_t i = 0; i < 60; ++i) lse[i / 20] += std::exp(v[i]);
  for (double& s : lse) s = std::log(s);
  expect_near(run({{x}}, 0, [](Builder& b, auto in) { return std::vector{op::softmax(b, in[0], {1})}; })[0], soft);
  expect_near(run({{x}}, 0, [](Builder& b, auto in) { return std::vector{op::log_softmax(b, in[0], {1})}; })[0],
              log_soft);
  expect_near(run({{x}}, 0, [](Builder& b, auto in) { return std::vector{op::log_sum_exp(b, in[0], {1, 2})}; })[0],
              lse);
}

TEST(Softmax, DoesNotOverflow) {
  const Tensor x = Tensor::from<double>({1000, 1000, -1000}, {1, 3});
  expect_near(run({{x}}, 0, [](Builder& b, auto in) { return std::vector{op::softmax(b, in[0], {1})}; })[0],
              {0.5, 0.5, 0});
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor none = Tensor::from<double>({-inf, -inf}, {1, 2});
  EXPECT_EQ(
      run({{none}}, 0, [](Builder& b, auto in) { return std::vector{op::log_sum_exp(b, in[0], {1})}; })[0].at_double(0),
      -inf);
}

// Normalizes v[begin + i * stride], i < count, in place.
void normalize(std::vector<double>& v, size_t begin, size_t count, double epsilon, size_t stride = 1) {
  double mean = 0, variance = 0;
  for (size_t i = 0; i < count; ++i) mean += v[begin + i * stride] / static_cast<double>(count);
  for (size_t i = 0; i < count; ++i) variance += std::pow(v[begin + i * stride] - mean, 2) / static_cast<double>(count);
  for (size_t i = 0; i < count; ++i)
    v[begin + i * stride] = (v[begin + i * stride] - mean) / std::sqrt(variance + epsilon);
}
std::vector<double> values(const Tensor& t) {
  return {data(t).begin(), data(t).end()};
}

TEST(Norm, Mean) {
  const Tensor x = random({3, 4, 5}, 2);
  std::vector<double> want(3);
  for (size_t i = 0; i < 60; ++i) want[i / 20] += data(x)[i] / 20;
  const Tensor y = run({{x}}, 0, [](Builder& b, auto in) { return std::vector{op::mean(b, in[0], {1, 2}, true)}; })[0];
  EXPECT_EQ(y.shape(), (Shape{3, 1, 1}));
  expect_near(y, want);
}

TEST(Norm, Layer) {
  const Tensor x = random({3, 4, 5}, 3), scale = random({4, 5}, 4), bias = random({5}, 5);
  std::vector<double> want = values(x);
  for (size_t i = 0; i < 3; ++i) normalize(want, i * 20, 20, 1e-3);
  for (size_t i = 0; i < 60; ++i) want[i] = want[i] * data(scale)[i % 20] + data(bias)[i % 5];
  const auto y =
      run({{x}, {scale, -1}, {bias, -1}}, 0, [](Builder& b, auto in) { return op::layer_norm(b, in, {1, 1e-3}); });
  expect_near(y[0], want);
  EXPECT_EQ(y[1].shape(), (Shape{3, 1, 1}));
  EXPECT_EQ(y[2].shape(), (Shape{3, 1, 1}));
}

TEST(Norm, RootMeanSquare) {
  const Tensor x = random({3, 5}, 6), scale = random({5}, 7);
  std::vector<double> want = values(x);
  for (size_t i = 0; i < 3; ++i) {
    double power = 0;
    for (size_t j = 0; j < 5; ++j) power += std::pow(data(x)[i * 5 + j], 2) / 5;
    for (size_t j = 0; j < 5; ++j) want[i * 5 + j] *= data(scale)[j] / std::sqrt(power + 1e-2);
  }
  expect_near(run({{x}, {scale, -1}}, 0,
                  [](Builder& b, auto in) { return std::vector{op::rms_norm(b, in[0], in[1], {1, 1e-2})}; })[0],
              want);
}

TEST(Norm, ByChannel) {
  const Tensor x = random({2, 4, 3}, 8), scale = random({4}, 9), bias = random({4}, 10);
  const auto affine = [&](std::vector<double> v) {
    for (size_t i = 0; i < v.size(); ++i) v[i] = v[i] * data(scale)[i / 3 % 4] + data(bias)[i / 3 % 4];
    return v;
  };
  std::vector<double> instance = values(x), group = instance, batch = instance;
  for (size_t i = 0; i < 8; ++i) normalize(instance, i * 3, 3, 1e-3);
  for (size_t i = 0; i < 4; ++i) normalize(group, i * 6, 6, 1e-3);
  const Tensor mean = random({4}, 11), variance = random({4}, 12, 0.5, 2);
  for (size_t i = 0; i < 24; ++i)
    batch[i] = (batch[i] - data(mean)[i / 3 % 4]) / std::sqrt(data(variance)[i / 3 % 4] + 1e-3);
  expect_near(run({{x}, {scale, -1}, {bias, -1}}, 0,
                  [](Builder& b, auto in) { return std::vector{op::instance_norm(b, in[0], in[1], in[2], 1e-3)}; })[0],
              affine(instance));
  expect_near(
      run({{x}, {scale, -1}, {bias, -1}}, 0,
          [](Builder& b, auto in) { return std::vector{op::group_norm(b, in[0], in[1], in[2], {2, 1e-3})}; })[0],
      affine(group));
  expect_near(run({{x}, {scale, -1}, {bias, -1}, {mean, -1}, {variance, -1}}, 0,
                  [](Builder& b, auto in) {
                    return std::vector{op::batch_norm(b, in[0], in[1], in[2], in[3], in[4], 1e-3)};
                  })[0],
              affine(batch));
}

TEST(Norm, LpAndLocalResponse) {
  const Tensor x = random({2, 5, 3}, 13);
  std::vector<double> first(30), second(30), local(30);
  for (size_t i = 0; i < 30; ++i) {
    const size_t n = i / 15, c = i / 3 % 5, k = i % 3;
    double sum1 = 0, sum2 = 0, near = 0;
    for (size_t j = 0; j < 5; ++j) {
      const double v = data(x)[n * 15 + j * 3 + k];
      sum1 += std::abs(v);
      sum2 += v * v;
      if (j + 1 >= c && j <= c + 1) near += v * v;
    }
    first[i] = data(x)[i] / sum1;
    second[i] = data(x)[i] / std::sqrt(sum2);
    local[i] = data(x)[i] / std::pow(1.5 + 0.3 / 3 * near, 0.6);
  }
  expect_near(run({{x}}, 0, [](Builder& b, auto in) { return std::vector{op::lp_norm(b, in[0], {1, 1})}; })[0], first);
  expect_near(run({{x}}, 0, [](Builder& b, auto in) { return std::vector{op::lp_norm(b, in[0], {1, 2})}; })[0], second);
  expect_near(
      run({{x}}, 0,
          [](Builder& b, auto in) { return std::vector{op::local_response_norm(b, in[0], {3, 0.3, 0.6, 1.5})}; })[0],
      local);
  const Tensor zeros = Tensor::zeros(DType::kF64, {1, 2, 1});
  expect_near(run({{zeros}}, 0, [](Builder& b, auto in) { return std::vector{op::lp_norm(b, in[0], {1, 2})}; })[0],
              {0, 0});
}

TEST(Activation, Formulas) {
  struct Case {
    const char* name;
    ValueId (*make)(Builder&, ValueId);
    double (*formula)(double);
  };
  const Case cases[] = {
      {"relu", [](Builder& b, ValueId x) { return op::relu(b, x); }, [](double x) { return x > 0 ? x : 0; }},
      {"softplus", [](Builder& b, ValueId x) { return op::softplus(b, x); },
       [](double x) { return std::log(1 + std::exp(x)); }},
      {"softsign", [](Builder& b, ValueId x) { return op::softsign(b, x); },
       [](double x) { return x / (1 + std::abs(x)); }},
      {"mish", [](Builder& b, ValueId x) { return op::mish(b, x); },
       [](double x) { return x * std::tanh(std::log(1 + std::exp(x))); }},
      {"hard_swish", [](Builder& b, ValueId x) { return op::hard_swish(b, x); },
       [](double x) { return x * std::clamp(x * static_cast<double>(1.0F / 6) + 0.5, 0.0, 1.0); }},
      {"leaky_relu", [](Builder& b, ValueId x) { return op::leaky_relu(b, x, 0.1); },
       [](double x) { return x >= 0 ? x : 0.1 * x; }},
      {"elu", [](Builder& b, ValueId x) { return op::elu(b, x, 1.5); },
       [](double x) { return x >= 0 ? x : 1.5 * (std::exp(x) - 1); }},
      {"celu", [](Builder& b, ValueId x) { return op::celu(b, x, 1.5); },
       [](double x) { return x >= 0 ? x : 1.5 * (std::exp(x / 1.5) - 1); }},
      {"thresholded_relu", [](Builder& b, ValueId x) { return op::thresholded_relu(b, x, 0.7); },
       [](double x) { return x > 0.7 ? x : 0; }},
      {"swish", [](Builder& b, ValueId x) { return op::swish(b, x, 1.5); },
       [](double x) { return x * sigmoid(1.5 * x); }},
      {"selu", [](Builder& b, ValueId x) { return op::selu(b, x, {1.5, 0.9}); },
       [](double x) { return 0.9 * (x >= 0 ? x : 1.5 * (std::exp(x) - 1)); }},
      {"hard_sigmoid", [](Builder& b, ValueId x) { return op::hard_sigmoid(b, x, {0.4, 0.3}); },
       [](double x) { return std::clamp(0.4 * x + 0.3, 0.0, 1.0); }},
      {"shrink", [](Builder& b, ValueId x) { return op::shrink(b, x, {0.8, 0.3}); },
       [](double x) { return x < -0.8  ? x + 0.3
                             : x > 0.8 ? x - 0.3
                                       : 0; }},
      {"gelu", [](Builder& b, ValueId x) { return op::gelu(b, x); },
       [](double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }},
      {"gelu, tanh", [](Builder& b, ValueId x) { return op::gelu(b, x, op::GeluForm::kTanh); },
       [](double x) {
         return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * std::pow(x, 3))));
       }},
  };
  const Tensor x = random({5, 7}, 14, -4, 4);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<double> want;
    for (double v : data(x)) want.push_back(c.formula(v));
    expect_near(run({{x}}, 0, [&](Builder& b, auto in) { return std::vector{c.make(b, in[0])}; })[0], want);
  }
}

TEST(Activation, PreluBroadcastsItsSlope) {
  const Tensor x = random({2, 3, 4}, 15), slope = random({3, 1}, 16);
  std::vector<double> want = values(x);
  for (size_t i = 0; i < 24; ++i)
    if (want[i] < 0) want[i] *= data(slope)[i / 4 % 3];
  expect_near(
      run({{x}, {slope, -1}}, 0, [](Builder& b, auto in) { return std::vector{op::prelu(b, in[0], in[1])}; })[0], want);
}

TEST(Cumulative, EveryWay) {
  const Tensor x = random({2, 5, 3}, 17);
  struct Case {
    ValueId (*make)(Builder&, ValueId, op::CumulativeAttributes);
    double start;
    double (*combine)(double, double);
  };
  const double inf = std::numeric_limits<double>::infinity();
  const Case cases[] = {{op::cumsum, 0, [](double a, double b) { return a + b; }},
                        {op::cumprod, 1, [](double a, double b) { return a * b; }},
                        {op::cummax, -inf, [](double a, double b) { return std::max(a, b); }},
                        {op::cummin, inf, [](double a, double b) { return std::min(a, b); }}};
  for (const Case& c : cases)
    for (const bool exclusive : {false, true})
      for (const bool reverse : {false, true}) {
        std::vector<double> want(30);
        for (size_t n = 0; n < 2; ++n)
          for (size_t k = 0; k < 3; ++k) {
            double sum = c.start;
            for (size_t step = 0; step < 5; ++step) {
              const size_t i = n * 15 + (reverse ? 4 - step : step) * 3 + k;
              const double next = c.combine(sum, data(x)[i]);
              want[i] = exclusive ? sum : next;
              sum = next;
            }
          }
        const Tensor y = run(
            {{x}}, 0, [&](Builder& b, auto in) { return std::vector{c.make(b, in[0], {1, exclusive, reverse})}; })[0];
        for (int64_t i = 0; i < 30; ++i) {
          const double w = want[static_cast<size_t>(i)];
          if (std::isinf(w)) {
            EXPECT_EQ(y.at_double(i), w);
          } else {
            EXPECT_NEAR(y.at_double(i), w, kTolerance * (1 + std::abs(w)));
          }
        }
      }
}

TEST(Select, OneHot) {
  const Tensor x = Tensor::from<int32_t>({2, -1, 7}, {3});
  const Tensor off = Tensor::scalar(-1.0), on = Tensor::scalar(5.0);
  const auto make = [](Builder& b, auto in) { return std::vector{op::one_hot(b, in[0], in[1], in[2], {4, 1})}; };
  expect_near(run({{x}, {off, -1}, {on, -1}}, 0, make)[0], {-1, -1, 5, -1, -1, -1, -1, 5, -1, -1, -1, -1});
}

TEST(Select, TopKAndExtremes) {
  const Tensor x = Tensor::from<double>({3, 1, 4, 1, 5, 5, -2, 6}, {2, 4});
  auto r = run({{x}}, 0, [](Builder& b, auto in) {
    const auto [values, indices] = op::top_k(b, in[0], {1, 2, false});
    return std::vector{values, indices};
  });
  expect_near(r[0], {1, 1, -2, 5});
  EXPECT_EQ(r[1].to_ints(), (std::vector<int64_t>{1, 3, 2, 0}));
  r = run({{x}}, 0, [](Builder& b, auto in) {
    const auto [values, indices] = op::top_k(b, in[0], {1, 3, true});
    return std::vector{values, indices};
  });
  expect_near(r[0], {4, 3, 1, 6, 5, 5});
  EXPECT_EQ(r[1].to_ints(), (std::vector<int64_t>{2, 0, 1, 3, 0, 1}));
  const auto one = [](ValueId (*make)(Builder&, ValueId, op::ArgAttributes), bool last, const Tensor& t) {
    return run({{t}}, 0, [&](Builder& b, auto in) { return std::vector{make(b, in[0], {1, last})}; })[0].to_ints();
  };
  EXPECT_EQ(one(op::arg_min, false, x), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(one(op::arg_min, true, x), (std::vector<int64_t>{3, 2}));
  const Tensor ties = Tensor::from<double>({7, 7, 1, 1, NAN, 9}, {2, 3});
  EXPECT_EQ(one(op::arg_max, false, ties), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(one(op::arg_max, true, ties), (std::vector<int64_t>{1, 1}));
}

TEST(Table, HoldsCompositesWithTheirRules) {
  EXPECT_EQ(op::find("ecotone.softmax"), &op::softmax());
  EXPECT_GE(op::composite_ops().size(), 30U);
  for (const Op* op : op::composite_ops()) {
    EXPECT_TRUE(op->is_composite()) << op->name;
    EXPECT_EQ(op->evaluate, nullptr) << op->name;
    EXPECT_EQ(op->batch.state, op->batch.kFromBody) << op->name;
  }
}

TEST(Body, IsMadeOnceWhateverTheSymbolsNumber) {
  const SymbolInfo symbols[] = {{"a", 1, 9}, {"b", 1, 9}};
  const Attributes attributes = make_attributes(op::SoftmaxAttributes{{1}});
  const Type x = TensorType{DType::kF32, {Dim::symbol(0), 4}}, y = TensorType{DType::kF32, {Dim::symbol(1), 4}};
  const Region first = composite_body(op::softmax(), attributes, {&x, 1}, symbols);
  const Region second = composite_body(op::softmax(), attributes, {&y, 1}, symbols);
  EXPECT_EQ(first.body, second.body);
  EXPECT_EQ(second.dim_args.at(0), Dim::symbol(1));
  const Attributes other = make_attributes(op::SoftmaxAttributes{{0}});
  EXPECT_NE(composite_body(op::softmax(), other, {&x, 1}, symbols).body, first.body);
}

TEST(Body, GivesWorkAndErrorConstant) {
  Builder b;
  b.set_location(named_location("test"));
  const Dim n = b.symbol("n", 1);
  const ValueId x = b.input("x", TensorType{DType::kF32, {n, 8}});
  b.output("y", op::gelu(b, x));
  const ProgramRef p = std::move(b).build();
  const Type type = p->type(0);
  const Region body = composite_body(op::gelu(), p->equations()[0].attributes, {&type, 1}, p->symbols());
  EXPECT_EQ(op::flops(*p), op::flops(*body.body).substitute(body.dim_args));
  // x / 2, x / sqrt 2, erf, 1 + it, their product: at least five an element.
  EXPECT_NE(decide_less_equal(n * Dim(8) * Dim(5), op::flops(*p), p->symbols()), Decision::kNo);
  EXPECT_EQ(backend::error_constant(*p), backend::error_constant(*body.body));
  EXPECT_GE(backend::error_constant(*p), op::erf().error.c);
}

TEST(Body, ErrorsSayWhatIsWrong) {
  Builder b;
  b.set_location(named_location("test"));
  const ValueId x = b.input("x", TensorType{DType::kF64, {2, 3}});
  EXPECT_THROW(op::group_norm(b, x, x, x, {0, 1e-5}), Error);
  EXPECT_THROW(op::softmax(b, x, {2}), Error);
  EXPECT_THROW(b.add(op::prelu(), {}, {&x, 1}), Error);
}

}  // namespace
}  // namespace ecotone::composites_test
