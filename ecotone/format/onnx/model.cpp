// A model file to a Program.
#include <algorithm>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/format/onnx/onnx.h"

namespace ecotone::onnx {
namespace {

constexpr int64_t kOldestOpset = 1, kNewestOpset = 28;

// Real models unfold to a few times their nodes; see GraphImporter::Model::nodes_left.
constexpr int64_t kFreeNodes = 20'000;

int64_t node_count(const std::vector<NodeProto>& nodes) {
  auto count = static_cast<int64_t>(nodes.size());
  for (const NodeProto& n : nodes)
    for (const AttributeProto& a : n.attributes)
      if (a.graph) count += node_count(a.graph->nodes);
  return count;
}
int64_t node_count(const ModelProto& m) {
  int64_t count = node_count(m.graph->nodes);
  for (const FunctionProto& f : m.functions) count += node_count(f.nodes);
  return count;
}

void check_versions(const ModelProto& m) {
  if (m.ir_version < 1) fail("no ONNX model: it names no ir_version");
  if (!m.graph) fail("no ONNX model: it has no graph");
  const auto it = m.opsets.find("");
  if (it == m.opsets.end()) {
    if (m.opsets.empty() && m.ir_version >= 3) fail("the model names no opset");
    return;
  }
  if (it->second < 1 || it->second > 1000) fail("opset {} of ai.onnx is no version", it->second);
  if (it->second > kNewestOpset)
    fail("opset {} of ai.onnx is newer than {}, the newest that is read; export the model with an older opset",
         it->second, kNewestOpset);
  if (it->second < kOldestOpset)
    fail("opset {} of ai.onnx is older than {}; convert the model with onnx.version_converter", it->second,
         kOldestOpset);
}

// An input's type: sizes from the options, the file, or new symbols.
TensorType input_type(const ValueInfo& v, const ReadOptions& options, Builder& b) {
  const std::optional<DType> dtype = dtype_of(v.type.element);
  if (!dtype) fail_kind(ErrorKind::kUnsupported, "element type {}", v.type.element);
  TensorType type{*dtype, {}};
  const auto given = options.shapes.find(v.name);
  if (!v.type.shape && given == options.shapes.end()) fail("the rank is open; give it with --shape {}=...", v.name);
  if (!v.type.shape) return {*dtype, to_dims(given->second)};
  if (given != options.shapes.end() && given->second.size() != v.type.shape->size())
    fail("--shape gives {} sizes, but it has {}", given->second.size(), v.type.shape->size());
  for (size_t i = 0; i < v.type.shape->size(); ++i) {
    const TypeProto::Dimension& d = (*v.type.shape)[i];
    const bool known = d.value && *d.value >= 0;
    if (given != options.shapes.end()) {
      const int64_t size = given->second[i];
      if (known && *d.value != size)
        fail("--shape gives size {} for dimension {}, but the model says {}", size, i, *d.value);
      if (!d.parameter.empty() && d.parameter != "?") b.named_symbol(d.parameter);
      type.shape.emplace_back(size);
    } else if (known) {
      type.shape.emplace_back(*d.value);
    } else if (d.parameter.empty() || d.parameter == "?") {
      type.shape.push_back(b.symbol(v.name + "_d" + std::to_string(i)));
    } else {
      type.shape.push_back(b.named_symbol(d.parameter));
    }
  }
  return type;
}

// What a model says of a value against what its graph gives: only sizes that are numbers on both sides can contradict
// each other.
void check_declared(const ValueInfo& v, const TensorType& type, std::span<const SymbolInfo> symbols) {
  if (v.type.kind != TypeProto::kTensor) return;
  const auto dtype = dtype_of(v.type.element);
  if (dtype && *dtype != type.dtype) fail("'{}' is declared {}, but is {}", v.name, name(*dtype), name(type.dtype));
  if (!v.type.shape) return;
  bool fits = v.type.shape->size() == type.shape.size();
  for (size_t i = 0; fits && i < type.shape.size(); ++i) {
    const auto& d = (*v.type.shape)[i].value;
    fits = !d || *d < 0 || !type.shape[i].is_constant() || type.shape[i].constant() == *d;
  }
  if (fits) return;
  std::string declared;
  for (const auto& d : *v.type.shape)
    declared += (declared.empty() ? "" : "x") + (d.value ? std::to_string(*d.value) : "?");
  fail("'{}' is declared with shape {}, but the graph gives it {}: the shapes contradict each other", v.name, declared,
       type.str(symbols));
}

// One tensor that the Program takes.
Value input_value(const ValueInfo& v, const ReadOptions& options, Builder& b) {
  Value value;
  value.type = input_type(v, options, b);
  value.id = b.input(v.name, value.type);
  if (const auto it = options.known_inputs.find(v.name); it != options.known_inputs.end()) {
    Value known = Value::of_constant(it->second);
    value.constant = known.constant;
    value.dims = known.dims;
  }
  return value;
}

struct Container {
  bool is_sequence = false, is_optional = false;
  const TypeProto* element;  // null when it holds no tensors
};
Container container(const TypeProto& type) {
  Container c;
  c.element = &type;
  if (c.element->kind == TypeProto::kOptional) {
    c.is_optional = true;
    c.element = c.element->inner.get();
  }
  if (c.element && c.element->kind == TypeProto::kSequence) {
    c.is_sequence = true;
    c.element = c.element->inner.get();
  }
  if (c.element && c.element->kind != TypeProto::kTensor) c.element = nullptr;
  return c;
}

// A sequence or optional of as many tensors as the options say.
Value container_value(const ValueInfo& v, const ReadOptions& options, Builder& b) {
  constexpr int64_t kMostItems = 4096;
  const Container c = container(v.type);
  if (!c.element) fail_kind(ErrorKind::kUnsupported, "a type that holds no tensors");
  const auto it = options.lengths.find(v.name);
  if (it == options.lengths.end()) fail_kind(ErrorKind::kUnsupported, "how many tensors it holds is open");
  if (it->second < 0 || it->second > (c.is_sequence ? kMostItems : 1)) fail("{} tensors", it->second);
  if (!c.is_sequence) return it->second == 0 ? Value::absent() : input_value({v.name, *c.element}, options, b);
  std::vector<Value> items;
  for (int64_t i = 0; i < it->second; ++i)
    items.push_back(input_value({v.name + "[" + std::to_string(i) + "]", *c.element}, options, b));
  return Value::sequence(std::move(items));
}

void read_inputs(const GraphProto& graph, const ReadOptions& options, GraphImporter& importer,
                 GraphImporter::Model& model) {
  for (const auto& [name, shape] : options.shapes)
    if (std::ranges::none_of(graph.inputs, [&](const ValueInfo& v) {
          return v.name == name || (v.type.kind != TypeProto::kTensor && name.starts_with(v.name + "["));
        })) {
      std::string names;
      for (const ValueInfo& v : graph.inputs) names += (names.empty() ? "" : ", ") + v.name;
      fail("--shape names '{}', but the inputs are {}", name, names);
    }
  for (const ValueInfo& v : graph.inputs) {
    if (importer.find(v.name)) continue;  // an initializer gives its value
    try {
      importer.define(v.name, v.type.kind == TypeProto::kTensor ? input_value(v, options, importer.b)
                                                                : container_value(v, options, importer.b));
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::kUnsupported) throw e.with_context("input '" + v.name + "'");
      model.unsupported.push_back("input '" + v.name + "': " + e.what());
      importer.poison(v.name);
    }
  }
}

[[noreturn]] void fail_unsupported(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& entry : list) text += "\n  " + entry;
  fail_kind(ErrorKind::kUnsupported, "{} part{} of the model can't be read:{}", list.size(),
            list.size() == 1 ? "" : "s", text);
}

