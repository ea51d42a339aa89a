#include "ecotone/op/convert.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "ecotone/base/thread_pool.h"
#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/common.h"
#include "ecotone/op/table.h"
#include "ecotone/op/wide.h"

namespace ecotone::op {
namespace {

constexpr int64_t kChunk = 1024;     // elements widened at a time
constexpr int64_t kGrain = 1 << 15;  // elements a task

// Calls body(begin, count) for chunks of [0, size).
template <class F>
void for_chunks(int64_t size, const F& body) {
  ThreadPool::global().parallel_for(0, size, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kChunk) body(i, std::min(kChunk, end - i));
  });
}

// convert -------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_convert(const InferCall& call) {
  call.expect_operands(1);
  return {Type(TensorType{call.get<ConvertAttributes>().dtype, call.operand(0).shape})};
}

int64_t saturated(double x, DType to) {
  if (std::isnan(x)) return 0;
  x = std::trunc(x);
  if (is_unsigned_integer(to)) {
    const uint64_t top = integer_max(to);
    if (x <= 0) return 0;
    // 2^64 - 1 rounds to 2^64: the comparison stays right, since no double lies between.
    return static_cast<int64_t>(x >= static_cast<double>(top) ? top : static_cast<uint64_t>(x));
  }
  const int64_t low = integer_min(to), high = static_cast<int64_t>(integer_max(to));
  if (x <= static_cast<double>(low)) return low;
  return x >= static_cast<double>(high) ? high : static_cast<int64_t>(x);
}

double as_double(int64_t x, DType from) {
  return from == DType::kU64 ? static_cast<double>(static_cast<uint64_t>(x)) : static_cast<double>(x);
}

// An integer rounded to odd in double: rounding that to a type of at most 24 bits of precision is as rounding the
// integer once.
double to_odd(int64_t x, DType from) {
  const double nearest = as_double(x, from);
  const bool is_unsigned = from == DType::kU64, negative = !is_unsigned && x < 0;
  const uint64_t magnitude = negative ? 0 - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
  if (magnitude <= (uint64_t{1} << 53)) return nearest;
  double size = std::fabs(nearest);
  const bool above = size >= 0x1p64 || static_cast<uint64_t>(size) > magnitude;
  if (!above && static_cast<uint64_t>(size) == magnitude) return nearest;
  auto bits = std::bit_cast<uint64_t>(size);
  bits = (above ? bits - 1 : bits) | 1;
  size = std::bit_cast<double>(bits);
  return negative ? -size : size;
}

// Rounds what stands in wider storage to the type it is declared as.
void round_declared(std::span<double> values, DType declared, DType storage) {
  if (declared == storage || !is_float(declared)) return;
  for (double& v : values) v = round_to(declared, v);
}

// `to` is the declared target; `out` has its storage type.
void convert_floats(const Tensor& x, MutableTensor& out, DType declared, DType to, bool discrete) {
  for_chunks(x.size(), [&](int64_t begin, int64_t count) {
    double values[kChunk];
    load_wide(x, begin, count, values);
    if (discrete) round_declared({values, static_cast<size_t>(count)}, declared, x.dtype());
    if (is_float(out.dtype())) return store_wide(out, begin, count, values);
    if (is_complex(out.dtype())) {
      Complex complex_values[kChunk];
      std::copy_n(values, count, complex_values);
      return store_wide(out, begin, count, complex_values);
    }
    int64_t ints[kChunk];
    for (int64_t i = 0; i < count; ++i) ints[i] = to == DType::kBool ? values[i] != 0 : saturated(values[i], to);
    store_wide(out, begin, count, ints);
  });
}

