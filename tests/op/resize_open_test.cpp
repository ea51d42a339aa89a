// Resizing between sizes that are not known when the Program is made: the body at open sizes, whose positions and
// weights are values, against the one at known sizes, whose are constants.
#include "ecotone/base/error.h"
#include "ecotone/op/resize.h"

#include "tests/op/composites.h"

namespace ecotone::composites_test {
namespace {

using op::ResizeAttributes;
using op::ResizeCoordinates;
using op::ResizeMode;
using op::ResizeRounding;

// x [2, in, 3] resized along its axis 1 to `out`; sizes open or known. The open sizes are those of the inputs, of which
// the second is there for its size alone.
Tensor resized(const Tensor& x, int64_t out, ResizeAttributes a, bool open) {
  Builder b;
  b.set_location(named_location("test"));
  const Dim in = open ? b.symbol("in", 1) : Dim(x.shape()[1]), m = open ? b.symbol("out", 0) : Dim(out);
  const ValueId value = b.input("x", TensorType{DType::kF64, {2, in, 3}});
  b.input("size", TensorType{DType::kF64, {m}});
  a.axes = {1};
  a.sizes = {m};
  const Type type = b.type(value);
  // The body as it is at these types: an evaluator would make it anew once the sizes are known.
  const Region body = composite_body(op::resize(), make_attributes(a), {&type, 1}, b.symbols());
  EXPECT_EQ(body.dim_args.size(), open ? 2U : 0U);
  b.output("y", b.inline_program(*body.body, {&value, 1}, body.dim_args)[0]);
  const ProgramRef p = std::move(b).build();
  verify(*p);
  return backend::evaluate(*p, std::vector{x, Tensor::zeros(DType::kF64, {out})})[0];
}

TEST(ResizeOpen, AsAtKnownSizes) {
  int cases = 0;
  for (const auto& [in, out] : {std::pair<int64_t, int64_t>{7, 17}, {16, 5}, {4, 8}, {5, 1}, {1, 6}, {9, 9}}) {
    const Tensor x = random({2, in, 3}, static_cast<unsigned>(in * 31 + out));
    const double ratio = static_cast<double>(out) / static_cast<double>(in);
    for (const double scale : {0.0, ratio, ratio * 1.03})
      for (int coordinates = 0; coordinates < 7; ++coordinates)
        for (int kind = 0; kind < 8; ++kind) {
          ResizeAttributes a;
          a.scales = {scale};
          a.coordinates = static_cast<ResizeCoordinates>(coordinates);
          a.mode = kind < 4 ? ResizeMode::kNearest : kind < 6 ? ResizeMode::kLinear : ResizeMode::kCubic;
          a.rounding = static_cast<ResizeRounding>(kind % 4);
          a.exclude_outside = kind % 2 == 1;
          a.antialias = kind >= 4 && kind % 2 == 1 && scale > 0;
          a.starts = {0.1};
          a.ends = {1.2};
          a.extrapolation_value = 7;
          // Positions that fall on a tie of rounding may differ in their last bit: `nearest` is compared away from
          // ties.
          if (a.mode == ResizeMode::kNearest && scale != ratio * 1.03) a.scales = {scale == 0 ? 0 : ratio * 1.01};
          if (a.mode == ResizeMode::kNearest && out == 1 && a.coordinates == ResizeCoordinates::kHalfPixelSymmetric)
            continue;  // the middle, a tie at any scale
          const Tensor known = resized(x, out, a, false), open = resized(x, out, a, true);
          ASSERT_EQ(open.shape(), known.shape());
          std::vector<double> want;
          for (double v : data(known)) want.push_back(v);
          SCOPED_TRACE(testing::Message() << in << " to " << out << " scale " << scale << " coordinates " << coordinates
                                          << " kind " << kind);
          expect_near(open, want);
          ++cases;
        }
  }
  EXPECT_EQ(cases, 6 * 3 * 7 * 8 - 3 * 4);
}

TEST(ResizeOpen, AntialiasNeedsTheScale) {
  ResizeAttributes a;
  a.mode = ResizeMode::kLinear;
  a.antialias = true;
  a.scales = {0};
  EXPECT_THROW(resized(random({2, 4, 3}, 1), 2, a, true), Error);
}

}  // namespace
}  // namespace ecotone::composites_test
