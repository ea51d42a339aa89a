// The walk over a graph: names, initializers, nodes, subgraphs, functions.
#include <algorithm>
#include <functional>
#include <unordered_set>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/random.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

constexpr int kMaxFunctionDepth = 32;

// Names of captured keys; no name of a file starts so.
constexpr std::string_view kKeyName = "\x01rng_key";

const std::unordered_map<std::string_view, Importer>& registry() {
  static const auto* const table = [] {
    auto* t = new std::unordered_map<std::string_view, Importer>;
    for (auto list :
         {math_importers,          shape_importers,          reduce_importers,       nn_importers,
          rnn_importers,           control_importers,        element_importers,      quant_importers,
          attention_importers,     loss_importers,           misc_importers,         einsum_importers,
          grid_importers,          region_importers,         signal_importers,       training_importers,
          choose_importers,        sequence_model_importers, sequence_importers,     integer_conv_importers,
          statistics_importers,    linalg_importers,         ml_importers,           ml_tree_importers,
          random_importers,        contrib_math_importers,   contrib_norm_importers, contrib_attention_importers,
          contrib_quant_importers, contrib_rnn_importers,    nchwc_importers})
      for (const Registration& r : list()) t->emplace(r.op_type, r.importer);
    return t;
  }();
  return *table;
}

std::string full_name(const NodeProto& n) {
  return n.domain.empty() ? n.op_type : n.domain + ":" + n.op_type;
}

std::string describe(const NodeProto& n) {
  const std::string name = !n.name.empty() ? n.name : n.outputs.empty() ? "" : n.outputs[0];
  return "node '" + name + "' (" + full_name(n) + ")";
}

bool draws(const NodeProto& n) {
  static constexpr std::string_view kDraws[] = {"RandomNormal",      "RandomNormalLike", "RandomUniform",
                                                "RandomUniformLike", "Bernoulli",        "Multinomial"};
  if (!n.domain.empty()) return false;
  if (n.op_type == "Dropout") return n.inputs.size() > 2 && !n.inputs[2].empty();
  return std::ranges::find(kDraws, n.op_type) != std::end(kDraws);
}
bool has_seed(const NodeProto& n) {
  return std::ranges::any_of(n.attributes, [](const AttributeProto& a) { return a.name == "seed"; });
}

// Shape arithmetic is small. What isn't (an Expand to 10^12 elements, summed) is left to whoever runs the model.
bool cheap(const Program& p, const Equation& e) {
  constexpr int64_t kMostElements = 1 << 16;
  if (e.op == &op::convolution() || e.op == &op::reduce_window()) return false;
  for (uint32_t i = 0; i < e.result_count; ++i) {
    const Type& type = p.type(e.first_result + i);
    if (is_token(type) || !tensor(type).is_static()) return false;
    int64_t left = kMostElements;
    for (int64_t size : tensor(type).static_shape()) left = size > left ? 0 : size == 0 ? left : left / size;
    if (left == 0) return false;
  }
  return true;
}

// Names used in a graph, its subgraphs included, that it does not define itself.
void free_names(const GraphProto& g, std::vector<std::string>& names, std::unordered_set<std::string>& seen) {
  std::unordered_set<std::string> own;
  for (const ValueInfo& v : g.inputs) own.insert(v.name);
  for (const TensorProto& t : g.initializers) own.insert(t.name);
  const auto use = [&](const std::string& name) {
    if (!name.empty() && !own.contains(name) && seen.insert(name).second) names.push_back(name);
  };
  for (const NodeProto& n : g.nodes) {
    for (const std::string& name : n.inputs) use(name);
    for (const AttributeProto& a : n.attributes)
      if (a.graph) {
        std::vector<std::string> inner;
        std::unordered_set<std::string> inner_seen;
        free_names(*a.graph, inner, inner_seen);
        for (const std::string& name : inner) use(name);
      }
    own.insert(n.outputs.begin(), n.outputs.end());
  }
  for (const ValueInfo& v : g.outputs) use(v.name);
}

