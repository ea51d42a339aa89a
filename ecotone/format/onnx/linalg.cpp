// Determinants and inverses: elimination with partial pivoting over the last two dimensions, a column a step.
#include <functional>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/control.h"

namespace ecotone::onnx {
namespace {

// Step k: the rows from k on are searched for the largest entry of column k, and that row changes places with row k.
struct Pivot {
  Expr row;      // numbers of the rows, [batch..., side]
  Expr at;       // where the pivot was, [batch..., 1]
  Expr value;    // the pivot, [batch..., 1]
  Expr upper;    // its row, [batch..., 1, width]
  Expr swapped;  // the matrix
  Expr column;   // column k of it, [batch..., side]
};
Pivot pivoted(const Expr& m, const Expr& k) {
  Builder& b = m.builder();
  const int64_t rank = m.rank();
  std::vector<Dim> line = m.shape();
  line.pop_back();
  const Expr zero = m.scalar(0.0), row = places(b, line, rank - 2), at_k = row == k;
  const auto column_of = [&](const Expr& x) {
    return where(places(b, m.shape(), rank - 1) == k, x, zero).sum({rank - 1});
  };
  const auto row_of = [&](const Expr& mask) {
    return where(mask.expand({rank - 1}), m, zero).sum({rank - 2}).expand({rank - 2});
  };
  const Expr column = column_of(m), size = where(row >= k, m.made(op::abs(b, column)), m.scalar(-1.0));
  const Expr top = size.reduced({rank - 2}, op::Reducer::kMaximum).expand({rank - 2});
  const Expr at =
      where(size == top, row, row.scalar(m.size(-2))).reduced({rank - 2}, op::Reducer::kMinimum).expand({rank - 2});
  const Expr at_pivot = row == at, upper = row_of(at_pivot), old = row_of(at_k);
  const Expr swapped = where(at_k.expand({rank - 1}), upper, where(at_pivot.expand({rank - 1}), old, m));
  const Expr value = where(at_pivot, column, zero).sum({rank - 2}).expand({rank - 2});
  return {row, at, value, upper, swapped, column_of(swapped)};
}

// The given matrices, checked.
Expr matrices(NodeContext& n) {
  const Expr x = input(n, 0);
  if (x.rank() < 2) fail("a matrix of {} dimensions", x.rank());
  n.b.dims().require_equal(x.size(-1), x.size(-2), "sides of a matrix");
  return x;
}

// The carries after as many steps as the matrix has columns; `step` gets them and k.
std::vector<ValueId> eliminated(Builder& b, std::span<const ValueId> carries, const Dim& size,
                                const std::function<std::vector<ValueId>(Builder&, std::span<const ValueId>)>& step) {
  const ValueId steps = places(b, {size}, 0);
  std::vector<Type> types;
  for (ValueId v : carries) types.push_back(b.type(v));
  types.emplace_back(TensorType{DType::kI64, {}});
  return op::scan(b, carries, {&steps, 1}, size, op::make_region(b, "eliminate", types, step));
}

std::vector<Value> determinant(NodeContext& n) {
  const Expr x = matrices(n);
  const int64_t rank = x.rank();
  std::vector<Dim> batch = x.shape();
  batch.resize(batch.size() - 2);
  const ValueId carries[] = {x, op::full(n.b, x.dtype(), batch, 1)};
  const auto step = [&](Builder& g, std::span<const ValueId> v) -> std::vector<ValueId> {
    const Expr m{g, v[0]}, product{g, v[1]}, k{g, v[2]};
    const Pivot p = pivoted(m, k);
    const Expr factor = where((p.row > k) & (p.value != 0.0), p.column / p.value, m.scalar(0.0));
    const Expr sign = where(p.at.reshape(batch) == k, m.scalar(1.0), m.scalar(-1.0));
    return {p.swapped - factor.expand({rank - 1}) * p.upper, product * p.value.reshape(batch) * sign};
  };
  return {n.result(eliminated(n.b, carries, x.size(-1), step)[1])};
}

// The right half of what becomes of [x, 1]; infinities and NaN where x has no inverse.
std::vector<Value> inverse(NodeContext& n) {
  const Expr x = matrices(n);
  const int64_t rank = x.rank();
  const Dim size = x.size(-1);
  const Expr one = (places(n.b, x.shape(), rank - 1) == places(n.b, x.shape(), rank - 2)).to(x.dtype());
  const ValueId carry = joined({x, one}, rank - 1);
  const auto step = [&](Builder& g, std::span<const ValueId> v) -> std::vector<ValueId> {
    const Expr m{g, v[0]}, k{g, v[1]};
    const Pivot p = pivoted(m, k);
    const Expr scaled = p.upper / p.value.expand({rank - 1});
    return {where((p.row == k).expand({rank - 1}), scaled, p.swapped - p.column.expand({rank - 1}) * scaled)};
  };
  const Expr y{n.b, eliminated(n.b, {&carry, 1}, size, step)[0]};
  return {n.result(y.part(-1, size, size * 2))};
}

}  // namespace

std::span<const Registration> linalg_importers() {
  static constexpr Registration list[] = {{"Det", determinant}, {"com.microsoft:Inverse", inverse}};
  return list;
}

}  // namespace ecotone::onnx
