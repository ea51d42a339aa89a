// Reductions, windows, sorting and map. Regions take scalars.
#pragma once

#include <array>

#include "ecotone/ir/builder.h"

namespace ecotone::op {

// kRegion: what combines two elements is the op's region; else there is no region.
enum class Reducer : uint8_t { kAdd, kMultiply, kMaximum, kMinimum, kAnd, kOr, kXor, kRegion };
// The region that an enum stands for: (x, y) -> one equation; and the enum that a region is, if it is one.
ProgramRef reducer_body(Reducer reducer, DType dtype);
Reducer reducer_of(const Program& body);
// The neutral element: 0, 1, -inf, +inf, all ones, ...
Tensor reducer_identity(Reducer reducer, DType dtype);

struct ReduceAttributes {
  std::vector<int64_t> dimensions;
  Reducer reducer = Reducer::kRegion;
  static constexpr const char* kName = "reduce";
  static constexpr auto kFields =
      std::tuple{Field{"dimensions", &ReduceAttributes::dimensions}, Field{"reducer", &ReduceAttributes::reducer}};
};
// Operands: N inputs, then N scalar initial values. Elements combine serially in index order, floats narrower than f32
// in f32 when the reducer is an enum.
const Op& reduce();
ValueId reduce(Builder& b, ValueId x, ValueId init, std::vector<int64_t> dimensions, Reducer reducer);
// The same from the reducer's identity.
ValueId reduce(Builder& b, ValueId x, std::vector<int64_t> dimensions, Reducer reducer);
std::vector<ValueId> reduce(Builder& b, std::span<const ValueId> inputs, std::span<const ValueId> inits,
                            std::vector<int64_t> dimensions, Region region, std::span<const ValueId> captures = {});

struct WindowAttributes {
  std::vector<Dim> window_dimensions;
  std::vector<int64_t> window_strides, base_dilations, window_dilations;
  std::vector<Dim> padding_low, padding_high;
  Reducer reducer = Reducer::kRegion;
  static constexpr const char* kName = "reduce_window";
  static constexpr auto kFields = std::tuple{Field{"window_dimensions", &WindowAttributes::window_dimensions},
                                             Field{"window_strides", &WindowAttributes::window_strides},
                                             Field{"base_dilations", &WindowAttributes::base_dilations},
                                             Field{"window_dilations", &WindowAttributes::window_dilations},
                                             Field{"padding_low", &WindowAttributes::padding_low},
                                             Field{"padding_high", &WindowAttributes::padding_high},
                                             Field{"reducer", &WindowAttributes::reducer}};
};
// Empty strides and dilations are all ones, empty paddings zeros.
const Op& reduce_window();
ValueId reduce_window(Builder& b, ValueId x, ValueId init, WindowAttributes attributes);
std::vector<ValueId> reduce_window(Builder& b, std::span<const ValueId> inputs, std::span<const ValueId> inits,
                                   WindowAttributes attributes, Region region, std::span<const ValueId> captures = {});

struct SelectAndScatterAttributes {
  std::vector<int64_t> window_dimensions, window_strides, padding_low, padding_high;
  static constexpr const char* kName = "select_and_scatter";
  static constexpr auto kFields = std::tuple{Field{"window_dimensions", &SelectAndScatterAttributes::window_dimensions},
                                             Field{"window_strides", &SelectAndScatterAttributes::window_strides},
                                             Field{"padding_low", &SelectAndScatterAttributes::padding_low},
                                             Field{"padding_high", &SelectAndScatterAttributes::padding_high}};
};
// Operands: x, source, init. Regions: select, scatter.
const Op& select_and_scatter();

struct SortAttributes {
  int64_t dimension = -1;
  bool is_stable = false;
  static constexpr const char* kName = "sort";
  static constexpr auto kFields =
      std::tuple{Field{"dimension", &SortAttributes::dimension}, Field{"is_stable", &SortAttributes::is_stable}};
};
// N tensors of one shape, sorted together; the region (x0, y0, x1, y1, ...) -> bool says whether x goes before y.
// Always stable here.
const Op& sort();
std::vector<ValueId> sort(Builder& b, std::span<const ValueId> inputs, int64_t dimension, Region comparator,
                          bool is_stable = true, std::span<const ValueId> captures = {});

struct MapAttributes {
  std::vector<int64_t> dimensions;
  static constexpr const char* kName = "map";
  static constexpr auto kFields = std::tuple{Field{"dimensions", &MapAttributes::dimensions}};
};
const Op& map();

}  // namespace ecotone::op

template <>
struct ecotone::EnumNames<ecotone::op::Reducer> {
  static constexpr std::array<std::string_view, 8> kNames = {"add", "multiply", "maximum", "minimum",
                                                             "and", "or",       "xor",     "region"};
};
