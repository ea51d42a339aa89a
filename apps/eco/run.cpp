// eco run: a model's outputs for given inputs.

#include <algorithm>
#include <chrono>
#include <iostream>
#include <list>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ecotone/backend/session.h"
#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/base/log.h"
#include "ecotone/format/npz/npz.h"
#include "ecotone/format/onnx/onnx.h"
#include "ecotone/format/safetensors/safetensors.h"

#include "apps/eco/eco.h"

namespace eco_command {
namespace {

using namespace ecotone;
using namespace ecotone::engine;

struct RunOptions {
  std::string model, output, backend = "reference", mode = "spec";
  InputOptions inputs;
  bool stream = false, json = false;
};

// What can be known to go wrong with the output is said before the model runs.
void check_output(const std::string& path, const Program& p) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension != ".npz" && extension != ".npy" && extension != ".safetensors" && extension != ".pb")
    fail("{}: outputs are written as .npz, .npy, .safetensors or .pb", path);
  const auto arrays = std::ranges::count_if(p.outputs(), [&](const Output& o) { return !is_token(p.type(o.value)); });
  if ((extension == ".npy" || extension == ".pb") && arrays != 1)
    fail("{}: a {} file holds one array, the model has {} outputs; write a .npz", path, extension, arrays);
  std::error_code error;
  if (!std::filesystem::exists(path, error) || std::filesystem::is_regular_file(path, error) ||
      std::filesystem::is_directory(path, error))
    AtomicFile probe{path};
}

void write_outputs(const std::string& path, const Program& p, std::span<const Tensor> values) {
  NamedTensors named;
  for (size_t i = 0; i < values.size(); ++i)
    if (!values[i].is_null()) named.emplace_back(p.outputs()[i].name, values[i]);
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".safetensors") {
    safetensors::write(path, {named, {}});
  } else if (extension == ".npy") {
    npz::write_npy(path, named.at(0).second);
  } else if (extension == ".pb") {
    onnx::write_value_file(path, named.at(0).first, named.at(0).second);
  } else {
    npz::write_npz(path, named);
  }
}

backend::Session session_of(const RunOptions& o, const Model& model) {
  return {backend::find(o.backend), model.program, {o.mode == "real" ? EvalMode::kReal : EvalMode::kSpec}};
}

double timed_run(backend::Session& session, std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  const auto start = std::chrono::steady_clock::now();
  outputs = session.run(inputs);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string summary(const Tensor& t) {
  if (t.size() == 0 || is_complex(t.dtype())) return "";
  double low = t.at_double(0), high = low, sum = 0;
  for (int64_t i = 0; i < t.size(); ++i) {
    const double v = t.at_double(i);
    low = std::min(low, v), high = std::max(high, v), sum += v;
  }
  return fmt::format("min {:.6g}  mean {:.6g}  max {:.6g}", low, sum / static_cast<double>(t.size()), high);
}

int run_once(const RunOptions& o) {
  const auto [model, inputs] = o.inputs.load(o.model);
  const Program& p = *model.program;
  if (!o.output.empty()) check_output(o.output, p);
  log_detail("{}: {} equations, {} parameters", o.model, p.equations().size(), p.parameters().size());
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].is_null()) log_detail("input {}: {}", p.inputs()[i].name, inputs[i].type().str());
  std::vector<Tensor> outputs;
  backend::Session session = session_of(o, model);
  const double seconds = timed_run(session, inputs, outputs);
  if (!o.output.empty()) write_outputs(o.output, p, outputs);
  if (o.json) {
    nlohmann::ordered_json j{{"schema_version", kSchemaVersion},
                             {"model", o.model},
                             {"backend", o.backend},
                             {"mode", o.mode},
                             {"seconds", seconds},
                             {"peak_bytes", peak_memory()},
                             {"outputs", nlohmann::json::array()}};
    for (size_t i = 0; i < outputs.size(); ++i)
      if (!outputs[i].is_null())
        j["outputs"].push_back(
            {{"name", p.outputs()[i].name}, {"dtype", name(outputs[i].dtype())}, {"shape", outputs[i].shape()}});
    print_json(j);
    return kOk;
  }
  for (size_t i = 0; i < outputs.size(); ++i)
    if (!outputs[i].is_null())
      fmt::print("{}: {}  {}\n", p.outputs()[i].name, outputs[i].type().str(), summary(outputs[i]));
  log_note("{} on the backend {}{}, peak memory {}", format_seconds(seconds), o.backend,
           o.backend == "reference" ? " (made for correctness)" : "", format_bytes(static_cast<double>(peak_memory())));
  return kOk;
}

