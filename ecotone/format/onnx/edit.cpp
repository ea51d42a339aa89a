#include "ecotone/format/onnx/edit.h"

#include <algorithm>
#include <set>

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/format/onnx/proto.h"

namespace ecotone::onnx {
namespace {

namespace fs = std::filesystem;

// Field numbers of onnx.proto.
enum ModelField : uint32_t { kGraph = 7 };
enum GraphField : uint32_t { kNode = 1, kGraphName = 2, kInitializer = 5, kInput = 11, kOutput = 12, kValueInfo = 13 };

// The file decoded once, so that what follows may trust its bytes.
struct Source {
  std::shared_ptr<const MappedFile> file;
  ModelProto model;

  explicit Source(const fs::path& path) : file(MappedFile::open(path)) {
    try {
      model = decode_model(file->text());
    } catch (const Error& e) {
      throw e.with_context(path.string());
    }
    if (!model.graph) fail("{}: the model has no graph", path.string());
  }
};

std::string value_info(const NamedType& v) {
  std::string shape, tensor, type, out;
  protozero::pbf_writer shape_writer(shape);
  for (const Dim& d : v.type.shape) {
    std::string dimension;
    if (d.is_constant()) protozero::pbf_writer(dimension).add_int64(1, d.constant());
    shape_writer.add_message(1, dimension);
  }
  protozero::pbf_writer tensor_writer(tensor);
  tensor_writer.add_int32(1, data_type_of(v.type.dtype));
  tensor_writer.add_message(2, shape);
  protozero::pbf_writer(type).add_message(1, tensor);
  protozero::pbf_writer writer(out);
  writer.add_string(1, v.name);
  writer.add_message(2, type);
  return out;
}

// A field as it stands, copied.
void copy_field(protozero::pbf_reader& from, protozero::pbf_writer& to) {
  switch (from.wire_type()) {
    case protozero::pbf_wire_type::varint:
      to.add_uint64(from.tag(), from.get_uint64());
      break;
    case protozero::pbf_wire_type::fixed32:
      to.add_fixed32(from.tag(), from.get_fixed32());
      break;
    case protozero::pbf_wire_type::fixed64:
      to.add_fixed64(from.tag(), from.get_fixed64());
      break;
    default: {
      const auto tag = from.tag();
      const auto view = from.get_view();
      to.add_bytes(tag, view.data(), view.size());
    }
  }
}

// The model with the graph that `edit` makes of its own, written to `target`.
void write_model(const Source& source, const fs::path& target,
                 const std::function<void(protozero::pbf_reader&, protozero::pbf_writer&)>& edit) {
  const std::string_view bytes = source.file->text();
  std::string out;
  protozero::pbf_writer writer(out);
  protozero::pbf_reader model(bytes.data(), bytes.size());
  std::string graph;
  protozero::pbf_writer graph_writer(graph);
  while (model.next()) {
    if (model.tag() != kGraph) {
      copy_field(model, writer);
      continue;
    }
    auto reader = model.get_message();
    edit(reader, graph_writer);
  }
  writer.add_message(kGraph, graph);
  AtomicFile file(target);
  file.write(std::string_view(out));
  file.commit();
}

// Where the main graph's external data lies, relative to the model's folder.
std::set<fs::path> external_files_of(const Source& source, const fs::path& model) {
  std::set<fs::path> files;
  for (const TensorProto& t : source.model.graph->initializers) {
    const auto at = t.external.find("location");
    if (!t.is_external || at == t.external.end()) continue;
    const fs::path relative = fs::path(at->second).lexically_normal();
    if (relative.is_absolute() || relative.begin() == relative.end() || *relative.begin() == "..")
      fail("{}: external data at '{}' lies outside the model's folder", model.string(), at->second);
    files.insert(relative);
  }
  return files;
}

void link_external_data(const Source& source, const fs::path& model, const fs::path& to) {
  const fs::path from = model.parent_path();
  for (const fs::path& relative : external_files_of(source, model)) {
    fs::create_directories((to / relative).parent_path());
    std::error_code error;
    fs::create_hard_link(from / relative, to / relative, error);
    if (error) fs::copy_file(from / relative, to / relative, fs::copy_options::overwrite_existing);
  }
}

// Names that a node's subgraphs take from outside.
void captured(const GraphProto& graph, std::set<std::string>& names) {
  std::set<std::string> own;
  for (const auto& i : graph.inputs) own.insert(i.name);
  for (const auto& i : graph.initializers) own.insert(i.name);
  std::set<std::string> taken;
  for (const NodeProto& n : graph.nodes) {
    taken.insert(n.inputs.begin(), n.inputs.end());
    for (const AttributeProto& a : n.attributes)
      if (a.graph) captured(*a.graph, taken);
    own.insert(n.outputs.begin(), n.outputs.end());
  }
  for (const auto& o : graph.outputs) taken.insert(o.name);
  for (const std::string& t : taken)
    if (!own.contains(t)) names.insert(t);
}

}  // namespace

std::vector<NodeInfo> read_nodes(const fs::path& path) {
  const Source source(path);
  std::vector<NodeInfo> nodes;
  for (const NodeProto& n : source.model.graph->nodes)
    nodes.push_back({n.name, n.op_type, n.domain, n.inputs, n.outputs});
  return nodes;
}

std::set<fs::path> external_files(const fs::path& path) {
  return external_files_of(Source(path), path);
}

void write_with_outputs(const fs::path& path, const fs::path& target, std::span<const NamedType> outputs) {
  const Source source(path);
  link_external_data(source, path, target.parent_path());
  write_model(source, target, [&](protozero::pbf_reader& graph, protozero::pbf_writer& out) {
    while (graph.next()) {
      if (graph.tag() == kOutput)
        graph.skip();
      else
        copy_field(graph, out);
    }
    for (const NamedType& o : outputs) out.add_message(kOutput, value_info(o));
  });
}

std::vector<std::string> write_submodel(const fs::path& path, const fs::path& target, const std::string& tensor,
                                        const std::function<std::optional<TensorType>(const std::string&)>& type_of) {
  const Source source(path);
  const GraphProto& graph = *source.model.graph;
  const auto maker = [&](const std::string& name) {
    const auto makes = [&](const NodeProto& n) {
      return std::find(n.outputs.begin(), n.outputs.end(), name) != n.outputs.end();
    };
    return static_cast<size_t>(std::find_if(graph.nodes.begin(), graph.nodes.end(), makes) - graph.nodes.begin());
  };
  const size_t node = maker(tensor);
  if (node == graph.nodes.size()) fail("{}: no node makes '{}'", path.string(), tensor);
  std::set<std::string> wanted(graph.nodes[node].inputs.begin(), graph.nodes[node].inputs.end());
  for (const AttributeProto& a : graph.nodes[node].attributes)
    if (a.graph) captured(*a.graph, wanted);
  wanted.erase("");

  std::set<size_t> nodes{node}, initializers;
  std::vector<NamedType> inputs;
  std::vector<std::string> names;
  for (const std::string& name : wanted) {
    const auto same = [&](const TensorProto& t) { return t.name == name; };
    const auto initializer = std::find_if(graph.initializers.begin(), graph.initializers.end(), same);
    if (initializer != graph.initializers.end() && !initializer->is_external) {
      initializers.insert(static_cast<size_t>(initializer - graph.initializers.begin()));
      continue;
    }
    const size_t made_by = maker(name);
    if (made_by < graph.nodes.size() && graph.nodes[made_by].op_type == "Constant") {
      nodes.insert(made_by);
      continue;
    }
    const auto type = type_of(name);
    if (!type) fail("{}: '{}' is no tensor that an extracted model could take", path.string(), name);
    inputs.push_back({name, *type});
    names.push_back(name);
  }
  const auto output = type_of(tensor);
  if (!output) fail("{}: '{}' is no tensor", path.string(), tensor);
  write_model(source, target, [&](protozero::pbf_reader& from, protozero::pbf_writer& out) {
    size_t node_index = 0, initializer_index = 0;
    while (from.next()) {
      const bool keep = from.tag() == kNode          ? nodes.contains(node_index++)
                        : from.tag() == kInitializer ? initializers.contains(initializer_index++)
                                                     : from.tag() == kGraphName;
      if (keep)
        copy_field(from, out);
      else
        from.skip();
    }
    for (const NamedType& i : inputs) out.add_message(kInput, value_info(i));
    out.add_message(kOutput, value_info({tensor, *output}));
  });
  return names;
}

}  // namespace ecotone::onnx
