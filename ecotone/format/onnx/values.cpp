// Values and node contexts.
#include <algorithm>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"

namespace ecotone::onnx {

// Longer tensors are data, not shapes.
static constexpr int64_t kMaxSizes = 64;

Value Value::of_constant(Tensor t) {
  Value v;
  v.type = t.type();
  if ((is_integer(t.dtype()) || t.dtype() == DType::kBool) && t.rank() <= 1 && t.size() <= kMaxSizes) {
    v.dims.emplace();
    for (int64_t i : t.to_ints()) v.dims->emplace_back(i);
  }
  v.constant = std::move(t);
  return v;
}

Value Value::of_dims(std::vector<Dim> dims, DType dtype, bool scalar) {
  Value v;
  v.type = {dtype, scalar ? std::vector<Dim>{} : std::vector<Dim>{static_cast<int64_t>(dims.size())}};
  bool known = true;
  for (const Dim& d : dims) known = known && d.is_constant();
  if (known) {
    MutableTensor t(dtype, v.type.static_shape());
    for (size_t i = 0; i < dims.size(); ++i) t.set_int(static_cast<int64_t>(i), dims[i].constant());
    v.constant = std::move(t).freeze();
  }
  v.dims = std::move(dims);
  return v;
}

Value Value::sequence(std::vector<Value> items) {
  Value v;
  v.items = std::make_shared<const std::vector<Value>>(std::move(items));
  return v;
}

NodeContext::NodeContext(GraphImporter& g, const NodeProto& n, std::vector<Value> inputs, int64_t version)
    : b(g.b), graph(g), node(n), opset(version), inputs_(std::move(inputs)) {}

const Value& NodeContext::input(size_t i) const {
  if (!has(i)) fail("input {} is missing", i);
  return inputs_[i];
}

ValueId NodeContext::in(size_t i) {
  input(i);
  if (inputs_[i].id == kNoValue) inputs_[i].id = graph.materialize(inputs_[i]);
  return inputs_[i].id;
}

const Tensor* NodeContext::constant(size_t i) const {
  return has(i) && inputs_[i].constant ? &*inputs_[i].constant : nullptr;
}

std::vector<int64_t> NodeContext::ints(size_t i, const char* what) const {
  const Tensor* t = constant(i);
  if (!t)
    fail_kind(ErrorKind::kUnsupported, "{} (input {}) is computed from data or from open sizes; fix these with --shape",
              what, i);
  return t->plain().to_ints();
}

std::vector<Dim> NodeContext::sizes(size_t i, const char* what) const {
  if (const auto* d = dims(i)) return *d;
  return to_dims(ints(i, what));
}

const AttributeProto* NodeContext::attribute(std::string_view name) const {
  for (const AttributeProto& a : node.attributes)
    if (a.name == name) return &a;
  return nullptr;
}
int64_t NodeContext::int_attribute(std::string_view name, int64_t otherwise) const {
  const AttributeProto* a = attribute(name);
  return a ? a->i : otherwise;
}
double NodeContext::float_attribute(std::string_view name, double otherwise) const {
  const AttributeProto* a = attribute(name);
  return a ? static_cast<double>(a->f) : otherwise;
}
std::string NodeContext::string_attribute(std::string_view name, const std::string& otherwise) const {
  const AttributeProto* a = attribute(name);
  return a ? a->s : otherwise;
}
std::optional<std::vector<int64_t>> NodeContext::ints_attribute(std::string_view name) const {
  const AttributeProto* a = attribute(name);
  return a ? std::optional(a->ints) : std::nullopt;
}
const GraphProto& NodeContext::graph_attribute(std::string_view name) const {
  const AttributeProto* a = attribute(name);
  if (!a || !a->graph) fail("attribute '{}' must be a graph", name);
  return *a->graph;
}
std::vector<AttributeProto> NodeContext::attributes_but(std::initializer_list<std::string_view> names) const {
  std::vector<AttributeProto> kept;
  for (const AttributeProto& a : node.attributes)
    if (std::find(names.begin(), names.end(), a.name) == names.end()) kept.push_back(a);
  return kept;
}

AttributeProto make_attribute(std::string name, int64_t value) {
  AttributeProto a;
  a.name = std::move(name);
  a.i = value;
  return a;
}
AttributeProto make_attribute(std::string name, double value) {
  AttributeProto a;
  a.name = std::move(name);
  a.f = static_cast<float>(value);
  return a;
}
AttributeProto make_attribute(std::string name, std::string value) {
  AttributeProto a;
  a.name = std::move(name);
  a.s = std::move(value);
  return a;
}
AttributeProto make_attribute(std::string name, std::vector<int64_t> value) {
  AttributeProto a;
  a.name = std::move(name);
  a.ints = std::move(value);
  return a;
}

int64_t NodeContext::axis_attribute(std::string_view name, int64_t otherwise, int64_t rank) const {
  return op::normalize_axis(int_attribute(name, otherwise), rank);
}

std::vector<int64_t> NodeContext::axes(size_t i, int64_t since, int64_t rank) const {
  std::vector<int64_t> list;
  if (opset < since)
    list = ints_attribute("axes").value_or(std::vector<int64_t>{});
  else if (has(i))
    list = ints(i, "axes");
  for (int64_t& a : list) a = op::normalize_axis(a, rank);
  return list;
}

}  // namespace ecotone::onnx