// Lines "IN.npz OUT.npz" (or tab-separated) from stdin; an answer each: "ok SECONDS" or "error MESSAGE". The model is
// read once for each set of input shapes and small integer inputs.
int run_stream(const RunOptions& o) {
  struct Loaded {
    ModelOptions options;
    Model model;
    backend::Session session;
  };
  std::list<Loaded> models;
  ModelOptions options;
  for (const std::string& s : o.inputs.shapes) options.shapes.insert(parse_shape_option(s));
  ImageOptions image = o.inputs.image;
  image.shapes = options.shapes;
  const Model signature = load_signature(o.model);
  const auto model_for = [&](const ModelOptions& specific) -> Loaded& {
    for (Loaded& loaded : models)
      if (loaded.options == specific) return loaded;
    if (models.size() > 64) models.clear();
    Model model = load_model(o.model, specific);
    backend::Session session = session_of(o, model);
    return models.emplace_back(Loaded{specific, std::move(model), std::move(session)});
  };
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.empty()) continue;
    std::string answer;
    try {
      const size_t tab = line.find('\t'), split = tab != std::string::npos ? tab : line.find(' ');
      if (split == std::string::npos) fail("a line is 'IN.npz OUT.npz'");
      const NamedTensors given = read_inputs(line.substr(0, split), *signature.program, image);
      Loaded& loaded = model_for(specialized(options, *signature.program, given));
      const Program& p = *loaded.model.program;
      check_output(line.substr(split + 1), p);
      std::vector<Tensor> outputs;
      const double seconds = timed_run(loaded.session, match_inputs(p, given, o.inputs.seed), outputs);
      write_outputs(line.substr(split + 1), p, outputs);
      answer = fmt::format("ok {:.6f}", seconds);
    } catch (const Error& e) {
      answer = std::string("error ") + e.what();
      for (char& c : answer)
        if (c == '\n') c = ' ';
    }
    std::cout << answer << std::endl;
  }
  return kOk;
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  auto o = std::make_shared<RunOptions>();
  CLI::App* verb = app.add_subcommand("run", "Run a model on given or made inputs");
  verb->add_option("model", o->model, "An ONNX model or StableHLO text")->required();
  o->inputs.add_to(*verb);
  verb->add_option("-o,--output", o->output,
                   "Where outputs go: .npz (arrays named after the outputs), .safetensors; .npy or "
                   "ONNX .pb for a single output");
  add_backend_option(*verb, o->backend);
  verb->add_option("--mode", o->mode, "spec: each op rounds to its type; real: floats are f64")
      ->check(CLI::IsMember({"spec", "real"}))
      ->capture_default_str();
  CLI::Option* json = verb->add_flag("--json", o->json, "Print a JSON report");
  CLI::Option* stream = verb->add_flag(
      "--stream", o->stream,
      "Read lines 'IN.npz OUT.npz' from stdin, keeping the model loaded; answers 'ok SECONDS' or 'error MESSAGE'");
  // Each line names its files, and is answered in one form.
  for (CLI::Option* other : {json, verb->get_option("--input"), verb->get_option("--output")}) stream->excludes(other);
  verb->callback([o, &action] {
    action = [o] {
      backend::find(o->backend);
      return o->stream ? run_stream(*o) : run_once(*o);
    };
  });
}

}  // namespace eco_command
