// Sequences and optionals. Their lengths are known when the model is read, so they are lists of values and leave no
// trace in the Program.
#include <algorithm>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"

namespace ecotone::onnx {
namespace {

constexpr int64_t kMostItems = 4096;

std::vector<Value> items(NodeContext& n, size_t i) {
  const Value& v = n.input(i);
  if (!v.items) fail("input {} is no sequence", i);
  return *v.items;
}

// Input i, or `otherwise`, as a position in [0, limit); negative ones count from the end.
std::ptrdiff_t position(NodeContext& n, size_t i, int64_t otherwise, int64_t length, int64_t limit) {
  int64_t at = n.has(i) ? n.ints(i, "the position").at(0) : otherwise;
  if (at < 0) at += length;
  if (at < 0 || at >= limit) fail("position {} is outside a sequence of {}", at, length);
  return static_cast<std::ptrdiff_t>(at);
}

std::vector<Value> sequence_construct(NodeContext& n) {
  std::vector<Value> list;
  for (size_t i = 0; i < n.input_count(); ++i) list.push_back(n.input(i));
  return {Value::sequence(std::move(list))};
}
std::vector<Value> sequence_empty(NodeContext&) {
  return {Value::sequence({})};
}
std::vector<Value> sequence_at(NodeContext& n) {
  const std::vector<Value> list = items(n, 0);
  const auto length = static_cast<int64_t>(list.size());
  return {list[static_cast<size_t>(position(n, 1, 0, length, length))]};
}
std::vector<Value> sequence_insert(NodeContext& n) {
  std::vector<Value> list = items(n, 0);
  const auto length = static_cast<int64_t>(list.size());
  if (length >= kMostItems) fail("a sequence of more than {} tensors", kMostItems);
  list.insert(list.begin() + position(n, 2, length, length, length + 1), n.input(1));
  return {Value::sequence(std::move(list))};
}
std::vector<Value> sequence_erase(NodeContext& n) {
  std::vector<Value> list = items(n, 0);
  const auto length = static_cast<int64_t>(list.size());
  list.erase(list.begin() + position(n, 1, length - 1, length, length));
  return {Value::sequence(std::move(list))};
}
std::vector<Value> sequence_length(NodeContext& n) {
  return {Value::of_dims({static_cast<int64_t>(items(n, 0).size())}, DType::kI64, true)};
}

// Parts of size 1 (whose dimension keepdims says to keep), of one size, or of given sizes.
std::vector<Value> split_to_sequence(NodeContext& n) {
  const Expr x = input(n, 0);
  const int64_t axis = n.axis_attribute("axis", 0, x.rank());
  const Dim size = x.size(axis);
  if (!size.is_constant()) fail_kind(ErrorKind::kUnsupported, "a split of an open size; fix it with --shape");
  const int64_t length = size.constant();
  std::vector<int64_t> sizes;
  if (n.has(1) && n.rank(1) == 1) {
    sizes = n.ints(1, "split");
  } else {
    const int64_t each = n.has(1) ? n.ints(1, "split").at(0) : 1;
    if (each < 1 || length / each > kMostItems) fail("a split of {} into parts of {}", length, each);
    for (int64_t at = 0; at < length; at += each) sizes.push_back(std::min(each, length - at));
  }
  const bool drop = !n.has(1) && n.int_attribute("keepdims", 1) == 0;
  std::vector<Value> list;
  int64_t at = 0;
  for (int64_t s : sizes) {
    if (s < 0 || s > length - at) fail("the parts do not add up to {}", length);
    list.push_back(n.result(drop ? x.entry(axis, at) : x.part(axis, at, at + s)));
    at += s;
  }
  if (at != length) fail("the parts add up to {}, not {}", at, length);
  return {Value::sequence(std::move(list))};
}

std::vector<Value> concat_from_sequence(NodeContext& n) {
  const std::vector<Value> list = items(n, 0);
  if (list.empty()) fail("an empty sequence can't be joined");
  const bool stack = n.int_attribute("new_axis", 0) != 0;
  const int64_t rank = list[0].type.rank();
  const int64_t axis = n.axis_attribute("axis", 0, rank + (stack ? 1 : 0));
  std::vector<ValueId> parts;
  for (const Value& v : list) {
    const Expr x{n.b, n.graph.materialize(v)};
    parts.push_back(stack ? x.expand({axis}) : x);
  }
  return {n.result(op::concatenate(n.b, parts, axis))};
}

// The body once for each entry of the first sequence; other sequences go along with it, tensors are given each time.
std::vector<Value> sequence_map(NodeContext& n) {
  const GraphProto& body = n.graph_attribute("body");
  const size_t length = items(n, 0).size();
  std::vector<std::vector<Value>> outputs(body.outputs.size());
  for (size_t i = 0; i < length; ++i) {
    std::vector<Value> inputs;
    for (size_t k = 0; k < n.input_count(); ++k) {
      const Value& v = n.input(k);
      if (v.items && v.items->size() != length) fail("sequences of {} and {} tensors", length, v.items->size());
      inputs.push_back(v.items ? (*v.items)[i] : v);
    }
    std::vector<Value> results = n.graph.inlined(body, inputs);
    for (size_t k = 0; k < results.size(); ++k) outputs[k].push_back(std::move(results[k]));
  }
  std::vector<Value> sequences;
  for (std::vector<Value>& list : outputs) sequences.push_back(Value::sequence(std::move(list)));
  return sequences;
}

std::vector<Value> optional(NodeContext& n) {
  return {n.has(0) ? n.input(0) : Value::absent()};
}
std::vector<Value> optional_has_element(NodeContext& n) {
  return {Value::of_dims({n.has(0) ? 1 : 0}, DType::kBool, true)};
}
std::vector<Value> optional_get_element(NodeContext& n) {
  return {n.input(0)};
}

}  // namespace

std::span<const Registration> sequence_importers() {
  static constexpr Registration list[] = {
      {"SequenceConstruct", sequence_construct},
      {"SequenceEmpty", sequence_empty},
      {"SequenceAt", sequence_at},
      {"SequenceInsert", sequence_insert},
      {"SequenceErase", sequence_erase},
      {"SequenceLength", sequence_length},
      {"SplitToSequence", split_to_sequence},
      {"ConcatFromSequence", concat_from_sequence},
      {"SequenceMap", sequence_map},
      {"Optional", optional},
      {"OptionalHasElement", optional_has_element},
      {"OptionalGetElement", optional_get_element},
  };
  return list;
}

}  // namespace ecotone::onnx
