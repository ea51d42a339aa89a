#include "ecotone/op/collective.h"

#include <algorithm>
#include <set>

#include "ecotone/ir/program.h"
#include "ecotone/op/common.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

Op collective_op(const char* name, const AttributesInfo* attributes, decltype(Op::infer) infer,
                 decltype(Op::evaluate) evaluate) {
  Op op;
  op.name = name;
  op.attributes = attributes;
  op.infer = infer;
  op.evaluate = evaluate;
  op.dtypes = DTypeSet::all();
  op.error.c = 1;  // one process computes nothing here
  return op;
}

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

std::vector<Type> infer_all_gather(const InferCall& call) {
  const auto& a = call.get<CollectiveAttributes>();
  call.expect_operands_at_least(1);
  call.expect_regions(0);
  const int64_t size = group_size(a);
  std::vector<Type> results;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    TensorType type = call.operand(i);
    Dim& d = dimension_of(type, a.dimension);
    d = d * Dim(size);
    results.emplace_back(std::move(type));
  }
  return results;
}

std::vector<Type> infer_all_to_all(const InferCall& call) {
  const auto& a = call.get<CollectiveAttributes>();
  call.expect_operands_at_least(1);
  call.expect_regions(0);
  const int64_t size = group_size(a);
  std::vector<Type> results;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    TensorType type = call.operand(i);
    Dim& split = dimension_of(type, a.dimension);
    split = part(call, split, size);
    Dim& joined = dimension_of(type, a.concat_dimension);
    joined = joined * Dim(size);
    results.emplace_back(std::move(type));
  }
  return results;
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

Op transfer_op(const char* name, decltype(Op::infer) infer) {
  Op op = collective_op(name, &attributes_info<TransferAttributes>(), infer, refuse_transfer);
  op.has_effect = true;
  return op;
}

}  // namespace

#define ECOTONE_COLLECTIVE_OP(function, attributes, infer, evaluate)                         \
  const Op& function() {                                                                     \
    static const Op op = collective_op("stablehlo." #function, attributes, infer, evaluate); \
    return op;                                                                               \
  }
ECOTONE_COLLECTIVE_OP(all_gather, &attributes_info<CollectiveAttributes>(), infer_all_gather, evaluate_alone)
ECOTONE_COLLECTIVE_OP(all_reduce, &attributes_info<CollectiveAttributes>(), infer_all_reduce, evaluate_alone)
ECOTONE_COLLECTIVE_OP(reduce_scatter, &attributes_info<CollectiveAttributes>(), infer_reduce_scatter, evaluate_alone)
ECOTONE_COLLECTIVE_OP(all_to_all, &attributes_info<CollectiveAttributes>(), infer_all_to_all, evaluate_alone)
ECOTONE_COLLECTIVE_OP(collective_broadcast, &attributes_info<CollectiveAttributes>(), infer_collective_broadcast,
                      evaluate_collective_broadcast)
ECOTONE_COLLECTIVE_OP(collective_permute, &attributes_info<CollectivePermuteAttributes>(), infer_collective_permute,
                      evaluate_collective_permute)
ECOTONE_COLLECTIVE_OP(partition_id, nullptr, infer_id, evaluate_id)
ECOTONE_COLLECTIVE_OP(replica_id, nullptr, infer_id, evaluate_id)
#undef ECOTONE_COLLECTIVE_OP

ValueId partition_id(Builder& b) {
  return b.add1(partition_id(), {}, std::initializer_list<ValueId>{});
}
ValueId replica_id(Builder& b) {
  return b.add1(replica_id(), {}, std::initializer_list<ValueId>{});
}

const Op& infeed() {
  static const Op op = transfer_op("stablehlo.infeed", infer_take);
  return op;
}
const Op& outfeed() {
  static const Op op = transfer_op("stablehlo.outfeed", infer_give);
  return op;
}
const Op& send() {
  static const Op op = transfer_op("stablehlo.send", infer_give);
  return op;
}
const Op& recv() {
  static const Op op = transfer_op("stablehlo.recv", infer_take);
  return op;
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
