#include "ecotone/op/build.h"

#include <algorithm>
#include <numeric>

#include "ecotone/base/error.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {

ValueId scalar(Builder& b, DType dtype, double value) {
  return constant(b, Tensor::full(dtype, {}, value));
}

ValueId scalar_int(Builder& b, DType dtype, int64_t value) {
  if (!is_integer(dtype) && dtype != DType::kBool) return scalar(b, dtype, static_cast<double>(value));
  MutableTensor t(dtype, {});
  t.set_int(0, value);
  return constant(b, std::move(t).freeze());
}

ValueId full(Builder& b, DType dtype, std::vector<Dim> shape, double value) {
  return broadcast_in_dim(b, scalar(b, dtype, value), std::move(shape), {});
}

ValueId full_like(Builder& b, ValueId x, double value) {
  return full(b, b.dtype(x), b.tensor_type(x).shape, value);
}

std::vector<Dim> broadcast_shapes(Builder& b, std::span<const Dim> x, std::span<const Dim> y) {
  if (x.size() < y.size()) std::swap(x, y);
  std::vector<Dim> shape(x.begin(), x.end());
  for (size_t i = 0; i < y.size(); ++i) {
    Dim& d = shape[x.size() - y.size() + i];
    if (y[i] == Dim(1) || d == y[i]) continue;
    if (d == Dim(1)) {
      d = y[i];
      continue;
    }
    b.dims().require_equal(d, y[i], "sizes that broadcast against each other");
    if (y[i].is_constant()) d = y[i];
  }
  return shape;
}

ValueId broadcast_to(Builder& b, ValueId x, std::span<const Dim> shape) {
  const TensorType& type = b.tensor_type(x);
  if (std::ranges::equal(type.shape, shape)) return x;
  if (type.shape.size() > shape.size()) fail("{} dimensions can't be broadcast to {}", type.shape.size(), shape.size());
  std::vector<int64_t> dimensions(type.shape.size());
  std::iota(dimensions.begin(), dimensions.end(), static_cast<int64_t>(shape.size() - dimensions.size()));
  return broadcast_in_dim(b, x, {shape.begin(), shape.end()}, std::move(dimensions));
}

ValueId broadcast_binary(Builder& b, BinaryBuilder binary, ValueId x, ValueId y) {
  const std::vector<Dim> shape = broadcast_shapes(b, b.tensor_type(x).shape, b.tensor_type(y).shape);
  const ValueId wide_x = broadcast_to(b, x, shape), wide_y = broadcast_to(b, y, shape);
  return binary(b, wide_x, wide_y);
}

ValueId broadcast_reduced(Builder& b, ValueId reduced, std::span<const Dim> shape,
                          std::span<const int64_t> dimensions) {
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i)
    if (std::ranges::find(dimensions, i) == dimensions.end()) kept.push_back(i);
  return broadcast_in_dim(b, reduced, {shape.begin(), shape.end()}, std::move(kept));
}

ValueId expand_dims(Builder& b, ValueId x, std::span<const int64_t> positions) {
  const std::vector<Dim>& old = b.tensor_type(x).shape;
  std::vector<Dim> shape;
  for (size_t i = 0, next = 0; i < old.size() + positions.size(); ++i)
    if (std::ranges::find(positions, static_cast<int64_t>(i)) != positions.end())
      shape.emplace_back(1);
    else if (next < old.size())
      shape.push_back(old[next++]);
    else
      fail("expand_dims names a position twice or out of range");
  return reshape(b, x, std::move(shape));
}

ValueId squeeze(Builder& b, ValueId x, std::span<const int64_t> dimensions) {
  std::vector<Dim> shape;
  const std::vector<Dim>& old = b.tensor_type(x).shape;
  for (size_t i = 0; i < old.size(); ++i) {
    if (std::ranges::find(dimensions, static_cast<int64_t>(i)) == dimensions.end())
      shape.push_back(old[i]);
    else
      b.dims().require_equal(old[i], 1, "a dimension that is squeezed and 1");
  }
  return reshape(b, x, std::move(shape));
}

Region make_region(Builder& like, std::string name, std::span<const Type> inputs,
                   const std::function<std::vector<ValueId>(Builder&, std::span<const ValueId>)>& make) {
  Builder body(std::move(name));
  Region region;
  for (SymbolId i = 0; i < like.symbols().size(); ++i) {
    const SymbolInfo& s = like.symbols()[i];
    body.symbol(s.name, s.min, s.max);
    region.dim_args.push_back(Dim::symbol(i));
  }
  body.set_location(like.location());
  std::vector<ValueId> args;
  for (size_t i = 0; i < inputs.size(); ++i) args.push_back(body.input("arg" + std::to_string(i), inputs[i]));
  const std::vector<ValueId> outputs = make(body, args);
  for (size_t i = 0; i < outputs.size(); ++i) body.output("out" + std::to_string(i), outputs[i]);
  region.body = std::move(body).build();
  return region;
}

int64_t normalize_axis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) fail("axis {} is not in [-{}, {})", axis, rank, rank);
  return axis < 0 ? axis + rank : axis;
}

}  // namespace ecotone::op