// The outputs of a Program, if it has none but plain ops and composites of such.
std::optional<std::vector<Tensor>> evaluate_plainly(const Program& p, std::span<const Tensor> inputs) {
  struct NoRegions final : RegionRunner {
    std::vector<Tensor> run(const Region&, std::span<const Tensor>) override {
      fail_kind(ErrorKind::kInternal, "a region in a constant");
    }
    void bind_symbol(const Dim&, int64_t) override { fail_kind(ErrorKind::kInternal, "a symbol in a constant"); }
  } runner;
  if (!p.symbols().empty() || !p.parameters().empty()) return std::nullopt;
  std::vector<Tensor> values(inputs.begin(), inputs.end());
  values.resize(p.value_count());
  for (const Equation& e : p.equations()) {
    if (!e.regions.empty()) return std::nullopt;
    std::vector<Tensor> operands;
    std::vector<Type> operand_types, result_types;
    if (!cheap(p, e)) return std::nullopt;
    for (ValueId v : e.operands) {
      operands.push_back(values[v]);
      operand_types.push_back(p.type(v));
    }
    for (uint32_t i = 0; i < e.result_count; ++i) result_types.push_back(p.type(e.first_result + i));
    std::vector<Tensor> results;
    if (e.op->evaluate) {
      results = e.op->evaluate({e.attributes, operands, {}, operand_types, result_types, {}, EvalMode::kSpec, runner});
    } else {
      auto made = evaluate_plainly(*composite_body(*e.op, e.attributes, operand_types, {}).body, operands);
      if (!made) return std::nullopt;
      results = std::move(*made);
    }
    for (uint32_t i = 0; i < e.result_count; ++i) values[e.first_result + i] = results[i];
  }
  std::vector<Tensor> outputs;
  for (const Output& o : p.outputs()) outputs.push_back(values[o.value]);
  return outputs;
}

}  // namespace

std::vector<std::string_view> importer_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, importer] : registry()) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

void GraphImporter::define(const std::string& name, Value value) {
  if (name.empty()) return;
  if (!values_.emplace(name, std::move(value)).second)
    fail("the name '{}' is defined twice; a graph is in SSA form", name);
}

const Value* GraphImporter::find(const std::string& name) {
  if (const auto it = values_.find(name); it != values_.end()) return &it->second;
  const Value* outer = parent_ ? parent_->find(name) : nullptr;
  if (!outer) return nullptr;
  // What the parent knows can be made again here; the rest must have been captured.
  if (!outer->constant && !outer->dims) return nullptr;
  Value copy = *outer;
  copy.id = kNoValue;
  return &values_.emplace(name, std::move(copy)).first->second;
}

ValueId GraphImporter::materialize(const Value& value) {
  if (value.id != kNoValue) return value.id;
  if (value.constant) return op::constant(b, value.constant->plain());
  if (value.items) fail_kind(ErrorKind::kUnsupported, "a sequence where a tensor is needed");
  if (!value.present) fail("an empty optional where a tensor is needed");
  if (!value.dims) fail_kind(ErrorKind::kInternal, "a value without content");
  std::vector<ValueId> parts;
  for (const Dim& d : *value.dims) {
    const ValueId scalar = op::dim_value(b, d, value.type.dtype);
    parts.push_back(value.type.rank() == 0 ? scalar : op::reshape(b, scalar, {1}));
  }
  return value.type.rank() == 0 ? parts[0] : op::concatenate(b, parts, 0);
}

Tensor GraphImporter::tensor(const TensorProto& t) const {
  return to_tensor(t, model_.folder, model_.owner);
}

bool GraphImporter::is_poisoned(const std::string& name) const {
  return poisoned_.contains(name) || (parent_ && !values_.contains(name) && parent_->is_poisoned(name));
}

void GraphImporter::read_initializers(const GraphProto& graph, bool as_parameters) {
  if (graph.has_sparse) model_.unsupported.push_back("sparse initializers");
  for (const TensorProto& t : graph.initializers) {
    try {
      Value v = Value::of_constant(tensor(t));
      if (as_parameters && !v.dims) v.id = b.parameter(t.name, v.type, v.constant);
      define(t.name, std::move(v));
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::kUnsupported) throw e.with_context("initializer '" + t.name + "'");
      model_.unsupported.push_back("initializer '" + t.name + "': " + e.what());
      poisoned_[t.name] = true;
    }
  }
}

int64_t GraphImporter::opset(const std::string& domain) const {
  const auto& opsets = opsets_ ? *opsets_ : model_.proto.opsets;
  if (const auto it = opsets.find(domain); it != opsets.end()) return it->second;
  if (parent_) return parent_->opset(domain);
  return 1;
}