ProgramRef read_model(const ModelProto& proto, const std::filesystem::path& folder, const std::string& file_name,
                      const ReadOptions& options, std::shared_ptr<const void> owner) {
  check_versions(proto);
  const GraphProto& graph = *proto.graph;
  GraphImporter::Model model{proto, folder, file_name, std::move(owner), {}, kFreeNodes + 200 * node_count(proto)};
  Builder builder(graph.name.empty() ? "main" : graph.name);
  builder.set_location(file_location(file_name, 0, 0));
  GraphImporter importer(model, builder, nullptr);
  importer.read_initializers(graph, true);
  read_inputs(graph, options, importer, model);
  importer.read_nodes(graph.nodes);
  if (!model.unsupported.empty()) fail_unsupported(model.unsupported);
  for (const ValueInfo& v : graph.values)
    if (const Value* value = importer.find(v.name)) check_declared(v, value->type, builder.symbols());
  if (graph.outputs.empty()) fail("the graph has no outputs");
  for (const ValueInfo& v : graph.outputs) {
    const Value* value = importer.find(v.name);
    if (!value) fail("output '{}' is made by nothing: the graph has a dangling name", v.name);
    check_declared(v, value->type, builder.symbols());
    if (!value->present) continue;  // an empty optional
    if (!value->items) {
      builder.output(v.name, importer.materialize(*value));
      continue;
    }
    for (size_t i = 0; i < value->items->size(); ++i)
      builder.output(v.name + "[" + std::to_string(i) + "]", importer.materialize((*value->items)[i]));
  }
  return std::move(builder).build();
}

}  // namespace

ProgramRef read_program(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                        const std::string& file_name, const ReadOptions& options, std::shared_ptr<const void> owner) {
  try {
    const ModelProto proto = decode_model({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return read_model(proto, folder, file_name, options, std::move(owner));
  } catch (const Error& e) {
    throw e.with_context(file_name);
  }
}

ProgramRef read_signature(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  try {
    const ModelProto proto = decode_model(file->text());
    check_versions(proto);
    GraphImporter::Model model{proto, path.parent_path(), path.string(), file, {}};
    Builder builder("signature");
    GraphImporter importer(model, builder, nullptr);
    for (const TensorProto& t : proto.graph->initializers) importer.define(t.name, Value::absent());
    read_inputs(*proto.graph, {}, importer, model);
    return std::move(builder).build();
  } catch (const Error& e) {
    throw e.with_context(path.string());
  }
}

std::vector<DeclaredInput> read_declared_inputs(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  try {
    const ModelProto proto = decode_model(file->text());
    check_versions(proto);
    std::vector<DeclaredInput> inputs;
    for (const ValueInfo& v : proto.graph->inputs) {
      if (std::ranges::any_of(proto.graph->initializers, [&](const TensorProto& t) { return t.name == v.name; }))
        continue;
      const Container c = container(v.type);
      inputs.push_back({v.name, c.is_sequence, c.is_optional});
    }
    return inputs;
  } catch (const Error& e) {
    throw e.with_context(path.string());
  }
}

std::vector<std::string_view> supported_operators() {
  return importer_names();
}

ProgramRef read_program(const std::filesystem::path& path, const ReadOptions& options) {
  const auto file = MappedFile::open(path);
  return read_program(file->bytes(), path.parent_path().empty() ? "." : path.parent_path(), path.string(), options,
                      file);
}

}  // namespace ecotone::onnx
