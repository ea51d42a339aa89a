// Non-maximum suppression against plain loops of doubles.
#include "ecotone/op/nms.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "ecotone/base/error.h"

#include "tests/op/composites.h"

namespace ecotone::composites_test {
namespace {

using Box = std::array<double, 4>;
struct Settings {
  int64_t limit;
  double overlap;
  std::optional<double> threshold;
  bool centred = false;
};

// Lower and upper end along y (0) or x (1).
std::pair<double, double> side(const Box& b, size_t d, bool centred) {
  if (centred) return {b[1 - d] - b[3 - d] / 2, b[1 - d] + b[3 - d] / 2};
  return std::minmax(b[d], b[d + 2]);
}
double overlap(const Box& a, const Box& b, bool centred) {
  double common = 1, area_a = 1, area_b = 1;
  for (size_t d = 0; d < 2; ++d) {
    const auto [al, ah] = side(a, d, centred);
    const auto [bl, bh] = side(b, d, centred);
    common *= std::max(0.0, std::min(ah, bh) - std::max(al, bl));
    area_a *= ah - al;
    area_b *= bh - bl;
  }
  return common > 0 ? common / (area_a + area_b - common) : 0;
}

std::vector<int64_t> expected(const Tensor& boxes, const Tensor& scores, const Settings& s) {
  const int64_t batch = scores.shape()[0], classes = scores.shape()[1], count = scores.shape()[2];
  const auto box = [&](int64_t n, int64_t i) {
    Box b;
    for (size_t k = 0; k < 4; ++k) b[k] = boxes.at_double((n * count + i) * 4 + static_cast<int64_t>(k));
    return b;
  };
  std::vector<int64_t> rows;
  for (int64_t n = 0; n < batch; ++n)
    for (int64_t c = 0; c < classes; ++c) {
      const auto score = [&](int64_t i) { return scores.at_double((n * classes + c) * count + i); };
      std::vector<int64_t> order, kept;
      for (int64_t i = 0; i < count; ++i)
        if (!std::isnan(score(i))) order.push_back(i);
      std::ranges::stable_sort(order, [&](int64_t i, int64_t j) { return score(i) > score(j); });
      for (int64_t i : order) {
        if (static_cast<int64_t>(kept.size()) >= s.limit || (s.threshold && !(score(i) > *s.threshold))) continue;
        if (std::ranges::any_of(kept, [&](int64_t k) { return overlap(box(n, i), box(n, k), s.centred) > s.overlap; }))
          continue;
        kept.push_back(i);
        rows.insert(rows.end(), {n, c, i});
      }
    }
  return rows;
}

std::vector<Tensor> suppressed(const Tensor& boxes, const Tensor& scores, const Settings& s, int64_t most) {
  std::vector<In> inputs{{boxes, 0}, {scores, 0}, {Tensor::scalar(s.limit), -1}, {Tensor::scalar(s.overlap), -1}};
  if (s.threshold) inputs.push_back({Tensor::scalar(*s.threshold), -1});
  return run(inputs, -1, [&](Builder& b, auto in) {
    const auto [rows, count] = op::non_max_suppression(b, in, {most, s.centred, s.threshold.has_value()});
    return std::vector{rows, count};
  });
}

void expect_rows(const std::vector<Tensor>& got, const std::vector<int64_t>& want, int64_t room) {
  ASSERT_EQ(got[0].shape(), (Shape{room, 3}));
  EXPECT_EQ(got[1].at_int(0) * 3, static_cast<int64_t>(want.size()));
  std::vector<int64_t> padded = want;
  padded.resize(static_cast<size_t>(room * 3), 0);
  EXPECT_EQ(got[0].to_ints(), padded);
}

TEST(NonMaxSuppression, AsPlainLoops) {
  constexpr int64_t kBatch = 2, kClasses = 3, kCount = 24;
  for (unsigned seed = 1; seed <= 4; ++seed)
    for (const Settings& s : {Settings{5, 0.3, std::nullopt},
                              {kCount, 0.5, 0.1},
                              {kCount, 0.0, std::nullopt, true},
                              {3, 0.2, -0.5, true},
                              {0, 0.5, std::nullopt},
                              {9, 0.5, 5.0}}) {
      const Tensor boxes = random({kBatch, kCount, 4}, seed, s.centred ? 0.1 : 0, 2);
      const Tensor scores = random({kBatch, kClasses, kCount}, seed + 100);
      expect_rows(suppressed(boxes, scores, s, kCount), expected(boxes, scores, s), kBatch * kClasses * kCount);
      if (s.limit > 0 && s.limit < kCount) {  // with room for no more than these
        expect_rows(suppressed(boxes, scores, s, s.limit), expected(boxes, scores, s), kBatch * kClasses * s.limit);
      }
    }
}

TEST(NonMaxSuppression, OfEqualScoresTheFirst) {
  const Tensor boxes = Tensor::from<double>({0, 0, 1, 1, 5, 5, 6, 6, 0, 0, 1, 1, 8, 8, 9, 9}, {1, 4, 4});
  const Tensor scores = Tensor::from<double>({1, 2, 1, 2}, {1, 1, 4});
  EXPECT_EQ(suppressed(boxes, scores, {4, 0.5, std::nullopt}, 4)[0].to_ints(),
            (std::vector<int64_t>{0, 0, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0}));
}

TEST(NonMaxSuppression, InfinitiesAndNaN) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor boxes = random({1, 5, 4}, 3, 0, 1);
  const Tensor scores = Tensor::from<double>({-infinity, NAN, infinity, 0.5, -1}, {1, 1, 5});
  for (const std::optional<double> threshold : {std::optional<double>(), std::optional(0.0)}) {
    const Settings s{5, 1, threshold};
    expect_rows(suppressed(boxes, scores, s, 5), expected(boxes, scores, s), 5);
  }
  // A box without extent, or of NaN, overlaps nothing.
  const Tensor odd = Tensor::from<double>({0, 0, 0, 0, 0, 0, 1, 1, NAN, 0, 1, 1, 0, 0, 1, 1}, {1, 4, 4});
  const Tensor falling = Tensor::from<double>({4, 3, 2, 1}, {1, 1, 4});
  EXPECT_EQ(suppressed(odd, falling, {4, 0.5, std::nullopt}, 4)[1].at_int(0), 3);
}

TEST(NonMaxSuppression, OfNoBoxes) {
  const Tensor boxes = Tensor::zeros(DType::kF64, {2, 0, 4}), scores = Tensor::zeros(DType::kF64, {2, 3, 0});
  const auto got = suppressed(boxes, scores, {5, 0.5, std::nullopt}, 5);
  EXPECT_EQ(got[1].at_int(0), 0);
}

TEST(NonMaxSuppression, ErrorsSayWhatIsWrong) {
  const Tensor boxes = random({1, 3, 4}, 1), scores = random({1, 1, 3}, 2);
  EXPECT_THROW(suppressed(boxes, scores, {5, 0.5, std::nullopt}, 0), Error);
  EXPECT_THROW(suppressed(random({1, 3, 5}, 1), scores, {5, 0.5, std::nullopt}, 3), Error);
  EXPECT_THROW(suppressed(boxes, random({1, 1, 4}, 2), {5, 0.5, std::nullopt}, 3), Error);
}

}  // namespace
}  // namespace ecotone::composites_test
