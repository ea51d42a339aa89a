// Pooling: what a window over the spatial dimensions of x [N, C, ...] sees, made one. Means and norms of types narrower
// than f32 are computed in f32 and rounded once.
#pragma once

#include "ecotone/ir/builder.h"
#include "ecotone/op/reduce.h"

namespace ecotone::op {

// One entry a spatial dimension.
struct PoolWindow {
  std::vector<int64_t> size, strides, dilations;
  std::vector<Dim> padding_low, padding_high;
  static constexpr const char* kName = "window";
  static constexpr auto kFields =
      std::tuple{Field{"size", &PoolWindow::size}, Field{"strides", &PoolWindow::strides},
                 Field{"dilations", &PoolWindow::dilations}, Field{"padding_low", &PoolWindow::padding_low},
                 Field{"padding_high", &PoolWindow::padding_high}};
};

// The same over all of x's dimensions, for reduce_window.
WindowAttributes pool_attributes(const PoolWindow& window, Reducer reducer);

struct MaxPoolAttributes {
  PoolWindow window;
  static constexpr const char* kName = "max_pool";
  static constexpr auto kFields = std::tuple{Field{"window", &MaxPoolAttributes::window}};
};
// The largest entry of each window; padding is below all.
const Op& max_pool();
ValueId max_pool(Builder& b, ValueId x, MaxPoolAttributes attributes);

struct AveragePoolAttributes {
  PoolWindow window;
  // How much of the padding counts as zeros that were averaged; empty: none, only the input's entries count.
  std::vector<Dim> counted_low, counted_high;
  static constexpr const char* kName = "average_pool";
  static constexpr auto kFields = std::tuple{Field{"window", &AveragePoolAttributes::window},
                                             Field{"counted_low", &AveragePoolAttributes::counted_low},
                                             Field{"counted_high", &AveragePoolAttributes::counted_high}};
};
// The sum of each window over the number of its entries that count.
const Op& average_pool();
ValueId average_pool(Builder& b, ValueId x, AveragePoolAttributes attributes);

struct LpPoolAttributes {
  PoolWindow window;
  double p = 2;
  static constexpr const char* kName = "lp_pool";
  static constexpr auto kFields =
      std::tuple{Field{"window", &LpPoolAttributes::window}, Field{"p", &LpPoolAttributes::p}};
};
// (sum |x|^p)^(1/p) of each window.
const Op& lp_pool();
ValueId lp_pool(Builder& b, ValueId x, LpPoolAttributes attributes);

}  // namespace ecotone::op
