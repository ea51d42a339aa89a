// How much work ops are said to be, against counts by hand.
#include "ecotone/op/cost.h"

#include <gtest/gtest.h>

#include "ecotone/ir/builder.h"
#include "ecotone/op/build.h"
#include "ecotone/op/index.h"
#include "ecotone/op/reduce.h"

namespace ecotone::op {
namespace {

TEST(Flops, OfAWindowCountEachOfItsElements) {
  Builder b;
  b.set_location(named_location("test"));
  const Dim n = b.symbol("n", 1);
  const ValueId x = b.input("x", TensorType{DType::kF32, {n, 8, 8}});
  WindowAttributes a;
  a.window_dimensions = {1, 3, 2};
  a.window_strides = {1, 1, 2};
  a.padding_low = {0, 1, 0};
  a.padding_high = {0, 1, 0};
  a.reducer = Reducer::kMaximum;
  b.output("y", reduce_window(b, x, scalar(b, DType::kF32, 0), a));
  EXPECT_EQ(flops(*std::move(b).build()), n * Dim(8 * 4 * 3 * 2));
}

TEST(Flops, OfMovesToPlacesFromDataAreNone) {
  Builder b;
  b.set_location(named_location("test"));
  const ValueId x = b.input("x", TensorType{DType::kF32, {10, 4}}), i = b.input("i", TensorType{DType::kI32, {}});
  const ValueId starts[] = {i, i};
  const ValueId part = dynamic_slice(b, x, starts, {3, 4});
  b.output("y", dynamic_update_slice(b, x, part, starts));
  EXPECT_EQ(flops(*std::move(b).build()), Dim(0));
}

}  // namespace
}  // namespace ecotone::op
