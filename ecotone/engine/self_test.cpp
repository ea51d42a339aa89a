// A small model for every engine, written as ONNX by hand.

#include <cmath>
#include <numeric>

#include <protozero/pbf_writer.hpp>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/install.h"
#include "ecotone/engine/source.h"
#include "ecotone/engine/worker.h"

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;
using protozero::pbf_writer;

constexpr int kFloat = 1, kInts = 7, kOpset = 17, kIrVersion = 8;

// ValueInfoProto: name = 1, type = 2 {tensor_type = 1 {elem_type = 1, shape = 2 {dim = 1 {dim_value = 1}}}}.
void add_value(pbf_writer& graph, int field, const std::string& name, const std::vector<int64_t>& shape) {
  pbf_writer value(graph, field);
  value.add_string(1, name);
  pbf_writer type(value, 2), tensor(type, 1);
  tensor.add_int32(1, kFloat);
  pbf_writer dims(tensor, 2);
  for (const int64_t n : shape) {
    pbf_writer dim(dims, 1);
    dim.add_int64(1, n);
  }
}

// TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9. Values between -0.5 and 0.5.
void add_weights(pbf_writer& graph, const std::string& name, const std::vector<int64_t>& shape) {
  const auto count = static_cast<size_t>(std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>()));
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = 0.5F * std::sin(static_cast<float>(3 * i + 1));
  pbf_writer tensor(graph, 5);
  for (const int64_t n : shape) tensor.add_int64(1, n);
  tensor.add_int32(2, kFloat);
  tensor.add_string(8, name);
  tensor.add_bytes(9, reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

// NodeProto: input = 1, output = 2, op_type = 4, attribute = 5 {name = 1, ints = 8, type = 20}.
void add_node(pbf_writer& graph, const std::string& op, const std::vector<std::string>& inputs,
              const std::string& output, const std::vector<int64_t>& kernel = {}) {
  pbf_writer node(graph, 1);
  for (const std::string& i : inputs) node.add_string(1, i);
  node.add_string(2, output);
  node.add_string(3, output + "_node");
  node.add_string(4, op);
  if (kernel.empty()) return;
  pbf_writer attribute(node, 5);
  attribute.add_string(1, "kernel_shape");
  for (const int64_t n : kernel) attribute.add_int64(8, n);
  attribute.add_int32(20, kInts);
}

std::string small_model() {
  std::string bytes;
  pbf_writer model(bytes);
  model.add_int64(1, kIrVersion);
  {
    pbf_writer graph(model, 7);
    add_node(graph, "Conv", {"x", "w", "b"}, "h", {3, 3});
    add_node(graph, "Relu", {"h"}, "y");
    graph.add_string(2, "small");
    add_weights(graph, "w", {4, 3, 3, 3});
    add_weights(graph, "b", {4});
    add_value(graph, 11, "x", {1, 3, 8, 8});
    add_value(graph, 12, "y", {1, 4, 6, 6});
  }
  pbf_writer opset(model, 8);
  opset.add_string(1, "");
  opset.add_int64(2, kOpset);
  return bytes;
}

}  // namespace

double self_test(const EngineInfo& engine, double timeout_seconds, bool quiet) {
  const TemporaryFolder folder(fs::temp_directory_path() / "ecotone-test");
  const fs::path file = folder.path() / "small.onnx";
  AtomicFile out(file);
  out.write(small_model());
  out.commit();
  const Model model = load_model(file);
  const std::vector<Tensor> inputs = make_inputs(*model.program, 0);
  const Tensor expected = backend::evaluate(*model.program, inputs, EvalMode::kSpec)[0];

  const ModelSource source(model, inputs);
  WorkerOptions options;
  options.threads = 1;
  options.timeout_seconds = timeout_seconds;
  options.quiet = quiet;
  Worker worker(engine.name, options);
  worker.load(source.for_engine(engine.name));
  const NamedTensors outputs = worker.run({{"x", inputs[0]}}).outputs;
  if (outputs.size() != 1 || outputs[0].second.shape() != expected.shape() ||
      outputs[0].second.dtype() != expected.dtype())
    fail("engine {} gave something else than one f32 output [1, 4, 6, 6]", engine.name);
  double error = 0, largest = 0;
  for (size_t i = 0; i < expected.data<float>().size(); ++i) {
    const double e = expected.data<float>()[i], got = outputs[0].second.data<float>()[i];
    error = std::isnan(got) ? INFINITY : std::max(error, std::abs(got - e));
    largest = std::max(largest, std::abs(e));
  }
  return error / largest;
}

}  // namespace ecotone::engine
