#include "ecotone/engine/verify.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/backend/session.h"
#include "ecotone/base/error.h"
#include "ecotone/base/time.h"
#include "ecotone/engine/interrupt.h"
#include "ecotone/engine/source.h"
#include "ecotone/engine/worker.h"
#include "ecotone/format/onnx/onnx.h"
#include "ecotone/op/random.h"

namespace ecotone::engine {
namespace {

const Tensor* find(const NamedTensors& tensors, const std::string& name) {
  for (const auto& [key, value] : tensors)
    if (key == name) return &value;
  return nullptr;
}

// Whether each output depends on random numbers of a generator that is ours.
std::vector<bool> random_outputs(const Program& p) {
  const std::function<bool(const Equation&)> draws = [&](const Equation& e) {
    return e.op == &op::rng() || std::ranges::any_of(e.regions, [&](const Region& r) {
             return std::ranges::any_of(r.body->equations(), draws);
           });
  };
  std::vector<bool> random(p.value_count(), false), outputs;
  for (const Equation& e : p.equations())
    if (draws(e) || std::ranges::any_of(e.operands, [&](ValueId v) { return random[v]; }))
      std::fill_n(random.begin() + e.first_result, e.result_count, true);
  for (const Output& o : p.outputs()) outputs.push_back(random[o.value]);
  return outputs;
}

// What our side gives, and the two results by which it is judged.
struct Judged {
  const Tensor &ours, &spec, &real;
};

OutputReport compare_one(const std::string& name, const Judged& x, const Tensor& theirs, DType dtype, double c) {
  OutputReport r;
  r.name = name;
  if (x.ours.dtype() != theirs.dtype() || x.ours.shape() != theirs.shape()) {
    r.reason = "ours is " + x.ours.type().str() + ", theirs " + theirs.type().str();
    return r;
  }
  r.difference = backend::difference(x.ours, theirs);
  if (!is_float(dtype) && !is_complex(dtype)) {
    r.passed = r.difference.bit_equal;
    if (!r.passed) r.reason = "integers differ";
    return r;
  }
  if (x.ours.shape() != x.real.shape()) {  // a size known only from data, which hangs on a rounding
    r.reason = "in f64 it is " + x.real.type().str() + ", not " + x.ours.type().str() + ": there is no measure";
    return r;
  }
  r.ours = backend::judge(x.ours, x.spec, x.real, dtype, c);
  r.theirs = backend::judge(theirs, x.spec, x.real, dtype, c);
  r.passed = r.ours.passed && r.theirs->passed;
  if (!r.passed)
    r.reason =
        r.ours.passed ? "the other side is too far from the exact result" : "our result is too far from the exact one";
  return r;
}

}  // namespace

VerifyReport compare_outputs(const Program& p, const Outputs& x, const NamedTensors& theirs) {
  VerifyReport report;
  report.error_constant = backend::error_constant(p);
  const bool by_name =
      std::any_of(p.outputs().begin(), p.outputs().end(), [&](const Output& o) { return find(theirs, o.name); });
  const std::vector<bool> random = random_outputs(p);
  report.passed = true;
  for (size_t i = 0; i < p.outputs().size(); ++i) {
    const Output& o = p.outputs()[i];
    if (is_token(p.type(o.value))) continue;
    const Tensor* other = by_name ? find(theirs, o.name) : i < theirs.size() ? &theirs[i].second : nullptr;
    OutputReport r;
    if (random[i]) {
      r.name = o.name;
      r.reason = "its values are random: no other stack draws the same, so they can't be compared";
    } else if (other) {
      r = compare_one(o.name, {x.ours[i], x.spec[i], x.real[i]}, *other, p.tensor_type(o.value).dtype,
                      report.error_constant);
    } else {
      r.name = o.name;
      r.reason = "the other side gave no such output";
    }
    report.passed = report.passed && r.passed;
    report.outputs.push_back(std::move(r));
  }
  return report;
}

VerifyReport verify_outputs(const ProgramRef& program, std::span<const Tensor> inputs, const NamedTensors& theirs,
                            const backend::Backend& backend) {
  Outputs x;
  SideReport side;
  {
    backend::Session session(backend, program);
    const auto start = std::chrono::steady_clock::now();
    x.ours = session.run(inputs);
    side = {std::string(backend.name()), "", std::nullopt, seconds_since(start), peak_memory(), {}};
  }
  const auto reference = [&](EvalMode mode) {
    return backend::Session(backend::reference(), program, {mode}).run(inputs);
  };
  x.spec = &backend == &backend::reference() ? x.ours : reference(EvalMode::kSpec);
  x.real = reference(EvalMode::kReal);
  VerifyReport report = compare_outputs(*program, x, theirs);
  report.ours = side;
  return report;
}

VerifyReport verify_against_engine(const Model& model, std::span<const Tensor> inputs, const std::string& engine,
                                   int threads, const backend::Backend& backend) {
  Worker::Run run;
  SideReport theirs{engine, "", std::nullopt, std::nullopt, std::nullopt, {}};
  {
    // Only while there are a process and folders that must go: our own evaluation ends at once by a signal.
    const InterruptGuard guard;
    Worker worker(engine, {.threads = threads});
    const ModelSource source(model, inputs);
    theirs.load_seconds = worker.load(source.for_engine(engine)).seconds;
    run = worker.run(named_inputs(*model.program, inputs), 5);
    theirs.version = worker.version();
    theirs.placement = worker.placement();
  }
  if (interrupted()) throw Interrupted();
  std::vector<double> times = run.seconds;
  std::sort(times.begin(), times.end());
  if (!times.empty()) theirs.run_seconds = times[times.size() / 2];
  theirs.peak_bytes = run.peak_bytes;
  VerifyReport report = verify_outputs(model.program, inputs, run.outputs, backend);
  report.theirs = theirs;
  return report;
}

VerifyReport verify_against_folder(const std::filesystem::path& path, const std::filesystem::path& folder,
                                   const backend::Backend& backend) {
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
  const Model model = load_model(path, specialized({}, *signature.program, given));
  const std::vector<Tensor> inputs = match_inputs(*model.program, given);
  NamedTensors theirs;
  for (const Tensor& t : expected) theirs.emplace_back("", t);
  VerifyReport report = verify_outputs(model.program, inputs, theirs, backend);
  report.theirs = {folder.string(), "", std::nullopt, std::nullopt, std::nullopt, {}};
  return report;
}

}  // namespace ecotone::engine
