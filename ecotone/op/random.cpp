#include "ecotone/op/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ecotone/base/thread_pool.h"
#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/common.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/move.h"
#include "ecotone/op/shape.h"
#include "ecotone/op/special.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

struct Pair32 {
  uint32_t x = 0, y = 0;
};
struct Quad32 {
  uint32_t word[4] = {};
};

// Threefry-2x32 of 20 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
Pair32 threefry(uint64_t key, uint64_t counter) {
  constexpr int kRotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const auto k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  const uint32_t keys[3] = {k0, k1, k0 ^ k1 ^ 0x1BD11BDA};
  Pair32 r{static_cast<uint32_t>(counter) + k0, static_cast<uint32_t>(counter >> 32) + k1};
  for (uint32_t group = 0; group < 5; ++group) {
    for (int rotation : kRotations[group % 2]) {
      r.x += r.y;
      r.y = (r.y << rotation | r.y >> (32 - rotation)) ^ r.x;
    }
    r.x += keys[(group + 1) % 3];
    r.y += keys[(group + 2) % 3] + group + 1;
  }
  return r;
}

// Philox-4x32 of 10 rounds (the same paper).
Quad32 philox(uint64_t key, uint64_t low, uint64_t high) {
  auto k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  Quad32 c{{static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32), static_cast<uint32_t>(high),
            static_cast<uint32_t>(high >> 32)}};
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * c.word[0], b = uint64_t{0xCD9E8D57} * c.word[2];
    c = {{static_cast<uint32_t>(b >> 32) ^ c.word[1] ^ k0, static_cast<uint32_t>(b),
          static_cast<uint32_t>(a >> 32) ^ c.word[3] ^ k1, static_cast<uint32_t>(a)}};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

uint64_t join(uint32_t low, uint32_t high) {
  return uint64_t{high} << 32 | low;
}

// XLA cuts the dimension that it fills with both words of a counter in two: the first even one, else the largest.
size_t split_dimension(const Shape& shape) {
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] % 2 == 0) return i;
  return static_cast<size_t>(std::ranges::max_element(shape) - shape.begin());
}

// Stores the low bits of `bits`; floats get them as their code.
void store_bits(MutableTensor& out, DType declared, int64_t index, uint64_t bits) {
  const int width = bit_width(declared);
  if (width < 64) bits &= (uint64_t{1} << width) - 1;
  if (is_float(declared))
    out.set_double(index, decode_float(declared, bits));
  else
    out.set_int(index, static_cast<int64_t>(bits));
}

constexpr int64_t kGrain = 1 << 12;

// Fills `out` and returns how many counters were used.
uint64_t fill_threefry(uint64_t key, uint64_t counter, DType declared, MutableTensor& out) {
  ThreadPool& pool = ThreadPool::global();
  if (bit_width(declared) == 64) {
    pool.parallel_for(0, out.size(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Pair32 r = threefry(key, counter + static_cast<uint64_t>(i));
        store_bits(out, declared, i, join(r.x, r.y));
      }
    });
    return static_cast<uint64_t>(out.size());
  }
  if (out.shape().empty()) {
    store_bits(out, declared, 0, threefry(key, counter).x);
    return 1;
  }
  const size_t split = split_dimension(out.shape());
  const int64_t length = out.shape()[split], inner = row_major_strides(out.shape())[split];
  if (out.size() == 0) return 0;
  const int64_t half = (length + 1) / 2, outer = out.size() / length / inner, used = outer * half * inner;
  pool.parallel_for(0, used, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Pair32 r = threefry(key, counter + static_cast<uint64_t>(i));
      const int64_t at = 2 * (i / inner % half), first = (i / inner / half * length + at) * inner + i % inner;
      store_bits(out, declared, first, r.x);
      if (at + 1 < length) store_bits(out, declared, first + inner, r.y);
    }
  });
  return static_cast<uint64_t>(used);
}

