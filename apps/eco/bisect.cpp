// eco bisect: the first tensor where two engines, or two versions of a model, part.

#include "ecotone/engine/bisect.h"

#include <cmath>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/engines.h"
#include "ecotone/engine/interrupt.h"
#include "ecotone/engine/report.h"
#include "ecotone/engine/table.h"

#include "apps/eco/eco.h"

namespace eco_command {
namespace {

using namespace ecotone;
using namespace ecotone::engine;

struct BisectVerb {
  std::string model, other, a, b = "reference", lang, folder;
  InputOptions inputs;
  BisectOptions bisect;
  int64_t chunk_mb = 256;
  bool json = false;
};

void print(const BisectVerb& o, const BisectReport& r, const Messages& text) {
  const Layout layout = layout_of(STDOUT_FILENO);
  const auto side = [&](const char* name, const std::string& engine, const std::string& version,
                        const nlohmann::json& placement) {
    fmt::print("{}: {} {}{}{}\n", name, engine, version, text(", "), placement_text(placement, text));
    for (const std::string& f : fallbacks(placement)) fmt::print("   {}\n", text.format("fallback: {}", f));
  };
  side("a", o.a, r.version_a, r.placement_a);
  side("b", o.b, r.version_b, r.placement_b);
  if (r.output_error) fmt::print("{}\n", text.format("outputs differ by {:.3g}", *r.output_error));
  for (const std::string& n : r.notes) fmt::print("{}\n", n);
  if (!r.unequal_outputs.empty())
    fmt::print("{}\n", text.format("outputs of integers that are not equal: {}", fmt::join(r.unequal_outputs, ", ")));
  if (!r.first) {
    fmt::print("{}\n", text.format("none of {} tensors differs by more than {:g}", r.compared, o.bisect.tolerance));
    return;
  }
  const Divergence& d = *r.first;
  const std::string type = d.type.str(), type_b = d.type_b.str();
  fmt::print("{}\n", styled(text.format("first divergence: tensor '{}' of node '{}' ({})", d.tensor, d.node, d.op),
                            Style::kBad, layout));
  Table t({{""}, {"a", Align::kRight}, {"b", Align::kRight}});
  auto row = [&](const std::string& name, double x, double y) {
    t.add({name, fmt::format("{:.6g}", x), fmt::format("{:.6g}", y)});
  };
  if (d.error_a && d.error_b) row(text("error against the exact result"), *d.error_a, *d.error_b);
  row(text("smallest"), d.a.min, d.b.min);
  row(text("largest"), d.a.max, d.b.max);
  row(text("mean"), d.a.mean, d.b.mean);
  row(text("standard deviation"), d.a.deviation, d.b.deviation);
  row(text("not finite"), static_cast<double>(d.a.not_finite), static_cast<double>(d.b.not_finite));
  if (d.type.shape == d.type_b.shape) row(text.format("at [{}]", fmt::join(d.worst, ", ")), d.worst_a, d.worst_b);
  fmt::print("{}{}\n", t.str(layout),
             text.format("{}, differs by {:.3g}; {} of {} tensors compared in {} runs",
                         type == type_b ? type : type + " / " + type_b, d.error, r.compared, r.tensors, r.runs));
  if (!d.submodel.empty())
    fmt::print("{}\n", text.format("the node alone: {}, with inputs {}", d.submodel.string(), d.inputs.string()));
  if (d.submodel_error) fmt::print("{}\n", text.format("on it the engines differ by {:.3g}", *d.submodel_error));
  if (!d.submodel_note.empty()) fmt::print("{}\n", d.submodel_note);
}

int run(const BisectVerb& o) {
  const Messages text = messages(o.lang);
  for (const std::string& name : {o.a, o.b})
    if (const EngineInfo engine = engine_info(name); !worker_command(engine))
      fail_kind(ErrorKind::kMissing, "engine {} is not installed; {}", name, install_hint(engine));
  auto [model, inputs] = o.inputs.load(o.model);
  std::optional<Model> other;
  if (!o.other.empty()) other = o.inputs.load(o.other).first;
  if (other && other->format != model.format)
    fail("{} is {}, but {} is {}: give two files of one format", o.model, name(model.format), o.other,
         name(other->format));
  if (!other && o.a == o.b) fail("--a and --b are both {}: give two engines, or two files", o.a);
  BisectOptions options = o.bisect;
  options.text = text;
  options.verbose = log_level() == LogLevel::kVerbose;
  options.folder = o.folder;
  options.chunk_bytes = o.chunk_mb << 20;
  const InterruptGuard guard;
  BisectReport report;
  {
    Progress progress(text("bisecting"), 0);
    options.progress = [&](const std::string& note) { progress.set_note(note); };
    report = bisect({&model, o.a}, {other ? &*other : &model, o.b}, inputs, options);
  }
  if (o.json) {
    nlohmann::ordered_json j{{"schema_version", kSchemaVersion}, {"a", o.a}, {"b", o.b}, {"model", o.model}};
    if (other) j["other"] = o.other;
    j["tolerance"] = o.bisect.tolerance;
    j.update(to_json(report));
    print_json(j);
  } else {
    print(o, report, text);
  }
  const bool outputs_differ = report.output_error && !(*report.output_error <= o.bisect.tolerance);
  return report.first || outputs_differ || !report.unequal_outputs.empty() ? kFindings : kOk;
}

}  // namespace

void add_bisect(CLI::App& app, Action& action) {
  auto o = std::make_shared<BisectVerb>();
  CLI::App* verb =
      app.add_subcommand("bisect", "Find the first tensor where two engines, or two versions of a model, part");
  verb->add_option("model", o->model, "An ONNX model or StableHLO text")->required();
  verb->add_option("other", o->other, "Another version of it, for b");
  verb->add_option("--a", o->a, "The engine of the first side")->required();
  verb->add_option("--b", o->b, "The engine of the second side")->capture_default_str();
  o->inputs.add_to(*verb);
  verb->add_option("--tolerance", o->bisect.tolerance, "Largest max|a - b| / (|b| + rms b) that is no divergence")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--out", o->folder, "A folder for the diverging node as a model of its own, with its inputs");
  verb->add_option("--chunk", o->chunk_mb, "MB of tensors looked at in one run, so that memory stays bounded")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--threads", o->bisect.threads, "Threads of each engine")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--timeout", o->bisect.timeout_seconds,
                   "Seconds after which an engine that does not answer is stopped")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_language(*verb, o->lang);
  verb->add_flag("--json", o->json, "Print a JSON report");
  verb->footer("Exit code 1 when they part. Tensors are looked at in chunks, in the order in which they are made.");
  verb->callback([o, &action] { action = [o] { return run(*o); }; });
}

}  // namespace eco_command
