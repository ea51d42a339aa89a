// Transposed convolution, and padding with what is there.
#pragma once

#include <array>

#include "ecotone/ir/builder.h"

namespace ecotone::op {

struct ConvTransposeAttributes {
  std::vector<int64_t> strides, dilations;
  std::vector<Dim> padding_low, padding_high;  // cut off the result; may be negative
  int64_t groups = 1;
  static constexpr const char* kName = "conv_transpose";
  static constexpr auto kFields = std::tuple{
      Field{"strides", &ConvTransposeAttributes::strides}, Field{"dilations", &ConvTransposeAttributes::dilations},
      Field{"padding_low", &ConvTransposeAttributes::padding_low},
      Field{"padding_high", &ConvTransposeAttributes::padding_high}, Field{"groups", &ConvTransposeAttributes::groups}};
};
// The transpose of a convolution: each entry of x [N, C, ...] adds its multiple of the kernel [C, M / groups, ...] to
// the result [N, M, ...] at stride * its place. Spatial sizes: (n - 1) stride + (k - 1) dilation + 1 - padding.
const Op& conv_transpose();
ValueId conv_transpose(Builder& b, ValueId x, ValueId kernel, ConvTransposeAttributes attributes);

// edge: the outermost entry again; reflect: mirrored, without the outermost; wrap: from the other end.
enum class PadMode : uint8_t { kEdge, kReflect, kWrap };
struct PadFromItselfAttributes {
  std::vector<int64_t> axes, low, high;  // negative amounts cut off
  PadMode mode = PadMode::kEdge;
  static constexpr const char* kName = "pad_from_itself";
  static constexpr auto kFields =
      std::tuple{Field{"axes", &PadFromItselfAttributes::axes}, Field{"low", &PadFromItselfAttributes::low},
                 Field{"high", &PadFromItselfAttributes::high}, Field{"mode", &PadFromItselfAttributes::mode}};
};
// Padding with x's own entries, axis after axis; at most its size (less one for reflect) on each side.
const Op& pad_from_itself();
ValueId pad_from_itself(Builder& b, ValueId x, PadFromItselfAttributes attributes);

}  // namespace ecotone::op

template <>
struct ecotone::EnumNames<ecotone::op::PadMode> {
  static constexpr std::array<std::string_view, 3> kNames = {"edge", "reflect", "wrap"};
};
