#include "ecotone/engine/bisect.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/ranges.h>

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
#include "ecotone/ir/builder.h"
#include "ecotone/transform/freeze.h"

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;

// A tensor that both sides make.
struct Tap {
  std::string name, node, op;
  ValueId values[2] = {0, 0};  // in a's Program and in b's
  TensorType types[2];
};

bool is_shown(const Type& type) {
  return !is_token(type) && is_float(tensor(type).dtype) && tensor(type).is_static();
}

// In StableHLO text, results without a name are called by their place.
std::string value_name(const Program& p, ModelFormat format, ValueId v) {
  if (p.is_input(v)) return p.inputs()[v].name;
  if (p.is_parameter(v)) return p.parameters()[v - p.inputs().size()].name;
  const std::string_view name = p.value_name(v);
  if (!name.empty() || format != ModelFormat::kStableHlo) return std::string(name);
  return fmt::format("%{}", v - p.inputs().size() - p.parameters().size());
}

// Values that equations make, by name.
std::map<std::string, ValueId> named_values(const Model& m) {
  std::map<std::string, ValueId> values;
  for (const Equation& e : m.program->equations())
    for (uint32_t i = 0; i < e.result_count; ++i)
      if (std::string name = value_name(*m.program, m.format, e.first_result + i); !name.empty())
        values.emplace(std::move(name), e.first_result + i);
  return values;
}

// What each input of `model` is given: the values of a's inputs of the same name.
std::vector<Tensor> values_for(const Model& model, const NamedTensors& given) {
  try {
    return match_inputs(*model.program, given);
  } catch (const Error& e) {
    throw e.with_context(model.path.string() + " with the inputs of the other model");
  }
}

void require_same_outputs(const Model& a, const Model& b) {
  const auto names = [](const Model& m) {
    std::vector<std::string> names;
    for (const Output& o : m.program->outputs()) names.push_back("'" + o.name + "'");
    std::sort(names.begin(), names.end());
    return names;
  };
  if (const auto x = names(a), y = names(b); x != y)
    fail("{} gives {}, but {} gives {}: give two versions of one model", a.path.string(), fmt::join(x, ", "),
         b.path.string(), fmt::join(y, ", "));
}

// Whether each value has a part in making one of these, they themselves included.
std::vector<bool> makers(const Program& p, std::span<const ValueId> of) {
  std::vector<bool> result(p.value_count(), false);
  for (const ValueId v : of) result[v] = true;
  for (size_t i = p.equations().size(); i-- > 0;) {
    const Equation& e = p.equations()[i];
    bool any = false;
    for (uint32_t r = 0; r < e.result_count; ++r) any = any || result[e.first_result + r];
    if (any)
      for (const ValueId v : e.operands) result[v] = true;
  }
  return result;
}

// Whether each value has a part in some output. Others, as the mask of a Dropout that nobody takes, may hold anything.
std::vector<bool> needed(const Program& p) {
  std::vector<ValueId> outputs;
  for (const Output& o : p.outputs()) outputs.push_back(o.value);
  return makers(p, outputs);
}

std::vector<Tap> common_taps(const Model& a, const Model& b) {
  const std::vector<bool> used_a = needed(*a.program), used_b = needed(*b.program);
  const auto mine = named_values(a), theirs = named_values(b);
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
    if (other == theirs.end() || !is_shown(a.program->type(value)) || !is_shown(b.program->type(other->second)))
      continue;
    if (!used_a[value] && !used_b[other->second]) continue;
    Tap tap{
        name, "", "", {value, other->second}, {a.program->tensor_type(value), b.program->tensor_type(other->second)}};
    if (a.format == ModelFormat::kOnnx) {
      const auto node = makers.find(name);
      if (node == makers.end() || node->second->op_type == "Constant") continue;  // inside a function or a branch
      tap.node = node->second->name;
      tap.op = node->second->op_type;
    } else {
      const Equation* e = a.program->definition(value);
      tap.node = location_str(e->location);
      tap.op = std::string(e->op->name);
      if (a.program == b.program && e->operands.empty()) continue;  // a constant is the same on both sides
    }
    taps.push_back(std::move(tap));
  }
  std::sort(taps.begin(), taps.end(), [](const Tap& x, const Tap& y) { return x.values[0] < y.values[0]; });
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

