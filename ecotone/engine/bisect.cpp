#include "ecotone/engine/bisect.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <map>

#include "ecotone/backend/reference/error_rule.h"
#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/interrupt.h"
#include "ecotone/engine/source.h"
#include "ecotone/engine/worker.h"
#include "ecotone/format/npz/npz.h"
#include "ecotone/format/onnx/edit.h"
#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/transform/freeze.h"

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;

// A tensor that both sides make.
struct Tap {
  std::string name, node, op;
  ValueId value = 0;  // in a's Program
  TensorType type;
};

class Folder {
 public:
  Folder() {
    std::string folder = (fs::temp_directory_path() / "ecotone-bisect-XXXXXX").string();
    if (!mkdtemp(folder.data())) fail("no temporary folder can be made at {}: {}", folder, std::strerror(errno));
    path_ = folder;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

bool is_shown(const Type& type) {
  if (is_token(type)) return false;
  const TensorType& t = tensor(type);
  return is_float(t.dtype) && std::all_of(t.shape.begin(), t.shape.end(), [](const Dim& d) { return d.is_constant(); });
}

// Values of the Program that results have, by their names; those without one are called by their place.
std::map<std::string, ValueId> named_values(const Program& p, ModelFormat format) {
  std::map<std::string, ValueId> values;
  for (const Equation& e : p.equations())
    for (uint32_t i = 0; i < e.result_count; ++i) {
      const ValueId v = e.first_result + i;
      const std::string_view name = p.value_name(v);
      if (!name.empty())
        values.emplace(name, v);
      else if (format == ModelFormat::kStableHlo)
        values.emplace(fmt::format("%{}", v - p.inputs().size() - p.parameters().size()), v);
    }
  return values;
}

std::vector<Tap> common_taps(const Model& a, const Model& b) {
  const auto mine = named_values(*a.program, a.format), theirs = named_values(*b.program, b.format);
  std::map<std::string, const onnx::NodeInfo*> makers;
  std::vector<onnx::NodeInfo> nodes;
  if (a.format == ModelFormat::kOnnx) {
    nodes = onnx::read_nodes(a.path);
    for (const onnx::NodeInfo& n : nodes)
      for (const std::string& o : n.outputs) makers[o] = &n;
  }
  std::vector<Tap> taps;
  for (const auto& [name, value] : mine) {
    const auto other = theirs.find(name);
    if (other == theirs.end() || !is_shown(a.program->type(value)) || !is_shown(b.program->type(other->second))) continue;
    Tap tap{name, "", "", value, a.program->tensor_type(value)};
    if (a.format == ModelFormat::kOnnx) {
      const auto node = makers.find(name);
      if (node == makers.end() || node->second->op_type == "Constant") continue;  // inside a function or a branch
      tap.node = node->second->name;
      tap.op = node->second->op_type;
    } else {
      const Equation* e = a.program->definition(value);
      tap.node = location_str(e->location);
      tap.op = std::string(e->op->name);
    }
    taps.push_back(std::move(tap));
  }
  std::sort(taps.begin(), taps.end(), [](const Tap& x, const Tap& y) { return x.value < y.value; });
  return taps;
}

int64_t bytes_of(const TensorType& t) {
  int64_t n = byte_size(t.dtype);
  for (const Dim& d : t.shape) n *= d.constant();
  return n;
}

Statistics statistics(const Tensor& t) {
  Statistics s;
  double sum = 0, squares = 0;
  int64_t n = 0;
  for (int64_t i = 0; i < t.size(); ++i) {
    const double v = t.at_double(i);
    if (!std::isfinite(v)) {
      ++s.not_finite;
      continue;
    }
    s.min = n ? std::min(s.min, v) : v, s.max = n ? std::max(s.max, v) : v;
    sum += v, squares += v * v, ++n;
  }
  if (n) s.mean = sum / static_cast<double>(n);
  if (n) s.deviation = std::sqrt(std::max(0.0, squares / static_cast<double>(n) - s.mean * s.mean));
  return s;
}

// Runs tapped models on both sides.
class Bisector {
 public:
  Bisector(const BisectSide& a, const BisectSide& b, std::span<const Tensor> inputs, const BisectOptions& options)
      : sides_{a, b}, inputs_(inputs), options_(options), m_(options.text), taps_(common_taps(*a.model, *b.model)) {
    for (size_t i = 0; i < inputs.size(); ++i)
      if (!inputs[i].is_null()) named_.emplace_back(a.model->program->inputs()[i].name, inputs[i]);
  }

  BisectReport run() {
    if (taps_.empty()) fail("{}: no tensor between inputs and outputs has a name and a known size that could be looked at", sides_[0].model->path.string());
    report_.tensors = static_cast<int>(taps_.size());
    compare_outputs();
    pass();
    if (!report_.first && report_.output_error && !(*report_.output_error <= options_.tolerance)) search();
    return std::move(report_);
  }

 private:
  void note(const std::string& text) {
    if (options_.progress) options_.progress(text);
  }

  // What one side gives for a model file, in the order of its outputs.
  NamedTensors run_file(int side, const fs::path& file, const NamedTensors& inputs, const Model& like) {
    Worker worker(sides_[side].engine, WorkerOptions{options_.threads, options_.timeout_seconds, 0, !options_.verbose});
    (side ? report_.version_b : report_.version_a) = worker.version();
    const Model model{file, like.format, like.program};
    const ModelSource source(model, inputs_);
    worker.load(source.for_engine(sides_[side].engine));
    return worker.run(inputs).outputs;
  }

  NamedTensors run_original(int side) { return run_file(side, sides_[side].model->path, named_, *sides_[side].model); }

  NamedTensors run_taps(int side, std::span<const Tap> taps) {
    const Folder folder;
    const Model& model = *sides_[side].model;
    std::vector<Output> outputs;
    std::vector<onnx::NamedType> types;
    const auto values = named_values(*model.program, model.format);
    for (const Tap& t : taps) {
      const ValueId value = values.at(t.name);
      outputs.push_back({t.name, value});
      types.push_back({t.name, model.program->tensor_type(value)});
    }
    const Model shown{folder.path() / (model.format == ModelFormat::kOnnx ? "model.onnx" : "model.mlir"), model.format,
                      transform::with_outputs(*model.program, outputs)};
    if (model.format == ModelFormat::kOnnx) {
      onnx::write_with_outputs(model.path, shown.path, types);
    } else {
      AtomicFile file(shown.path);
      file.write(std::string_view(stablehlo::print_program(*shown.program)));
      file.commit();
    }
    NamedTensors result = run_file(side, shown.path, named_, shown);
    if (result.size() != taps.size())
      fail("engine {} gave {} of {} tensors", sides_[side].engine, result.size(), taps.size());
    return result;
  }

  // By name where the names are the model's, else by place.
  static const Tensor& find(const NamedTensors& tensors, const std::string& name, size_t place) {
    for (const auto& [key, value] : tensors)
      if (key == name) return value;
    return tensors.at(place).second;
  }

  double difference(const Tensor& a, const Tensor& b, const std::string& name) const {
    if (a.shape() != b.shape())
      fail("tensor '{}' is {} in a and {} in b", name, a.type().str(), b.type().str());
    return backend::relative_error(a, b);
  }

  void compare_outputs() {
    note(m_("running both models as they are"));
    const NamedTensors a = run_original(0), b = run_original(1);
    ++report_.runs;
    const Program& p = *sides_[0].model->program;
    for (size_t i = 0; i < p.outputs().size() && i < a.size() && i < b.size(); ++i) {
      const Tensor &x = find(a, p.outputs()[i].name, i), &y = find(b, p.outputs()[i].name, i);
      if (!is_float(x.dtype()) || !is_float(y.dtype())) continue;
      report_.output_error = std::max(report_.output_error.value_or(0), difference(x, y, p.outputs()[i].name));
    }
  }

  void pass() {
    for (size_t begin = 0; begin < taps_.size() && !report_.first;) {
      size_t end = begin;
      for (int64_t bytes = 0; end < taps_.size(); ++end) {
        bytes += bytes_of(taps_[end].type);
        if (end > begin && bytes > options_.chunk_bytes) break;
      }
      look_at(std::span(taps_).subspan(begin, end - begin));
      begin = end;
    }
  }

  // Whether one of these tensors differs; the first is then described.
  bool look_at(std::span<const Tap> taps) {
    note(m_.format("looking at {} tensors from '{}'", taps.size(), taps[0].name));
    const NamedTensors a = run_taps(0, taps), b = run_taps(1, taps);
    ++report_.runs;
    for (size_t i = 0; i < taps.size(); ++i) {
      ++report_.compared;
      const Tensor &x = find(a, taps[i].name, i), &y = find(b, taps[i].name, i);
      const double error = difference(x, y, taps[i].name);
      if (error <= options_.tolerance) continue;
      describe(taps[i], x, y, error);
      return true;
    }
    return false;
  }

  void search() {
    report_.by_search = true;
    report_.notes.push_back(m_("with all tensors shown the difference is gone (the engine then fuses less): searched by halves"));
    size_t good = 0, bad = taps_.size();  // taps before `good` agree; `bad` differs
    while (good < bad) {
      const size_t middle = good + (bad - good) / 2;
      if (look_at(std::span(taps_).subspan(middle, 1)))
        bad = middle;
      else
        good = middle + 1;
    }
    if (!report_.first) report_.notes.push_back(m_("no tensor differs when shown: the difference arises where the outputs are made, in what the engine fuses"));
  }

  void describe(const Tap& tap, const Tensor& x, const Tensor& y, double error) {
    Divergence d;
    d.tensor = tap.name, d.node = tap.node, d.op = tap.op, d.type = tap.type, d.error = error;
    d.a = statistics(x), d.b = statistics(y);
    const int64_t worst = backend::difference(x, y).worst;
    d.worst_a = x.at_double(worst), d.worst_b = y.at_double(worst);
    int64_t rest = worst;
    for (size_t i = x.shape().size(); i-- > 0;) d.worst.insert(d.worst.begin(), rest % x.shape()[i]), rest /= x.shape()[i];
    note(m_.format("'{}' differs: computing it exactly", tap.name));
    NamedTensors known;
    try {
      judge(tap, x, y, d, known);
      extract(tap, d, known);
    } catch (const Error& e) {
      if (interrupted()) throw;
      d.submodel_note = e.what();
    }
    report_.first = std::move(d);
  }

  // Against the exact values of both models; keeps what the node's inputs hold in a's.
  void judge(const Tap& tap, const Tensor& x, const Tensor& y, Divergence& d, NamedTensors& known) {
    for (int side = 0; side < 2; ++side) {
      const Program& p = *sides_[side].model->program;
      const ValueId value = named_values(p, sides_[side].model->format).at(tap.name);
      const ProgramRef shown = transform::with_outputs(p, std::array{Output{tap.name, value}});
      const std::vector<Tensor> real = backend::evaluate(*shown, inputs_, EvalMode::kReal);
      (side ? d.error_b : d.error_a) = backend::relative_error(side ? y : x, real[0]);
    }
    if (sides_[0].model->format != ModelFormat::kOnnx) return;
    const Program& p = *sides_[0].model->program;
    for (size_t i = 0; i < p.inputs().size(); ++i)
      if (!inputs_[i].is_null()) known.emplace_back(p.inputs()[i].name, inputs_[i]);
    for (const Parameter& q : p.parameters())
      if (q.value) known.emplace_back(q.name, *q.value);
    std::vector<std::string> wanted;
    for (const onnx::NodeInfo& n : onnx::read_nodes(sides_[0].model->path))
      if (std::find(n.outputs.begin(), n.outputs.end(), tap.name) != n.outputs.end()) wanted = n.inputs;
    const auto values = named_values(p, ModelFormat::kOnnx);
    std::vector<Output> outputs;
    for (const std::string& w : wanted)
      if (const auto at = values.find(w); at != values.end()) outputs.push_back({w, at->second});
    const std::vector<Tensor> made =
        backend::evaluate(*transform::with_outputs(p, outputs), inputs_, EvalMode::kSpec);
    for (size_t i = 0; i < made.size(); ++i) known.emplace_back(outputs[i].name, made[i]);
  }

  // The node alone in a file, and whether the engines part on it too. Of two versions of a model, a's node.
  void extract(const Tap& tap, Divergence& d, const NamedTensors& known) {
    const Model& model = *sides_[0].model;
    if (options_.folder.empty()) return;
    if (model.format != ModelFormat::kOnnx) {
      d.submodel_note = "nodes of StableHLO programs are not extracted";
      return;
    }
    fs::create_directories(options_.folder);
    d.submodel = options_.folder / "node.onnx", d.inputs = options_.folder / "inputs.npz";
    const auto type_of = [&](const std::string& name) -> std::optional<TensorType> {
      if (name == tap.name) return tap.type;
      for (const auto& [key, value] : known)
        if (key == name) return value.type();
      return std::nullopt;
    };
    NamedTensors given;
    for (const std::string& name : onnx::write_submodel(model.path, d.submodel, tap.name, type_of))
      for (const auto& [key, value] : known)
        if (key == name) given.emplace_back(key, value);
    npz::write_npz(d.inputs, given);
    if (sides_[0].model != sides_[1].model) {
      onnx::write_submodel(sides_[1].model->path, options_.folder / "node_b.onnx", tap.name, type_of);
    }
    ModelOptions sizes;
    for (const auto& [name, value] : given) sizes.shapes[name] = value.shape();
    std::vector<Tensor> values;
    NamedTensors result[2];
    for (int side = 0; side < 2; ++side) {
      const fs::path file = side && sides_[0].model != sides_[1].model ? options_.folder / "node_b.onnx" : d.submodel;
      const Model node = load_model(file, sizes);
      values = match_inputs(*node.program, given);
      Worker worker(sides_[side].engine, WorkerOptions{options_.threads, options_.timeout_seconds, 0, !options_.verbose});
      const ModelSource source(node, values);
      worker.load(source.for_engine(sides_[side].engine));
      result[side] = worker.run(given).outputs;
    }
    d.submodel_error = difference(result[0].at(0).second, result[1].at(0).second, tap.name);
    if (*d.submodel_error <= options_.tolerance)
      d.submodel_note = "the engines agree on the node alone: the difference has built up before it, or comes from fusion";
  }

  BisectSide sides_[2];
  std::span<const Tensor> inputs_;
  const BisectOptions& options_;
  const Messages& m_;
  std::vector<Tap> taps_;
  NamedTensors named_;
  BisectReport report_;
};

}  // namespace

BisectReport bisect(const BisectSide& a, const BisectSide& b, std::span<const Tensor> inputs,
                    const BisectOptions& options) {
  return Bisector(a, b, inputs, options).run();
}

nlohmann::ordered_json to_json(const BisectReport& r) {
  using nlohmann::ordered_json;
  auto number = [](double v) -> ordered_json {
    if (std::isfinite(v)) return v;
    return std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf";
  };
  auto side = [&](const Statistics& s) -> ordered_json {
    return {{"min", s.min}, {"max", s.max}, {"mean", s.mean}, {"deviation", s.deviation}, {"not_finite", s.not_finite}};
  };
  ordered_json j{{"version_a", r.version_a}, {"version_b", r.version_b}};
  j["output_error"] = r.output_error ? number(*r.output_error) : ordered_json();
  j["first_divergence"] = ordered_json();
  if (r.first) {
    const Divergence& d = *r.first;
    ordered_json f{{"tensor", d.tensor}, {"node", d.node}, {"op", d.op}, {"error", number(d.error)}};
    f["type"] = d.type.str();
    if (d.error_a) f["error_a"] = number(*d.error_a);
    if (d.error_b) f["error_b"] = number(*d.error_b);
    f["a"] = side(d.a), f["b"] = side(d.b);
    f["worst"] = {{"index", d.worst}, {"a", number(d.worst_a)}, {"b", number(d.worst_b)}};
    if (!d.submodel.empty()) f["submodel"] = d.submodel.string(), f["submodel_inputs"] = d.inputs.string();
    if (d.submodel_error) f["submodel_error"] = number(*d.submodel_error);
    if (!d.submodel_note.empty()) f["submodel_note"] = d.submodel_note;
    j["first_divergence"] = std::move(f);
  }
  j["tensors"] = r.tensors, j["compared"] = r.compared, j["runs"] = r.runs, j["by_search"] = r.by_search, j["notes"] = r.notes;
  return j;
}

}  // namespace ecotone::engine
