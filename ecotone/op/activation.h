// Activations: elementwise functions of one float x; the result has x's type. Types narrower than f32 are computed in
// f32 and rounded once. relu, prelu and shrink also take integers.
#pragma once

#include <array>

#include "ecotone/ir/builder.h"

namespace ecotone::op {

// softplus: log(1 + exp(x)) without overflow. softsign: x / (1 + |x|). mish: x tanh(softplus(x)).
// hard_swish: x * clamp(x / 6 + 1 / 2, 0, 1), 1/6 as f32.
#define ECOTONE_PLAIN_ACTIVATIONS(X) X(softplus) X(softsign) X(mish) X(hard_swish)
#define ECOTONE_DECLARE_ACTIVATION(name) \
  const Op& name();                      \
  ValueId name(Builder& b, ValueId x);
ECOTONE_PLAIN_ACTIVATIONS(ECOTONE_DECLARE_ACTIVATION)
#undef ECOTONE_DECLARE_ACTIVATION

// max(x, 0). Any number type.
const Op& relu();
ValueId relu(Builder& b, ValueId x);

struct AlphaAttributes {
  double alpha = 1;
  static constexpr const char* kName = "alpha";
  static constexpr auto kFields = std::tuple{Field{"alpha", &AlphaAttributes::alpha}};
};
// With the slope or threshold alpha. leaky_relu: x if x >= 0, else alpha x. elu: x if x >= 0, else alpha (exp(x) - 1).
// celu: x if x >= 0, else alpha (exp(x / alpha) - 1). thresholded_relu: x if x > alpha, else 0. swish: x sigmoid(alpha
// x); alpha = 1 is SiLU.
#define ECOTONE_ALPHA_ACTIVATIONS(X) X(leaky_relu) X(elu) X(celu) X(thresholded_relu) X(swish)
#define ECOTONE_DECLARE_ACTIVATION(name) \
  const Op& name();                      \
  ValueId name(Builder& b, ValueId x, double alpha);
ECOTONE_ALPHA_ACTIVATIONS(ECOTONE_DECLARE_ACTIVATION)
#undef ECOTONE_DECLARE_ACTIVATION

struct SeluAttributes {
  double alpha = 1.67326319217681884765625, gamma = 1.05070102214813232421875;
  static constexpr const char* kName = "selu";
  static constexpr auto kFields =
      std::tuple{Field{"alpha", &SeluAttributes::alpha}, Field{"gamma", &SeluAttributes::gamma}};
};
// gamma * (x if x >= 0, else alpha (exp(x) - 1)) (Klambauer et al. 2017).
const Op& selu();
ValueId selu(Builder& b, ValueId x, SeluAttributes attributes = {});

struct HardSigmoidAttributes {
  double alpha = 1.0 / 6, beta = 0.5;
  static constexpr const char* kName = "hard_sigmoid";
  static constexpr auto kFields =
      std::tuple{Field{"alpha", &HardSigmoidAttributes::alpha}, Field{"beta", &HardSigmoidAttributes::beta}};
};
// clamp(alpha x + beta, 0, 1).
const Op& hard_sigmoid();
ValueId hard_sigmoid(Builder& b, ValueId x, HardSigmoidAttributes attributes);

struct ShrinkAttributes {
  double lambda = 0.5, bias = 0;
  static constexpr const char* kName = "shrink";
  static constexpr auto kFields =
      std::tuple{Field{"lambda", &ShrinkAttributes::lambda}, Field{"bias", &ShrinkAttributes::bias}};
};
// x + bias if x < -lambda; x - bias if x > lambda; else 0. Any number type; integers are computed in f64, and what
// comes out is truncated and saturates.
const Op& shrink();
ValueId shrink(Builder& b, ValueId x, ShrinkAttributes attributes);

enum class GeluForm : uint8_t { kErf, kTanh };
struct GeluAttributes {
  GeluForm form = GeluForm::kErf;
  static constexpr const char* kName = "gelu";
  static constexpr auto kFields = std::tuple{Field{"form", &GeluAttributes::form}};
};
// erf: x / 2 (1 + erf(x / sqrt 2)); tanh: x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) (Hendrycks & Gimpel 2016).
const Op& gelu();
ValueId gelu(Builder& b, ValueId x, GeluForm form = GeluForm::kErf);

// x if x >= 0, else slope * x. Any number type. Operands: x, slope, which broadcasts to x.
const Op& prelu();
ValueId prelu(Builder& b, ValueId x, ValueId slope);

}  // namespace ecotone::op

template <>
struct ecotone::EnumNames<ecotone::op::GeluForm> {
  static constexpr std::array<std::string_view, 2> kNames = {"erf", "tanh"};
};
