// StableHLO's batch normalizations against what XLA gives on CPU (JAX 0.10).
#include "ecotone/op/batch_norm.h"

#include <gtest/gtest.h>

#include "ecotone/backend/reference/reference.h"

namespace ecotone {
namespace {

using Values = std::vector<double>;

Tensor make(DType dtype, Shape shape, const Values& values) {
  MutableTensor t(dtype, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) t.set_double(static_cast<int64_t>(i), values[i]);
  return std::move(t).freeze();
}

const Values kX = {-2.5, -1.25, 2.0, 0.25, 0.5, 1.5, -1.25, -2.0, -0.75, 2.5, -0.5, -0.25};
const Values kGradient = {-4, 1, 6, 0, 5, -1, 4, -2, 3, -3, 2, -4};
const Values kScale = {1.5, -2, 0.5}, kOffset = {0.25, 1, -3}, kMean = {0.5, -1, 2}, kVariance = {2, 0.5, 3};

struct Case {
  const Op& op;
  std::vector<Values> inputs, outputs;
};
std::vector<Case> cases() {
  return {
      {op::batch_norm_inference(),
       {kX, kScale, kOffset, kMean, kVariance},
       {{-2.8369745325651587, -1.5507351439963426, -6.58946638440411, -2.1622776601683795, -3.424264068711928,
         -3.1414213562373092, -1.5507351439963426, -2.3224787771376323, 0.3675444679663241, -7.854377448471462,
         -3.7071067811865475, -3.6363961030678924}}},
      {op::batch_norm_training(),
       {kX, kScale, kOffset},
       {{-1.5150452162436565, 1.4266968108291043, -0.47291938863731753, 2.1046895414779883, -2.8903091363809303,
         -2.305291197079226, 1.4266968108291043, -0.33834840541455213, 3.577608930115306, -1.2093790829559765,
         -3.475327075682635, -3.329072590857209},
        {-1.75, 1.0, 0.3125},
        {0.28125, 1.71875, 0.60546875}}},
      {op::batch_norm_grad(),
       {kX, kScale, kMean, kVariance, kGradient},
       {{-0.8625370017461473, 3.034011734212325, 13.6610394919274, 14.230249470757707, 1.1709688296449225,
         -0.45820519420888284, 6.120986266777484, 0.6960824926372416, -1.7076299364909246, 40.603645156561996,
         0.2545584412271571, -1.4255272708720799},
        {5.659453309702791, 10.435516278555651, -1.697056274847714},
        {-1.0, 6.0, 2.0}}},
  };
}

std::vector<Tensor> run(const Op& op, DType dtype, const std::vector<Values>& inputs, int64_t feature_index = 1) {
  Builder b;
  std::vector<ValueId> operands;
  std::vector<Tensor> tensors;
  for (const Values& v : inputs) {
    tensors.push_back(make(dtype, v.size() == 3 ? Shape{3} : Shape{2, 3, 2}, v));
    operands.push_back(b.input("i" + std::to_string(operands.size()), tensors.back().type()));
  }
  for (ValueId v : b.add(op, make_attributes(op::BatchNormAttributes{0.125, feature_index}), operands))
    b.output("o" + std::to_string(v), v);
  return backend::evaluate(*std::move(b).build(), tensors);
}

TEST(BatchNorm, ValuesAreXlas) {
  for (const Case& c : cases())
    for (DType dtype : {DType::kF64, DType::kF32, DType::kF16}) {
      SCOPED_TRACE(testing::Message() << c.op.name << " " << name(dtype));
      const std::vector<Tensor> got = run(c.op, dtype, c.inputs);
      ASSERT_EQ(got.size(), c.outputs.size());
      for (size_t r = 0; r < got.size(); ++r) {
        EXPECT_EQ(got[r].dtype(), dtype);
        ASSERT_EQ(got[r].size(), static_cast<int64_t>(c.outputs[r].size()));
        // A dozen roundings on values up to 41 (in the gradient's terms up to 6 * 15), which partly cancel; f16 rounds
        // once, as it is computed in f32.
        for (size_t i = 0; i < c.outputs[r].size(); ++i)
          EXPECT_NEAR(got[r].at_double(static_cast<int64_t>(i)), c.outputs[r][i],
                      epsilon(dtype) * (dtype == DType::kF16 ? 41 / 2.0 + 1e-3 : 100));
      }
    }
}

TEST(BatchNorm, TypesAreChecked) {
  EXPECT_THROW(run(op::batch_norm_training(), DType::kI32, {kX, kScale, kOffset}), Error);
  EXPECT_THROW(run(op::batch_norm_training(), DType::kF32, {kX, kScale, kOffset}, 3), Error);
  EXPECT_THROW(run(op::batch_norm_training(), DType::kF32, {kX, kScale, kOffset}, 0), Error);
  EXPECT_THROW(run(op::batch_norm_training(), DType::kF32, {kX, kScale, kX}), Error);
  EXPECT_THROW(run(op::batch_norm_training(), DType::kF32, {kX, kScale}), Error);
}

}  // namespace
}  // namespace ecotone
