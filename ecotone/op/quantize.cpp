#include "ecotone/op/quantize.h"

#include <cmath>

#include "ecotone/base/thread_pool.h"
#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/common.h"
#include "ecotone/op/move.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

// Scale and zero point are scalars, run along `axis`, or hold one entry per block of `axis`.
void expect_parameters(const InferCall& call, const QuantizeAttributes& a) {
  call.expect_operands(3);
  call.expect_regions(0);
  const TensorType& x = call.operand(0);
  if (!is_float(call.operand(1).dtype)) fail("the scale must be of a float type, not {}", name(call.operand(1).dtype));
  if (a.axis >= x.rank() || a.axis < -1) fail("axis {} is not in [-1, {})", a.axis, x.rank());
  if (a.block_size < 0 || (a.block_size > 0 && a.axis < 0)) fail("block_size {} needs an axis", a.block_size);
  for (size_t i : {1, 2}) {
    const TensorType& p = call.operand(i);
    const char* what = i == 1 ? "the scale" : "the zero point";
    if (a.block_size > 0) {
      if (p.rank() != x.rank()) fail("{} has {} dimensions, the operand {}", what, p.rank(), x.rank());
      for (size_t d = 0; d < x.shape.size(); ++d)
        call.dims.require_equal(p.shape[d],
                                static_cast<int64_t>(d) == a.axis ? ceildiv(x.shape[d], a.block_size) : x.shape[d],
                                "sizes of blocked scales and zero points");
    } else if (a.axis >= 0) {
      if (p.rank() != 1) fail("{} must have one dimension, not {}", what, p.rank());
      call.dims.require_equal(p.shape[0], x.shape[static_cast<size_t>(a.axis)],
                              "the number of scales and the size of the axis");
    } else if (p.rank() != 0) {
      fail("{} must be a scalar, or an axis must be named", what);
    }
  }
}

std::vector<Type> infer_quantize(const InferCall& call) {
  const auto& a = call.get<QuantizeAttributes>();
  expect_parameters(call, a);
  if (!is_float(call.operand(0).dtype))
    fail("what is quantized must be of a float type, not {}", name(call.operand(0).dtype));
  if (call.operand(2).dtype != a.dtype)
    fail("the zero point is {}, but must be {}", name(call.operand(2).dtype), name(a.dtype));
  return {Type(TensorType{a.dtype, call.operand(0).shape})};
}

std::vector<Type> infer_dequantize(const InferCall& call) {
  const auto& a = call.get<QuantizeAttributes>();
  expect_parameters(call, a);
  if (!is_float(a.dtype)) fail("a dequantized value has a float type, not {}", name(a.dtype));
  expect_equal_dtypes(call, 0, 2);
  return {Type(TensorType{a.dtype, call.operand(0).shape})};
}

// Calls body(i, j) for each element i of `shape` with the index j of its scale.
template <class F>
void for_each(const QuantizeAttributes& a, const Shape& shape, const F& body) {
  const int64_t size = element_count(shape);
  if (a.axis < 0) {
    ThreadPool::global().parallel_for(0, size, 1 << 14, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) body(i, int64_t{0});
    });
    return;
  }
  const auto axis = static_cast<size_t>(a.axis);
  const int64_t inner = row_major_strides(shape)[axis], length = shape[axis];
  const int64_t blocks = a.block_size > 0 ? (length + a.block_size - 1) / a.block_size : 0;
  ThreadPool::global().parallel_for(0, size, 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i / inner % length;
      body(i, a.block_size == 0 ? at : (i / inner / length * blocks + at / a.block_size) * inner + i % inner);
    }
  });
}

// An integral value within [low, high], of which `last` is the exact end; NaN gives 0.
int64_t clamped(double value, double low, double high, uint64_t last, bool is_unsigned) {
  if (std::isnan(value)) return 0;
  if (value >= high) return static_cast<int64_t>(last);
  value = std::fmax(value, is_unsigned ? std::fmax(low, 0) : low);
  return is_unsigned ? static_cast<int64_t>(static_cast<uint64_t>(value)) : static_cast<int64_t>(value);
}