void GraphImporter::read_nodes(const std::vector<NodeProto>& nodes) {
  std::unordered_map<std::string, const NodeProto*> later;  // for the message
  for (const NodeProto& n : nodes)
    for (const std::string& name : n.outputs) later.emplace(name, &n);
  for (const NodeProto& n : nodes) {
    for (const std::string& name : n.inputs) {
      if (name.empty() || find(name) || is_poisoned(name)) continue;
      if (later.contains(name))
        fail("{}: input '{}' is made by a later {}: the graph has a cycle or is not in order", describe(n), name,
             describe(*later[name]));
      fail("{}: input '{}' is made by nothing: the graph has a dangling name", describe(n), name);
    }
    read_node(n);
  }
}

void GraphImporter::read_node(const NodeProto& node) {
  const bool lost = std::ranges::any_of(node.inputs, [&](const std::string& name) { return is_poisoned(name); });
  std::vector<Value> results;
  try {
    if (!lost) {
      std::vector<Value> inputs;
      for (const std::string& name : node.inputs) inputs.push_back(name.empty() ? Value::absent() : *find(name));
      const LocationScope scope(b, named_location(describe(node), file_location(model_.file_name, 0, 0)));
      if (auto known = folded(node, inputs))
        results = std::move(*known);
      else
        results = import_node(node, std::move(inputs));
      if (results.size() < node.outputs.size())
        for (size_t i = results.size(); i < node.outputs.size(); ++i)
          if (!node.outputs[i].empty()) fail_kind(ErrorKind::kUnsupported, "output {} is not read", i);
    }
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kUnsupported) throw e.with_context(describe(node));
    model_.unsupported.push_back(describe(node) + ": " + e.what());
    results.clear();
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (i >= results.size()) {
      poisoned_[node.outputs[i]] = true;
      continue;
    }
    if (results[i].id != kNoValue && b.definition(results[i].id)) b.name_value(results[i].id, node.outputs[i]);
    define(node.outputs[i], std::move(results[i]));
  }
}

// A node of small constants is computed now, so that shapes can depend on it.
std::optional<std::vector<Value>> GraphImporter::folded(const NodeProto& node, const std::vector<Value>& inputs) {
  constexpr int64_t kMostElements = 64;
  if (inputs.empty() || node.op_type == "Identity" || onnx::draws(node)) return std::nullopt;
  std::vector<Value> constants;
  for (const Value& v : inputs) {
    if (v.present && (!v.constant || v.constant->size() > kMostElements)) return std::nullopt;
    if (v.id != kNoValue && is_float(v.type.dtype))
      return std::nullopt;  // what runs in f64 in mode `real` must stay an equation
    constants.push_back(v);
    constants.back().id = kNoValue;
  }
  for (const AttributeProto& a : node.attributes)
    if (a.graph) return std::nullopt;
  if (function_of(node)) return std::nullopt;  // its nodes fold one by one
  Builder scratch(node.op_type);
  scratch.set_location(b.location());
  GraphImporter inner(model_, scratch, this);
  inner.opsets_ = opsets_;
  std::vector<Value> results = inner.import_node(node, std::move(constants));
  for (const Value& v : results)
    if (v.items || !v.present) return std::nullopt;
  for (size_t i = 0; i < results.size(); ++i)
    if (!results[i].constant && !results[i].dims) {
      // Only what shapes are made of: larger results stay equations.
      if (!results[i].type.is_static() || element_count(results[i].type.static_shape()) > kMostElements)
        return std::nullopt;
      scratch.output(std::to_string(i), results[i].id);
    }
  const ProgramRef program = std::move(scratch).build();
  const std::optional<std::vector<Tensor>> values = evaluate_plainly(*program, {});
  if (!values) return std::nullopt;
  size_t next = 0;
  for (Value& v : results)
    if (!v.constant && !v.dims)
      v = Value::of_constant((*values)[next++]);
    else
      v.id = kNoValue;
  return results;
}

const FunctionProto* GraphImporter::function_of(const NodeProto& node) const {
  for (const FunctionProto& f : model_.proto.functions)
    if (f.name == node.op_type && f.domain == node.domain) return &f;
  return nullptr;
}

