// Normalization by a batch's own statistics, and determinants.
#include <array>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/control.h"

namespace ecotone::onnx {
namespace {

Expr root(const Expr& x) {
  return x.made(op::sqrt(x.builder(), x));
}
// What reducing `axes` took, put back with size 1.
Expr kept(const Expr& x, const Expr& reduced, const std::vector<int64_t>& axes) {
  std::vector<Dim> shape = x.shape();
  for (int64_t a : axes) shape.at(static_cast<size_t>(a)) = 1;
  return reduced.reshape(std::move(shape));
}

std::vector<Value> mean_variance_normalization(NodeContext& n) {
  const Expr x = input(n, 0);
  std::vector<int64_t> axes;
  for (int64_t a : n.ints_attribute("axes").value_or(std::vector<int64_t>{0, 2, 3}))
    axes.push_back(op::normalize_axis(a, x.rank()));
  const Expr centred = x - kept(x, x.mean(axes), axes);
  const Expr deviation = root(kept(x, (centred * centred).mean(axes), axes));
  return {n.result(centred / (deviation + 1e-9))};
}

// Gaussian elimination with partial pivoting, a column a step, over the last two dimensions.
std::vector<Value> determinant(NodeContext& n) {
  Builder& b = n.b;
  const Expr x = input(n, 0);
  const int64_t rank = x.rank();
  if (rank < 2) fail("a determinant of {} dimensions", rank);
  b.dims().require_equal(x.size(-1), x.size(-2), "sides of a matrix");
  const Dim size = x.size(-1);
  const std::vector<Dim> shape = x.shape(), line(shape.begin(), shape.end() - 1), batch(shape.begin(), shape.end() - 2);
  const ValueId carries[] = {x, op::full(b, x.dtype(), batch, 1)};
  const ValueId steps = places(b, {size}, 0);
  const Type types[] = {b.type(carries[0]), b.type(carries[1]), TensorType{DType::kI64, {}}};
  Region body =
      op::make_region(b, "eliminate", types, [&](Builder& g, std::span<const ValueId> v) -> std::vector<ValueId> {
        const Expr m{g, v[0]}, product{g, v[1]}, k{g, v[2]};
        const auto zero = m.scalar(0.0);
        const Expr row = places(g, line, rank - 2), at_k = row == k;  // [batch, side]
        const Expr column = where(places(g, shape, rank - 1) == k, m, zero).sum({rank - 1});
        const Expr size_of = where(row >= k, column.made(op::abs(g, column)), m.scalar(-1.0));
        const Expr top = size_of.reduced({rank - 2}, op::Reducer::kMaximum).expand({rank - 2});
        const Expr pivot_row =
            where(size_of == top, row, row.scalar(size)).reduced({rank - 2}, op::Reducer::kMinimum).expand({rank - 2});
        const Expr at_pivot = row == pivot_row;
        const auto row_of = [&](const Expr& mask) { return where(mask.expand({rank - 1}), m, zero).sum({rank - 2}); };
        const Expr upper = row_of(at_pivot).expand({rank - 2}), old = row_of(at_k).expand({rank - 2});
        const Expr swapped = where(at_k.expand({rank - 1}), upper, where(at_pivot.expand({rank - 1}), old, m));
        const Expr pivot = where(at_pivot, column, zero).sum({rank - 2});
        const Expr new_column = where(places(g, shape, rank - 1) == k, swapped, zero).sum({rank - 1});
        const Expr wide = pivot.expand({rank - 2});
        const Expr factor = where((row > k) & (wide != 0.0), new_column / wide, zero);
        const Expr sign = where(pivot_row.reshape(batch) == k, m.scalar(1.0), m.scalar(-1.0));
        return {swapped - factor.expand({rank - 1}) * upper, product * pivot * sign};
      });
  return {n.result(op::scan(b, carries, {&steps, 1}, size, std::move(body))[1])};
}

}  // namespace

std::vector<Value> batch_normalization_training(NodeContext& n) {
  const Expr x = input(n, 0);
  std::vector<int64_t> axes{0};
  for (int64_t d = 2; d < x.rank(); ++d) axes.push_back(d);
  const double momentum = n.float_attribute("momentum", 0.9F), epsilon = n.float_attribute("epsilon", 1e-5F);
  const Expr mean = x.mean(axes), centred = x - kept(x, mean, axes), variance = (centred * centred).mean(axes);
  const auto channel = [&](const Expr& v) { return kept(x, v.to(x.dtype()), axes); };
  const Expr y = centred / root(channel(variance) + epsilon) * channel(input(n, 1)) + channel(input(n, 2));
  const auto running = [&](size_t i, const Expr& now) {
    const Expr before = input(n, i);
    return n.result(before * momentum + now.to(before.dtype()) * (1 - momentum));
  };
  return {n.result(y), running(3, mean), running(4, variance)};
}

std::span<const Registration> statistics_importers() {
  static constexpr Registration list[] = {{"MeanVarianceNormalization", mean_variance_normalization},
                                          {"Det", determinant}};
  return list;
}

}  // namespace ecotone::onnx
