#include "ecotone/op/collective.h"

#include <algorithm>
#include <set>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/ir/program.h"
#include "ecotone/op/common.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

// Rows of one length with each process once; returns that length, 0 for none.
int64_t expect_groups(const CollectiveAttributes& a) {
  std::set<int64_t> seen;
  const size_t length = a.replica_groups.empty() ? 0 : a.replica_groups[0].size();
  for (const auto& group : a.replica_groups) {
    if (group.size() != length) fail("replica_groups have different lengths, {} and {}", length, group.size());
    for (int64_t id : group) {
      if (id < -1) fail("replica_groups name the process {}", id);
      if (id >= 0 && !seen.insert(id).second) fail("replica_groups name the process {} twice", id);
    }
  }
  return static_cast<int64_t>(length);
}

int64_t group_size(const CollectiveAttributes& a) {
  const int64_t length = expect_groups(a), size = a.group_size.value_or(length);
  if (size < 1) fail("the size of a group must be given, by replica_groups or by group_size");
  return size;
}

Dim& dimension_of(TensorType& type, int64_t dimension) {
  if (dimension < 0 || dimension >= type.rank()) fail("dimension {} is not in [0, {})", dimension, type.rank());
  return type.shape[static_cast<size_t>(dimension)];
}

// The size of one of `count` equal parts.
Dim part(const InferCall& call, const Dim& size, int64_t count) {
  Dim each = floordiv(size, count);
  call.dims.require_equal(each * Dim(count), size, "a size that is cut in equal parts and the sum of the parts");
  return each;
}

// Each operand's type after `change`, which gets it with the size of a group.
template <class F>
std::vector<Type> infer_each(const InferCall& call, const F& change) {
  call.expect_operands_at_least(1);
  call.expect_regions(0);
  const int64_t size = group_size(call.get<CollectiveAttributes>());
  std::vector<Type> results;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    TensorType type = call.operand(i);
    change(type, size);
    results.emplace_back(std::move(type));
  }
  return results;
}

std::vector<Type> infer_all_gather(const InferCall& call) {
  return infer_each(call, [&](TensorType& type, int64_t size) {
    Dim& d = dimension_of(type, call.get<CollectiveAttributes>().dimension);
    d = d * Dim(size);
  });
}

std::vector<Type> infer_all_to_all(const InferCall& call) {
  const auto& a = call.get<CollectiveAttributes>();
  return infer_each(call, [&](TensorType& type, int64_t size) {
    Dim& split = dimension_of(type, a.dimension);
    split = part(call, split, size);
    Dim& joined = dimension_of(type, a.concat_dimension);
    joined = joined * Dim(size);
  });
}

// The region combines two scalars of each operand's type.
void expect_computation(const InferCall& call) {
  call.expect_regions(1);
  const Program& body = *call.regions[0].body;
  if (body.inputs().size() != 2 + call.captures.size() || body.outputs().size() != 1)
    fail("the region must take two scalars and give one");
  for (size_t i = 0; i < call.operands.size(); ++i) {
    const Type scalar = TensorType{call.operand(i).dtype, {}};
    if (body.inputs()[0].type != scalar || body.inputs()[1].type != scalar || body.output_types()[0] != scalar)
      fail("the region must combine scalars of {}", name(call.operand(i).dtype));
  }
}

std::vector<Type> infer_all_reduce(const InferCall& call) {
  call.expect_operands_at_least(1);
  expect_groups(call.get<CollectiveAttributes>());
  expect_computation(call);
  return {call.operands.begin(), call.operands.end()};
}

std::vector<Type> infer_reduce_scatter(const InferCall& call) {
  const auto& a = call.get<CollectiveAttributes>();
  call.expect_operands(1);
  expect_computation(call);
  TensorType type = call.operand(0);
  Dim& d = dimension_of(type, a.dimension);
  d = part(call, d, group_size(a));
  return {Type(std::move(type))};
}

std::vector<Type> infer_collective_broadcast(const InferCall& call) {
  call.expect_operands(1);
  call.expect_regions(0);
  expect_groups(call.get<CollectiveAttributes>());
  return {Type(call.operand(0))};
}

std::vector<Type> infer_collective_permute(const InferCall& call) {
  call.expect_operands(1);
  call.expect_regions(0);
  std::set<int64_t> sources, targets;
  for (const auto& pair : call.get<CollectivePermuteAttributes>().source_target_pairs) {
    if (pair.size() != 2 || pair[0] < 0 || pair[1] < 0) fail("source_target_pairs must hold pairs of processes");
    if (!sources.insert(pair[0]).second) fail("process {} is the source of two pairs", pair[0]);
    if (!targets.insert(pair[1]).second) fail("process {} is the target of two pairs", pair[1]);
  }
  return {Type(call.operand(0))};
}

std::vector<Type> infer_id(const InferCall& call) {
  call.expect_operands(0);
  call.expect_regions(0);
  return {Type(TensorType{DType::kU32, {}})};
}

// Evaluation by one process
// --------------------------------------------------------------------------------------------

[[noreturn]] void refuse_process(int64_t id) {
  fail_kind(ErrorKind::kUnsupported, "process {} is named, but the reference evaluates one process alone, number 0",
            id);
}

// Whether process 0 is in a group. With no groups all processes, here one, are in it.
bool expect_alone(const CollectiveAttributes& a) {
  if (a.group_size.value_or(1) != 1)
    fail_kind(ErrorKind::kUnsupported, "a group has {} processes, but the reference evaluates one alone",
              *a.group_size);
  bool member = a.replica_groups.empty();
  for (const auto& group : a.replica_groups)
    for (int64_t id : group) {
      if (id > 0) refuse_process(id);
      member = member || id == 0;
    }
  return member;
}

