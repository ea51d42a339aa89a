// eco inspect: what a model is.

#include <map>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/base/log.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/index.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

#include "apps/eco/eco.h"

namespace eco_command {
namespace {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::ordered_json;

struct InspectOptions {
  std::string model;
  std::vector<std::string> shapes;
  bool json = false;
};

// Ops that only move elements, or make them of nothing.
bool moves_only(const Op* op) {
  for (const Op* o : {&op::constant(), &op::iota(), &op::reshape(), &op::broadcast_in_dim(), &op::transpose(),
                      &op::concatenate(), &op::slice(), &op::pad(), &op::reverse(), &op::gather(), &op::dim_value()})
    if (op == o) return true;
  return false;
}

// A multiply-add counts as two, a move of elements as nothing, a sum as one per summand, any other op as one per
// element of its result. Regions and calls count once.
Dim flops(const Program& p, const Equation& e) {
  if (e.op->cost) {
    std::vector<Type> operands, results;
    for (ValueId v : e.operands) operands.push_back(p.type(v));
    for (uint32_t i = 0; i < e.result_count; ++i) results.push_back(p.type(e.first_result + i));
    return e.op->cost({e.attributes, operands, results, e.regions}).flops;
  }
  if (e.result_count == 0 || is_token(p.type(e.first_result))) return 0;
  if (moves_only(e.op)) return 0;
  const Dim size = p.tensor_type(e.first_result).size();
  if (e.op == &op::reduce() && !e.operands.empty()) return p.tensor_type(e.operands[0]).size();
  if (e.op == &op::dot_general()) {
    Dim k(1);
    for (int64_t d : e.attributes.get<op::DotAttributes>().lhs_contracting_dimensions)
      k = k * p.tensor_type(e.operands[0]).shape[static_cast<size_t>(d)];
    return size * k * Dim(2);
  }
  if (e.op == &op::convolution()) {
    const auto& a = e.attributes.get<op::ConvolutionAttributes>();
    const auto& kernel = p.tensor_type(e.operands[1]).shape;
    Dim k = kernel[static_cast<size_t>(a.kernel_input_feature_dimension)];
    for (int64_t d : a.kernel_spatial_dimensions) k = k * kernel[static_cast<size_t>(d)];
    return size * k * Dim(2);
  }
  return size;
}

struct Summary {
  std::map<std::string, int> ops;
  std::optional<Dim> flops = Dim(0);  // nothing: too large to count, or too large an expression
  int64_t parameter_count = 0, parameter_bytes = 0;
};

Summary summarize(const Program& p) {
  Summary s;
  for (const Equation& e : p.equations()) {
    ++s.ops[e.op->name];
    try {
      if (s.flops) s.flops = *s.flops + flops(p, e);
    } catch (const Error&) {
      s.flops.reset();
    }
  }
  for (const Parameter& x : p.parameters()) {
    if (!x.type.is_static()) continue;
    s.parameter_count += element_count(x.type.static_shape());
    s.parameter_bytes += x.value ? static_cast<int64_t>(x.value->bytes().size()) : 0;
  }
  return s;
}

ordered_json type_json(const std::string& name, const Type& t, const Program& p) {
  ordered_json j{{"name", name}};
  if (is_token(t)) {
    j["type"] = "token";
    return j;
  }
  j["dtype"] = ecotone::name(tensor(t).dtype);
  j["shape"] = ordered_json::array();
  for (const Dim& d : tensor(t).shape)
    if (auto c = d.as_constant())
      j["shape"].push_back(*c);
    else
      j["shape"].push_back(d.str(p.symbols()));
  return j;
}

int inspect(const InspectOptions& o) {
  ModelOptions options;
  for (const std::string& s : o.shapes) options.shapes.insert(parse_shape_option(s));
  const Model model = load_model(o.model, options);
  const Program& p = *model.program;
  const Summary s = summarize(p);
  const auto file_bytes = std::filesystem::file_size(o.model);
  log_detail("{}: {} equations, {} parameters", o.model, p.equations().size(), p.parameters().size());
  if (o.json) {
    ordered_json j{{"schema_version", kSchemaVersion},
                   {"model", o.model},
                   {"format", name(model.format)},
                   {"file_bytes", file_bytes}};
    j["inputs"] = ordered_json::array(), j["outputs"] = ordered_json::array(), j["parameters"] = ordered_json::array();
    for (const Input& i : p.inputs()) j["inputs"].push_back(type_json(i.name, i.type, p));
    for (const Output& x : p.outputs()) j["outputs"].push_back(type_json(x.name, p.type(x.value), p));
    for (const Parameter& x : p.parameters()) j["parameters"].push_back(type_json(x.name, x.type, p));
    j["ops"] = s.ops;
    j["parameter_count"] = s.parameter_count, j["parameter_bytes"] = s.parameter_bytes;
    if (!s.flops)
      j["flops"] = nullptr;
    else if (auto c = s.flops->as_constant())
      j["flops"] = *c;
    else
      j["flops"] = s.flops->str(p.symbols());
    print_json(j);
    return kOk;
  }
  fmt::print("{}: {}, {}\n", o.model, name(model.format), format_bytes(static_cast<double>(file_bytes)));
  fmt::print("inputs\n");
  for (const Input& i : p.inputs()) fmt::print("  {:<32} {}\n", i.name, str(i.type, p.symbols()));
  fmt::print("outputs\n");
  for (const Output& x : p.outputs()) fmt::print("  {:<32} {}\n", x.name, str(p.type(x.value), p.symbols()));
  fmt::print("parameters  {} tensors, {} elements, {}\n", p.parameters().size(), s.parameter_count,
             format_bytes(static_cast<double>(s.parameter_bytes)));
  if (!s.flops)
    fmt::print("work        too large to count; give sizes with --shape\n");
  else if (auto c = s.flops->as_constant())
    fmt::print("work        {:.4g} FLOPs (a multiply-add is two)\n", static_cast<double>(*c));
  else
    fmt::print("work        {} FLOPs (a multiply-add is two)\n", s.flops->str(p.symbols()));
  fmt::print("equations   {}\n", p.equations().size());
  std::vector<std::pair<int, std::string>> ranked;
  for (const auto& [op, count] : s.ops) ranked.emplace_back(-count, op);
  std::sort(ranked.begin(), ranked.end());
  for (const auto& [count, op] : ranked) fmt::print("  {:>6}  {}\n", -count, op);
  return kOk;
}

}  // namespace

void add_inspect(CLI::App& app, Action& action) {
  auto o = std::make_shared<InspectOptions>();
  CLI::App* verb = app.add_subcommand("inspect", "Show a model's inputs, outputs, parameters, operations and work");
  verb->add_option("model", o->model, "An ONNX model")->required();
  verb->add_option("--shape", o->shapes, "Sizes of an input, as name=1,3,224,224; may be repeated");
  verb->add_flag("--json", o->json, "Print JSON");
  verb->callback([o, &action] { action = [o] { return inspect(*o); }; });
}

}  // namespace eco_command
