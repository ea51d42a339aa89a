// How two elements become one, for reduce, reduce_window, scatter and their like.
#pragma once

#include <span>
#include <vector>

#include "ecotone/ir/op.h"
#include "ecotone/op/reduce.h"

namespace ecotone::op {

// Combines the element of each `into` at `at` with that of each `with` at `from`, by a region (N, N) -> N of scalars:
// at once when the region is one of Reducer's or just takes the new element, else by running it.
class ElementCombiner {
 public:
  ElementCombiner(const EvalCall& call, const Region& region);
  void operator()(std::vector<MutableTensor>& into, int64_t at, std::span<const Tensor> with, int64_t from) const;

 private:
  enum class Kind : uint8_t { kRegion, kReplace, kReducer };
  const EvalCall& call_;
  const Region& region_;
  Kind kind_ = Kind::kRegion;
  Reducer reducer_ = Reducer::kRegion;
};

// One element as a scalar tensor, and back.
Tensor element(const Tensor& x, int64_t index);
Tensor element(MutableTensor& x, int64_t index);
void set_element(MutableTensor& x, int64_t index, const Tensor& scalar);

// x op y by a reducer on wide values. Maximum and minimum propagate NaN and order -0 below +0.
double combine(Reducer reducer, double x, double y);
int64_t combine(Reducer reducer, int64_t x, int64_t y, bool is_unsigned);
std::complex<double> combine(Reducer reducer, std::complex<double> x, std::complex<double> y);

}  // namespace ecotone::op
