// Symbolic sizes against plain integers: random expressions, evaluated both ways.
#include "ecotone/ir/dim.h"

#include <array>
#include <functional>
#include <random>

#include <gtest/gtest.h>

#include "ecotone/base/error.h"

namespace ecotone {
namespace {

using Values = std::array<int64_t, 3>;
constexpr int64_t kLow = 1, kHigh = 9;

// A size, and the same built of integers.
struct Expression {
  Dim dim;
  std::function<int64_t(const Values&)> value;
};

int64_t floor_divide(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int64_t between(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine_); }

  Expression expression(int depth) {
    if (depth == 0 || between(0, 9) == 0) {
      if (between(0, 1)) {
        const int64_t c = between(-4, 6);
        return {Dim(c), [c](const Values&) { return c; }};
      }
      const auto s = static_cast<size_t>(between(0, 2));
      return {Dim::symbol(static_cast<SymbolId>(s)), [s](const Values& v) { return v[s]; }};
    }
    const Expression a = expression(depth - 1);
    const int64_t kind = between(0, 6);
    if (kind >= 5) {  // a positive divisor
      const int64_t c = between(1, 5);
      if (kind == 5) return {floordiv(a.dim, c), [=](const Values& v) { return floor_divide(a.value(v), c); }};
      return {mod(a.dim, c), [=](const Values& v) { return a.value(v) - c * floor_divide(a.value(v), c); }};
    }
    const Expression b = expression(depth - 1);
    switch (kind) {
      case 0:
        return {a.dim + b.dim, [=](const Values& v) { return a.value(v) + b.value(v); }};
      case 1:
        return {a.dim - b.dim, [=](const Values& v) { return a.value(v) - b.value(v); }};
      case 2:
        return {a.dim * b.dim, [=](const Values& v) { return a.value(v) * b.value(v); }};
      case 3:
        return {min(a.dim, b.dim), [=](const Values& v) { return std::min(a.value(v), b.value(v)); }};
      default:
        return {max(a.dim, b.dim), [=](const Values& v) { return std::max(a.value(v), b.value(v)); }};
    }
  }
  Values values() { return {between(kLow, kHigh), between(kLow, kHigh), between(kLow, kHigh)}; }

 private:
  std::mt19937 engine_;
};

const std::vector<SymbolInfo> kSymbols = {{"a", kLow, kHigh}, {"batch", kLow, kHigh}, {"n_1", kLow, kHigh}};

int64_t bound(const Dim& d, const Values& v) {
  return bind_symbols(d, {v[0], v[1], v[2]}).constant();
}

TEST(Dim, ArithmeticIsThatOfIntegers) {
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    const Expression e = random.expression(4);
    for (int j = 0; j < 8; ++j) {
      const Values v = random.values();
      ASSERT_EQ(bound(e.dim, v), e.value(v)) << e.dim.str(kSymbols) << " at " << v[0] << ", " << v[1] << ", " << v[2];
    }
  }
}

TEST(Dim, RangeHoldsAllValues) {
  Random random(2);
  for (int i = 0; i < 2000; ++i) {
    const Expression e = random.expression(3);
    const DimRange r = range(e.dim, kSymbols);
    for (int j = 0; j < 16; ++j) {
      const int64_t v = e.value(random.values());
      ASSERT_LE(r.min, v) << e.dim.str(kSymbols);
      ASSERT_GE(r.max, v) << e.dim.str(kSymbols);
    }
  }
}

// What is decided must hold at every point; what is left open is no fault.
TEST(Dim, DecisionsHoldEverywhere) {
  Random random(3);
  int decided = 0;
  for (int i = 0; i < 600; ++i) {
    const Expression a = random.expression(2), b = random.expression(2);
    const Decision equal = decide_equal(a.dim, b.dim, kSymbols), less = decide_less_equal(a.dim, b.dim, kSymbols);
    decided += equal != Decision::kUnknown;
    for (int64_t x = kLow; x <= kHigh; ++x)
      for (int64_t y = kLow; y <= kHigh; ++y)
        for (int64_t z = kLow; z <= kHigh; ++z) {
          const int64_t p = a.value({x, y, z}), q = b.value({x, y, z});
          if (equal != Decision::kUnknown) {
            ASSERT_EQ(p == q, equal == Decision::kYes) << a.dim.str(kSymbols) << " and " << b.dim.str(kSymbols);
          }
          if (less != Decision::kUnknown) {
            ASSERT_EQ(p <= q, less == Decision::kYes) << a.dim.str(kSymbols) << " and " << b.dim.str(kSymbols);
          }
        }
  }
  EXPECT_GT(decided, 200);  // else nothing was tested
}

TEST(Dim, EqualFormsOfEqualSums) {
  const Dim a = Dim::symbol(0), b = Dim::symbol(1);
  EXPECT_EQ((a + b) * (a - b), a * a - b * b);
  EXPECT_EQ(floordiv(4 * a + 2, 2), 2 * a + 1);
  EXPECT_EQ(mod(6 * a + 4, 3), Dim(1));
  EXPECT_EQ(min(a + 1, a), a);
  EXPECT_EQ(a - a, Dim(0));
  EXPECT_EQ(((a + b) * 3).hash(), (3 * b + 3 * a).hash());
}

TEST(Dim, TextIsReadBack) {
  Random random(4);
  const auto symbol = [](std::string_view name) -> SymbolId {
    for (size_t i = 0; i < kSymbols.size(); ++i)
      if (kSymbols[i].name == name) return static_cast<SymbolId>(i);
    fail("no symbol '{}'", name);
  };
  for (int i = 0; i < 1000; ++i) {
    const Dim d = random.expression(4).dim;
    ASSERT_EQ(parse_dim(d.str(kSymbols), symbol), d) << d.str(kSymbols);
  }
  for (const char* bad : {"", "+", "a+", "2*", "floordiv(a)", "floordiv(a, 0)", "(a", "a)", "a b",
                          "99999999999999999999", "unknown", "mod(a, 0)", "min()", "a//b"})
    EXPECT_THROW(parse_dim(bad, symbol), Error) << bad;
  // Neither deep nesting nor growth crashes.
  EXPECT_THROW(parse_dim(std::string(100000, '('), symbol), Error);
}

TEST(Dim, SubstitutionIsEvaluation) {
  Random random(5);
  for (int i = 0; i < 500; ++i) {
    const Expression e = random.expression(3);
    const std::vector<Expression> args = {random.expression(1), random.expression(1), random.expression(1)};
    const Dim d = e.dim.substitute(std::vector<Dim>{args[0].dim, args[1].dim, args[2].dim});
    const Values v = random.values();
    ASSERT_EQ(bound(d, v), e.value({args[0].value(v), args[1].value(v), args[2].value(v)}));
  }
  EXPECT_THROW(Dim::symbol(2).substitute(std::vector<Dim>{1, 2}), Error);
}

TEST(Dim, ErrorsInsteadOfOverflow) {
  const Dim big(int64_t{1} << 62);
  EXPECT_THROW(big * 4, Error);
  EXPECT_THROW(big + big, Error);
  EXPECT_THROW(floordiv(Dim(1), 0), Error);
  EXPECT_THROW(mod(Dim::symbol(0), 0), Error);
  EXPECT_THROW((void)Dim::symbol(0).constant(), Error);
}

}  // namespace
}  // namespace ecotone
