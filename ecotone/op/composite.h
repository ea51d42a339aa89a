// What the definitions of composites share. A composite's meaning is its body: equations of simpler ops.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "ecotone/base/error.h"
#include "ecotone/ir/builder.h"
#include "ecotone/op/convert.h"

namespace ecotone::op {

using Operands = std::span<const ValueId>;
using Results = std::vector<ValueId>;

// What a body computes in.
enum class Precision : uint8_t {
  kGiven,       // its operands' type
  kAtLeastF32,  // the same, but f32 for narrower floats; each result is rounded once, to x[0]'s type
};

// The operands of x[0]'s type in f32 where that is a narrower float; the others as they are, of which a float is an
// Error.
std::vector<ValueId> at_least_f32(Builder& b, Operands x);

// A composite whose body is F(Builder&, const A&, Operands), or F(Builder&, Operands) when A is void, with kLeast to
// kMost operands. Its types, cost, error constant and derived rules follow from the body.
template <class A, auto F, size_t kLeast, size_t kMost = kLeast, Precision kPrecision = Precision::kGiven>
Op composite(std::string name, DTypeSet dtypes) {
  Op op;
  op.name = std::move(name);
  if constexpr (!std::is_void_v<A>) op.attributes = &attributes_info<A>();
  op.body = [](Builder& b, const Attributes& attributes, Operands x) -> Results {
    if (x.size() < kLeast || x.size() > kMost) fail("wants {} to {} operands, got {}", kLeast, kMost, x.size());
    const auto run = [&](Operands operands) -> Results {
      if constexpr (std::is_void_v<A>)
        return F(b, operands);
      else
        return F(b, attributes.get<A>(), operands);
    };
    if constexpr (kPrecision == Precision::kGiven) return run(x);
    const DType given = b.dtype(x[0]);
    Results results = run(at_least_f32(b, x));
    for (ValueId& y : results) y = convert(b, y, given);
    return results;
  };
  op.dtypes = dtypes;
  op.error.c = 1;  // its body's ops bring theirs
  op.jvp.state = op.transpose.state = op.batch.state = op.shard.state = Rule<void (*)(RuleCall&)>::kFromBody;
  return op;
}

inline constexpr size_t kAnyCount = 1 << 20;

// What each family contributes to composite_ops().
std::span<const Op* const> softmax_ops();
std::span<const Op* const> norm_ops();
std::span<const Op* const> activation_ops();
std::span<const Op* const> cumulative_ops();
std::span<const Op* const> select_ops();
std::span<const Op* const> nms_ops();
std::span<const Op* const> pool_ops();
std::span<const Op* const> conv_ops();
std::span<const Op* const> resize_ops();
std::span<const Op* const> attention_ops();
std::span<const Op* const> rnn_ops();
std::span<const Op* const> einsum_ops();

}  // namespace ecotone::op
