// eco verify: the same numbers here as elsewhere?

#include <iostream>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/eco/eco.h"
#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/verify.h"
#include "ecotone/format/stablehlo/stablehlo.h"

namespace eco_command {
namespace {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::ordered_json;

struct VerifyOptions {
  std::string model, against;
  InputOptions inputs;
  int threads = 0;
  bool json = false;
};

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
  return {{"schema_version", kSchemaVersion}, {"model", model}, {"against", against}, {"passed", r.passed},
          {"error_constant", r.error_constant}, {"ours", to_json(r.ours)}, {"theirs", to_json(r.theirs)}, {"outputs", outputs}};
}

void print_side(const SideReport& s, const char* label) {
  fmt::print("{}: {}", label, s.name + (s.version.empty() ? "" : " " + s.version));
  if (s.load_seconds) fmt::print(", load {}", format_seconds(*s.load_seconds));
  if (s.run_seconds) fmt::print(", run {}", format_seconds(*s.run_seconds));
  if (s.peak_bytes) fmt::print(", peak memory {}", format_bytes(static_cast<double>(*s.peak_bytes)));
  fmt::print("\n");
}

int report(const VerifyOptions& o, const VerifyReport& r) {
  if (o.json) {
    std::cout << to_json(o.model, r.theirs.name, r).dump(2) << '\n';
    return r.passed ? kOk : kFindings;
  }
  fmt::print("{:<6} {:<28} {:>10} {:>10} {:>10} {:>12} {:>10} {:>10} {:>10}\n", "", "output", "max abs", "max rel", "max ULP", "1 - cosine",
             "err ours", "err theirs", "bound");
  for (const OutputReport& x : r.outputs) {
    fmt::print("{:<6} {:<28} {:>10.3g} {:>10.3g} {:>10.3g} {:>12.3g}", x.passed ? "pass" : "FAIL", x.name, x.difference.max_abs,
               x.difference.max_rel, x.difference.max_ulp, 1 - x.difference.cosine);
    if (x.theirs) fmt::print(" {:>10.3g} {:>10.3g} {:>10.3g}", x.ours.error, x.theirs->error, x.theirs->bound);
    fmt::print("{}\n", x.reason.empty() ? "" : "  " + x.reason);
  }
  print_side(r.ours, "ours");
  print_side(r.theirs, "theirs");
  fmt::print("(our time is the reference evaluator's, made for correctness)\n{}\n",
             r.passed ? "agree: both within the bound of the exact result" : "DO NOT AGREE");
  return r.passed ? kOk : kFindings;
}

// The values of one check, judged as its name says. `almost_eq` allows StableHLO's 0.0001 relative and absolute.
std::string judge_check(const stablehlo::Check& check, const Tensor& actual, const Tensor& expected) {
  const auto d = backend::difference(actual, expected);
  if (check.kind == "expect_eq" || check.kind == "expect_eq_const")
    return d.bit_equal ? "" : fmt::format("values differ by up to {:.6g}", d.max_abs);
  for (int64_t i = 0; i < actual.size(); ++i) {
    const auto a = actual.at_complex(i), e = expected.at_complex(i);
    const bool both_nan = std::isnan(a.real()) && std::isnan(e.real());
    if (!both_nan && a != e && !(std::abs(a - e) <= check.tolerance * (1 + std::abs(e))))
      return fmt::format("element {}: {} is not close to {}", i, a.real(), e.real());
  }
  return "";
}

int verify_conformance(const VerifyOptions& o, const std::vector<stablehlo::Module>& modules) {
  ordered_json rows = ordered_json::array();
  int passed = 0, failed = 0;
  for (const auto& module : modules)
    for (const auto& function : module.functions) {
      if (!function.program->inputs().empty() || function.checks.empty()) continue;
      std::vector<Tensor> values;
      std::string error;
      try {
        values = backend::evaluate(*function.program, {});
      } catch (const Error& e) {
        error = e.what();
      }
      for (size_t i = 0; i < function.checks.size(); ++i) {
        const auto& check = function.checks[i];
        const std::string why = !error.empty() ? error : judge_check(check, values[check.actual_output], values[check.expected_output]);
        (why.empty() ? passed : failed) += 1;
        const std::string where = location_str(check.location);
        if (o.json)
          rows.push_back({{"function", function.name}, {"check", check.kind}, {"location", where}, {"passed", why.empty()}, {"reason", why}});
        else
          fmt::print("{} {} @{} check.{}{}\n", why.empty() ? "pass" : "FAIL", where, function.name, check.kind, why.empty() ? "" : ": " + why);
      }
    }
  if (o.json)
    std::cout << ordered_json{{"schema_version", kSchemaVersion}, {"model", o.model}, {"passed", failed == 0},
                              {"checks_passed", passed}, {"checks_failed", failed}, {"checks", rows}}.dump(2) << '\n';
  else
    fmt::print("{} checks passed, {} failed\n", passed, failed);
  return failed ? kFindings : kOk;
}

int verify(const VerifyOptions& o) {
  const ModelFormat format = detect_format(o.model);
  if (format == ModelFormat::kStableHlo && o.against.empty()) {
    const auto modules = stablehlo::parse(read_text_file(o.model), o.model);
    for (const auto& module : modules)
      for (const auto& function : module.functions)
        if (!function.checks.empty()) return verify_conformance(o, modules);
  }
  if (!o.against.empty() && std::filesystem::is_directory(o.against)) return report(o, verify_against_folder(o.model, o.against));
  const auto [model, inputs] = o.inputs.load(o.model);
  const std::string engine = !o.against.empty() ? o.against : format == ModelFormat::kOnnx ? "onnxruntime" : "jax";
  return report(o, verify_against_engine(model, inputs, engine, o.threads));
}

} // namespace

void add_verify(CLI::App& app, Action& action) {
  auto o = std::make_shared<VerifyOptions>();
  CLI::App* verb = app.add_subcommand("verify", "Check a model's numbers against another engine, stored values, or its own checks");
  verb->add_option("model", o->model, "An ONNX model or StableHLO text (.mlir); a file with check.* calls is run by itself")->required();
  verb->add_option("--against", o->against, "onnxruntime (default for ONNX), openvino, jax (default for StableHLO), or a folder of input_N.pb and output_N.pb");
  o->inputs.add_to(*verb);
  verb->add_option("--threads", o->threads, "Threads of the other engine; 0 is its own choice")->check(CLI::NonNegativeNumber);
  verb->add_flag("--json", o->json, "Print a JSON report");
  verb->footer("Both sides are judged against a result computed in f64: err <= c * err(spec) + 8 eps, see docs/ir-semantics.md.\nExit code 1 when missed.");
  verb->callback([o, &action] { action = [o] { return verify(*o); }; });
}

} // namespace eco_command
