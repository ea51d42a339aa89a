// The rule of errors on values worked out by hand: everything else that compares numbers goes by it.
#include "ecotone/backend/reference/error_rule.h"

#include <cmath>
#include <complex>
#include <initializer_list>
#include <limits>

#include <gtest/gtest.h>

#include "ecotone/base/error.h"

namespace ecotone::backend {
namespace {

using enum DType;
constexpr double kInfinity = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();

Tensor of(DType dtype, std::initializer_list<std::complex<double>> values) {
  MutableTensor t(dtype, {static_cast<int64_t>(values.size())});
  int64_t i = 0;
  for (const auto& v : values)
    if (is_complex(dtype))
      t.set_complex(i++, v);
    else
      t.set_double(i++, v.real());
  return std::move(t).freeze();
}

TEST(ErrorRule, RelativeError) {
  const double rms = std::sqrt(12.5);  // of 3 and 4
  struct Case {
    const char* name;
    Tensor x, real;
    double want;
  };
  for (const auto& [name, x, real, want] : std::initializer_list<Case>{
           {"equal", of(kF32, {3, 4}), of(kF64, {3, 4}), 0},
           {"one off", of(kF32, {3, 5}), of(kF64, {3, 4}), 1 / (4 + rms)},
           {"the worst counts", of(kF32, {2, 5}), of(kF64, {3, 4}), 1 / (3 + rms)},
           {"a zero is measured by the others", of(kF32, {0.5, 2}), of(kF64, {0, 2}), 0.5 / std::sqrt(2)},
           {"all zero, and so is x", of(kF32, {0, -0.0}), of(kF64, {0, 0}), 0},
           {"all zero, x is not", of(kF32, {0, 1e-30}), of(kF64, {0, 0}), kInfinity},
           {"no elements", of(kF32, {}), of(kF64, {}), 0},
           {"NaN for NaN, left out of rms", of(kF32, {kNan, 3, 5}), of(kF64, {kNan, 3, 4}), 1 / (4 + rms)},
           {"NaN for a number", of(kF32, {kNan, 1}), of(kF64, {1, 1}), kInfinity},
           {"a number for NaN", of(kF32, {1, 1}), of(kF64, {kNan, 1}), kInfinity},
           {"infinity for itself, left out of rms", of(kF32, {-kInfinity, 3, 5}), of(kF64, {-kInfinity, 3, 4}),
            1 / (4 + rms)},
           {"infinity of the other sign", of(kF32, {-kInfinity, 1}), of(kF64, {kInfinity, 1}), kInfinity},
           {"a number for infinity", of(kF32, {1e38, 1}), of(kF64, {kInfinity, 1}), kInfinity},
           {"NaN for infinity", of(kF32, {kNan, 1}), of(kF64, {kInfinity, 1}), kInfinity},
           {"beyond f32", of(kF32, {kInfinity}), of(kF64, {1e39}), 0},
           {"beyond f32, of the other sign", of(kF32, {-kInfinity}), of(kF64, {1e39}), kInfinity},
           {"beyond f32, NaN", of(kF32, {kNan}), of(kF64, {1e39}), kInfinity},
           {"not beyond f32", of(kF32, {kInfinity}), of(kF64, {3e38}), kInfinity},
           {"beyond f16", of(kF16, {-kInfinity, 1}), of(kF64, {-70000, 1}), 0},
           {"not beyond f16", of(kF16, {kInfinity, 1}), of(kF64, {60000, 1}), kInfinity},
           {"f16", of(kF16, {3, 5}), of(kF64, {3, 4}), 1 / (4 + rms)},
           {"complex values by modulus", of(kC64, {{3, 5}}), of(kC128, {{3, 4}}), 0.1},
           {"complex, infinity in the other part", of(kC64, {{kInfinity, 0}}), of(kC128, {{0, kInfinity}}), kInfinity},
           {"complex, the same part NaN", of(kC64, {{kNan, 1}}), of(kC128, {{kNan, 1}}), 0},
           {"integers", of(kI32, {3, 5}), of(kI32, {3, 4}), 1 / (4 + rms)},
           {"bools", of(kBool, {1, 1}), of(kBool, {1, 0}), std::sqrt(2)},
       })
    EXPECT_DOUBLE_EQ(relative_error(x, real), want) << name;
  EXPECT_THROW(relative_error(of(kF32, {1}), of(kF64, {1, 1})), Error);
}

// Of 1, x = 1 + 2 n eps has the error n eps: each case is n of the spec result, c, and the largest n that passes.
TEST(ErrorRule, JudgeAtTheBound) {
  struct Case {
    double spec, c, most;
  };
  for (const DType dtype : {kF8E5M2, kBF16, kF16, kF32, kF64})
    for (const auto& [spec, c, most] : {Case{0, 2, 8}, Case{1, 1, 9}, Case{2, 3, 14}}) {
      const double eps = epsilon(dtype);
      // In f64, since a result may be held in a wider type than is declared.
      const auto off = [&](double n) { return of(kF64, {1 + 2 * n * eps}); };
      const Verdict at = judge(off(most), off(spec), of(kF64, {1}), dtype, c);
      EXPECT_TRUE(at.passed) << name(dtype) << " " << most;
      EXPECT_EQ(at.error, most * eps);
      EXPECT_EQ(at.spec_error, spec * eps);
      EXPECT_EQ(at.bound, at.error);
      EXPECT_FALSE(judge(off(most + 0.5), off(spec), of(kF64, {1}), dtype, c).passed) << name(dtype) << " " << most;
    }
  const Tensor one = of(kF32, {1}), real = of(kF64, {1});
  EXPECT_FALSE(judge(of(kF32, {kNan}), one, real, kF32, 2).passed);
  EXPECT_FALSE(judge(of(kF32, {kInfinity}), one, real, kF32, 2).passed);
  EXPECT_TRUE(judge(of(kF16, {kInfinity}), of(kF16, {kInfinity}), of(kF64, {70000}), kF16, 2).passed);
  EXPECT_EQ(judge(of(kC64, {{0, 1}}), of(kC64, {{0, 1}}), of(kC128, {{0, 1}}), kC64, 2).bound, 8 * epsilon(kF32));
}

TEST(ErrorRule, Differences) {
  struct Case {
    const char* name;
    Tensor a, b;
    double abs, rel, ulp, cosine;
    int64_t worst;
  };
  for (const auto& [name, a, b, abs, rel, ulp, cosine, worst] : std::initializer_list<Case>{
           {"equal", of(kF32, {1, kNan, -kInfinity, 0}), of(kF32, {1, kNan, -kInfinity, 0}), 0, 0, 0, 1, 0},
           {"a float", of(kF32, {0, 2.5}), of(kF32, {0, 2}), 0.5, 0.25, 0x1p21, 1, 1},
           {"ulps of the narrower type", of(kF64, {2.5}), of(kF16, {2}), 0.5, 0.25, 256, 1, 0},
           {"zero for a number", of(kF32, {0, 0}), of(kF32, {1, 4}), 4, 1, 0x1p23, 0, 1},
           {"numbers for zeros", of(kF32, {1, 2, 3}), of(kF32, {0, 0, 0}), 3, kInfinity, 3 * 0x1p23, 0, 2},
           {"NaN for a number", of(kF32, {kNan, 1}), of(kF32, {1, 1}), kInfinity, kInfinity, kInfinity, 1, 0},
           {"a number for NaN", of(kF32, {1, 1}), of(kF32, {1, kNan}), kInfinity, kInfinity, kInfinity, 1, 1},
           {"a number for infinity", of(kF32, {1, 1}), of(kF32, {1, kInfinity}), kInfinity, kInfinity, kInfinity, 1, 1},
           {"infinity for a number", of(kF32, {1, kInfinity}), of(kF32, {1, 1}), kInfinity, kInfinity, kInfinity, 1, 1},
           {"orthogonal", of(kF32, {2, 0}), of(kF32, {0, 2}), 2, kInfinity, 0x1p24, 0, 0},
           {"complex", of(kC64, {{3, 5}}), of(kC64, {{3, 4}}), 1, 0.2, 0x1p21, 29 / std::sqrt(34. * 25), 0},
           {"integers", of(kI32, {7, 5}), of(kI32, {7, 4}), 1, 0.25, 1, 69 / std::sqrt(74. * 65), 1},
           {"an integer for zero", of(kI32, {5}), of(kI32, {0}), 5, kInfinity, 5, 0, 0},
           {"bools", of(kBool, {1, 1}), of(kBool, {1, 0}), 1, kInfinity, 1, 1 / std::sqrt(2), 1},
       }) {
    const Difference d = difference(a, b);
    EXPECT_EQ(d.bit_equal, abs == 0) << name;
    EXPECT_DOUBLE_EQ(d.max_abs, abs) << name;
    EXPECT_DOUBLE_EQ(d.max_rel, rel) << name;
    EXPECT_DOUBLE_EQ(d.max_ulp, ulp) << name;
    EXPECT_DOUBLE_EQ(d.cosine, cosine) << name;
    EXPECT_EQ(d.worst, worst) << name;
  }
  EXPECT_THROW(difference(of(kF32, {1}), of(kF32, {1, 1})), Error);
}

}  // namespace
}  // namespace ecotone::backend
