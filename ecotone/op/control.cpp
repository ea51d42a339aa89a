#include "ecotone/op/control.h"

#include <algorithm>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/common.h"
#include "ecotone/op/move.h"
#include "ecotone/op/table.h"

namespace ecotone::op {
namespace {

// The region's body must take `own` and then the captures; a size that can't be decided is assumed. Returns its
// results, with the region's symbols replaced.
std::vector<Type> expect_region(const InferCall& call, size_t index, std::span<const Type> own) {
  const Region& region = call.regions[index];
  std::vector<Type> wanted(own.begin(), own.end());
  wanted.insert(wanted.end(), call.captures.begin(), call.captures.end());
  const Program& body = *region.body;
  if (body.inputs().size() != wanted.size())
    fail("region {} takes {} values, but is given {}", index, body.inputs().size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Type takes = substitute(body.inputs()[i].type, region.dim_args);
    if (is_token(takes) != is_token(wanted[i])) fail("input {} of region {}: a token meets a tensor", i, index);
    if (is_token(takes)) continue;
    const TensorType &t = tensor(takes), &w = tensor(wanted[i]);
    if (t.dtype != w.dtype || t.rank() != w.rank())
      fail("input {} of region {} is {}, but is given {}", i, index, t.str(call.dims.symbols()),
           w.str(call.dims.symbols()));
    for (size_t d = 0; d < t.shape.size(); ++d)
      call.dims.require_equal(t.shape[d], w.shape[d], "sizes of a region's input and what it is given");
  }
  std::vector<Type> results;
  for (const Type& t : body.output_types()) results.push_back(substitute(t, region.dim_args));
  return results;
}

// `results` of a region must be `wanted`; returns them with constants where either has one.
std::vector<Type> expect_results(const InferCall& call, std::span<const Type> results, std::span<const Type> wanted,
                                 const char* what) {
  if (results.size() != wanted.size()) fail("{}: {} results, but {} are needed", what, results.size(), wanted.size());
  std::vector<Type> joined(wanted.begin(), wanted.end());
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (is_token(results[i]) != is_token(wanted[i])) fail("{}: result {}: a token meets a tensor", what, i);
    if (is_token(results[i])) continue;
    const TensorType &r = tensor(results[i]), &w = tensor(wanted[i]);
    if (r.dtype != w.dtype || r.rank() != w.rank())
      fail("{}: result {} is {}, but must be {}", what, i, r.str(call.dims.symbols()), w.str(call.dims.symbols()));
    TensorType& type = std::get<TensorType>(joined[i]);
    for (size_t d = 0; d < r.shape.size(); ++d) {
      call.dims.require_equal(r.shape[d], w.shape[d], "sizes of a region's results");
      if (r.shape[d].is_constant()) type.shape[d] = r.shape[d];
    }
  }
  return joined;
}

void expect_scalar(const InferCall& call, size_t operand, DType dtype, const char* what) {
  const TensorType& t = call.operand(operand);
  if (t.rank() != 0 || t.dtype != dtype) fail("{} must be a scalar of {}", what, name(dtype));
}

// call, if, case ------------------------------------------------------------------------------------------------------

std::vector<Type> infer_call(const InferCall& call) {
  call.expect_regions(1);
  return expect_region(call, 0, call.operands);
}
std::vector<Tensor> evaluate_call(const EvalCall& call) {
  return call.runner.run(call.regions[0], call.operands);
}

std::vector<Type> infer_branches(const InferCall& call) {
  std::vector<Type> results = expect_region(call, 0, {});
  for (size_t i = 1; i < call.regions.size(); ++i)
    results = expect_results(call, expect_region(call, i, {}), results, "branches of a conditional");
  return results;
}
std::vector<Type> infer_if(const InferCall& call) {
  call.expect_operands(1);
  call.expect_regions(2);
  expect_scalar(call, 0, DType::kBool, "the condition");
  return infer_branches(call);
}
std::vector<Tensor> evaluate_if(const EvalCall& call) {
  return call.runner.run(call.regions[call.operands[0].at_int(0) != 0 ? 0 : 1], {});
}

std::vector<Type> infer_case(const InferCall& call) {
  call.expect_operands(1);
  if (call.regions.empty()) fail("case needs a region");
  expect_scalar(call, 0, DType::kI32, "the branch index");
  return infer_branches(call);
}
std::vector<Tensor> evaluate_case(const EvalCall& call) {
  const auto last = static_cast<int64_t>(call.regions.size()) - 1;
  const int64_t index = call.operands[0].at_int(0);
  return call.runner.run(call.regions[static_cast<size_t>(index < 0 || index > last ? last : index)], {});
}

// while ---------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_while(const InferCall& call) {
  call.expect_regions(2);
  const Type flag = TensorType{DType::kBool, {}};
  expect_results(call, expect_region(call, 0, call.operands), {&flag, 1}, "the condition of a while");
  return expect_results(call, expect_region(call, 1, call.operands), call.operands, "the body of a while");
}
std::vector<Tensor> evaluate_while(const EvalCall& call) {
  std::vector<Tensor> carried(call.operands.begin(), call.operands.end());
  while (call.runner.run(call.regions[0], carried)[0].at_int(0) != 0)
    carried = call.runner.run(call.regions[1], carried);
  return carried;
}

