// What an operator's importer sees: a node, its inputs, and the Builder that its equations go to.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ecotone/format/onnx/proto.h"
#include "ecotone/ir/builder.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/reduce.h"

namespace ecotone::onnx {

inline constexpr ValueId kNoValue = static_cast<ValueId>(-1);

// A value of the graph being read: in the Builder once it is needed there, and, as far as it is known, its content.
struct Value {
  TensorType type;
  ValueId id = kNoValue;
  std::optional<Tensor> constant;
  // Small integer (or bool) tensors of rank 0 or 1 as sizes: how shape arithmetic is folded.
  std::optional<std::vector<Dim>> dims;
  bool present = true;                              // false: an optional input or output that is left out
  std::shared_ptr<const std::vector<Value>> items;  // of a sequence; else null

  static Value absent() {
    Value v;
    v.present = false;
    return v;
  }
  static Value of(const Builder& b, ValueId id) { return {b.tensor_type(id), id, {}, {}, true, {}}; }
  static Value sequence(std::vector<Value> items);
  static Value of_constant(Tensor t);
  // A vector of sizes, or a scalar of one.
  static Value of_dims(std::vector<Dim> dims, DType dtype = DType::kI64, bool scalar = false);
};

class GraphImporter;

class NodeContext {
 public:
  NodeContext(GraphImporter& graph, const NodeProto& node, std::vector<Value> inputs, int64_t opset);

  Builder& b;
  GraphImporter& graph;
  const NodeProto& node;
  const int64_t opset;  // version of the node's domain

  size_t input_count() const { return inputs_.size(); }
  bool has(size_t i) const { return i < inputs_.size() && inputs_[i].present; }
  // Input i; Error when it is left out.
  const Value& input(size_t i) const;
  ValueId in(size_t i);  // in the Builder
  const TensorType& type(size_t i) const { return input(i).type; }
  DType dtype(size_t i) const { return type(i).dtype; }
  int64_t rank(size_t i) const { return type(i).rank(); }
  // The content of input i, where it is known; null or empty otherwise.
  const Tensor* constant(size_t i) const;
  const std::vector<Dim>* dims(size_t i) const { return has(i) && input(i).dims ? &*input(i).dims : nullptr; }
  // The integers of input i, which must be known; `what` is for the message.
  std::vector<int64_t> ints(size_t i, const char* what) const;
  std::vector<Dim> sizes(size_t i, const char* what) const;
  // The number of outputs that are asked for.
  bool wants(size_t output) const { return output < node.outputs.size() && !node.outputs[output].empty(); }

  const AttributeProto* attribute(std::string_view name) const;
  int64_t int_attribute(std::string_view name, int64_t otherwise) const;
  double float_attribute(std::string_view name, double otherwise) const;
  std::string string_attribute(std::string_view name, const std::string& otherwise) const;
  std::optional<std::vector<int64_t>> ints_attribute(std::string_view name) const;
  const GraphProto& graph_attribute(std::string_view name) const;
  // An axis attribute in [0, rank).
  int64_t axis_attribute(std::string_view name, int64_t otherwise, int64_t rank) const;
  // Axes from an attribute (before `since`) or from input i; empty when neither is given.
  std::vector<int64_t> axes(size_t i, int64_t since, int64_t rank) const;

  Value result(ValueId id) const { return Value::of(b, id); }
  // Input i as a value, absent when it is left out.
  Value operand(size_t i) const { return has(i) ? inputs_[i] : Value::absent(); }
  // The outputs of ai.onnx's `op_type`, as of opset 25, on these inputs; the first of them; that one in the Builder.
  std::vector<Value> apply_all(std::string op_type, std::vector<Value> inputs,
                               std::vector<AttributeProto> attributes = {});
  Value apply(std::string op_type, std::vector<Value> inputs, std::vector<AttributeProto> attributes = {});
  ValueId apply_id(std::string op_type, std::vector<Value> inputs, std::vector<AttributeProto> attributes = {});
  // The key of a draw of this node's own: from the attribute `seed`, or from the Program's input `rng_key`.
  ValueId random_key();
  // This node's attributes, but those named.
  std::vector<AttributeProto> attributes_but(std::initializer_list<std::string_view> names) const;

