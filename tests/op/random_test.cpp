// Random bits against what XLA gives on CPU (JAX 0.10), and the moments of rng.
#include "ecotone/op/random.h"

#include <cmath>
#include <numbers>
#include <set>

#include <gtest/gtest.h>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/op/build.h"

namespace ecotone {
namespace {

using op::RngAlgorithm;
using op::RngDistribution;

struct Case {
  RngAlgorithm algorithm;
  DType dtype;
  Shape shape;
  std::vector<uint64_t> state, new_state, bits;
  Shape state_shape() const { return {static_cast<int64_t>(state.size())}; }
};
const Case kCases[] = {
    {RngAlgorithm::kThreeFry, DType::kU8, {5}, {0x1, 0x2}, {0x1, 0x5}, {0x54, 0x3b, 0xd3, 0x3, 0xd3}},
    {RngAlgorithm::kThreeFry, DType::kU16, {5}, {0x1, 0x2}, {0x1, 0x5}, {0xe954, 0xd53b, 0x92d3, 0x5003, 0xbd3}},
    {RngAlgorithm::kThreeFry,
     DType::kU32,
     {5},
     {0x1, 0x2},
     {0x1, 0x5},
     {0x296e954, 0x802fd53b, 0xed3492d3, 0xdf435003, 0x63b40bd3}},
    {RngAlgorithm::kThreeFry,
     DType::kU64,
     {5},
     {0x1, 0x2},
     {0x1, 0x7},
     {0x802fd53b0296e954, 0xdf435003ed3492d3, 0xfcc0f26163b40bd3, 0x24e4d3347dbb1d60, 0xe3f04ce59718c0ad}},
    {RngAlgorithm::kThreeFry,
     DType::kU32,
     {3, 5},
     {0x123456789abcdef, 0x7},
     {0x123456789abcdef, 0x10},
     {0xc8124617, 0x2077496e, 0xb530f815, 0xedce8403, 0x95fbb24b, 0xea74752e, 0x2b05d54b, 0xea2b23bf, 0x2c35630d,
      0x39150ea8, 0x6c5a184d, 0x2243d3ef, 0x642c8d1d, 0x8f1c7399, 0x1b832cd0}},
    {RngAlgorithm::kThreeFry,
     DType::kU32,
     {3, 2, 2},
     {0x123456789abcdef, 0xfffffffe},
     {0x123456789abcdef, 0x100000004},
     {0xd6f05f18, 0xaf0500d, 0x8ff237ca, 0xae583773, 0xba3918c0, 0xcab60d48, 0x525310a8, 0x8b6ec1c2, 0xe74f725f,
      0x3487f584, 0xb4d15007, 0xaa68ef32}},
    {RngAlgorithm::kThreeFry,
     DType::kU16,
     {3, 4},
     {0x5, 0xfffffffffffffffe},
     {0x5, 0x4},
     {0xab4f, 0xf2f1, 0x2319, 0xf28f, 0xd363, 0x88db, 0xf55e, 0x7043, 0xf28b, 0x24c8, 0xfd60, 0x79ba}},
    {RngAlgorithm::kThreeFry,
     DType::kU64,
     {3, 3},
     {0x5, 0xfffffffffffffffe},
     {0x5, 0x7},
     {0xe73f2f14419ab4f, 0x4f19f28fe39b2319, 0x12d488db5338d363, 0x7adc704397aff55e, 0x1b4824c814d7f28b,
      0x59c279baad45fd60, 0x824287d6c817b2df, 0xa0870d0125decbc8, 0xecbe4fc8aa55bea4}},
    {RngAlgorithm::kThreeFry, DType::kU32, {}, {0x3, 0x4}, {0x3, 0x5}, {0x2114e542}},
    {RngAlgorithm::kThreeFry, DType::kU64, {}, {0x3, 0x4}, {0x3, 0x5}, {0xde37f8ba2114e542}},
    {RngAlgorithm::kThreeFry, DType::kU32, {1}, {0x3, 0x4}, {0x3, 0x5}, {0x2114e542}},
    {RngAlgorithm::kThreeFry, DType::kU32, {0, 3}, {0x3, 0x4}, {0x3, 0x4}, {}},
    {RngAlgorithm::kThreeFry, DType::kU8, {2, 0}, {0x3, 0x4}, {0x3, 0x4}, {}},
    {RngAlgorithm::kPhilox, DType::kU8, {5}, {0x1, 0x2}, {0x1, 0x4}, {0x49, 0xe8, 0xd7, 0xd9, 0xfe}},
    {RngAlgorithm::kPhilox, DType::kU16, {5}, {0x1, 0x2}, {0x1, 0x4}, {0xa749, 0xbbe8, 0x23d7, 0x24d9, 0x23fe}},
    {RngAlgorithm::kPhilox,
     DType::kU32,
     {5},
     {0x1, 0x2},
     {0x1, 0x4},
     {0x7d34a749, 0xa9b8bbe8, 0x7ba423d7, 0x2fb324d9, 0x6cf923fe}},
    {RngAlgorithm::kPhilox,
     DType::kU64,
     {5},
     {0x1, 0x2},
     {0x1, 0x5},
     {0xa9b8bbe87d34a749, 0x2fb324d97ba423d7, 0xbadf79c36cf923fe, 0x8175e74ceccae2d7, 0x95b31c3419d83063}},
    {RngAlgorithm::kPhilox,
     DType::kU32,
     {3, 5},
     {0x123456789abcdef, 0x7},
     {0x123456789abcdef, 0xb},
     {0xd7a7e19d, 0x4a529d4, 0x9654e92d, 0xf38c5dcb, 0x3850fd0f, 0x9fe1bcd5, 0x9e41c441, 0x110a4184, 0x35db1752,
      0x6a929265, 0x4374deb, 0xa636b3b9, 0xb369e6a8, 0xc4f7fcbc, 0x77f6c027}},
    {RngAlgorithm::kPhilox,
     DType::kU32,
     {3, 2, 2},
     {0x123456789abcdef, 0xfffffffe},
     {0x123456789abcdef, 0x100000001},
     {0x8185ea5f, 0xd5e1895c, 0x3df1bea9, 0x80f3855a, 0x79ef866, 0x2fd56ce8, 0x44251d89, 0x29da5799, 0xc2d793d8,
      0xb0e2b88c, 0xed4711a, 0xac0b092e}},
    {RngAlgorithm::kPhilox,
     DType::kU16,
     {3, 4},
     {0x5, 0xfffffffffffffffe},
     {0x5, 0x1},
     {0x7a50, 0xe003, 0x133a, 0x5587, 0xa1ba, 0x4400, 0x52b9, 0x5f0c, 0xe66b, 0x4d53, 0x9295, 0x23e7}},
    {RngAlgorithm::kPhilox,
     DType::kU64,
     {3, 3},
     {0x5, 0xfffffffffffffffe},
     {0x5, 0x3},
     {0xd796e003761c7a50, 0x529f5587e41b133a, 0xf08b44004e5aa1ba, 0xf8215f0c979e52b9, 0xd8ab4d5303dae66b,
      0x2b5923e7ea579295, 0x36e7d5f128ceecd, 0x56a1ccd8bf5d1665, 0x23cc2c48b2ac09cd}},
    {RngAlgorithm::kPhilox, DType::kU32, {}, {0x3, 0x4}, {0x3, 0x5}, {0xbb669018}},
    {RngAlgorithm::kPhilox, DType::kU64, {}, {0x3, 0x4}, {0x3, 0x5}, {0x64f22e6abb669018}},
    {RngAlgorithm::kPhilox, DType::kU32, {1}, {0x3, 0x4}, {0x3, 0x5}, {0xbb669018}},
    {RngAlgorithm::kPhilox, DType::kU32, {0, 3}, {0x3, 0x4}, {0x3, 0x4}, {}},
    {RngAlgorithm::kPhilox, DType::kU8, {2, 0}, {0x3, 0x4}, {0x3, 0x4}, {}},
    {RngAlgorithm::kPhilox,
     DType::kU64,
     {6},
     {5, ~uint64_t{0}, 9},
     {5, 2, 10},
     {7021691690917260924u, 16493735703259906978u, 17760637682419743527u, 4277461797092707884u, 2451449163894678701u,
      18067120642484755750u}},
    {RngAlgorithm::kPhilox,
     DType::kU64,
     {6},
     {5, 1, 9},
     {5, 4, 9},
     {5944569754749068578u, 17173773132939486679u, 6705783812441689384u, 8492289414316884616u, 8792481552730414573u,
      16206894491558691678u}},
};

std::vector<Tensor> run(const Case& c, DType dtype, EvalMode mode = EvalMode::kSpec) {
  Builder b;
  const ValueId state = b.input("state", TensorType{DType::kU64, to_dims(c.state_shape())});
  const auto [new_state, bits] = op::rng_bit_generator(b, state, {dtype, to_dims(c.shape)}, c.algorithm);
  b.output("state", new_state);
  b.output("bits", bits);
  const std::vector<Tensor> inputs = {Tensor::from(std::span<const uint64_t>(c.state), c.state_shape())};
  return backend::evaluate(*std::move(b).build(), inputs, mode);
}

void expect_bits(const Case& c) {
  SCOPED_TRACE(testing::Message() << "algorithm " << static_cast<int>(c.algorithm) << " " << name(c.dtype) << " "
                                  << shape_str(c.shape));
  const std::vector<Tensor> results = run(c, c.dtype);
  EXPECT_EQ(results[0], Tensor::from(std::span<const uint64_t>(c.new_state), c.state_shape()));
  ASSERT_EQ(results[1].size(), static_cast<int64_t>(c.bits.size()));
  for (size_t i = 0; i < c.bits.size(); ++i) EXPECT_EQ(results[1].at_bits(static_cast<int64_t>(i)), c.bits[i]);
}

TEST(RngBitGenerator, BitsAreXlas) {
  for (Case c : kCases) {
    expect_bits(c);
    if (c.algorithm != RngAlgorithm::kPhilox) continue;
    c.algorithm = RngAlgorithm::kDefault;  // is Philox
    expect_bits(c);
  }
}

TEST(RngBitGenerator, FloatsAreTheBits) {
  const Case& c = kCases[2];
  ASSERT_EQ(c.dtype, DType::kU32);
  const Tensor spec = run(c, DType::kF32)[1], real = run(c, DType::kF32, EvalMode::kReal)[1];
  for (size_t i = 0; i < c.bits.size(); ++i) {
    EXPECT_EQ(spec.at_bits(static_cast<int64_t>(i)), c.bits[i]);
    EXPECT_EQ(real.at_double(static_cast<int64_t>(i)), decode_float(DType::kF32, c.bits[i]));
  }
}

TEST(RngBitGenerator, RefusesBadStates) {
  EXPECT_THROW(run({RngAlgorithm::kThreeFry, DType::kU32, {2}, {1, 2, 3}, {}, {}}, DType::kU32), Error);
  EXPECT_THROW(run({RngAlgorithm::kPhilox, DType::kU32, {2}, {1}, {}, {}}, DType::kU32), Error);
  EXPECT_THROW(run({RngAlgorithm::kPhilox, DType::kU32, {2}, {1, 2}, {}, {}}, DType::kBool), Error);
}

Tensor draw(DType dtype, double low, double high, RngDistribution distribution, int64_t count, uint64_t key = 3) {
  Builder b;
  const ValueId k = b.input("key", TensorType{DType::kU64, {2}});
  b.output("x", op::rng(b, op::scalar(b, dtype, low), op::scalar(b, dtype, high), k, distribution, {count}));
  const std::vector<Tensor> inputs = {Tensor::from<uint64_t>({key, 0}, {2})};
  return backend::evaluate(*std::move(b).build(), inputs)[0];
}
struct Moments {
  double mean = 0, deviation = 0, min = INFINITY, max = -INFINITY;
};
Moments moments(const Tensor& x) {
  Moments m;
  const auto count = static_cast<double>(x.size());
  for (int64_t i = 0; i < x.size(); ++i) {
    const double v = is_float(x.dtype()) ? x.at_double(i) : static_cast<double>(x.at_int(i));
    m.mean += v / count;
    m.deviation += v * v / count;
    m.min = std::fmin(m.min, v);
    m.max = std::fmax(m.max, v);
  }
  m.deviation = std::sqrt(m.deviation - m.mean * m.mean);
  return m;
}

// Draws are fixed by the key. Means of 2^16 draws deviate by deviation / 256: five times that is allowed.
constexpr int64_t kDraws = 1 << 16;
TEST(Rng, Uniform) {
  const Moments f = moments(draw(DType::kF32, -2, 6, RngDistribution::kUniform, kDraws));
  const double deviation = 8 / std::sqrt(12.0);
  EXPECT_NEAR(f.mean, 2, 5 * deviation / 256);
  EXPECT_NEAR(f.deviation, deviation, 5 * deviation / 256);
  EXPECT_GE(f.min, -2);
  EXPECT_LT(f.max, 6);
  EXPECT_LT(moments(draw(DType::kF8E4M3FN, 0, 1, RngDistribution::kUniform, kDraws)).max,
            1);  // rounding must not reach it
  const Moments i = moments(draw(DType::kI8, -3, 4, RngDistribution::kUniform, kDraws));
  EXPECT_EQ(i.min, -3);
  EXPECT_EQ(i.max, 3);
  EXPECT_NEAR(i.mean, 0, 5 * 2 / 256.0);  // of the integers -3..3: variance 4
  EXPECT_NEAR(i.deviation, 2, 5 * 2 / 256.0);
  EXPECT_FALSE(draw(DType::kF32, 0, 1, RngDistribution::kUniform, 9, 1) ==
               draw(DType::kF32, 0, 1, RngDistribution::kUniform, 9, 2));
}

TEST(Rng, Normal) {
  const Tensor x = draw(DType::kF64, 10, 3, RngDistribution::kNormal, kDraws);
  const Moments m = moments(x);
  EXPECT_NEAR(m.mean, 10, 5 * 3 / 256.0);
  EXPECT_NEAR(m.deviation, 3, 5 * 3 / 256.0);
  int64_t within = 0;
  for (int64_t i = 0; i < x.size(); ++i) within += std::fabs(x.at_double(i) - 10) < 3 ? 1 : 0;
  // A share p of 0.68 has deviation sqrt(p (1 - p)) / 256.
  EXPECT_NEAR(static_cast<double>(within) / kDraws, std::erf(std::numbers::sqrt2 / 2), 5 * 0.466 / 256);
  EXPECT_THROW(draw(DType::kI32, 0, 1, RngDistribution::kNormal, 2), Error);
}

TEST(Rng, FoldedKeysDiffer) {
  // Two levels: key 0..9 of key 0..9. No word may come twice, so that no stream is the continuation of another's.
  Builder b;
  const ValueId root = b.input("key", TensorType{DType::kU64, {2}});
  for (uint64_t i = 0; i < 10; ++i) {
    const ValueId key = op::fold_in(b, root, i);
    b.output("key", key);
    for (uint64_t j = 0; j < 10; ++j) b.output("key", op::fold_in(b, key, j));
  }
  std::set<uint64_t> words;
  const std::vector<Tensor> keys =
      backend::evaluate(*std::move(b).build(), std::vector{Tensor::from<uint64_t>({3, 0}, {2})});
  for (const Tensor& key : keys) words.insert({key.at_bits(0), key.at_bits(1)});
  EXPECT_EQ(words.size(), 2 * keys.size());
}

}  // namespace
}  // namespace ecotone
