// Host values: storage, packing, bounds.
#include "ecotone/ir/tensor.h"

#include <array>

#include <gtest/gtest.h>

#include "ecotone/base/error.h"

namespace ecotone {
namespace {

TEST(Tensor, UnpacksLowBitsFirst) {
  const std::array<std::byte, 2> bytes = {std::byte{0x8F}, std::byte{0x71}};
  const Tensor packed(DType::kI4, {4}, bytes, nullptr, Encoding::kPackedLow4);
  EXPECT_EQ(packed.plain().to_ints(), (std::vector<int64_t>{-1, -8, 1, 7}));
  const Tensor odd(DType::kU4, {3}, bytes, nullptr, Encoding::kPackedLow4);
  EXPECT_EQ(odd.plain().to_ints(), (std::vector<int64_t>{15, 8, 1}));
  const std::array<std::byte, 1> quarter = {std::byte{0b11100100}};
  const Tensor two(DType::kI2, {4}, quarter, nullptr, Encoding::kPackedLow2);
  EXPECT_EQ(two.plain().to_ints(), (std::vector<int64_t>{0, 1, -2, -1}));
}

TEST(Tensor, LengthsMustFit) {
  const std::array<std::byte, 8> bytes{};
  EXPECT_THROW(Tensor(DType::kF32, {3}, bytes, nullptr), Error);
  EXPECT_THROW(Tensor(DType::kF32, {-2}, bytes, nullptr), Error);
  EXPECT_THROW(Tensor(DType::kF32, {int64_t{1} << 62, 16}, bytes, nullptr), Error);
  EXPECT_THROW(encoded_bytes(DType::kC128, Encoding::kPlain, int64_t{1} << 61), Error);
  EXPECT_THROW(MutableTensor(DType::kF64, {int64_t{1} << 61}), std::exception);
}

TEST(Tensor, BoundsAreChecked) {
  const Tensor t = Tensor::from<float>({1, 2, 3}, {3});
  EXPECT_THROW((void)t.at_double(3), Error);
  EXPECT_THROW((void)t.at_double(-1), Error);
  EXPECT_THROW((void)t.data<double>(), Error);
  EXPECT_THROW((void)t.reshaped({2}), Error);
  EXPECT_EQ(t.reshaped({1, 3}).at_double(2), 3);
}

TEST(Tensor, UnalignedBytesAreCopiedOnce) {
  alignas(64) std::array<std::byte, 72> buffer{};
  const float value = 2.5F;
  std::memcpy(buffer.data() + 1, &value, sizeof value);
  const Tensor t(DType::kF32, {1}, std::span(buffer).subspan(1, 4), nullptr);
  EXPECT_FALSE(t.is_aligned());
  EXPECT_THROW((void)t.data<float>(), Error);
  EXPECT_EQ(t.plain().data<float>()[0], 2.5F);
}

TEST(Tensor, FullRoundsAndWraps) {
  EXPECT_EQ(Tensor::full(DType::kF16, {2}, 65520).at_double(1), std::numeric_limits<double>::infinity());
  EXPECT_EQ(Tensor::full(DType::kU8, {}, 7).at_int(0), 7);
  EXPECT_EQ(Tensor::full(DType::kC64, {}, 2).at_complex(0), std::complex<double>(2, 0));
  MutableTensor m(DType::kI4, {2});
  m.set_int(0, 9);
  EXPECT_EQ(std::move(m).freeze().at_int(0), -7);
}

TEST(Tensor, EqualityIsOfBits) {
  EXPECT_EQ(Tensor::from<float>({1, 2}, {2}), Tensor::from<float>({1, 2}, {2}));
  EXPECT_FALSE(Tensor::from<float>({0.0F}, {1}) == Tensor::from<float>({-0.0F}, {1}));
  EXPECT_FALSE(Tensor::from<float>({1, 2}, {2}) == Tensor::from<float>({1, 2}, {1, 2}));
  EXPECT_EQ(Tensor::zeros(DType::kF32, {0, 3}), Tensor::zeros(DType::kF32, {0, 3}));
}

}  // namespace
}  // namespace ecotone