// The equation that makes a value, as a Program of its own.
ProgramRef alone(const Program& p, ModelFormat format, ValueId value) {
  const Equation& e = *p.definition(value);
  Builder b;
  const LocationScope scope(b, e.location);
  std::map<ValueId, ValueId> inputs;
  std::vector<ValueId> operands;
  for (const ValueId v : e.operands) {
    if (!inputs.contains(v)) inputs[v] = b.input(value_name(p, format, v), p.type(v));
    operands.push_back(inputs[v]);
  }
  const std::span<const ValueId> all(operands);
  const auto results =
      b.add(*e.op, e.attributes, all.first(e.declared().size()), e.regions, all.last(e.capture_count), e.annotations);
  b.output(value_name(p, format, value), results.at(value - e.first_result));
  return std::move(b).build();
}

// Runs tapped models on both sides.
class Bisector {
 public:
  Bisector(const BisectSide& a, const BisectSide& b, std::span<const Tensor> inputs, const BisectOptions& options)
      : sides_{a, b}, options_(options), m_(options.text) {
    require_same_outputs(*a.model, *b.model);
    named_ = named_inputs(*a.model->program, inputs);
    inputs_[0].assign(inputs.begin(), inputs.end());
    inputs_[1] = a.model == b.model ? inputs_[0] : values_for(*b.model, named_);
    taps_ = common_taps(*a.model, *b.model);
  }

  BisectReport run() {
    if (taps_.empty())
      fail("{}: no tensor between inputs and outputs has a name and a known size that could be looked at{}",
           sides_[0].model->path.string(),
           one_model() ? "" : fmt::format(", and is in {} too", sides_[1].model->path.string()));
    report_.tensors = static_cast<int>(taps_.size());
    compare_outputs();
    pass();
    if (!found_ && !differing_.empty()) search();
    if (found_) describe(*found_);
    return std::move(report_);
  }

 private:
  struct Found {
    const Tap* tap;
    Tensor x, y;
    double error;
  };

  void note(const std::string& text) {
    if (options_.progress) options_.progress(text);
  }

  bool one_model() const { return sides_[0].model == sides_[1].model; }

  // What one side gives for a model file.
  NamedTensors run_model(int side, const Model& model, std::span<const Tensor> values, const NamedTensors& inputs,
                         nlohmann::json* placement = nullptr) {
    Worker worker(sides_[side].engine, WorkerOptions{options_.threads, options_.timeout_seconds, 0, !options_.verbose});
    (side ? report_.version_b : report_.version_a) = worker.version();
    const ModelSource source(model, values);
    worker.load(source.for_engine(sides_[side].engine));
    Worker::Run run = worker.run(inputs);
    if (placement != nullptr) *placement = worker.placement();
    return std::move(run.outputs);
  }

  NamedTensors run_taps(int side, std::span<const Tap> taps) {
    const TemporaryFolder folder(fs::temp_directory_path() / "ecotone-bisect");
    const Model& model = *sides_[side].model;
    std::vector<Output> outputs;
    std::vector<onnx::NamedType> types;
    for (const Tap& t : taps) {
      outputs.push_back({t.name, t.values[side]});
      types.push_back({t.name, t.types[side]});
    }
    const Model shown{folder.path() / (model.format == ModelFormat::kOnnx ? "model.onnx" : "model.mlir"), model.format,
                      transform::with_outputs(*model.program, outputs)};
    if (model.format == ModelFormat::kOnnx)
      onnx::write_with_outputs(model.path, shown.path, types);
    else
      write_text(*shown.program, shown.path);
    NamedTensors result = run_model(side, shown, inputs_[side], named_);
    if (result.size() != taps.size())
      fail("engine {} gave {} of {} tensors", sides_[side].engine, result.size(), taps.size());
    return result;
  }