// Row-major, all four words of a counter after each other.
uint64_t fill_philox(uint64_t key, uint64_t low, uint64_t high, DType declared, MutableTensor& out) {
  const int64_t per_counter = bit_width(declared) == 64 ? 2 : 4, used = (out.size() + per_counter - 1) / per_counter;
  ThreadPool::global().parallel_for(0, used, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t at = low + static_cast<uint64_t>(i);
      const Quad32 r = philox(key, at, high + (at < low ? 1 : 0));
      for (int64_t j = 0; j < std::min(per_counter, out.size() - i * per_counter); ++j)
        store_bits(out, declared, i * per_counter + j,
                   per_counter == 2 ? join(r.word[2 * j], r.word[2 * j + 1]) : r.word[j]);
    }
  });
  return static_cast<uint64_t>(used);
}

std::vector<Type> infer_rng_bit_generator(const InferCall& call) {
  const auto& a = call.get<RngBitGeneratorAttributes>();
  call.expect_operands(1);
  call.expect_regions(0);
  const TensorType& state = call.operand(0);
  if (state.dtype != DType::kU64 || state.rank() != 1)
    fail("the state must be a vector of ui64, not {}", state.str(call.dims.symbols()));
  const bool may_be_long = a.algorithm != RngAlgorithm::kThreeFry;
  if (!(may_be_long && state.shape[0] == Dim(3)))
    call.dims.require_equal(state.shape[0], 2, "the size of the state and that of the algorithm's");
  if (!is_integer(a.type.dtype) && !is_float(a.type.dtype)) fail("random bits can't be of type {}", name(a.type.dtype));
  return {Type(state), Type(a.type)};
}

std::vector<Tensor> evaluate_rng_bit_generator(const EvalCall& call) {
  const auto& a = call.get<RngBitGeneratorAttributes>();
  std::vector<uint64_t> state;
  for (int64_t i = 0; i < call.operands[0].size(); ++i) state.push_back(call.operands[0].at_bits(i));
  if (state.size() < 2) fail("the state must have 2 entries, not {}", state.size());
  MutableTensor out(call.result_storage(1), call.result(1).static_shape(), MutableTensor::Init::kNone);
  if (a.algorithm == RngAlgorithm::kThreeFry) {
    state[1] += fill_threefry(state[0], state[1], a.type.dtype, out);
  } else {
    const uint64_t low = state[1];  // XLA takes the key for the counter's upper half where the state has none
    state[1] += fill_philox(state[0], low, state.size() == 3 ? state[2] : state[0], a.type.dtype, out);
    if (state.size() == 3 && state[1] < low) ++state[2];
  }
  const auto length = static_cast<int64_t>(state.size());
  return {Tensor::from(std::span<const uint64_t>(state), {length}), std::move(out).freeze()};
}

// rng -----------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_rng(const InferCall& call) {
  const auto& a = call.get<RngAttributes>();
  call.expect_operands(3);
  call.expect_regions(0);
  expect_equal_dtypes(call, 0, 1);
  for (size_t i : {0, 1})
    if (call.operand(i).rank() != 0) fail("operand {} of rng must be a scalar", i);
  const DType dtype = call.operand(0).dtype;
  expect_declared_dtype(call, 0, rng());
  if (a.distribution == RngDistribution::kNormal && !is_float(dtype))
    fail("a normal distribution needs a float type, not {}", name(dtype));
  const TensorType& key = call.operand(2);
  if (key.dtype != DType::kU64 || key.rank() != 1) fail("the key of rng must be ui64[2]");
  call.dims.require_equal(key.shape[0], 2, "the size of rng's key and 2");
  return {Type(TensorType{dtype, a.shape})};
}

// The upper half of the 128-bit product.
uint64_t multiply_high(uint64_t x, uint64_t y) {
  const uint64_t x0 = x & 0xFFFFFFFF, x1 = x >> 32, y0 = y & 0xFFFFFFFF, y1 = y >> 32;
  const uint64_t middle = x1 * y0 + (x0 * y0 >> 32), other = x0 * y1 + (middle & 0xFFFFFFFF);
  return x1 * y1 + (middle >> 32) + (other >> 32);
}

