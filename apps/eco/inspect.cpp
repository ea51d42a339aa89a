// eco inspect: what a model is.

#include <iostream>
#include <map>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/base/log.h"
#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/op/cost.h"

#include "apps/eco/eco.h"

namespace eco_command {
namespace {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::ordered_json;

struct InspectOptions {
  std::string model;
  std::vector<std::string> shapes;
  bool json = false, text = false, locations = false;
};

struct Summary {
  std::map<std::string, int> ops;
  std::optional<Dim> flops = Dim(0);  // nothing: too large to count, or too large an expression
  int64_t parameter_count = 0, parameter_bytes = 0;
};

Summary summarize(const Program& p) {
  Summary s;
  for (const Equation& e : p.equations()) ++s.ops[e.op->name];
  try {
    s.flops = op::flops(p);
  } catch (const Error&) {
    s.flops.reset();
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
  if (o.text) {
    std::cout << stablehlo::print_program(p, {.locations = o.locations});
    return kOk;
  }
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
  verb->add_option("model", o->model, "An ONNX model or StableHLO text")->required();
  verb->add_option("--shape", o->shapes, "Sizes of an input, as name=1,3,224,224; may be repeated");
  CLI::Option* json = verb->add_flag("--json", o->json, "Print JSON");
  CLI::Option* text = verb->add_flag("--text", o->text, "Print the program as StableHLO text")->excludes(json);
  verb->add_flag("--locations", o->locations, "With --text: where each operation comes from, as loc(...)")->needs(text);
  verb->callback([o, &action] { action = [o] { return inspect(*o); }; });
}

}  // namespace eco_command