  static void write_text(const Program& p, const fs::path& path) {
    AtomicFile file(path);
    file.write(std::string_view(stablehlo::print_program(p)));
    file.commit();
  }

  // By name where the names are the model's, else by place.
  static const Tensor& find(const NamedTensors& tensors, const std::string& name, size_t place) {
    for (const auto& [key, value] : tensors)
      if (key == name) return value;
    return tensors.at(place).second;
  }

  // Infinite where even the shapes differ.
  static double difference(const Tensor& a, const Tensor& b) {
    if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
    return a == b ? 0 : backend::relative_error(a, b);
  }

  void compare_outputs() {
    note(m_("running both models as they are"));
    NamedTensors results[2];
    for (int side = 0; side < 2; ++side)
      results[side] = run_model(side, *sides_[side].model, inputs_[side], named_,
                                side ? &report_.placement_b : &report_.placement_a);
    ++report_.runs;
    const auto &a = results[0], &b = results[1];
    const auto outputs = sides_[0].model->program->outputs();
    for (size_t i = 0; i < outputs.size() && i < a.size() && i < b.size(); ++i) {
      const Tensor &x = find(a, outputs[i].name, i), &y = find(b, outputs[i].name, i);
      if (is_float(x.dtype()) && is_float(y.dtype())) {
        const double error = difference(x, y);
        report_.output_error = std::max(report_.output_error.value_or(0), error);
        if (!(error <= options_.tolerance)) differing_.push_back(outputs[i].value);
      } else if (x.shape() != y.shape() || !backend::difference(x, y).bit_equal) {
        report_.unequal_outputs.push_back(outputs[i].name);
      }
    }
  }

  void pass() {
    for (size_t begin = 0; begin < taps_.size() && !found_;) {
      size_t end = begin;
      for (int64_t bytes = 0; end < taps_.size(); ++end) {
        bytes += std::max(bytes_of(taps_[end].types[0]), bytes_of(taps_[end].types[1]));
        if (end > begin && bytes > options_.chunk_bytes) break;
      }
      report_.compared += look_at(std::span(taps_).subspan(begin, end - begin));
      begin = end;
    }
  }

  // Keeps the first of these tensors that differs. Returns how many were compared for that.
  int look_at(std::span<const Tap> taps) {
    note(m_.format("looking at {} tensors from '{}'", taps.size(), taps[0].name));
    const NamedTensors a = run_taps(0, taps), b = run_taps(1, taps);
    ++report_.runs;
    for (size_t i = 0; i < taps.size(); ++i) {
      const Tensor &x = find(a, taps[i].name, i), &y = find(b, taps[i].name, i);
      const double error = difference(x, y);
      if (error <= options_.tolerance) continue;
      found_ = Found{&taps[i], x, y, error};
      return static_cast<int>(i) + 1;
    }
    return static_cast<int>(taps.size());
  }

  // As in a history with branches: a tensor that differs leaves only what it is made from, one that agrees clears that.
  void search() {
    report_.by_search = true;
    report_.notes.push_back(
        m_("with all tensors shown the difference is gone (the engine then fuses less): searched by halves"));
    const Program& p = *sides_[0].model->program;
    std::vector<size_t> open;  // taps that may be the first
    const auto keep = [&](const std::vector<bool>& part, bool wanted) {
      std::erase_if(open, [&](size_t t) { return part[taps_[t].values[0]] != wanted; });
    };
    for (size_t t = 0; t < taps_.size(); ++t) open.push_back(t);
    keep(makers(p, differing_), true);
    while (!open.empty()) {
      const size_t t = middle(open);
      look_at(std::span(taps_).subspan(t, 1));
      const bool differs = found_ && found_->tap == &taps_[t];
      keep(makers(p, {&taps_[t].values[0], 1}), differs);
      std::erase(open, t);
    }
    if (!found_)
      report_.notes.push_back(m_(
          "no tensor differs when shown: the difference arises where the outputs are made, in what the engine fuses"));
  }

