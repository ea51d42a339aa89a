// eco verify: the same numbers here as elsewhere?

#include "ecotone/engine/verify.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ecotone/backend/backend.h"
#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/conformance.h"
#include "ecotone/engine/report.h"

#include "apps/eco/eco.h"

namespace eco_command {
namespace {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::ordered_json;

struct VerifyOptions {
  std::string model, against, backend = "reference";
  InputOptions inputs;
  int threads = 0;
  bool json = false;
  const CLI::App* verb = nullptr;
};

// What is stored needs no inputs and no engine: their options are refused, not ignored.
void refuse_inputs(const VerifyOptions& o, const std::string& where) {
  for (const char* option : {"--input", "--shape", "--seed", "--mean", "--std", "--threads"})
    if (o.verb->count(option) > 0)
      fail("{}: inputs and results are stored there: {} would change nothing; leave it out", where, option);
}

// JSON has no infinity: what is not finite is text.
ordered_json number(double v) {
  if (std::isfinite(v)) return v;
  return std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf";
}

ordered_json to_json(const SideReport& s) {
  ordered_json j{{"name", s.name}};
  if (!s.version.empty()) j["version"] = s.version;
  if (s.load_seconds) j["load_ms"] = *s.load_seconds * 1e3;
  if (s.run_seconds) j["time_ms"] = *s.run_seconds * 1e3;
  if (s.peak_bytes) j["peak_mb"] = static_cast<double>(*s.peak_bytes) / 1e6;
  if (!s.placement.is_null()) j["placement"] = s.placement;
  return j;
}

ordered_json to_json(const std::string& model, const std::string& against, const VerifyReport& r) {
  ordered_json outputs = ordered_json::array();
  for (const OutputReport& o : r.outputs) {
    ordered_json j{{"name", o.name}, {"passed", o.passed}};
    if (!o.reason.empty()) j["reason"] = o.reason;
    j["max_abs"] = number(o.difference.max_abs), j["max_rel"] = number(o.difference.max_rel);
    j["max_ulp"] = number(o.difference.max_ulp), j["cosine"] = number(o.difference.cosine);
    if (o.theirs) {
      j["err_ours"] = number(o.ours.error), j["err_theirs"] = number(o.theirs->error);
      j["bound"] = number(o.theirs->bound);
    }
    outputs.push_back(std::move(j));
  }
  return {{"schema_version", kSchemaVersion},
          {"model", model},
          {"against", against},
          {"passed", r.passed},
          {"error_constant", r.error_constant},
          {"ours", to_json(r.ours)},
          {"theirs", to_json(r.theirs)},
          {"outputs", outputs}};
}

void print_side(const SideReport& s, const char* label) {
  fmt::print("{}: {}", label, s.name + (s.version.empty() ? "" : " " + s.version));
  if (s.load_seconds) fmt::print(", load {}", format_seconds(*s.load_seconds));
  if (s.run_seconds) fmt::print(", run {}", format_seconds(*s.run_seconds));
  if (s.peak_bytes) fmt::print(", peak memory {}", format_bytes(static_cast<double>(*s.peak_bytes)));
  if (!s.placement.is_null()) {
    const Messages english(Language::kEnglish);
    fmt::print(", {}", placement_text(s.placement, english));
    for (const std::string& f : fallbacks(s.placement)) fmt::print("\n  fallback: {}", f);
  }
  fmt::print("\n");
}

int report(const VerifyOptions& o, const VerifyReport& r) {
  if (o.json) {
    print_json(to_json(o.model, r.theirs.name, r));
    return r.passed ? kOk : kFindings;
  }
  fmt::print("{:<6} {:<28} {:>10} {:>10} {:>10} {:>12} {:>10} {:>10} {:>10}\n", "", "output", "max abs", "max rel",
             "max ULP", "1 - cosine", "err ours", "err theirs", "bound");
  for (const OutputReport& x : r.outputs) {
    fmt::print("{:<6} {:<28} {:>10.3g} {:>10.3g} {:>10.3g} {:>12.3g}", x.passed ? "pass" : "FAIL", x.name,
               x.difference.max_abs, x.difference.max_rel, x.difference.max_ulp, 1 - x.difference.cosine);
    if (x.theirs) fmt::print(" {:>10.3g} {:>10.3g} {:>10.3g}", x.ours.error, x.theirs->error, x.theirs->bound);
    fmt::print("{}\n", x.reason.empty() ? "" : "  " + x.reason);
  }
  print_side(r.ours, "ours");
  print_side(r.theirs, "theirs");
  fmt::print("{}{}\n",
             o.backend == "reference" ? "(our time is the reference evaluator's, made for correctness)\n" : "",
             r.passed ? "agree: both within the bound of the exact result" : "DO NOT AGREE");
  return r.passed ? kOk : kFindings;
}

int report(const VerifyOptions& o, const std::vector<CheckReport>& checks) {
  const auto failed = std::count_if(checks.begin(), checks.end(), [](const CheckReport& c) { return !c.passed; });
  if (checks.empty()) fail("{}: no function without arguments has a check", o.model);
  if (o.json) {
    ordered_json rows = ordered_json::array();
    for (const CheckReport& c : checks) {
      ordered_json row{{"chunk", c.chunk}, {"function", c.function}, {"check", c.check}, {"location", c.location}};
      row["passed"] = c.passed;
      if (!c.passed) row["reason"] = c.reason;
      rows.push_back(std::move(row));
    }
    print_json(
        {{"schema_version", kSchemaVersion}, {"model", o.model}, {"passed", failed == 0}, {"checks", std::move(rows)}});
    return failed ? kFindings : kOk;
  }
  for (const CheckReport& c : checks)
    fmt::print("{} {} {} {}{}{}\n", c.passed ? "pass" : "FAIL", c.location.empty() ? o.model : c.location,
               c.function.empty() ? "" : "@" + c.function, c.check, c.reason.empty() ? "" : ": ", c.reason);
  fmt::print("{} of {} checks hold\n", checks.size() - static_cast<size_t>(failed), checks.size());
  return failed ? kFindings : kOk;
}

int verify(const VerifyOptions& o) {
  const backend::Backend& backend = backend::find(o.backend);
  const ModelFormat format = detect_format(o.model);
  if (format == ModelFormat::kStableHlo && o.against.empty() && is_conformance_file(o.model)) {
    refuse_inputs(o, o.model);
    return report(o, run_conformance(o.model, backend));
  }
  if (!o.against.empty() && std::filesystem::is_directory(o.against)) {
    refuse_inputs(o, o.against);
    return report(o, verify_against_folder(o.model, o.against, backend));
  }
  if (o.against.find('/') != std::string::npos)
    fail("{}: there is no such folder; --against is the name of an engine, or a folder of stored values", o.against);
  const auto [model, inputs] = o.inputs.load(o.model);
  const std::string engine = !o.against.empty() ? o.against : format == ModelFormat::kOnnx ? "onnxruntime" : "jax";
  return report(o, verify_against_engine(model, inputs, engine, o.threads, backend));
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  auto o = std::make_shared<VerifyOptions>();
  CLI::App* verb = app.add_subcommand("verify", "Check a model's numbers against another engine or stored values");
  o->verb = verb;
  verb->add_option("model", o->model, "An ONNX model, StableHLO text, or a StableHLO conformance file (check.*)")
      ->required();
  verb->add_option("--against", o->against,
                   "Any engine that 'eco engines' lists (onnxruntime is the default for ONNX, jax for StableHLO), or a "
                   "folder of input_N.pb and output_N.pb");
  o->inputs.add_to(*verb);
  add_backend_option(*verb, o->backend);
  verb->add_option("--threads", o->threads, "Threads of the other engine; 0 is its own choice")
      ->check(CLI::NonNegativeNumber);
  verb->add_flag("--json", o->json, "Print a JSON report");
  verb->footer(
      "Both sides are judged against a result computed in f64: err <= c * err(spec) + 8 eps, see "
      "docs/ir-semantics.md.\nExit code 1 when missed.");
  verb->callback([o, &action] { action = [o] { return verify(*o); }; });
}

}  // namespace eco_command
