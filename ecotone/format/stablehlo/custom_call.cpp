// Custom calls, and operations of other dialects that are kept as some: checks and shardings.
#include <unordered_map>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/import.h"
#include "ecotone/format/stablehlo/literal.h"
#include "ecotone/op/build.h"
#include "ecotone/op/control.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/linalg.h"
#include "ecotone/op/shape.h"

namespace ecotone::stablehlo {
namespace {

using Values = std::vector<ValueId>;

// XLA's approximate top-k asks for the best entries, some of which may be missed; sorting misses none. Operands: N
// arrays, N initial values; the comparator is a function of the file.
Values read_approx_top_k(OpCall& c) {
  const syntax::Attribute& config = c.get("mhlo.backend_config");
  const syntax::Attribute* reduced = config.find("reduction_dim");
  const syntax::Attribute& computations = c.get("called_computations");
  if (!reduced || computations.items.size() != 1) c.fail_here("@ApproxTopK needs reduction_dim and one comparator");
  const syntax::Function* comparator = c.importer.find_function(computations.items[0].text);
  if (!comparator || !comparator->has_body)
    c.fail_here(fmt::format("there is no function @{} in this file", computations.items[0].text));
  const int64_t dimension = reduced->integer;
  const size_t count = c.operands.size() / 2;
  if (count == 0 || c.op.result_types.size() != count) c.fail_here("@ApproxTopK gives an array for each that it takes");
  const Values sorted = op::sort(c.b(), std::span(c.operands).first(count), dimension,
                                 Region{c.importer.function(*comparator, false), {}});
  Values best;
  for (size_t i = 0; i < count; ++i) {
    const TensorType given = c.b().tensor_type(sorted[i]);
    std::vector<Dim> limit = given.shape;
    if (dimension < 0 || dimension >= given.rank()) c.fail_here(fmt::format("there is no dimension {}", dimension));
    const auto d = static_cast<size_t>(dimension);
    limit[d] = c.declared(i, &given.shape).shape.at(d);
    best.push_back(op::slice(c.b(), sorted[i], std::vector<Dim>(limit.size(), 0), limit));
  }
  return best;
}

// A character of LAPACK's, given by its code; `config` is the call's.
char letter(OpCall& c, const syntax::Attribute& config, std::string_view key, std::string_view choices) {
  const syntax::Attribute* code = config.find(key);
  const char given = code ? static_cast<char>(code->integer) : '\0';
  if (choices.find(given) == std::string_view::npos || given == '\0')
    c.fail_here(fmt::format("'{}' must be the code of one of {}", key, choices));
  return given;
}

// ?potrf: the factor, and 0 or what went wrong. The other triangle is free.
Values read_potrf(OpCall& c) {
  c.expect_operands(1);
  const bool lower = letter(c, c.get("mhlo.backend_config"), "uplo", "LU") == 'L';
  Builder& b = c.b();
  const ValueId factor = b.add1(op::cholesky(), make_attributes(op::CholeskyAttributes{lower}), {c.value(0)});
  const int64_t rank = b.rank(factor);
  // What is not positive definite gives NaN everywhere.
  const ValueId parts = is_complex(b.dtype(factor)) ? op::real(b, factor) : factor;
  const ValueId nan = op::compare(b, op::ComparisonDirection::kNe, parts, parts);
  const ValueId any = op::reduce(b, nan, {rank - 2, rank - 1}, op::Reducer::kOr);
  return {factor, op::convert(b, any, DType::kI32)};
}

// ?trsm: solves a x = b or x a = b.
Values read_trsm(OpCall& c) {
  c.expect_operands(2);
  const syntax::Attribute& config = c.get("mhlo.backend_config");
  op::TriangularSolveAttributes a;
  a.left_side = letter(c, config, "side", "LR") == 'L';
  a.lower = letter(c, config, "uplo", "LU") == 'L';
  a.unit_diagonal = letter(c, config, "diag", "UN") == 'U';
  const char transposed = letter(c, config, "trans_x", "NTC");
  a.transpose_a = transposed == 'N'   ? op::Transpose::kNoTranspose
                  : transposed == 'T' ? op::Transpose::kTranspose
                                      : op::Transpose::kAdjoint;
  return {c.b().add1(op::triangular_solve(), make_attributes(a), {c.value(0), c.value(1)})};
}

// What JAX's programs for the CPU call, read as what it means.
OpReader find_meaning(std::string_view target) {
  static const std::unordered_map<std::string_view, OpReader> map = {
      {"ApproxTopK", read_approx_top_k},
      {"lapack_spotrf_ffi", read_potrf}, {"lapack_dpotrf_ffi", read_potrf},
      {"lapack_cpotrf_ffi", read_potrf}, {"lapack_zpotrf_ffi", read_potrf},
      {"lapack_strsm_ffi", read_trsm},   {"lapack_dtrsm_ffi", read_trsm},
      {"lapack_ctrsm_ffi", read_trsm},   {"lapack_ztrsm_ffi", read_trsm},
  };
  const auto found = map.find(target);
  return found == map.end() ? nullptr : found->second;
}

// Said of the call, not by it.
bool is_annotation(std::string_view key) {
  return key == "mhlo.sharding" || key == "mhlo.frontend_attributes" || key == "sdy.sharding" ||
         key.starts_with("ecotone.");
}

// Shardy's mark is kept as the custom call that marked shardings before it.
Values read_sharding_constraint(OpCall& c) {
  c.expect_operands(1);
  op::CustomCallAttributes a;
  a.target = "Sharding";
  a.config.set(std::string(kShardingKey), mlir_value(c.text("sharding", "")));
  a.results.push_back(tensor(c.operand_type(0)));
  return c.add(op::custom_call(), make_attributes(std::move(a)));
}

// check.expect_eq %0, %1 and its like, of conformance files.
Values read_check(OpCall& c) {
  op::CustomCallAttributes a;
  a.target = c.op.name;
  a.has_side_effect = true;
  Values operands = c.operands;
  for (const auto& [key, value] : c.op.attributes) {
    if (is_annotation(key)) continue;
    c.find(key);
    if (value.kind == syntax::Attribute::Kind::kTensor)
      operands.push_back(op::constant(c.b(), dense_tensor(value)));
    else
      a.config.set(key, to_value(value));
  }
  // The dialect's defaults, said: plain custom calls of these names have others.
  if (a.target.starts_with("check.expect_almost_eq") && !a.config.find("tolerance")) a.config.set("tolerance", {1e-4});
  if (a.target == "check.expect_close" && !a.config.find("max_ulp_difference"))
    a.config.set("max_ulp_difference", {int64_t{1}});
  return c.add(op::custom_call(), make_attributes(std::move(a)), operands);
}

// Each device's part of the computation: the computation itself where no axis has more than one device.
Values read_manual_computation(OpCall& c) {
  const syntax::Region& region = c.op.regions.at(0);
  if (region.arguments.size() != c.operands.size())
    c.fail_here(fmt::format("its region takes {} values, but {} are given", region.arguments.size(), c.operands.size()));
  for (size_t i = 0; i < c.operands.size(); ++i)
    if (!c.importer.fits(c.frame, *region.arguments[i].type, c.operand_type(i), false))
      return c.importer.unsupported(
          c, "splits arrays over several devices; give the program before it is split, or for one device");
  return c.importer.inline_region(c.frame, region, c.operands);
}

}  // namespace

std::vector<ValueId> read_custom_call(OpCall& c) {
  op::CustomCallAttributes a;
  a.target = c.text("call_target_name", "");
  for (size_t i = 0; i < c.operands.size(); ++i) c.value(i);
  if (const OpReader meaning = find_meaning(a.target)) return meaning(c);
  a.has_side_effect = c.flag("has_side_effect", false);
  if (!c.op.regions.empty()) return c.importer.unsupported(c, fmt::format("@{} has regions", a.target));
  const bool is_check = a.target.starts_with("check.");
  const syntax::Attribute* shapes = c.find("ecotone.shapes");
  for (const auto& [key, value] : c.op.attributes) {
    if (key == "call_target_name" || key == "has_side_effect" || is_annotation(key)) continue;
    c.find(key);
    const bool is_number = is_check || key == "api_version";
    a.config.entries.emplace_back(key, is_number ? to_value(value) : to_annotation(value));
  }
  for (size_t i = 0; i < c.op.result_types.size(); ++i) {
    if (c.op.result_types[i]->kind == syntax::Type::Kind::kToken) {
      a.tokens.push_back(static_cast<int64_t>(i));
      continue;
    }
    if (c.op.result_types[i]->kind != syntax::Type::Kind::kTensor)
      return c.importer.unsupported(c, fmt::format("@{} gives what is no tensor", a.target));
    std::vector<Dim> open;
    if (shapes && i < shapes->items.size())
      open = c.importer.parse_sizes(c.frame, shapes->items[i]);
    else if (i < c.operands.size() && !is_token(c.operand_type(i)))
      open = tensor(c.operand_type(i)).shape;  // what marks its operand leaves its sizes alone
    a.results.push_back(c.declared(i, &open));
  }
  return c.add(op::custom_call(), make_attributes(std::move(a)));
}

OpReader find_custom_reader(std::string_view name) {
  if (name == "stablehlo.custom_call") return read_custom_call;
  if (name == "sdy.sharding_constraint") return read_sharding_constraint;
  if (name == "sdy.manual_computation") return read_manual_computation;
  return name.starts_with("check.") ? read_check : nullptr;
}

}  // namespace ecotone::stablehlo