  // The one of these taps that leaves fewest whether it differs or not.
  size_t middle(std::span<const size_t> open) const {
    constexpr size_t kMostTried = 64;
    size_t best = 0, fewest = open.size();
    for (size_t i = 0; i < open.size(); i += 1 + open.size() / kMostTried) {
      const std::vector<bool> part = makers(*sides_[0].model->program, {&taps_[open[i]].values[0], 1});
      const auto before =
          static_cast<size_t>(std::ranges::count_if(open, [&](size_t t) { return part[taps_[t].values[0]]; }));
      if (const size_t left = std::max(before - 1, open.size() - before); left < fewest) fewest = left, best = i;
    }
    return open[best];
  }

  void describe(const Found& f) {
    Divergence& d = report_.first.emplace();
    d.tensor = f.tap->name, d.node = f.tap->node, d.op = f.tap->op, d.error = f.error;
    d.type = f.tap->types[0], d.type_b = f.tap->types[1];
    d.a = statistics(f.x), d.b = statistics(f.y);
    if (f.x.shape() == f.y.shape()) {
      const int64_t worst = backend::difference(f.x, f.y).worst;
      d.worst_a = f.x.at_double(worst), d.worst_b = f.y.at_double(worst);
      int64_t rest = worst;
      for (size_t i = f.x.shape().size(); i-- > 0;)
        d.worst.insert(d.worst.begin(), rest % f.x.shape()[i]), rest /= f.x.shape()[i];
    }
    note(m_.format("'{}' differs: computing it exactly", d.tensor));
    try {
      judge(f, d);
      if (!options_.folder.empty()) extract(*f.tap, d);
    } catch (const Error& e) {
      if (interrupted()) throw;
      d.submodel_note = e.what();
    }
  }

  std::vector<Tensor> evaluate(int side, std::span<const Output> outputs, EvalMode mode) const {
    return backend::evaluate(*transform::with_outputs(*sides_[side].model->program, outputs), inputs_[side], mode);
  }

  // Against the exact values of both models.
  void judge(const Found& f, Divergence& d) const {
    const auto exact = [&](int side) {
      return evaluate(side, std::array{Output{f.tap->name, f.tap->values[side]}}, EvalMode::kReal).at(0);
    };
    const Tensor real = exact(0);
    d.error_a = difference(f.x, real);
    d.error_b = difference(f.y, one_model() ? real : exact(1));
  }

  // The node alone in a file, and whether the engines part on it too. Of two versions of a model both nodes, on what a
  // gives a's.
  void extract(const Tap& tap, Divergence& d) {
    const bool is_onnx = sides_[0].model->format == ModelFormat::kOnnx;
    const std::string extension = is_onnx ? ".onnx" : ".mlir";
    fs::create_directories(options_.folder);
    const fs::path files[2] = {options_.folder / ("node" + extension),
                               options_.folder / ((one_model() ? "node" : "node_b") + extension)};
    const std::vector<std::string> wanted = write_node(0, tap, files[0]);
    d.submodel = files[0], d.inputs = options_.folder / "inputs.npz";
    const NamedTensors given = known(wanted);
    npz::write_npz(d.inputs, given);
    if (!one_model()) {
      d.submodel_b = files[1];
      write_node(1, tap, files[1]);
    }
    ModelOptions sizes;
    for (const auto& [name, value] : given) sizes.shapes[name] = value.shape();
    NamedTensors results[2];
    for (int side = 0; side < 2; ++side) {
      const Model node = load_model(files[side], sizes);
      results[side] = run_model(side, node, values_for(node, given), given);
    }
    d.submodel_error = difference(results[0].at(0).second, results[1].at(0).second);
    if (*d.submodel_error <= options_.tolerance)
      d.submodel_note =
          "the engines agree on the node alone: the difference has built up before it, or comes from fusion";
  }