void convert_integers(const Tensor& x, MutableTensor& out) {
  const auto as_wide = real_part(out.dtype()) == DType::kF64 ? &as_double : &to_odd;
  for_chunks(x.size(), [&](int64_t begin, int64_t count) {
    int64_t ints[kChunk];
    load_wide(x, begin, count, ints);
    if (out.dtype() == DType::kBool)
      for (int64_t i = 0; i < count; ++i) ints[i] = ints[i] != 0;
    if (!is_float(out.dtype()) && !is_complex(out.dtype())) return store_wide(out, begin, count, ints);
    if (out.dtype() == DType::kF32) {  // from the integer at once: going through double would round twice
      float* to = out.data<float>().data() + begin;
      for (int64_t i = 0; i < count; ++i)
        to[i] =
            x.dtype() == DType::kU64 ? static_cast<float>(static_cast<uint64_t>(ints[i])) : static_cast<float>(ints[i]);
      return;
    }
    if (is_complex(out.dtype())) {
      Complex values[kChunk];
      for (int64_t i = 0; i < count; ++i) values[i] = as_wide(ints[i], x.dtype());
      return store_wide(out, begin, count, values);
    }
    double values[kChunk];
    for (int64_t i = 0; i < count; ++i) values[i] = as_wide(ints[i], x.dtype());
    store_wide(out, begin, count, values);
  });
}

void convert_complexes(const Tensor& x, MutableTensor& out, DType declared, DType to, bool discrete) {
  for_chunks(x.size(), [&](int64_t begin, int64_t count) {
    Complex values[kChunk];
    load_wide(x, begin, count, values);
    if (is_complex(out.dtype())) return store_wide(out, begin, count, values);
    double reals[kChunk];
    for (int64_t i = 0; i < count; ++i) reals[i] = values[i].real();
    if (discrete) round_declared({reals, static_cast<size_t>(count)}, real_part(declared), real_part(x.dtype()));
    if (is_float(out.dtype())) return store_wide(out, begin, count, reals);
    int64_t ints[kChunk];
    for (int64_t i = 0; i < count; ++i) ints[i] = to == DType::kBool ? values[i] != 0.0 : saturated(reals[i], to);
    store_wide(out, begin, count, ints);
  });
}

std::vector<Tensor> evaluate_convert(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  const DType to = call.result().dtype;
  MutableTensor out(call.result_storage(), x.shape(), MutableTensor::Init::kNone);
  const bool discrete = !is_float(to) && !is_complex(to);
  if (x.dtype() == out.dtype()) return {x};
  if (is_float(x.dtype()))
    convert_floats(x, out, call.declared(0), to, discrete);
  else if (is_complex(x.dtype()))
    convert_complexes(x, out, call.declared(0), to, discrete);
  else
    convert_integers(x, out);
  return {std::move(out).freeze()};
}

// bitcast_convert -----------------------------------------------------------------------------------------------------

std::vector<Type> infer_bitcast_convert(const InferCall& call) {
  call.expect_operands(1);
  TensorType type = call.operand(0);
  const DType to = call.get<ConvertAttributes>().dtype;
  const int from_bits = bit_width(type.dtype), to_bits = bit_width(to);
  if (type.dtype == DType::kBool || to == DType::kBool) {
    if (type.dtype != to) fail("bitcast_convert between {} and {}", name(type.dtype), name(to));
  } else if (is_complex(type.dtype) != is_complex(to)) {
    fail("bitcast_convert between complex and real types");
  } else if (from_bits < to_bits) {
    if (type.shape.empty() || to_bits % from_bits != 0)
      fail("bitcast_convert from {} to {} needs a last dimension of size {}", name(type.dtype), name(to),
           to_bits / from_bits);
    call.dims.require_equal(type.shape.back(), to_bits / from_bits,
                            "bitcast_convert's last dimension and the ratio of widths");
    type.shape.pop_back();
  } else if (from_bits > to_bits) {
    if (from_bits % to_bits != 0)
      fail("bitcast_convert from {} to {}: no whole ratio of widths", name(type.dtype), name(to));
    type.shape.emplace_back(from_bits / to_bits);
  }
  type.dtype = to;
  return {Type(std::move(type))};
}

// The codes of a tensor's elements as its declared type has them.
Tensor as_declared(const Tensor& x, DType declared) {
  if (x.dtype() == declared) return x;
  MutableTensor out(declared, x.shape(), MutableTensor::Init::kNone);
  for (int64_t i = 0; i < x.size(); ++i)
    if (is_complex(declared))
      out.set_complex(i, x.at_complex(i));
    else
      out.set_double(i, x.at_double(i));
  return std::move(out).freeze();
}