// scan ----------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_scan(const InferCall& call) {
  call.expect_regions(1);
  const auto& a = call.get<ScanAttributes>();
  const auto carries = static_cast<size_t>(a.carry_count);
  if (a.carry_count < 0) fail("carry_count is negative");
  call.expect_operands_at_least(carries);
  if (call.dims.range(a.length).max < 0) fail("the length of a scan is negative");
  std::vector<Type> inputs(call.operands.begin(), call.operands.begin() + static_cast<std::ptrdiff_t>(carries));
  for (size_t i = carries; i < call.operands.size(); ++i) {
    TensorType slice = call.operand(i);
    if (slice.rank() == 0) fail("operand {} is scanned, so it needs a dimension", i);
    call.dims.require_equal(slice.shape[0], a.length, "the first size of what is scanned and the scan's length");
    slice.shape.erase(slice.shape.begin());
    inputs.emplace_back(std::move(slice));
  }
  std::vector<Type> results = expect_region(call, 0, inputs);
  if (results.size() < carries)
    fail("the region returns {} values, fewer than the {} carried", results.size(), carries);
  const std::vector<Type> joined = expect_results(call, std::span(results).first(carries), call.operands.first(carries),
                                                  "the carried values of a scan");
  std::copy(joined.begin(), joined.end(), results.begin());
  for (size_t i = carries; i < results.size(); ++i) {
    if (is_token(results[i])) fail("a scan can't stack tokens");
    TensorType& t = std::get<TensorType>(results[i]);
    t.shape.insert(t.shape.begin(), a.length);
  }
  return results;
}

// Entry i along dimension 0, as a view.
Tensor entry(const Tensor& x, int64_t i) {
  const Shape shape(x.shape().begin() + 1, x.shape().end());
  const auto bytes = static_cast<size_t>(element_count(shape) * byte_size(x.dtype()));
  return Tensor(x.dtype(), shape, x.bytes().subspan(static_cast<size_t>(i) * bytes, bytes), x.owner()).plain();
}

std::vector<Tensor> evaluate_scan(const EvalCall& call) {
  const auto& a = call.get<ScanAttributes>();
  const auto carries = static_cast<size_t>(a.carry_count);
  const int64_t length = a.length.constant();
  std::vector<Tensor> carried(call.operands.begin(), call.operands.begin() + static_cast<std::ptrdiff_t>(carries));
  std::vector<MutableTensor> stacked;
  for (size_t i = carries; i < call.result_types.size(); ++i)
    stacked.emplace_back(call.result_storage(i), call.result(i).static_shape(), MutableTensor::Init::kNone);
  for (int64_t step = 0; step < length; ++step) {
    const int64_t at = a.reverse ? length - 1 - step : step;
    std::vector<Tensor> args = carried;
    for (size_t i = carries; i < call.operands.size(); ++i) args.push_back(entry(call.operands[i], at));
    const std::vector<Tensor> results = call.runner.run(call.regions[0], args);
    std::copy_n(results.begin(), carries, carried.begin());
    for (size_t i = 0; i < stacked.size(); ++i) {
      const std::span<const std::byte> bytes = results[carries + i].bytes();
      if (!bytes.empty())
        std::memcpy(stacked[i].bytes().data() + static_cast<size_t>(at) * bytes.size(), bytes.data(), bytes.size());
    }
  }
  for (MutableTensor& t : stacked) carried.push_back(std::move(t).freeze());
  return carried;
}

// Marks ---------------------------------------------------------------------------------------------------------------

std::vector<Type> infer_custom_derivative(const InferCall& call) {
  call.expect_regions(2);
  return expect_region(call, 0, call.operands);
}

std::vector<Type> infer_identity(const InferCall& call) {
  call.expect_regions(0);
  return {call.operands.begin(), call.operands.end()};
}
std::vector<Tensor> evaluate_identity(const EvalCall& call) {
  return {call.operands.begin(), call.operands.end()};
}

std::vector<Type> infer_after_all(const InferCall& call) {
  call.expect_regions(0);
  for (const Type& t : call.operands)
    if (!is_token(t)) fail("after_all takes tokens alone");
  return {Type(Token{})};
}
std::vector<Tensor> evaluate_after_all(const EvalCall&) {
  return {Tensor()};
}

// custom_call ---------------------------------------------------------------------------------------------------------

