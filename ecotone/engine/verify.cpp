#include "ecotone/engine/verify.h"

#include <algorithm>
#include <chrono>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/engine/worker.h"
#include "ecotone/format/onnx/onnx.h"

namespace ecotone::engine {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

const Tensor* find(const NamedTensors& tensors, const std::string& name) {
  for (const auto& [key, value] : tensors)
    if (key == name) return &value;
  return nullptr;
}

OutputReport compare_one(const std::string& name, const Tensor& spec, const Tensor& real, const Tensor& theirs,
                         DType dtype, double c) {
  OutputReport r;
  r.name = name;
  if (spec.dtype() != theirs.dtype() || spec.shape() != theirs.shape()) {
    r.reason = "ours is " + spec.type().str() + ", theirs " + theirs.type().str();
    return r;
  }
  r.difference = backend::difference(spec, theirs);
  if (!is_float(dtype) && !is_complex(dtype)) {
    r.passed = r.difference.bit_equal;
    if (!r.passed) r.reason = "integers differ";
    return r;
  }
  r.ours = backend::judge(spec, spec, real, dtype, c);
  r.theirs = backend::judge(theirs, spec, real, dtype, c);
  r.passed = r.ours.passed && r.theirs->passed;
  if (!r.passed)
    r.reason =
        r.ours.passed ? "the other side is too far from the exact result" : "our result is too far from the exact one";
  return r;
}

}  // namespace

VerifyReport compare_outputs(const Program& p, std::span<const Tensor> spec, std::span<const Tensor> real,
                             const NamedTensors& theirs) {
  VerifyReport report;
  report.error_constant = backend::error_constant(p);
  const bool by_name =
      std::any_of(p.outputs().begin(), p.outputs().end(), [&](const Output& o) { return find(theirs, o.name); });
  report.passed = true;
  for (size_t i = 0; i < p.outputs().size(); ++i) {
    const Output& o = p.outputs()[i];
    if (is_token(p.type(o.value))) continue;
    const Tensor* other = by_name ? find(theirs, o.name) : i < theirs.size() ? &theirs[i].second : nullptr;
    OutputReport r;
    if (other) {
      r = compare_one(o.name, spec[i], real[i], *other, p.tensor_type(o.value).dtype, report.error_constant);
    } else {
      r.name = o.name;
      r.reason = "the other side gave no such output";
    }
    report.passed = report.passed && r.passed;
    report.outputs.push_back(std::move(r));
  }
  return report;
}

VerifyReport verify_against_engine(const Model& model, std::span<const Tensor> inputs, const std::string& engine,
                                   int threads) {
  Worker worker(engine, {.threads = threads});
  NamedTensors named;
  for (size_t i = 0; i < inputs.size(); ++i) named.emplace_back(model.program->inputs()[i].name, inputs[i]);
  const double load = worker.load({model.path, {}, {}}).seconds;
  const Worker::Run run = worker.run(named, 5);

  const auto start = std::chrono::steady_clock::now();
  const std::vector<Tensor> spec = backend::evaluate(*model.program, inputs, EvalMode::kSpec);
  const double seconds = seconds_since(start);
  const int64_t peak = peak_memory();
  const std::vector<Tensor> real = backend::evaluate(*model.program, inputs, EvalMode::kReal);
  VerifyReport report = compare_outputs(*model.program, spec, real, run.outputs);
  report.ours = {"reference", "", std::nullopt, seconds, peak};
  std::vector<double> times = run.seconds;
  std::sort(times.begin(), times.end());
  report.theirs = {engine, worker.version(), load,
                   times.empty() ? std::nullopt : std::optional(times[times.size() / 2]), run.peak_bytes};
  return report;
}

VerifyReport verify_against_folder(const std::filesystem::path& path, const std::filesystem::path& folder) {
  auto read_all = [&](const char* prefix) {
    std::vector<Tensor> result;
    for (int i = 0;; ++i) {
      const auto file = folder / (std::string(prefix) + std::to_string(i) + ".pb");
      if (!std::filesystem::exists(file)) return result;
      for (Tensor& t : onnx::read_value_file(file)) result.push_back(std::move(t));
    }
  };
  const std::vector<Tensor> values = read_all("input_"), expected = read_all("output_");
  if (expected.empty())
    fail("{}: there is no output_0.pb in that folder{}", folder.string(),
         std::filesystem::exists(folder / "test_data_set_0") ? "; give its test_data_set_0" : "");
  const Model signature = load_signature(path);
  NamedTensors given;
  for (const Tensor& t : values) given.emplace_back("", t);
  const std::vector<Tensor> inputs = match_inputs(*signature.program, given);
  ModelOptions options;
  specialize(options, *signature.program, inputs);
  const Model model = load_model(path, options);
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Tensor> spec = backend::evaluate(*model.program, inputs, EvalMode::kSpec);
  const double seconds = seconds_since(start);
  const std::vector<Tensor> real = backend::evaluate(*model.program, inputs, EvalMode::kReal);
  NamedTensors theirs;
  for (const Tensor& t : expected) theirs.emplace_back("", t);
  VerifyReport report = compare_outputs(*model.program, spec, real, theirs);
  report.ours = {"reference", "", std::nullopt, seconds, peak_memory()};
  report.theirs = {folder.string(), "", std::nullopt, std::nullopt, std::nullopt};
  return report;
}

}  // namespace ecotone::engine
