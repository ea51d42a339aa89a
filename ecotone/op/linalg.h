// Factorizations, solves and Fourier transforms.
#pragma once

#include <array>

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct CholeskyAttributes {
  bool lower = false;
  static constexpr const char* kName = "cholesky";
  static constexpr auto kFields = std::tuple{Field{"lower", &CholeskyAttributes::lower}};
};
// Of the last two dimensions: x = l l^H, or u^H u. Only the triangle that is asked for is read; the other one of the
// result is zero. A matrix that is not positive definite gives NaN everywhere, as in XLA.
const Op& cholesky();
ValueId cholesky(Builder& b, ValueId x, bool lower);

enum class Transpose : uint8_t { kNoTranspose, kTranspose, kAdjoint };
struct TriangularSolveAttributes {
  bool left_side = true, lower = true, unit_diagonal = false;
  Transpose transpose_a = Transpose::kNoTranspose;
  static constexpr const char* kName = "triangular_solve";
  static constexpr auto kFields = std::tuple{Field{"left_side", &TriangularSolveAttributes::left_side},
                                             Field{"lower", &TriangularSolveAttributes::lower},
                                             Field{"unit_diagonal", &TriangularSolveAttributes::unit_diagonal},
                                             Field{"transpose_a", &TriangularSolveAttributes::transpose_a}};
};
// The x with op(a) x = b, or x op(a) = b when a is not on the left; a [..., n, n], b and x [..., n, m] or [..., m, n].
// Only a's triangle is read, its diagonal taken as ones if asked. A singular a gives infinities and NaN.
const Op& triangular_solve();
ValueId triangular_solve(Builder& b, ValueId a, ValueId rhs, TriangularSolveAttributes attributes);

enum class FftType : uint8_t { kFft, kIfft, kRfft, kIrfft };
struct FftAttributes {
  FftType type = FftType::kFft;
  std::vector<int64_t> length;
  static constexpr const char* kName = "fft";
  static constexpr auto kFields =
      std::tuple{Field{"fft_type", &FftAttributes::type}, Field{"fft_length", &FftAttributes::length}};
};
// Over the last 1 to 3 dimensions, of any length; the inverses divide by it. RFFT keeps the n / 2 + 1 entries of the
// last one that a real signal needs, IRFFT takes these. Computed in f64.
const Op& fft();
ValueId fft(Builder& b, ValueId x, FftType type, std::vector<int64_t> length);

}  // namespace ecotone::op

template <>
struct ecotone::EnumNames<ecotone::op::Transpose> {
  static constexpr std::array<std::string_view, 3> kNames = {"NO_TRANSPOSE", "TRANSPOSE", "ADJOINT"};
};
template <>
struct ecotone::EnumNames<ecotone::op::FftType> {
  static constexpr std::array<std::string_view, 4> kNames = {"FFT", "IFFT", "RFFT", "IRFFT"};
};
