// Values as expressions with NumPy's broadcasting, for operators that are formulas.
#pragma once

#include <initializer_list>
#include <utility>
#include <vector>

#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {

class Expr {
 public:
  Expr(Builder& b, ValueId id) : b_(&b), id_(id) {}
  operator ValueId() const { return id_; }  // NOLINT: an Expr is its value

  Builder& builder() const { return *b_; }
  const TensorType& type() const { return b_->tensor_type(id_); }
  std::vector<Dim> shape() const { return type().shape; }
  Dim size(int64_t axis) const { return type().shape[static_cast<size_t>(op::normalize_axis(axis, rank()))]; }
  int64_t rank() const { return type().rank(); }
  DType dtype() const { return type().dtype; }

  Expr made(ValueId id) const { return {*b_, id}; }
  // A scalar of this dtype.
  Expr scalar(double v) const { return made(op::scalar(*b_, dtype(), v)); }
  Expr scalar(const Dim& v) const { return made(op::convert(*b_, op::dim_value(*b_, v, DType::kI64), dtype())); }
  Expr to(DType dtype) const { return made(op::convert(*b_, id_, dtype)); }
  Expr reshape(std::vector<Dim> shape) const { return made(op::reshape(*b_, id_, std::move(shape))); }
  Expr transpose(std::vector<int64_t> order) const { return made(op::transpose(*b_, id_, std::move(order))); }
  Expr broadcast(const std::vector<Dim>& shape) const { return made(op::broadcast_to(*b_, id_, shape)); }
  Expr expand(std::initializer_list<int64_t> positions) const {  // positions in the result
    return made(op::expand_dims(*b_, id_, std::span(positions.begin(), positions.size())));
  }
  // Entries [from, to) of an axis.
  Expr part(int64_t axis, const Dim& from, const Dim& to) const {
    std::vector<Dim> start(static_cast<size_t>(rank()), 0), limit = shape();
    const auto at = static_cast<size_t>(op::normalize_axis(axis, rank()));
    start[at] = from;
    limit[at] = to;
    return made(op::slice(*b_, id_, std::move(start), std::move(limit)));
  }
  // Entry `at` of an axis, which goes.
  Expr entry(int64_t axis, int64_t at) const {
    std::vector<Dim> left = shape();
    left.erase(left.begin() + op::normalize_axis(axis, rank()));
    return part(axis, at, at + 1).reshape(std::move(left));
  }
  Expr reduced(std::vector<int64_t> axes, op::Reducer reducer) const {
    return made(op::reduce(*b_, id_, std::move(axes), reducer));
  }
  Expr root() const { return made(op::sqrt(*b_, id_)); }
  Expr sum(std::vector<int64_t> axes) const { return reduced(std::move(axes), op::Reducer::kAdd); }
  Expr mean(const std::vector<int64_t>& axes) const {
    Dim count = 1;
    for (int64_t a : axes) count = count * size(a);
    return sum(axes) / scalar(count);
  }

#define ECOTONE_EXPR_BINARY(sign, function)                                         \
  friend Expr operator sign(const Expr& x, const Expr& y) {                         \
    return x.made(op::broadcast_binary(x.builder(), op::function, x, y));           \
  }                                                                                 \
  friend Expr operator sign(const Expr& x, double y) { return x sign x.scalar(y); } \
  friend Expr operator sign(double x, const Expr& y) { return y.scalar(x) sign y; }
  ECOTONE_EXPR_BINARY(+, add)
  ECOTONE_EXPR_BINARY(-, subtract)
  ECOTONE_EXPR_BINARY(*, multiply)
  ECOTONE_EXPR_BINARY(/, divide)
  ECOTONE_EXPR_BINARY(%, remainder)
  ECOTONE_EXPR_BINARY(&, and_)
  ECOTONE_EXPR_BINARY(|, or_)
#undef ECOTONE_EXPR_BINARY
  Expr operator!() const { return made(op::not_(*b_, id_)); }

#define ECOTONE_EXPR_COMPARE(sign, direction)                                                                         \
  friend Expr operator sign(const Expr& x, const Expr& y) {                                                           \
    return x.made(op::broadcast_binary(                                                                               \
        x.builder(),                                                                                                  \
        [](Builder& b, ValueId l, ValueId r) { return op::compare(b, op::ComparisonDirection::direction, l, r); }, x, \
        y));                                                                                                          \
  }                                                                                                                   \
  friend Expr operator sign(const Expr& x, double y) { return x sign x.scalar(y); }
  ECOTONE_EXPR_COMPARE(<, kLt)
  ECOTONE_EXPR_COMPARE(<=, kLe)
  ECOTONE_EXPR_COMPARE(>, kGt)
  ECOTONE_EXPR_COMPARE(>=, kGe)
  ECOTONE_EXPR_COMPARE(==, kEq)
  ECOTONE_EXPR_COMPARE(!=, kNe)
#undef ECOTONE_EXPR_COMPARE

 private:
  Builder* b_;
  ValueId id_;
};

inline Expr input(NodeContext& n, size_t i) {
  return {n.b, n.in(i)};
}
// 0, 1, ... along `axis` of `shape`.
inline Expr places(Builder& b, std::vector<Dim> shape, int64_t axis, DType dtype = DType::kI64) {
  return {b, op::iota(b, {dtype, std::move(shape)}, axis)};
}
inline Expr where(const Expr& pred, const Expr& yes, const Expr& no) {
  Builder& b = pred.builder();
  const std::vector<Dim> shape =
      op::broadcast_shapes(b, pred.shape(), op::broadcast_shapes(b, yes.shape(), no.shape()));
  return pred.made(op::select(b, pred.broadcast(shape), yes.broadcast(shape), no.broadcast(shape)));
}
inline Expr larger(const Expr& x, const Expr& y) {
  return x.made(op::broadcast_binary(x.builder(), op::maximum, x, y));
}
inline Expr smaller(const Expr& x, const Expr& y) {
  return x.made(op::broadcast_binary(x.builder(), op::minimum, x, y));
}
inline Expr clamped(const Expr& x, const Expr& low, const Expr& high) {
  return smaller(larger(x, low), high);
}
inline Expr joined(std::initializer_list<Expr> parts, int64_t axis) {
  std::vector<ValueId> ids(parts.begin(), parts.end());
  return parts.begin()->made(op::concatenate(parts.begin()->builder(), ids, axis));
}
// Stacked along a new axis.
inline Expr stacked(const std::vector<Expr>& parts, int64_t axis) {
  std::vector<ValueId> ids;
  for (const Expr& p : parts) ids.push_back(p.expand({axis}));
  return parts.at(0).made(op::concatenate(parts[0].builder(), ids, axis));
}

}  // namespace ecotone::onnx
