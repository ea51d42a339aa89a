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

void read_inputs(const GraphProto& graph, const ReadOptions& options, GraphImporter& importer,
                 GraphImporter::Model& model) {
  for (const auto& [name, shape] : options.shapes)
    if (std::ranges::none_of(graph.inputs, [&](const ValueInfo& v) { return v.name == name; })) {
      std::string names;
      for (const ValueInfo& v : graph.inputs) names += (names.empty() ? "" : ", ") + v.name;
      fail("--shape names '{}', but the inputs are {}", name, names);
    }
  for (const ValueInfo& v : graph.inputs) {
    if (importer.find(v.name)) continue;  // an initializer gives its value
    if (v.type.kind != TypeProto::kTensor) {
      model.unsupported.push_back("input '" + v.name + "' is no tensor");
      importer.poison(v.name);
      continue;
    }
    try {
      Value value;
      value.type = input_type(v, options, importer.b);
      value.id = importer.b.input(v.name, value.type);
      if (const auto it = options.known_inputs.find(v.name); it != options.known_inputs.end()) {
        Value known = Value::of_constant(it->second);
        value.constant = known.constant;
        value.dims = known.dims;
      }
      importer.define(v.name, std::move(value));
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
    builder.output(v.name, importer.materialize(*value));
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

ProgramRef read_program(const std::filesystem::path& path, const ReadOptions& options) {
  const auto file = MappedFile::open(path);
  return read_program(file->bytes(), path.parent_path().empty() ? "." : path.parent_path(), path.string(), options,
                      file);
}

}  // namespace ecotone::onnx