  // Returns the names of its inputs.
  std::vector<std::string> write_node(int side, const Tap& tap, const fs::path& file) const {
    const Model& model = *sides_[side].model;
    if (model.format == ModelFormat::kOnnx)
      return onnx::write_submodel(model.path, file, tap.name,
                                  [&](const std::string& name) { return type_of(side, name); });
    const ProgramRef node = alone(*model.program, model.format, tap.values[side]);
    write_text(*node, file);
    std::vector<std::string> names;
    for (const Input& i : node->inputs()) names.push_back(i.name);
    return names;
  }

  std::optional<TensorType> type_of(int side, const std::string& name) const {
    const Program& p = *sides_[side].model->program;
    for (size_t i = 0; i < p.inputs().size(); ++i)
      if (p.inputs()[i].name == name && !inputs_[side][i].is_null()) return inputs_[side][i].type();
    for (const Parameter& q : p.parameters())
      if (q.name == name) return q.type;
    const auto values = named_values(*sides_[side].model);
    const auto value = values.find(name);
    if (value == values.end() || is_token(p.type(value->second))) return std::nullopt;
    return p.tensor_type(value->second);
  }

  // What a's model has under these names; the reference computes it.
  NamedTensors known(std::span<const std::string> names) const {
    const Program& p = *sides_[0].model->program;
    const auto values = named_values(*sides_[0].model);
    NamedTensors result;
    std::vector<Output> outputs;
    for (const std::string& name : names) {
      for (const auto& [key, value] : named_)
        if (key == name) result.emplace_back(key, value);
      for (const Parameter& q : p.parameters())
        if (q.name == name && q.value) result.emplace_back(name, q.value->plain());
      if (const auto at = values.find(name); at != values.end()) outputs.push_back({name, at->second});
    }
    const std::vector<Tensor> made = evaluate(0, outputs, EvalMode::kSpec);
    for (size_t i = 0; i < made.size(); ++i) result.emplace_back(outputs[i].name, made[i]);
    return result;
  }

  BisectSide sides_[2];
  std::vector<Tensor> inputs_[2];  // in the order of each side's model
  NamedTensors named_;
  const BisectOptions& options_;
  const Messages& m_;
  std::vector<Tap> taps_;
  std::vector<ValueId> differing_;  // outputs of a's model
  std::optional<Found> found_;
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
  j["unequal_outputs"] = r.unequal_outputs;
  j["first_divergence"] = ordered_json();
  if (r.first) {
    const Divergence& d = *r.first;
    ordered_json f{{"tensor", d.tensor}, {"node", d.node}, {"op", d.op}, {"error", number(d.error)}};
    f["type"] = d.type.str();
    if (d.type_b.str() != d.type.str()) f["type_b"] = d.type_b.str();
    if (d.error_a) f["error_a"] = number(*d.error_a);
    if (d.error_b) f["error_b"] = number(*d.error_b);
    f["a"] = side(d.a), f["b"] = side(d.b);
    if (d.type_b.shape == d.type.shape)
      f["worst"] = {{"index", d.worst}, {"a", number(d.worst_a)}, {"b", number(d.worst_b)}};
    if (!d.submodel.empty()) f["submodel"] = d.submodel.string(), f["submodel_inputs"] = d.inputs.string();
    if (!d.submodel_b.empty()) f["submodel_b"] = d.submodel_b.string();
    if (d.submodel_error) f["submodel_error"] = number(*d.submodel_error);
    if (!d.submodel_note.empty()) f["submodel_note"] = d.submodel_note;
    j["first_divergence"] = std::move(f);
  }
  j["tensors"] = r.tensors, j["compared"] = r.compared, j["runs"] = r.runs, j["by_search"] = r.by_search,
  j["notes"] = r.notes, j["placement"] = {{"a", r.placement_a}, {"b", r.placement_b}};
  return j;
}

}  // namespace ecotone::engine
