#include "ecotone/base/checked.h"

#include <array>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ecotone {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

TEST(Checked, UpToTheEdge) {
  EXPECT_EQ(checked_add(kMax - 1, 1), kMax);
  EXPECT_EQ(checked_sub(kMin + 1, 1), kMin);
  EXPECT_EQ(checked_mul(kMin, 1), kMin);
  EXPECT_EQ(checked_mul(int64_t{1} << 31, int64_t{1} << 31), int64_t{1} << 62);
}

TEST(Checked, BeyondTheEdge) {
  EXPECT_THROW(checked_add(kMax, 1), Error);
  EXPECT_THROW(checked_add(kMin, -1), Error);
  EXPECT_THROW(checked_sub(kMin, 1), Error);
  EXPECT_THROW(checked_sub(0, kMin), Error);
  EXPECT_THROW(checked_mul(kMin, -1), Error);
  EXPECT_THROW(checked_mul(int64_t{1} << 32, int64_t{1} << 31), Error);
}

TEST(Checked, TheMessageNamesTheThing) {
  try {
    checked_mul(kMax, 2, "bytes of 'w'");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("bytes of 'w'"), std::string::npos);
  }
}

TEST(Checked, Product) {
  EXPECT_EQ(checked_product(std::vector<int64_t>{}), 1);
  EXPECT_EQ(checked_product(std::array<int64_t, 3>{2, 3, 4}), 24);
  // Empty is empty, however large the other sizes.
  EXPECT_EQ(checked_product(std::array<int64_t, 3>{kMax, kMax, 0}), 0);
  EXPECT_THROW(checked_product(std::array<int64_t, 2>{kMax, 2}), Error);
}

TEST(Checked, Cast) {
  EXPECT_EQ(checked_cast<uint8_t>(255), 255);
  EXPECT_THROW(checked_cast<uint8_t>(256), Error);
  EXPECT_THROW(checked_cast<uint64_t>(int64_t{-1}), Error);
  EXPECT_THROW(checked_cast<int64_t>(uint64_t{1} << 63), Error);
}

}  // namespace
}  // namespace ecotone
