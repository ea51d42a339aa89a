#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "ecotone/base/error.h"

namespace ecotone {

/// a + b, or an Error that names `what` when it overflows.
inline int64_t checked_add(int64_t a, int64_t b, const char* what = "size") {
  int64_t result;
  if (__builtin_add_overflow(a, b, &result)) fail("{}: {} + {} does not fit 64 bits", what, a, b);
  return result;
}

/// a - b, or an Error that names `what` when it overflows.
inline int64_t checked_sub(int64_t a, int64_t b, const char* what = "size") {
  int64_t result;
  if (__builtin_sub_overflow(a, b, &result)) fail("{}: {} - {} does not fit 64 bits", what, a, b);
  return result;
}

/// a * b, or an Error that names `what` when it overflows.
inline int64_t checked_mul(int64_t a, int64_t b, const char* what = "size") {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) fail("{}: {} * {} does not fit 64 bits", what, a, b);
  return result;
}

/// The product of sizes, or an Error; 1 for none. A zero anywhere gives 0, whatever the others are.
inline int64_t checked_product(std::span<const int64_t> sizes, const char* what = "size") {
  for (int64_t size : sizes) {
    if (size == 0) return 0;
  }
  int64_t result = 1;
  for (int64_t size : sizes) result = checked_mul(result, size, what);
  return result;
}

/// `value` as another integer type, or an Error that names `what` when it does not fit.
template <std::integral To, std::integral From>
To checked_cast(From value, const char* what = "value") {
  if (!std::in_range<To>(value)) fail("{}: {} is out of range", what, value);
  return static_cast<To>(value);
}

}  // namespace ecotone
