// Programs of 10^5 equations: each step's time is printed. The claim is under 2 s for optimized code; elsewhere the
// bound leaves room for sanitizers, and no step that takes time quadratic in the equations comes near it.
#include <ctime>
#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ecotone/op/build.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

#include "tests/format/stablehlo/printed.h"

namespace ecotone::stablehlo {
namespace {

using namespace ecotone::op;

constexpr size_t kCount = 100'000;
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr double kBound = 2;
#else
constexpr double kBound = 30;
#endif

// Of the processor, since other tests run beside this one.
double seconds(const std::function<void()>& f) {
  const std::clock_t start = std::clock();
  f();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

// What networks are made of, ten equations a layer.
void grow(Builder& b, Dim rows) {
  const ValueId w = b.input("w", f32({8, 8}));
  ValueId x = b.input("x", f32({rows, 8}));
  DotAttributes dot;
  dot.lhs_contracting_dimensions = {1}, dot.rhs_contracting_dimensions = {0};
  for (size_t layer = 0; layer < kCount / 10; ++layer) {
    b.set_location(named_location(fmt::format("layer{}", layer), file_location("net.py", 10, 3)));
    const ValueId y = dot_general(b, x, w, dot);
    b.name_value(y, fmt::format("layer{}/product", layer));
    const ValueId wide = broadcast_in_dim(b, scalar(b, DType::kF32, 0.5), {rows, 8}, {});
    const ValueId active = maximum(b, multiply(b, y, wide), x);
    const ValueId total = reduce(b, active, {0}, Reducer::kAdd);  // two equations: its initial value
    const ValueId turned = transpose(b, broadcast_in_dim(b, total, {8, rows}, {0}), {1, 0});
    x = add(b, active, turned);
  }
  b.output("y", x);
}

void measure(const char* name, Dim (*rows)(Builder&)) {
  ProgramRef p, read;
  std::string text;
  PrintOptions options;
  options.locations = true;
  const std::pair<const char*, double> times[] = {
      {"build", seconds([&] {
         Builder b("net");
         grow(b, rows(b));
         p = std::move(b).build();
       })},
      {"verify", seconds([&] { verify(*p); })},
      {"print", seconds([&] { text = print_program(*p, options); })},
      {"read", seconds([&] { read = parse_program(text, "t.mlir"); })},
      {"compare", seconds([&] { EXPECT_EQ(difference(*p, *read).value_or(""), ""); })},
  };
  EXPECT_EQ(p->equations().size(), kCount);
  fmt::print("{}, {} equations, {:.1f} MB of text:", name, kCount, static_cast<double>(text.size()) / 1e6);
  for (const auto& [step, time] : times) {
    fmt::print(" {} {:.2f} s", step, time);
    EXPECT_LT(time, kBound) << step;
  }
  fmt::print("\n");
}

TEST(Speed, OfAHundredThousandEquations) {
  measure("fixed sizes", [](Builder&) { return Dim(4); });
  measure("symbolic sizes", [](Builder& b) { return b.symbol("rows"); });
}

}  // namespace
}  // namespace ecotone::stablehlo