// x - y as if it could not overflow.
double exact_difference(int64_t x, int64_t y, bool is_unsigned) {
  const auto a = static_cast<uint64_t>(x), b = static_cast<uint64_t>(y);
  return (is_unsigned ? a >= b : x >= y) ? static_cast<double>(a - b) : -static_cast<double>(b - a);
}

std::vector<Tensor> evaluate_quantize(const EvalCall& call) {
  const auto& a = call.get<QuantizeAttributes>();
  const Tensor &x = call.operands[0], &scale = call.operands[1], &zero = call.operands[2];
  const DType declared = call.declared(0);
  MutableTensor out(call.result_storage(), x.shape(), MutableTensor::Init::kNone);
  const bool to_float = is_float(a.dtype);
  const auto low = static_cast<double>(a.min.value_or(to_float ? 0 : integer_min(a.dtype)));
  const uint64_t last = a.max ? static_cast<uint64_t>(*a.max) : to_float ? 0 : integer_max(a.dtype);
  const double high = a.max ? static_cast<double>(*a.max) : static_cast<double>(last);
  for_each(a, x.shape(), [&](int64_t i, int64_t j) {
    const double ratio = round_to(declared, round_to(declared, x.at_double(i)) / scale.at_double(j));
    if (to_float) {
      const double limit = max_finite(a.dtype), offset = zero.at_double(j);
      const double value = offset == 0 ? ratio : ratio + offset;  // keeps -0
      out.set_double(i, round_to(a.dtype, std::isnan(value) ? value : std::fmin(std::fmax(value, -limit), limit)));
    } else {
      const double value = std::nearbyint(ratio) + zero.at_double(j);
      out.set_int(i, clamped(value, low, high, last, is_unsigned_integer(a.dtype)));
    }
  });
  return {std::move(out).freeze()};
}

std::vector<Tensor> evaluate_dequantize(const EvalCall& call) {
  const auto& a = call.get<QuantizeAttributes>();
  const Tensor &x = call.operands[0], &scale = call.operands[1], &zero = call.operands[2];
  MutableTensor out(call.result_storage(), x.shape(), MutableTensor::Init::kNone);
  const bool is_unsigned = is_unsigned_integer(x.dtype());
  const bool from_float = is_float(x.dtype()), single = out.dtype() == DType::kF32;
  for_each(a, x.shape(), [&](int64_t i, int64_t j) {
    const double centred =
        from_float ? x.at_double(i) - zero.at_double(j) : exact_difference(x.at_int(i), zero.at_int(j), is_unsigned);
    // In f32 the difference is rounded before it is scaled, as two ops would.
    out.set_double(i, (single ? static_cast<double>(static_cast<float>(centred)) : centred) * scale.at_double(j));
  });
  return {std::move(out).freeze()};
}

}  // namespace

const Op& quantize() {
  static const Op op = primitive("ecotone.quantize", &attributes_info<QuantizeAttributes>(),
                                 DTypeSet::floats() | DTypeSet::integers(), infer_quantize, evaluate_quantize);
  return op;
}
ValueId quantize(Builder& b, ValueId x, ValueId scale, ValueId zero_point, QuantizeAttributes attributes) {
  return b.add1(quantize(), make_attributes(attributes), {x, scale, zero_point});
}
const Op& dequantize() {
  static const Op op = primitive("ecotone.dequantize", &attributes_info<QuantizeAttributes>(),
                                 DTypeSet::floats() | DTypeSet::integers(), infer_dequantize, evaluate_dequantize);
  return op;
}
ValueId dequantize(Builder& b, ValueId x, ValueId scale, ValueId zero_point, QuantizeAttributes attributes) {
  return b.add1(dequantize(), make_attributes(attributes), {x, scale, zero_point});
}

std::span<const Op* const> quantize_ops() {
  static const Op* const ops[] = {&quantize(), &dequantize()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::QuantizeAttributes>();
}  // namespace ecotone