std::vector<Value> GraphImporter::import_node(const NodeProto& node, std::vector<Value> inputs) {
  if (--model_.nodes_left < 0)
    fail("its functions and loops unfold to far more nodes than the file holds; a model that does so is not read");
  if (const FunctionProto* f = function_of(node)) return import_function(*f, node, std::move(inputs));
  const auto it = registry().find(full_name(node));
  if (it == registry().end()) fail_kind(ErrorKind::kUnsupported, "this operator is not supported");
  NodeContext context(*this, node, std::move(inputs), opset(node.domain));
  return it->second(context);
}

std::vector<Value> NodeContext::apply_all(std::string op_type, std::vector<Value> inputs,
                                          std::vector<AttributeProto> attributes) {
  NodeProto inner;
  inner.op_type = std::move(op_type);
  inner.outputs = {"y"};
  inner.attributes = std::move(attributes);
  const auto it = registry().find(inner.op_type);
  if (it == registry().end()) fail_kind(ErrorKind::kUnsupported, "its part '{}' is not supported", inner.op_type);
  NodeContext context(graph, inner, std::move(inputs), 25);
  std::vector<Value> results = it->second(context);
  if (results.empty()) fail_kind(ErrorKind::kUnsupported, "its part '{}' gives nothing", inner.op_type);
  return results;
}

Value NodeContext::apply(std::string op_type, std::vector<Value> inputs, std::vector<AttributeProto> attributes) {
  return apply_all(std::move(op_type), std::move(inputs), std::move(attributes))[0];
}

ValueId NodeContext::apply_id(std::string op_type, std::vector<Value> inputs, std::vector<AttributeProto> attributes) {
  return graph.materialize(apply(std::move(op_type), std::move(inputs), std::move(attributes)));
}

std::vector<Value> GraphImporter::import_function(const FunctionProto& f, const NodeProto& node,
                                                  std::vector<Value> inputs) {
  for (const GraphImporter* caller = this; caller; caller = caller->lender_ ? caller->lender_ : caller->parent_)
    if (caller->function_ == &f) fail("the function '{}' is recursive: it calls itself", f.name);
  GraphImporter body(model_, b, nullptr);
  body.function_ = &f;
  body.opsets_ = &f.opsets;
  body.lender_ = this;
  body.trip_ = trip_;
  body.function_depth_ = function_depth_ + 1;
  if (body.function_depth_ > kMaxFunctionDepth) fail("functions call each other more than {} deep", kMaxFunctionDepth);
  for (size_t i = 0; i < f.inputs.size(); ++i)
    body.define(f.inputs[i], i < inputs.size() ? std::move(inputs[i]) : Value::absent());
  // Attribute references become what the call gives, or the function's defaults.
  const auto given = [&](const std::string& name) -> const AttributeProto* {
    for (const std::vector<AttributeProto>* list : {&node.attributes, &f.defaults})
      for (const AttributeProto& a : *list)
        if (a.name == name) return &a;
    return nullptr;
  };
  const std::function<void(std::vector<NodeProto>&)> resolve = [&](std::vector<NodeProto>& nodes) {
    for (NodeProto& n : nodes) {
      std::vector<AttributeProto> resolved;
      for (AttributeProto& a : n.attributes) {
        if (a.graph) {
          auto graph = std::make_shared<GraphProto>(*a.graph);
          resolve(graph->nodes);
          a.graph = std::move(graph);
        }
        if (a.reference.empty()) {
          resolved.push_back(std::move(a));
        } else if (const AttributeProto* value = given(a.reference)) {
          resolved.push_back(*value);
          resolved.back().name = a.name;
        }
      }
      n.attributes = std::move(resolved);
    }
  };
  std::vector<NodeProto> nodes = f.nodes;
  resolve(nodes);
  body.read_nodes(nodes);
  std::vector<Value> results;
  for (const std::string& name : f.outputs) {
    const Value* v = body.find(name);
    if (!v) fail_kind(ErrorKind::kUnsupported, "output '{}' of function '{}' could not be made", name, f.name);
    results.push_back(*v);
  }
  return results;
}

std::vector<std::string> GraphImporter::captures_of(std::span<const GraphProto* const> graphs) {
  std::vector<std::string> names, captured;
  std::unordered_set<std::string> seen;
  for (const GraphProto* g : graphs) free_names(*g, names, seen);
  for (const std::string& name : names)
    if (const Value* v = find(name); v && v->present && !v->constant && !v->dims) {
      if (v->items) fail_kind(ErrorKind::kUnsupported, "the sequence '{}' in a subgraph that runs as a region", name);
      captured.push_back(name);
    }
  if (std::ranges::any_of(graphs, [&](const GraphProto* g) { return draws(*g, false); })) {
    captured.push_back(fmt::format("{}{}", kKeyName, values_.size()));
    define(captured.back(), Value::of(b, next_key()));
  }
  return captured;
}

