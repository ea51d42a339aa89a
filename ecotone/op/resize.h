// Resizing by interpolation, with every coordinate mode of ONNX's Resize.
#pragma once

#include <array>

#include "ecotone/ir/builder.h"

namespace ecotone::op {

enum class ResizeMode : uint8_t { kNearest, kLinear, kCubic };
// Where output position i lies in the input, with s = scale, n input and m output entries:
//   half_pixel            (i + 0.5) / s - 0.5
//   half_pixel_symmetric  n / 2 * (1 - m / (s n)) + (i + 0.5) / s - 0.5
//   pytorch_half_pixel    (i + 0.5) / s - 0.5, or 0 when m = 1
//   align_corners         i (n - 1) / (s n - 1), or 0 when m = 1
//   asymmetric            i / s
//   tf_half_pixel_for_nn  (i + 0.5) / s
//   tf_crop_and_resize    (n - 1) (start + i (end - start) / (m - 1)), or (n - 1) (start + end) / 2 when m = 1
enum class ResizeCoordinates : uint8_t {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfHalfPixelForNn,
  kTfCropAndResize,
};
// How `nearest` rounds a position.
enum class ResizeRounding : uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };

struct ResizeAttributes {
  std::vector<int64_t> axes;
  std::vector<Dim> sizes;      // of the result, one an axis
  std::vector<double> scales;  // one an axis; 0: that of the sizes
  ResizeMode mode = ResizeMode::kNearest;
  ResizeCoordinates coordinates = ResizeCoordinates::kHalfPixel;
  ResizeRounding rounding = ResizeRounding::kRoundPreferFloor;
  double cubic_a = -0.75;        // Keys' coefficient
  bool exclude_outside = false;  // entries outside count for nothing, else for the ends
  bool antialias = false;        // the filter widens when it shrinks
  // Of tf_crop_and_resize: the part of each axis, in [0, 1], and the value outside the input.
  std::vector<double> starts, ends;
  double extrapolation_value = 0;
  static constexpr const char* kName = "resize";
  static constexpr auto kFields = std::tuple{Field{"axes", &ResizeAttributes::axes},
                                             Field{"sizes", &ResizeAttributes::sizes},
                                             Field{"scales", &ResizeAttributes::scales},
                                             Field{"mode", &ResizeAttributes::mode},
                                             Field{"coordinates", &ResizeAttributes::coordinates},
                                             Field{"rounding", &ResizeAttributes::rounding},
                                             Field{"cubic_a", &ResizeAttributes::cubic_a},
                                             Field{"exclude_outside", &ResizeAttributes::exclude_outside},
                                             Field{"antialias", &ResizeAttributes::antialias},
                                             Field{"starts", &ResizeAttributes::starts},
                                             Field{"ends", &ResizeAttributes::ends},
                                             Field{"extrapolation_value", &ResizeAttributes::extrapolation_value}};
};
// Axis after axis: nearest picks entries, linear and cubic (Keys 1981) are products with a matrix of weights, each row
// normalized; these run in f32 at least, of integers in f64, and the end is rounded once, for integers truncated and
// saturating. Where a size is open, positions and weights are made when it is known, and antialias needs the scale.
const Op& resize();
ValueId resize(Builder& b, ValueId x, ResizeAttributes attributes);

}  // namespace ecotone::op

template <>
struct ecotone::EnumNames<ecotone::op::ResizeMode> {
  static constexpr std::array<std::string_view, 3> kNames = {"nearest", "linear", "cubic"};
};
template <>
struct ecotone::EnumNames<ecotone::op::ResizeCoordinates> {
  static constexpr std::array<std::string_view, 7> kNames = {
      "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
      "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
};
template <>
struct ecotone::EnumNames<ecotone::op::ResizeRounding> {
  static constexpr std::array<std::string_view, 4> kNames = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                                             "ceil"};
};
