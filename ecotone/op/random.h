// Random bits. Keys are values; nothing is drawn from the outside.
#pragma once

#include <array>

#include "ecotone/ir/builder.h"

namespace ecotone::op {

enum class RngAlgorithm : uint8_t { kDefault, kThreeFry, kPhilox };
struct RngBitGeneratorAttributes {
  RngAlgorithm algorithm = RngAlgorithm::kThreeFry;
  TensorType type;
  static constexpr const char* kName = "rng_bit_generator";
  static constexpr auto kFields = std::tuple{Field{"rng_algorithm", &RngBitGeneratorAttributes::algorithm},
                                             Field{"type", &RngBitGeneratorAttributes::type}};
};
// Operand: state (u64[2] for ThreeFry, u64[2] or [3] for Philox): the key, then the counter, its low word first.
// Results: the new state and bits of `type` (integers or floats), equal to XLA's. kDefault is Philox, as in XLA.
const Op& rng_bit_generator();
std::pair<ValueId, ValueId> rng_bit_generator(Builder& b, ValueId state, TensorType type, RngAlgorithm algorithm);

enum class RngDistribution : uint8_t { kUniform, kNormal };
struct RngAttributes {
  RngDistribution distribution = RngDistribution::kUniform;
  std::vector<Dim> shape;
  static constexpr const char* kName = "rng";
  static constexpr auto kFields =
      std::tuple{Field{"rng_distribution", &RngAttributes::distribution}, Field{"shape", &RngAttributes::shape}};
};
// StableHLO's seedless rng: operands a, b (scalars), then a key (u64[2]), which readers add as an input. Uniform in
// [a, b), or normal of mean a and standard deviation b; made from ThreeFry's bits for the key, no other system's.
const Op& rng();
ValueId rng(Builder& b, ValueId low, ValueId high, ValueId key, RngDistribution distribution, std::vector<Dim> shape);

// A key of its own for `number`, a ui64 scalar: 128 of ThreeFry's bits for the key. So from one key come as many as
// there are draws, in trees of any depth; the one they come from must not be drawn with itself.
ValueId fold_in(Builder& b, ValueId key, ValueId number);
ValueId fold_in(Builder& b, ValueId key, uint64_t number);

}  // namespace ecotone::op

template <>
struct ecotone::EnumNames<ecotone::op::RngAlgorithm> {
  static constexpr std::array<std::string_view, 3> kNames = {"DEFAULT", "THREE_FRY", "PHILOX"};
};
template <>
struct ecotone::EnumNames<ecotone::op::RngDistribution> {
  static constexpr std::array<std::string_view, 2> kNames = {"UNIFORM", "NORMAL"};
};