bool GraphImporter::draws(const GraphProto& graph, bool seeded) const {
  std::set<const FunctionProto*> seen;
  return draws(graph.nodes, seeded, seen);
}

bool GraphImporter::draws(const std::vector<NodeProto>& nodes, bool seeded,
                          std::set<const FunctionProto*>& seen) const {
  for (const NodeProto& n : nodes) {
    if (onnx::draws(n) && (seeded || !has_seed(n))) return true;
    for (const AttributeProto& a : n.attributes)
      if (a.graph && draws(a.graph->nodes, seeded, seen)) return true;
    if (const FunctionProto* f = function_of(n); f && seen.insert(f).second && draws(f->nodes, seeded, seen))
      return true;
  }
  return false;
}

ValueId GraphImporter::next_key() {
  if (lender_) return lender_->next_key();
  if (!key_) {
    if (parent_) fail_kind(ErrorKind::kInternal, "a draw in a region that has no key");
    key_ = b.input("rng_key", TensorType{DType::kU64, {2}});
  }
  return op::fold_in(b, *key_, keys_made_++);
}

Region GraphImporter::region(const GraphProto& graph, std::span<const Type> inputs,
                             std::span<const std::string> captures, std::string_view name, const Finish& finish,
                             std::optional<size_t> trip) {
  std::vector<Type> types(inputs.begin(), inputs.end());
  for (const std::string& c : captures) types.emplace_back(find(c)->type);
  if (graph.inputs.size() > inputs.size())
    fail("subgraph '{}' takes {} values, but gets {}", graph.name, graph.inputs.size(), inputs.size());
  return op::make_region(b, std::string(name), types, [&](Builder& body, std::span<const ValueId> args) {
    GraphImporter inner(model_, body, this);
    inner.opsets_ = opsets_;
    for (size_t i = 0; i < graph.inputs.size(); ++i) inner.define(graph.inputs[i].name, Value::of(body, args[i]));
    if (trip) inner.trip_ = op::convert(body, args[*trip], DType::kU64);
    for (size_t i = 0; i < captures.size(); ++i) {
      const ValueId value = args[inputs.size() + i];
      if (captures[i].starts_with(kKeyName))
        inner.key_ = trip ? op::fold_in(body, value, *inner.trip_) : value;
      else
        inner.define(captures[i], Value::of(body, value));
    }
    inner.read_initializers(graph, false);
    inner.read_nodes(graph.nodes);
    std::vector<ValueId> outputs;
    for (const ValueInfo& o : graph.outputs) {
      const Value* v = inner.find(o.name);
      if (!v) fail_kind(ErrorKind::kUnsupported, "output '{}' of subgraph '{}' could not be made", o.name, graph.name);
      outputs.push_back(inner.materialize(*v));
    }
    return finish ? finish(body, args, std::move(outputs)) : outputs;
  });
}

std::vector<Value> GraphImporter::inlined(const GraphProto& graph, std::span<const Value> inputs) {
  GraphImporter inner(model_, b, this);
  inner.opsets_ = opsets_;
  inner.lender_ = this;
  inner.trip_ = trip_;
  std::vector<std::string> names;
  std::unordered_set<std::string> seen;
  free_names(graph, names, seen);
  for (const std::string& name : names)
    if (const Value* v = find(name)) inner.define(name, *v);  // the same Builder: nothing is captured
  for (size_t i = 0; i < inputs.size() && i < graph.inputs.size(); ++i) inner.define(graph.inputs[i].name, inputs[i]);
  inner.read_initializers(graph, false);
  inner.read_nodes(graph.nodes);
  std::vector<Value> results;
  for (const ValueInfo& o : graph.outputs) {
    const Value* v = inner.find(o.name);
    if (!v) fail_kind(ErrorKind::kUnsupported, "output '{}' of subgraph '{}' could not be made", o.name, graph.name);
    results.push_back(*v);
  }
  return results;
}

}  // namespace ecotone::onnx
