// If, Loop and Scan. What is known when the model is read decides: a known condition takes one branch, a short known
// trip count unrolls.
#include "ecotone/op/control.h"

#include <algorithm>
#include <array>
#include <limits>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/import.h"
#include "ecotone/op/build.h"
#include "ecotone/op/convert.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/shape.h"

namespace ecotone::onnx {
namespace {

constexpr int64_t kMostUnrolled = 32;

std::optional<int64_t> known_scalar(const Value& v) {
  if (!v.dims || v.dims->size() != 1) return std::nullopt;
  return (*v.dims)[0].as_constant();
}

std::vector<ValueId> captured(NodeContext& n, const std::vector<std::string>& names) {
  std::vector<ValueId> captures;
  for (const std::string& name : names) captures.push_back(n.graph.materialize(*n.graph.find(name)));
  return captures;
}

std::vector<Value> as_values(NodeContext& n, const std::vector<ValueId>& ids) {
  std::vector<Value> values;
  for (ValueId id : ids) values.push_back(n.result(id));
  return values;
}

std::vector<Value> conditional(NodeContext& n) {
  const GraphProto &on_true = n.graph_attribute("then_branch"), &on_false = n.graph_attribute("else_branch");
  if (const auto known = known_scalar(n.input(0))) return n.graph.inlined(*known ? on_true : on_false, {});
  const GraphProto* const graphs[] = {&on_true, &on_false};
  const std::vector<std::string> names = n.graph.captures_of(graphs);
  const std::vector<ValueId> captures = captured(n, names);
  const ValueId pred = op::reshape(n.b, n.in(0), {});
  Region then_region = n.graph.region(on_true, {}, names, "then"),
         else_region = n.graph.region(on_false, {}, names, "else");
  return as_values(n, op::if_(n.b, pred, std::move(then_region), std::move(else_region), captures));
}

// Loop ----------------------------------------------------------------------------------------------------------------

Value known_value(int64_t value, DType dtype) {
  return Value::of_dims({value}, dtype, true);
}

// One copy of the body a trip, as long as each trip's condition is known when the model is read; nothing when one
// isn't.
std::optional<std::vector<Value>> unrolled(NodeContext& n, const GraphProto& body, int64_t trips, bool condition) {
  std::vector<Value> carried;
  for (size_t i = 2; i < n.input_count(); ++i) carried.push_back(n.input(i));
  const size_t outputs = body.outputs.size() - 1 - carried.size();
  std::vector<std::vector<ValueId>> stacked(outputs);
  const int64_t front[] = {0};
  for (int64_t trip = 0; trip < trips && condition; ++trip) {
    std::vector<Value> inputs{known_value(trip, DType::kI64), known_value(1, DType::kBool)};
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    std::vector<Value> results = n.graph.inlined(body, inputs);
    const auto next = known_scalar(results[0]);
    if (!next) return std::nullopt;
    condition = *next != 0;
    for (size_t i = 0; i < outputs; ++i)
      stacked[i].push_back(op::expand_dims(n.b, n.graph.materialize(results[1 + carried.size() + i]), front));
    std::move(results.begin() + 1, results.begin() + 1 + static_cast<std::ptrdiff_t>(carried.size()), carried.begin());
  }
  for (const std::vector<ValueId>& parts : stacked) {
    if (parts.empty()) return std::nullopt;  // the entries' shape is not known
    carried.push_back(n.result(op::concatenate(n.b, parts, 0)));
  }
  return carried;
}

// Carries (trip, condition, values..., limit) while trip < limit and condition.
std::vector<Value> while_loop(NodeContext& n, const GraphProto& body) {
  const std::vector<std::string> names = n.graph.captures_of(std::array{&body});
  const std::vector<ValueId> captures = captured(n, names);
  std::vector<ValueId> carried{op::scalar_int(n.b, DType::kI64, 0),
                               n.has(1) ? op::reshape(n.b, n.in(1), {}) : op::scalar_int(n.b, DType::kBool, 1)};
  for (size_t i = 2; i < n.input_count(); ++i) carried.push_back(n.in(i));
  const size_t last = carried.size();
  carried.push_back(n.has(0) ? op::reshape(n.b, n.in(0), {})
                             : op::scalar_int(n.b, DType::kI64, std::numeric_limits<int64_t>::max()));
  std::vector<Type> types;
  for (ValueId v : carried) types.push_back(n.b.type(v));
  Region step = n.graph.region(
      body, types, names, "body",
      [last](Builder& g, std::span<const ValueId> args, std::vector<ValueId> results) {
        results[0] = op::reshape(g, results[0], {});
        results.insert(results.begin(), op::add(g, args[0], op::scalar_int(g, DType::kI64, 1)));
        results.push_back(args[last]);
        return results;
      },
      0);
  for (ValueId c : captures) types.push_back(n.b.type(c));
  Region goes_on = op::make_region(
      n.b, "condition", types, [last](Builder& g, std::span<const ValueId> args) -> std::vector<ValueId> {
        return {op::and_(g, args[1], op::compare(g, op::ComparisonDirection::kLt, args[0], args[last]))};
      });
  const std::vector<ValueId> results = op::while_(n.b, carried, std::move(goes_on), std::move(step), captures);
  return as_values(n, {results.begin() + 2, results.end() - 1});
}

// Whether the body hands on the condition that it is given.
bool keeps_condition(const GraphProto& body) {
  const std::string &given = body.inputs[1].name, &made = body.outputs[0].name;
  if (given == made) return true;
  return std::ranges::any_of(body.nodes, [&](const NodeProto& node) {
    return node.op_type == "Identity" && node.domain.empty() && node.inputs.size() == 1 && node.inputs[0] == given &&
           node.outputs.size() == 1 && node.outputs[0] == made;
  });
}

// A loop that stacks outputs, as a scan over its trip count. Once the condition fails, trips change nothing any more,
// and of the stacked outputs only the first ones are taken.
std::vector<Value> scanned_loop(NodeContext& n, const GraphProto& body, std::optional<int64_t> known_trips,
                                bool always) {
  Builder& b = n.b;
  const std::vector<std::string> names = n.graph.captures_of(std::array{&body});
  const std::vector<ValueId> captures = captured(n, names);
  Dim length;
  if (known_trips) {
    length = std::max<int64_t>(0, *known_trips);
  } else {
    const ValueId trips = op::reshape(b, n.in(0), {}), zero = op::scalar_int(b, n.dtype(0), 0);
    length = op::size_from(b, op::maximum(b, trips, zero), std::numeric_limits<int32_t>::max(), "trips");
  }
  std::vector<ValueId> carries{op::scalar_int(b, DType::kI64, 0),
                               n.has(1) ? op::reshape(b, n.in(1), {}) : op::scalar_int(b, DType::kBool, 1)};
  for (size_t i = 2; i < n.input_count(); ++i) carries.push_back(n.in(i));
  const size_t count_at = carries.size();  // trips that ran
  carries.push_back(op::scalar_int(b, DType::kI64, 0));
  std::vector<Type> types;
  for (ValueId v : carries) types.push_back(b.type(v));
  Region step = n.graph.region(
      body, types, names, "body",
      [&](Builder& g, std::span<const ValueId> args, std::vector<ValueId> results) {
        results[0] = op::and_(g, args[1], op::reshape(g, results[0], {}));
        if (!always)
          for (size_t i = 1; i + 1 < count_at; ++i) results[i] = op::select(g, args[1], results[i], args[i + 1]);
        results.insert(results.begin(), op::add(g, args[0], op::scalar_int(g, DType::kI64, 1)));
        const ValueId ran = op::add(g, args[count_at], op::convert(g, args[1], DType::kI64));
        results.insert(results.begin() + static_cast<std::ptrdiff_t>(count_at), ran);
        return results;
      },
      0);
  std::vector<ValueId> results = op::scan(b, carries, {}, length, std::move(step), false, captures);
  if (!always)
    for (size_t i = count_at + 1; i < results.size(); ++i)
      results[i] = op::take_prefix(b, results[i], results[count_at], 0);
  results.erase(results.begin() + static_cast<std::ptrdiff_t>(count_at));
  return as_values(n, {results.begin() + 2, results.end()});
}

std::vector<Value> loop(NodeContext& n) {
  const GraphProto& body = n.graph_attribute("body");
  const size_t carried = n.input_count() < 2 ? 0 : n.input_count() - 2;
  if (body.outputs.size() < carried + 1 || body.inputs.size() != carried + 2)
    fail("the body takes {} values and gives {}, but {} are carried", body.inputs.size(), body.outputs.size(), carried);
  const auto trips = n.has(0) ? known_scalar(n.input(0)) : std::nullopt;
  const auto condition = n.has(1) ? known_scalar(n.input(1)) : std::optional<int64_t>(1);
  const bool stacks = body.outputs.size() > carried + 1;
  if (trips && condition && *trips <= kMostUnrolled)
    if (auto values = unrolled(n, body, *trips, *condition != 0)) return std::move(*values);
  if (stacks && !n.has(0)) fail_kind(ErrorKind::kUnsupported, "a Loop that stacks outputs and has no trip count");
  if (stacks) return scanned_loop(n, body, trips, condition == 1 && keeps_condition(body));
  return while_loop(n, body);
}

// Scan ----------------------------------------------------------------------------------------------------------------

ValueId move_axis(Builder& b, ValueId x, int64_t from, int64_t to) {
  std::vector<int64_t> order;
  for (int64_t d = 0; d < b.rank(x); ++d)
    if (d != from) order.push_back(d);
  order.insert(order.begin() + to, from);
  return op::transpose(b, x, std::move(order));
}

// The scan of a body. When it draws, the trips are numbered by one more thing to scan over.
std::vector<ValueId> scan_body(NodeContext& n, const GraphProto& body, const std::vector<ValueId>& carries,
                               std::vector<ValueId> scanned, std::vector<Type> types) {
  const std::vector<std::string> names = n.graph.captures_of(std::array{&body});
  const std::vector<ValueId> captures = captured(n, names);
  const Dim length = n.b.tensor_type(scanned[0]).shape[0];
  std::optional<size_t> trip;
  if (n.graph.draws(body, true)) {
    trip = types.size();
    scanned.push_back(op::iota(n.b, {DType::kI64, {length}}, 0));
    types.emplace_back(TensorType{DType::kI64, {}});
  }
  Region region = n.graph.region(body, types, names, "scan", nullptr, trip);
  return op::scan(n.b, carries, scanned, length, std::move(region), false, captures);
}

// Opset 8's Scan: each entry of a batch, known when the model is read, has a scan of its own.
std::vector<Value> batched_scan(NodeContext& n) {
  Builder& b = n.b;
  const GraphProto& body = n.graph_attribute("body");
  const auto given = static_cast<int64_t>(n.input_count()) - 1, scanned_count = n.int_attribute("num_scan_inputs", 0);
  if (scanned_count < 1 || scanned_count > given) fail("num_scan_inputs is {}", scanned_count);
  if (n.has(0)) fail_kind(ErrorKind::kUnsupported, "Scan of opset 8 with sequence lengths");
  const auto states = static_cast<size_t>(given - scanned_count);
  const auto directions = n.ints_attribute("directions").value_or(std::vector<int64_t>{});
  if (n.rank(1) == 0) fail("input 1 has no batch dimension");
  const Dim batch = n.type(1).shape[0];
  if (!batch.is_constant() || batch.constant() < 1 || batch.constant() > kMostUnrolled)
    fail_kind(ErrorKind::kUnsupported, "Scan of opset 8 over an open or large batch");
  const int64_t front[] = {0};
  std::vector<std::vector<ValueId>> parts;
  for (int64_t entry = 0; entry < batch.constant(); ++entry) {
    std::vector<ValueId> carries, scanned;
    std::vector<Type> types;
    for (size_t i = 0; i < static_cast<size_t>(given); ++i) {
      std::vector<Dim> start(static_cast<size_t>(n.rank(i + 1)), 0), limit = n.type(i + 1).shape;
      start.at(0) = entry;
      limit.at(0) = entry + 1;
      ValueId x = op::squeeze(b, op::slice(b, n.in(i + 1), std::move(start), std::move(limit)), front);
      TensorType type = b.tensor_type(x);
      if (i >= states) {
        if (type.rank() == 0) fail("input {} has no dimension to scan", i + 1);
        if (i - states < directions.size() && directions[i - states] == 1) x = op::reverse(b, x, {0});
        type.shape.erase(type.shape.begin());
      }
      (i < states ? carries : scanned).push_back(x);
      types.emplace_back(std::move(type));
    }
    std::vector<ValueId> results = scan_body(n, body, carries, std::move(scanned), std::move(types));
    for (ValueId& v : results) v = op::expand_dims(b, v, front);
    parts.push_back(std::move(results));
  }
  std::vector<ValueId> outputs;
  for (size_t k = 0; k < parts[0].size(); ++k) {
    std::vector<ValueId> column;
    for (const std::vector<ValueId>& p : parts) column.push_back(p[k]);
    outputs.push_back(op::concatenate(b, column, 0));
  }
  return as_values(n, outputs);
}

std::vector<Value> scan(NodeContext& n) {
  if (n.opset < 9) return batched_scan(n);
  const GraphProto& body = n.graph_attribute("body");
  const int64_t scanned_count = n.int_attribute("num_scan_inputs", 0);
  if (scanned_count < 1 || scanned_count > static_cast<int64_t>(n.input_count()))
    fail("num_scan_inputs is {}", scanned_count);
  const size_t states = n.input_count() - static_cast<size_t>(scanned_count);
  const auto setting = [&](const char* name, size_t i) {
    const auto list = n.ints_attribute(name);
    return list && i < list->size() ? (*list)[i] : 0;
  };
  std::vector<ValueId> carries, scanned;
  std::vector<Type> types;
  for (size_t i = 0; i < states; ++i) {
    carries.push_back(n.in(i));
    types.emplace_back(n.type(i));
  }
  for (size_t i = states; i < n.input_count(); ++i) {
    ValueId x = move_axis(n.b, n.in(i), op::normalize_axis(setting("scan_input_axes", i - states), n.rank(i)), 0);
    if (setting("scan_input_directions", i - states) == 1) x = op::reverse(n.b, x, {0});
    scanned.push_back(x);
    TensorType slice = n.b.tensor_type(x);
    slice.shape.erase(slice.shape.begin());
    types.emplace_back(std::move(slice));
  }
  std::vector<ValueId> results = scan_body(n, body, carries, std::move(scanned), std::move(types));
  for (size_t i = states; i < results.size(); ++i) {
    if (setting("scan_output_directions", i - states) == 1) results[i] = op::reverse(n.b, results[i], {0});
    results[i] = move_axis(n.b, results[i], 0,
                           op::normalize_axis(setting("scan_output_axes", i - states), n.b.rank(results[i])));
  }
  return as_values(n, results);
}

}  // namespace

std::span<const Registration> control_importers() {
  static constexpr Registration list[] = {{"If", conditional}, {"Loop", loop}, {"Scan", scan}};
  return list;
}

}  // namespace ecotone::onnx
