#include "ecotone/ir/builder.h"

#include <algorithm>

#include "ecotone/base/error.h"
#include "ecotone/ir/infer.h"

namespace ecotone {

Dim Builder::symbol(std::string_view name, int64_t min, int64_t max) {
  std::string unique(name);
  for (int i = 1; symbol_ids_.contains(unique); ++i) unique = std::string(name) + "_" + std::to_string(i);
  const auto id = static_cast<SymbolId>(program_.symbols_.size());
  symbol_ids_.emplace(unique, id);
  program_.symbols_.push_back({std::move(unique), min, max});
  return Dim::symbol(id);
}

Dim Builder::named_symbol(std::string_view name, int64_t min, int64_t max) {
  auto it = symbol_ids_.find(std::string(name));
  return it == symbol_ids_.end() ? symbol(name, min, max) : Dim::symbol(it->second);
}

void Builder::set_symbol_range(SymbolId id, int64_t min, int64_t max) {
  program_.symbols_.at(id).min = min;
  program_.symbols_.at(id).max = max;
}

void Builder::assume_equal(const Dim& a, const Dim& b) {
  require_equal(a, b, "sizes");
}

void Builder::require_equal(const Dim& a, const Dim& b, std::string_view what) {
  switch (equal(a, b)) {
    case Decision::kYes:
      return;
    case Decision::kNo:
      fail("{} must be equal but are {} and {}", what, a.str(symbols()), b.str(symbols()));
    case Decision::kUnknown:
      break;
  }
  for (const Assumption& x : program_.assumptions_)
    if ((x.left == a && x.right == b) || (x.left == b && x.right == a)) return;
  program_.assumptions_.push_back({a, b, location_});
}

ValueId Builder::input(std::string name, Type type, std::shared_ptr<const DynamicAttributes> annotations) {
  const auto id = static_cast<ValueId>(types_.size());
  origins_.push_back({Origin::kInput, static_cast<uint32_t>(program_.inputs_.size())});
  types_.push_back(type);
  program_.inputs_.push_back({std::move(name), std::move(type), std::move(annotations)});
  return id;
}

ValueId Builder::parameter(std::string name, TensorType type, std::optional<Tensor> value,
                           std::shared_ptr<const DynamicAttributes> annotations) {
  if (value && (value->dtype() != type.dtype || value->rank() != type.rank()))
    fail("parameter '{}' is {} but its value is {}", name, type.str(symbols()), value->type().str());
  const auto id = static_cast<ValueId>(types_.size());
  origins_.push_back({Origin::kParameter, static_cast<uint32_t>(program_.parameters_.size())});
  types_.emplace_back(type);
  program_.parameters_.push_back({std::move(name), std::move(type), std::move(value), std::move(annotations)});
  return id;
}

void Builder::output(std::string name, ValueId value, std::shared_ptr<const DynamicAttributes> annotations) {
  if (value >= types_.size()) fail("output '{}' names value {}, which does not exist", name, value);
  program_.outputs_.push_back({std::move(name), value, std::move(annotations)});
}

void Builder::alias(uint32_t input, uint32_t output) {
  program_.aliases_.push_back({input, output});
}

std::vector<ValueId> Builder::add(const Op& op, Attributes attributes, std::span<const ValueId> operands,
                                  std::vector<Region> regions, std::span<const ValueId> captures,
                                  std::shared_ptr<const DynamicAttributes> annotations) {
  auto types_of = [&](std::span<const ValueId> values) {
    std::vector<Type> r;
    r.reserve(values.size());
    for (ValueId v : values) {
      if (v >= types_.size()) fail_kind(ErrorKind::kInternal, "{}: operand {} does not exist", op.name, v);
      r.push_back(types_[v]);
    }
    return r;
  };
  if (attributes.info != op.attributes)
    fail_kind(ErrorKind::kInternal, "{} is given attributes of '{}'", op.name,
              attributes.info ? attributes.info->name : "nothing");
  const std::vector<Type> operand_types = types_of(operands), capture_types = types_of(captures);
  std::vector<Type> result_types;
  try {
    result_types = infer_types(op, InferCall{attributes, operand_types, capture_types, regions, *this},
                               [&](const SymbolInfo& s) { return symbol(s.name, s.min, s.max); });
  } catch (const Error& e) {
    throw e.with_context((location_ == kNoLocation ? "" : location_str(location_) + ": ") + op.name);
  }
  Equation e;
  e.op = &op;
  e.attributes = std::move(attributes);
  e.operands.reserve(operands.size() + captures.size());
  e.operands.assign(operands.begin(), operands.end());
  e.operands.insert(e.operands.end(), captures.begin(), captures.end());
  e.capture_count = static_cast<uint32_t>(captures.size());
  e.first_result = static_cast<ValueId>(types_.size());
  e.result_count = static_cast<uint32_t>(result_types.size());
  e.regions = std::move(regions);
  e.location = location_;
  e.annotations = std::move(annotations);
  std::vector<ValueId> results;
  for (Type& t : result_types) {
    results.push_back(static_cast<ValueId>(types_.size()));
    origins_.push_back({Origin::kResult, static_cast<uint32_t>(program_.equations_.size())});
    types_.push_back(std::move(t));
  }
  program_.equations_.push_back(std::move(e));
  return results;
}

ValueId Builder::add1(const Op& op, Attributes attributes, std::initializer_list<ValueId> operands) {
  return add1(op, std::move(attributes), std::span(operands.begin(), operands.size()));
}

ValueId Builder::add1(const Op& op, Attributes attributes, std::span<const ValueId> operands,
                      std::vector<Region> regions, std::span<const ValueId> captures) {
  const auto results = add(op, std::move(attributes), operands, std::move(regions), captures);
  if (results.size() != 1) fail_kind(ErrorKind::kInternal, "{} has {} results, not one", op.name, results.size());
  return results[0];
}

std::vector<ValueId> Builder::inline_program(const Program& body, std::span<const ValueId> args,
                                             std::span<const Dim> dim_args) {
  std::vector<Dim> dims = dims_for(body, dim_args);
  std::vector<ValueId> parameters;
  for (const Parameter& p : body.parameters())
    parameters.push_back(parameter(p.name, std::get<TensorType>(substitute(p.type, dims)), p.value, p.annotations));
  const std::vector<ValueId> values = inline_values(body, args, parameters, dims);
  std::vector<ValueId> outputs;
  for (const Output& o : body.outputs()) outputs.push_back(values[o.value]);
  return outputs;
}

std::vector<Dim> Builder::dims_for(const Program& body, std::span<const Dim> given) {
  std::vector<Dim> dims(given.begin(), given.end());
  for (size_t i = dims.size(); i < body.symbols().size(); ++i) {
    const SymbolInfo& s = body.symbols()[i];
    dims.push_back(symbol(s.name, s.min, s.max));
  }
  return dims;
}

std::vector<ValueId> Builder::inline_values(const Program& body, std::span<const ValueId> args,
                                            std::span<const ValueId> parameters, std::span<const Dim> dim_args) {
  if (args.size() != body.inputs().size() || parameters.size() != body.parameters().size())
    fail("'{}' takes {} inputs and {} parameters but is given {} and {}", body.name(), body.inputs().size(),
         body.parameters().size(), args.size(), parameters.size());
  const std::vector<Dim> dims = dims_for(body, dim_args);
  auto map_dim = [&](const Dim& d) { return d.substitute(dims); };
  for (const Assumption& a : body.assumptions()) require_equal(map_dim(a.left), map_dim(a.right), "sizes");
  std::vector<ValueId> map(args.begin(), args.end());
  map.insert(map.end(), parameters.begin(), parameters.end());
  map.resize(body.value_count());
  const LocationId outer = location_;
  for (const Equation& e : body.equations()) {
    std::vector<ValueId> operands, captures;
    for (ValueId v : e.declared()) operands.push_back(map[v]);
    for (ValueId v : e.captures()) captures.push_back(map[v]);
    std::vector<Region> regions = e.regions;
    for (Region& r : regions)
      for (Dim& d : r.dim_args) d = map_dim(d);
    // What was inlined from a composite's body has no place of its own: it keeps the caller's.
    location_ = outer == kNoLocation ? e.location : outer;
    const auto results =
        add(*e.op, e.attributes.map_dims(map_dim), operands, std::move(regions), captures, e.annotations);
    for (uint32_t i = 0; i < e.result_count; ++i) map[e.first_result + i] = results[i];
  }
  location_ = outer;
  return map;
}

void Builder::name_value(ValueId v, std::string name) {
  program_.value_names_[v] = std::move(name);
}

const Equation* Builder::definition(ValueId v) const {
  const Origin& o = origins_.at(v);
  return o.kind == Origin::kResult ? &program_.equations_[o.index] : nullptr;
}

ProgramRef Builder::build() && {
  Program& p = program_;
  // A range may have been narrowed since the assumption was made.
  for (const Assumption& a : p.assumptions_)
    if (equal(a.left, a.right) == Decision::kNo)
      fail("{}: sizes {} and {} must be equal, but can't be within their ranges",
           a.location == kNoLocation ? p.name_ : location_str(a.location), a.left.str(symbols()),
           a.right.str(symbols()));
  const auto input_count = static_cast<ValueId>(p.inputs_.size());
  const auto first_result = static_cast<ValueId>(input_count + p.parameters_.size());
  std::vector<ValueId> map(types_.size());
  ValueId next = first_result;
  for (size_t v = 0; v < types_.size(); ++v) {
    const Origin& o = origins_[v];
    map[v] = o.kind == Origin::kInput ? o.index : o.kind == Origin::kParameter ? input_count + o.index : next++;
  }
  p.types_.resize(types_.size());
  for (size_t v = 0; v < types_.size(); ++v) p.types_[map[v]] = std::move(types_[v]);
  for (Equation& e : p.equations_) {
    for (ValueId& v : e.operands) v = map[v];
    if (e.result_count) {
      e.first_result = map[e.first_result];
    } else {  // an id between its neighbours' keeps definition() a binary search
      e.first_result = &e == p.equations_.data() ? first_result : (&e - 1)->first_result + (&e - 1)->result_count;
    }
  }
  for (Output& o : p.outputs_) o.value = map[o.value];
  std::unordered_map<ValueId, std::string> names;
  for (auto& [v, name] : p.value_names_) names.emplace(map[v], std::move(name));
  p.value_names_ = std::move(names);
  auto result = std::shared_ptr<Program>(new Program(std::move(program_)));
  program_ = Program();
  types_.clear();
  origins_.clear();
  symbol_ids_.clear();
  return result;
}

}  // namespace ecotone