// a + x (b - a) for x uniform in [0, 1), below b even where rounding would reach it.
double uniform(DType dtype, double a, double b, uint64_t bits) {
  const double x = static_cast<double>(bits >> 11) * 0x1p-53, r = round_to(dtype, a * (1 - x) + b * x);
  return r < b ? r : a;
}

std::vector<Tensor> evaluate_rng(const EvalCall& call) {
  const Tensor &a = call.operands[0], &b = call.operands[1], &key = call.operands[2];
  const DType dtype = call.declared(0);
  MutableTensor out(call.result_storage(), call.result().static_shape(), MutableTensor::Init::kNone);
  const bool normal = call.get<RngAttributes>().distribution == RngDistribution::kNormal;
  const uint64_t k = key.at_bits(0), counter = key.at_bits(1);
  ThreadPool::global().parallel_for(0, out.size(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Pair32 r = threefry(k, counter + static_cast<uint64_t>(i));
      const uint64_t bits = join(r.x, r.y);
      if (!is_float(dtype)) {
        const auto low = static_cast<uint64_t>(a.at_int(0)), range = static_cast<uint64_t>(b.at_int(0)) - low;
        out.set_int(i, static_cast<int64_t>(low + multiply_high(bits, range)));
      } else if (normal) {
        const double x = (static_cast<double>(bits >> 12) + 0.5) * 0x1p-51 - 1;  // uniform in (-1, 1)
        out.set_double(i, round_to(dtype, a.at_double(0) + b.at_double(0) * std::numbers::sqrt2 * erf_inverse(x)));
      } else {
        out.set_double(i, uniform(dtype, a.at_double(0), b.at_double(0), bits));
      }
    }
  });
  return {std::move(out).freeze()};
}

}  // namespace

const Op& rng_bit_generator() {
  // bits
  static const Op op = primitive("stablehlo.rng_bit_generator", &attributes_info<RngBitGeneratorAttributes>(),
                                 DTypeSet{DType::kU64}, infer_rng_bit_generator, evaluate_rng_bit_generator, 1);
  return op;
}
std::pair<ValueId, ValueId> rng_bit_generator(Builder& b, ValueId state, TensorType type, RngAlgorithm algorithm) {
  RngBitGeneratorAttributes attributes{algorithm, std::move(type)};
  const std::vector<ValueId> r = b.add(rng_bit_generator(), make_attributes(std::move(attributes)), {&state, 1});
  return {r[0], r[1]};
}

const Op& rng() {
  static const Op op =
      primitive("stablehlo.rng", &attributes_info<RngAttributes>(),
                DTypeSet::floats() | DTypeSet::integers() | DTypeSet::booleans(), infer_rng, evaluate_rng);
  return op;
}
ValueId rng(Builder& b, ValueId low, ValueId high, ValueId key, RngDistribution distribution, std::vector<Dim> shape) {
  RngAttributes attributes{distribution, std::move(shape)};
  return b.add1(rng(), make_attributes(std::move(attributes)), {low, high, key});
}

ValueId fold_in(Builder& b, ValueId key, ValueId number) {
  const ValueId two = constant(b, Tensor::scalar(uint64_t{2}));  // two counters a key
  const ValueId parts[] = {constant(b, Tensor::zeros(DType::kU64, {1})), reshape(b, multiply(b, number, two), {1})};
  const ValueId state = add(b, key, concatenate(b, parts, 0));
  return rng_bit_generator(b, state, {DType::kU64, {2}}, RngAlgorithm::kThreeFry).second;
}
ValueId fold_in(Builder& b, ValueId key, uint64_t number) {
  return fold_in(b, key, constant(b, Tensor::scalar(number)));
}

std::span<const Op* const> random_ops() {
  static const Op* const ops[] = {&rng_bit_generator(), &rng()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::RngBitGeneratorAttributes>();
template const AttributesInfo& attributes_info<op::RngAttributes>();
}  // namespace ecotone