 private:
  std::vector<Value> inputs_;
};

using Importer = std::vector<Value> (*)(NodeContext&);
struct Registration {
  const char* op_type;  // "Add"; "com.microsoft:Gelu" outside ai.onnx
  Importer importer;
};
// What each file contributes.
std::span<const Registration> math_importers();
std::span<const Registration> shape_importers();
std::span<const Registration> reduce_importers();
std::span<const Registration> nn_importers();
std::span<const Registration> rnn_importers();
std::span<const Registration> control_importers();
std::span<const Registration> element_importers();
std::span<const Registration> quant_importers();
std::span<const Registration> attention_importers();
std::span<const Registration> loss_importers();
std::span<const Registration> misc_importers();
std::span<const Registration> einsum_importers();
std::span<const Registration> grid_importers();
std::span<const Registration> region_importers();
std::span<const Registration> signal_importers();
std::span<const Registration> training_importers();
std::span<const Registration> choose_importers();
std::span<const Registration> sequence_model_importers();
std::span<const Registration> sequence_importers();
std::span<const Registration> integer_conv_importers();
std::span<const Registration> statistics_importers();
std::span<const Registration> linalg_importers();
std::span<const Registration> ml_importers();
std::span<const Registration> ml_tree_importers();
std::span<const Registration> random_importers();
// All of them, in the order of their names.
std::vector<std::string_view> importer_names();

// Strides, dilations, paddings and groups of a node that convolves input 0 with input `weight`.
op::ConvolutionAttributes convolution_attributes(NodeContext& n, size_t weight);
std::vector<Value> batch_normalization_training(NodeContext& n);
// x as u8 over the range that holds all of it and 0; the scale; the zero point. As DynamicQuantizeLinear.
std::array<ValueId, 3> dynamic_quantized(Builder& b, ValueId x);
// Channels moved from the last place to the second, and back.
ValueId channels_first(Builder& b, ValueId x);
ValueId channels_last(Builder& b, ValueId x);
// activation(conv(input 0, weight) + input 2 + input 3), as com.microsoft's FusedConv.
Value activated_conv(NodeContext& n, Value weight);

// MaxPool, and where in input 0 each largest entry was (i64).
std::pair<ValueId, ValueId> max_pool_with_indices(NodeContext& n, op::WindowAttributes window);

// Operators of ONNX Runtime, com.microsoft.
std::span<const Registration> contrib_math_importers();
std::span<const Registration> contrib_norm_importers();
std::span<const Registration> contrib_attention_importers();
std::span<const Registration> contrib_quant_importers();
std::span<const Registration> contrib_rnn_importers();
std::span<const Registration> nchwc_importers();

AttributeProto make_attribute(std::string name, int64_t value);
AttributeProto make_attribute(std::string name, double value);
AttributeProto make_attribute(std::string name, std::string value);
AttributeProto make_attribute(std::string name, std::vector<int64_t> value);

// numpy.matmul.
ValueId matmul(Builder& b, ValueId x, ValueId y);

// Reads nodes into a Builder. One for the model's graph, and one for each subgraph, which sees its parent's names.
class GraphImporter {
 public:
  struct Model {
    const ModelProto& proto;
    std::filesystem::path folder;
    std::string file_name;
    std::shared_ptr<const void> owner;
    std::vector<std::string> unsupported;  // what was met and can't be read
    // How many nodes may still be imported, calls of functions and unrolled loops counted each time: a small file can
    // ask for 2^32.
    int64_t nodes_left = 0;
    std::optional<int64_t> nchwc_block;  // see nchwc.cpp
  };
  GraphImporter(Model& model, Builder& builder, GraphImporter* parent) : b(builder), model_(model), parent_(parent) {}

  Builder& b;

  void define(const std::string& name, Value value);
  // The value of that name, here or (copied or captured) from the parents; null when nothing has that name.
  const Value* find(const std::string& name);
  // Puts the value into the Builder.
  ValueId materialize(const Value& value);
  void read_initializers(const GraphProto& graph, bool as_parameters);
  void read_nodes(const std::vector<NodeProto>& nodes);
  // A subgraph's body: its own inputs of the given types (those past the subgraph's are for `finish`), then captures of
  // `captures` (names of this graph). `finish`, when given, makes the body's outputs from its inputs and the subgraph's
  // results. Input `trip`, when given, tells a loop's trips apart: draws differ by it.
  using Finish =
      std::function<std::vector<ValueId>(Builder&, std::span<const ValueId> inputs, std::vector<ValueId> results)>;
  Region region(const GraphProto& graph, std::span<const Type> inputs, std::span<const std::string> captures,
                std::string_view name, const Finish& finish = nullptr, std::optional<size_t> trip = {});
  // The results of a subgraph read in place.
  std::vector<Value> inlined(const GraphProto& graph, std::span<const Value> inputs);
  // Names that the subgraphs use and this graph's Builder holds, to be captured; a key, too, when they draw.
  std::vector<std::string> captures_of(std::span<const GraphProto* const> graphs);
  // Whether a graph or what it calls draws random numbers, by seeded nodes too or by others alone.
  bool draws(const GraphProto& graph, bool seeded) const;
  ValueId next_key();
  // Tells the trips of the loop whose body this is apart; a ui64 scalar.
  std::optional<ValueId> trip() const { return trip_; }
  Tensor tensor(const TensorProto& t) const;
  Model& model() { return model_; }
  bool is_root() const { return !parent_; }
  void poison(const std::string& name) { poisoned_[name] = true; }

 private:
  friend class NodeContext;
  void read_node(const NodeProto& node);
  bool is_poisoned(const std::string& name) const;
  bool draws(const std::vector<NodeProto>& nodes, bool seeded, std::set<const FunctionProto*>& seen) const;
  std::optional<std::vector<Value>> folded(const NodeProto& node, const std::vector<Value>& inputs);
  std::vector<Value> import_node(const NodeProto& node, std::vector<Value> inputs);
  const FunctionProto* function_of(const NodeProto& node) const;
  std::vector<Value> import_function(const FunctionProto& f, const NodeProto& node, std::vector<Value> inputs);
  int64_t opset(const std::string& domain) const;

  Model& model_;
  GraphImporter* parent_;
  const std::map<std::string, int64_t>* opsets_ = nullptr;  // of a function, else the model's
  std::unordered_map<std::string, Value> values_;
  std::unordered_map<std::string, bool> poisoned_;  // results of nodes that could not be read
  const FunctionProto* function_ = nullptr;         // whose body this is
  int function_depth_ = 0;
  // Random keys: this graph's own and how many were made from it, or the graph of the same Builder that has one.
  GraphImporter* lender_ = nullptr;
  std::optional<ValueId> key_, trip_;
  uint64_t keys_made_ = 0;
};

}  // namespace ecotone::onnx