std::vector<Tensor> evaluate_bitcast_convert(const EvalCall& call) {
  const Tensor x = as_declared(call.operands[0], call.declared(0));
  const DType to = call.result().dtype;
  MutableTensor out(to, call.result().static_shape(), MutableTensor::Init::kNone);
  const int from_bits = bit_width(x.dtype()), to_bits = bit_width(to);
  if (byte_size(x.dtype()) * 8 == from_bits && byte_size(to) * 8 == to_bits) {
    if (x.size() > 0) std::memcpy(out.bytes().data(), x.bytes().data(), x.bytes().size());
  } else if (from_bits <= to_bits) {
    const int ratio = to_bits / from_bits;
    const uint64_t mask = from_bits == 64 ? ~uint64_t{0} : (uint64_t{1} << from_bits) - 1;  // i2, i4 are sign-extended
    for (int64_t i = 0; i < out.size(); ++i) {
      uint64_t bits = 0;
      for (int j = 0; j < ratio; ++j) bits |= (x.at_bits(i * ratio + j) & mask) << (j * from_bits);
      out.set_bits(i, bits);
    }
  } else {
    const int ratio = from_bits / to_bits;
    const uint64_t mask = to_bits == 64 ? ~uint64_t{0} : (uint64_t{1} << to_bits) - 1;
    for (int64_t i = 0; i < x.size(); ++i)
      for (int j = 0; j < ratio; ++j) out.set_bits(i * ratio + j, (x.at_bits(i) >> (j * to_bits)) & mask);
  }
  Tensor result = std::move(out).freeze();
  const DType storage = call.result_storage();
  return {storage == to ? result : as_declared(result, storage)};
}

// reduce_precision ----------------------------------------------------------------------------------------------------

std::vector<Type> infer_reduce_precision(const InferCall& call) {
  call.expect_operands(1);
  const auto& a = call.get<ReducePrecisionAttributes>();
  expect_declared_dtype(call, 0, reduce_precision());
  if (a.exponent_bits < 1 || a.exponent_bits > 11) fail("exponent_bits is {}, but must be in [1, 11]", a.exponent_bits);
  if (a.mantissa_bits < 0 || a.mantissa_bits > 52) fail("mantissa_bits is {}, but must be in [0, 52]", a.mantissa_bits);
  return {Type(call.operand(0))};
}

// Rounds to nearest even at so many mantissa bits; what leaves the exponent's range becomes infinity or zero (XLA
// flushes subnormals).
double reduced(double x, int exponent_bits, int mantissa_bits) {
  auto bits = std::bit_cast<uint64_t>(x);
  if (std::isnan(x) || std::isinf(x)) return x;
  const uint64_t sign = bits & (uint64_t{1} << 63);
  if (mantissa_bits < 52) {
    const int dropped = 52 - mantissa_bits;
    const uint64_t last = (bits >> dropped) & 1;
    bits += (uint64_t{1} << (dropped - 1)) - 1 + last;
    bits &= ~((uint64_t{1} << dropped) - 1);
  }
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff) - 1023;
  if (exponent > bias) return std::bit_cast<double>(sign | (uint64_t{0x7ff} << 52));
  if (exponent <= -bias) return std::bit_cast<double>(sign);
  return std::bit_cast<double>(bits);
}

std::vector<Tensor> evaluate_reduce_precision(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  const auto& a = call.get<ReducePrecisionAttributes>();
  MutableTensor out(x.dtype(), x.shape(), MutableTensor::Init::kNone);
  for_chunks(x.size(), [&](int64_t begin, int64_t count) {
    double values[kChunk];
    load_wide(x, begin, count, values);
    round_declared({values, static_cast<size_t>(count)}, call.declared(0), x.dtype());
    for (int64_t i = 0; i < count; ++i)
      values[i] = reduced(values[i], static_cast<int>(a.exponent_bits), static_cast<int>(a.mantissa_bits));
    store_wide(out, begin, count, values);
  });
  return {std::move(out).freeze()};
}

// complex, real, imag -------------------------------------------------------------------------------------------------

std::vector<Type> infer_complex(const InferCall& call) {
  call.expect_operands(2);
  expect_declared_dtype(call, 0, complex());
  expect_equal_dtypes(call, 0, 1);
  return {Type(TensorType{complex_of(call.operand(0).dtype), expect_equal_shapes(call, 0, 1)})};
}

