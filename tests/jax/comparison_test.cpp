// The comparison must be able to fail: each rule is tried on a pair that it accepts and one that it does not.
#include "comparison.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace ecotone::jax_suite {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Tolerance kExact{0, 0, true};

TEST(Comparison, TypesAndShapes) {
  EXPECT_TRUE(difference(Tensor::from<float>({1}, {1}), Tensor::from<double>({1}, {1}), kExact));
  EXPECT_TRUE(difference(Tensor::from<float>({1, 2}, {2}), Tensor::from<float>({1, 2}, {1, 2}), kExact));
  EXPECT_FALSE(difference(Tensor::from<float>({1, 2}, {2}), Tensor::from<float>({1, 2}, {2}), kExact));
}

TEST(Comparison, ZerosNansAndInfinities) {
  const Tensor want = Tensor::from<float>({0, kNan, kInfinity}, {3});
  EXPECT_FALSE(difference(want, want, kExact));
  EXPECT_TRUE(difference(Tensor::from<float>({-0.0F, kNan, kInfinity}, {3}), want, kExact));
  EXPECT_FALSE(difference(Tensor::from<float>({-0.0F, kNan, kInfinity}, {3}), want, {0, 0, false}));
  EXPECT_TRUE(difference(Tensor::from<float>({0, 1, kInfinity}, {3}), want, {8, 8, false}));
  EXPECT_TRUE(difference(Tensor::from<float>({0, kNan, -kInfinity}, {3}), want, {8, 8, false}));
  EXPECT_TRUE(difference(Tensor::from<float>({kNan, kNan, kInfinity}, {3}), want, {8, 8, false}));
}

TEST(Comparison, ElementAndTypicalSize) {
  const float eps = std::numeric_limits<float>::epsilon();
  const Tensor want = Tensor::from<float>({1, 1, 0}, {3});
  EXPECT_FALSE(difference(Tensor::from<float>({1 + 3 * eps, 1, 0}, {3}), want, {4, 0, false}));
  EXPECT_TRUE(difference(Tensor::from<float>({1 + 5 * eps, 1, 0}, {3}), want, {4, 0, false}));
  EXPECT_TRUE(difference(Tensor::from<float>({1, 1, 3 * eps}, {3}), want, {4, 0, false}));
  EXPECT_FALSE(difference(Tensor::from<float>({1, 1, 3 * eps}, {3}), want, {4, 4, false}));
}

TEST(Comparison, IntegersAreExactInEveryClass) {
  EXPECT_TRUE(
      difference(Tensor::from<int32_t>({1000001}, {1}), Tensor::from<int32_t>({1000000}, {1}), {8192, 8192, false}));
}

TEST(Comparison, SaysWhere) {
  const auto found =
      difference(Tensor::from<int32_t>({1, 2, 3, 5}, {2, 2}), Tensor::from<int32_t>({1, 2, 3, 4}, {2, 2}), kExact);
  ASSERT_TRUE(found);
  EXPECT_NE(found->find("[1, 1]: 5, JAX has 4"), std::string::npos) << *found;
}

}  // namespace
}  // namespace ecotone::jax_suite
