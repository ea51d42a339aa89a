// Element types. Their values against the published formats, rounding against a search among all values. (What
// ml_dtypes makes of the same is compared in tests/op.)
#include "ecotone/ir/dtype.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "ecotone/base/error.h"

namespace ecotone {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<DType> small_floats(int most_bits) {
  std::vector<DType> types;
  for (int i = 0; i < kDTypeCount; ++i)
    if (const auto d = static_cast<DType>(i); is_float(d) && bit_width(d) <= most_bits) types.push_back(d);
  return types;
}

TEST(DType, NamesAreReadBack) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto d = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_name(name(d)), d);
    EXPECT_GE(byte_size(d) * 8, bit_width(d));
  }
  EXPECT_EQ(dtype_from_name("f7"), std::nullopt);
}

// Largest finite values, as OCP's and the vendors' specifications of the formats give them.
TEST(DType, LargestValues) {
  const std::pair<DType, double> expected[] = {
      {DType::kF4E2M1FN, 6},     {DType::kF6E2M3FN, 7.5},     {DType::kF6E3M2FN, 28},       {DType::kF8E3M4, 15.5},
      {DType::kF8E4M3, 240},     {DType::kF8E4M3FN, 448},     {DType::kF8E4M3FNUZ, 240},    {DType::kF8E4M3B11FNUZ, 30},
      {DType::kF8E5M2, 57344},   {DType::kF8E5M2FNUZ, 57344}, {DType::kF8E8M0FNU, 0x1p127}, {DType::kF16, 65504},
      {DType::kBF16, 0x1.FEp127}};
  for (const auto& [d, value] : expected) EXPECT_EQ(max_finite(d), value) << name(d);
}

TEST(DType, EveryCodeIsReadBack) {
  for (const DType d : small_floats(16))
    for (uint64_t code = 0; code < uint64_t{1} << bit_width(d); ++code) {
      const double v = decode_float(d, code);
      if (std::isnan(v))
        ASSERT_TRUE(std::isnan(round_to(d, v))) << name(d) << " " << code;
      else
        ASSERT_EQ(encode_float(d, v), code) << name(d);
    }
}

// The nearest of all values, ties to the even code.
TEST(DType, RoundsToNearestEven) {
  for (const DType d : small_floats(16)) {
    std::vector<double> values;  // non-negative, by code
    const uint64_t codes = uint64_t{1} << (bit_width(d) - (info(d).format.is_signed ? 1 : 0));
    for (uint64_t code = 0; code < codes; ++code)
      if (const double v = decode_float(d, code); std::isfinite(v)) values.push_back(v);
    ASSERT_TRUE(std::is_sorted(values.begin(), values.end())) << name(d);
    for (size_t i = 0; i + 1 < values.size(); ++i) {
      const double low = values[i], high = values[i + 1], middle = low + (high - low) / 2;
      ASSERT_EQ(encode_float(d, middle), i % 2 ? i + 1 : i) << name(d) << " tie at " << middle;
      ASSERT_EQ(encode_float(d, std::nextafter(middle, 0)), i) << name(d);
      ASSERT_EQ(encode_float(d, std::nextafter(middle, kInfinity)), i + 1) << name(d);
      if (!info(d).format.is_signed) continue;
      const double negative = round_to(d, -std::nextafter(middle, kInfinity));
      ASSERT_EQ(negative, -high) << name(d);
    }
  }
}

TEST(DType, WhatIsTooLarge) {
  for (const DType d : small_floats(16)) {
    const double far = round_to(d, 1e300), infinite = round_to(d, kInfinity);
    switch (info(d).format.specials) {
      case FloatSpecials::kIeee:
        EXPECT_EQ(far, kInfinity) << name(d);
        EXPECT_EQ(round_to(d, -kInfinity), -kInfinity) << name(d);
        break;
      case FloatSpecials::kNone:
        EXPECT_EQ(far, max_finite(d)) << name(d);
        EXPECT_EQ(infinite, max_finite(d)) << name(d);
        break;
      default:
        EXPECT_TRUE(std::isnan(far) && std::isnan(infinite)) << name(d);
    }
    if (info(d).format.specials != FloatSpecials::kNone) {
      EXPECT_TRUE(std::isnan(round_to(d, std::nan("")))) << name(d);
    }
  }
}

// Rounding to f32 first, then to the type, would give the value below.
TEST(DType, RoundsOnceFromDouble) {
  EXPECT_EQ(round_to(DType::kBF16, 1 + 0x1p-8 + 0x1p-40), 1 + 0x1p-7);
  EXPECT_EQ(round_to(DType::kF16, 1 + 0x1p-11 + 0x1p-40), 1 + 0x1p-10);
  EXPECT_EQ(round_to(DType::kF8E4M3FN, 1 + 0x1p-4 + 0x1p-40), 1 + 0x1p-3);
}

TEST(DType, IntegerRanges) {
  EXPECT_EQ(integer_min(DType::kI2), -2);
  EXPECT_EQ(integer_max(DType::kI2), 1U);
  EXPECT_EQ(integer_min(DType::kI64), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(integer_max(DType::kU64), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(integer_max(DType::kU4), 15U);
}

TEST(DType, SetsArePartsOfAll) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto d = static_cast<DType>(i);
    const int in = DTypeSet::floats().contains(d) + DTypeSet::complexes().contains(d) +
                   DTypeSet::integers().contains(d) + DTypeSet::booleans().contains(d);
    EXPECT_EQ(in, 1) << name(d);
    EXPECT_TRUE(DTypeSet::all().contains(d));
  }
  EXPECT_THROW(complex_of(DType::kF16), Error);
}

}  // namespace
}  // namespace ecotone