std::vector<Tensor> evaluate_complex(const EvalCall& call) {
  const Tensor &re = call.operands[0], &im = call.operands[1];
  MutableTensor out(call.result_storage(), re.shape(), MutableTensor::Init::kNone);
  for_chunks(re.size(), [&](int64_t begin, int64_t count) {
    double res[kChunk], ims[kChunk];
    Complex values[kChunk];
    load_wide(re, begin, count, res);
    load_wide(im, begin, count, ims);
    for (int64_t i = 0; i < count; ++i) values[i] = {res[i], ims[i]};
    store_wide(out, begin, count, values);
  });
  return {std::move(out).freeze()};
}

std::vector<Type> infer_part(const InferCall& call) {
  call.expect_operands(1);
  TensorType type = call.operand(0);
  if (!is_float(type.dtype) && !is_complex(type.dtype)) fail("a real or imaginary part of {}", name(type.dtype));
  type.dtype = real_part(type.dtype);
  return {Type(std::move(type))};
}

template <bool kImaginary>
std::vector<Tensor> evaluate_part(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  if (is_float(x.dtype())) return {kImaginary ? Tensor::zeros(x.dtype(), x.shape()) : x};
  MutableTensor out(call.result_storage(), x.shape(), MutableTensor::Init::kNone);
  for_chunks(x.size(), [&](int64_t begin, int64_t count) {
    Complex values[kChunk];
    double parts[kChunk];
    load_wide(x, begin, count, values);
    for (int64_t i = 0; i < count; ++i) parts[i] = kImaginary ? values[i].imag() : values[i].real();
    store_wide(out, begin, count, parts);
  });
  return {std::move(out).freeze()};
}

}  // namespace

const Op& convert() {
  static const Op op = primitive("stablehlo.convert", &attributes_info<ConvertAttributes>(), DTypeSet::all(),
                                 infer_convert, evaluate_convert);
  return op;
}
ValueId convert(Builder& b, ValueId x, DType dtype) {
  return b.dtype(x) == dtype ? x : b.add1(convert(), make_attributes(ConvertAttributes{dtype}), {x});
}

const Op& bitcast_convert() {
  static const Op op = primitive("stablehlo.bitcast_convert", &attributes_info<ConvertAttributes>(), DTypeSet::all(),
                                 infer_bitcast_convert, evaluate_bitcast_convert);
  return op;
}
ValueId bitcast_convert(Builder& b, ValueId x, DType dtype) {
  return b.add1(bitcast_convert(), make_attributes(ConvertAttributes{dtype}), {x});
}

const Op& reduce_precision() {
  static const Op op = primitive("stablehlo.reduce_precision", &attributes_info<ReducePrecisionAttributes>(),
                                 DTypeSet::floats(), infer_reduce_precision, evaluate_reduce_precision);
  return op;
}
ValueId reduce_precision(Builder& b, ValueId x, int64_t exponent_bits, int64_t mantissa_bits) {
  return b.add1(reduce_precision(), make_attributes(ReducePrecisionAttributes{exponent_bits, mantissa_bits}), {x});
}

const Op& complex() {
  static const Op op =
      primitive("stablehlo.complex", nullptr, {DType::kF32, DType::kF64}, infer_complex, evaluate_complex);
  return op;
}
ValueId complex(Builder& b, ValueId re, ValueId im) {
  return b.add1(complex(), {}, {re, im});
}

const Op& real() {
  static const Op op = primitive("stablehlo.real", nullptr, DTypeSet::floats() | DTypeSet::complexes(), infer_part,
                                 evaluate_part<false>);
  return op;
}
ValueId real(Builder& b, ValueId x) {
  return b.add1(real(), {}, {x});
}

const Op& imag() {
  static const Op op =
      primitive("stablehlo.imag", nullptr, DTypeSet::floats() | DTypeSet::complexes(), infer_part, evaluate_part<true>);
  return op;
}
ValueId imag(Builder& b, ValueId x) {
  return b.add1(imag(), {}, {x});
}

std::span<const Op* const> convert_ops() {
  static const Op* const ops[] = {&convert(), &bitcast_convert(), &reduce_precision(), &complex(), &real(), &imag()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::ConvertAttributes>();
template const AttributesInfo& attributes_info<op::ReducePrecisionAttributes>();
}  // namespace ecotone