std::vector<Type> infer_custom_call(const InferCall& call) {
  const auto& a = call.get<CustomCallAttributes>();
  std::vector<Type> results(a.results.begin(), a.results.end());
  for (const int64_t at : a.tokens) {
    if (at < 0 || at > static_cast<int64_t>(results.size())) fail("result {} can't be a token", at);
    results.insert(results.begin() + at, Token{});
  }
  return results;
}
std::vector<Tensor> evaluate_custom_call(const EvalCall& call) {
  const std::string& target = call.get<CustomCallAttributes>().target;
  if (!is_annotation_target(target) || call.operands.size() != call.result_types.size())
    fail_kind(ErrorKind::kUnsupported, "custom_call '{}' is another system's; the reference can't evaluate it", target);
  for (size_t i = 0; i < call.operands.size(); ++i)
    if (call.operand_types[i] != call.result_types[i])
      fail("custom_call '{}' only marks its operand, but the types differ: {} and {}", target,
           str(call.operand_types[i]), str(call.result_types[i]));
  return {call.operands.begin(), call.operands.end()};
}

}  // namespace

#define ECOTONE_CONTROL_OP(function, text, attributes, infer, evaluate)                    \
  const Op& function() {                                                                   \
    static const Op op = primitive(text, attributes, DTypeSet::all(), infer, evaluate, 1); \
    return op;                                                                             \
  }
ECOTONE_CONTROL_OP(call, "ecotone.call", &attributes_info<CallAttributes>(), infer_call, evaluate_call)
ECOTONE_CONTROL_OP(if_, "stablehlo.if", nullptr, infer_if, evaluate_if)
ECOTONE_CONTROL_OP(case_, "stablehlo.case", nullptr, infer_case, evaluate_case)
ECOTONE_CONTROL_OP(while_, "stablehlo.while", nullptr, infer_while, evaluate_while)
ECOTONE_CONTROL_OP(scan, "ecotone.scan", &attributes_info<ScanAttributes>(), infer_scan, evaluate_scan)
ECOTONE_CONTROL_OP(custom_derivative, "ecotone.custom_derivative", &attributes_info<CustomDerivativeAttributes>(),
                   infer_custom_derivative, evaluate_call)
ECOTONE_CONTROL_OP(optimization_barrier, "stablehlo.optimization_barrier", nullptr, infer_identity, evaluate_identity)
ECOTONE_CONTROL_OP(custom_call, "stablehlo.custom_call", &attributes_info<CustomCallAttributes>(), infer_custom_call,
                   evaluate_custom_call)
#undef ECOTONE_CONTROL_OP
const Op& after_all() {
  static const Op op = primitive("stablehlo.after_all", nullptr, {}, infer_after_all, evaluate_after_all, 1);
  return op;
}

bool is_annotation_target(std::string_view target) {
  return target == "Sharding" || target == "SPMDFullToShardShape" || target == "SPMDShardToFullShape" ||
         target == "annotate_device_placement";
}

std::vector<ValueId> call(Builder& b, ProgramRef callee, std::span<const ValueId> args, std::vector<Dim> dim_args) {
  CallAttributes attributes{callee->name()};
  return b.add(call(), make_attributes(std::move(attributes)), args, {Region{std::move(callee), std::move(dim_args)}});
}
std::vector<ValueId> if_(Builder& b, ValueId pred, Region on_true, Region on_false, std::span<const ValueId> captures) {
  return b.add(if_(), {}, {&pred, 1}, {std::move(on_true), std::move(on_false)}, captures);
}
std::vector<ValueId> case_(Builder& b, ValueId index, std::vector<Region> branches, std::span<const ValueId> captures) {
  return b.add(case_(), {}, {&index, 1}, std::move(branches), captures);
}
std::vector<ValueId> while_(Builder& b, std::span<const ValueId> carried, Region cond, Region body,
                            std::span<const ValueId> captures) {
  return b.add(while_(), {}, carried, {std::move(cond), std::move(body)}, captures);
}
std::vector<ValueId> scan(Builder& b, std::span<const ValueId> carries, std::span<const ValueId> scanned, Dim length,
                          Region body, bool reverse, std::span<const ValueId> captures) {
  std::vector<ValueId> operands(carries.begin(), carries.end());
  operands.insert(operands.end(), scanned.begin(), scanned.end());
  ScanAttributes attributes{std::move(length), static_cast<int64_t>(carries.size()), reverse};
  return b.add(scan(), make_attributes(std::move(attributes)), operands, {std::move(body)}, captures);
}
ValueId after_all(Builder& b, std::span<const ValueId> tokens) {
  return b.add(after_all(), {}, tokens)[0];
}

std::span<const Op* const> control_ops() {
  static const Op* const ops[] = {
      &call(),      &if_(),        &case_(), &while_(), &scan(), &custom_derivative(), &optimization_barrier(),
      &after_all(), &custom_call()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::CallAttributes>();
template const AttributesInfo& attributes_info<op::ScanAttributes>();
template const AttributesInfo& attributes_info<op::CustomDerivativeAttributes>();
template const AttributesInfo& attributes_info<op::CustomCallAttributes>();
}  // namespace ecotone