std::vector<Tensor> evaluate_alone(const EvalCall& call) {
  if (!expect_alone(call.get<CollectiveAttributes>())) fail("process 0 is in none of the replica_groups");
  return {call.operands.begin(), call.operands.end()};
}

std::vector<Tensor> evaluate_collective_broadcast(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  return {expect_alone(call.get<CollectiveAttributes>()) ? x : Tensor::zeros(x.dtype(), x.shape())};
}

std::vector<Tensor> evaluate_collective_permute(const EvalCall& call) {
  const Tensor& x = call.operands[0];
  const auto& pairs = call.get<CollectivePermuteAttributes>().source_target_pairs;
  for (const auto& pair : pairs)
    if (const int64_t other = std::max(pair[0], pair[1]); other > 0) refuse_process(other);
  return {pairs.empty() ? Tensor::zeros(x.dtype(), x.shape()) : x};
}

std::vector<Tensor> evaluate_id(const EvalCall&) {
  return {Tensor::scalar(uint32_t{0})};
}

// infeed, outfeed, send, recv
// ------------------------------------------------------------------------------------------

void expect_token_last(const InferCall& call) {
  call.expect_operands_at_least(1);
  call.expect_regions(0);
  if (!is_token(call.operands.back())) fail("the last operand must be a token");
  for (const Type& t : call.operands.first(call.operands.size() - 1))
    if (is_token(t)) fail("only the last operand may be a token");
}

std::vector<Type> infer_take(const InferCall& call) {
  call.expect_operands(1);
  expect_token_last(call);
  const auto& types = call.get<TransferAttributes>().results;
  std::vector<Type> results(types.begin(), types.end());
  results.emplace_back(Token{});
  return results;
}

std::vector<Type> infer_give(const InferCall& call) {
  expect_token_last(call);
  return {Type(Token{})};
}

std::vector<Tensor> refuse_transfer(const EvalCall&) {
  fail_kind(ErrorKind::kUnsupported,
            "transfers to and from a host or another process can't be evaluated: make what is transferred an input or "
            "an output of the program");
}

}  // namespace

// A single process computes nothing: the c of its errors is 1.
#define ECOTONE_COLLECTIVE_OP(function, A, infer, evaluate)                                            \
  const Op& function() {                                                                               \
    static const Op op =                                                                               \
        primitive("stablehlo." #function, &attributes_info<A>(), DTypeSet::all(), infer, evaluate, 1); \
    return op;                                                                                         \
  }
ECOTONE_COLLECTIVE_OP(all_gather, CollectiveAttributes, infer_all_gather, evaluate_alone)
ECOTONE_COLLECTIVE_OP(all_reduce, CollectiveAttributes, infer_all_reduce, evaluate_alone)
ECOTONE_COLLECTIVE_OP(reduce_scatter, CollectiveAttributes, infer_reduce_scatter, evaluate_alone)
ECOTONE_COLLECTIVE_OP(all_to_all, CollectiveAttributes, infer_all_to_all, evaluate_alone)
ECOTONE_COLLECTIVE_OP(collective_broadcast, CollectiveAttributes, infer_collective_broadcast,
                      evaluate_collective_broadcast)
ECOTONE_COLLECTIVE_OP(collective_permute, CollectivePermuteAttributes, infer_collective_permute,
                      evaluate_collective_permute)
#undef ECOTONE_COLLECTIVE_OP

#define ECOTONE_ID_OP(function)                                                                               \
  const Op& function() {                                                                                      \
    static const Op op = primitive("stablehlo." #function, nullptr, {DType::kU32}, infer_id, evaluate_id, 1); \
    return op;                                                                                                \
  }
ECOTONE_ID_OP(partition_id)
ECOTONE_ID_OP(replica_id)
#undef ECOTONE_ID_OP

#define ECOTONE_TRANSFER_OP(function, infer)                                                                   \
  const Op& function() {                                                                                       \
    static const Op op = [] {                                                                                  \
      Op o = primitive("stablehlo." #function, &attributes_info<TransferAttributes>(), DTypeSet::all(), infer, \
                       refuse_transfer, 1);                                                                    \
      o.has_effect = true;                                                                                     \
      return o;                                                                                                \
    }();                                                                                                       \
    return op;                                                                                                 \
  }
ECOTONE_TRANSFER_OP(infeed, infer_take)
ECOTONE_TRANSFER_OP(outfeed, infer_give)
ECOTONE_TRANSFER_OP(send, infer_give)
ECOTONE_TRANSFER_OP(recv, infer_take)
#undef ECOTONE_TRANSFER_OP

ValueId partition_id(Builder& b) {
  return b.add1(partition_id(), {}, std::initializer_list<ValueId>{});
}
ValueId replica_id(Builder& b) {
  return b.add1(replica_id(), {}, std::initializer_list<ValueId>{});
}

std::span<const Op* const> collective_ops() {
  static const Op* const ops[] = {&all_gather(),
                                  &all_reduce(),
                                  &reduce_scatter(),
                                  &all_to_all(),
                                  &collective_broadcast(),
                                  &collective_permute(),
                                  &partition_id(),
                                  &replica_id(),
                                  &infeed(),
                                  &outfeed(),
                                  &send(),
                                  &recv()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::CollectiveAttributes>();
template const AttributesInfo& attributes_info<op::CollectivePermuteAttributes>();
template const AttributesInfo& attributes_info<op::TransferAttributes>();
}  // namespace ecotone
