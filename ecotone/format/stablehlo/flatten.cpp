// Tuples taken apart: a value that is a tuple becomes the values in it, so that nothing behind the parser knows tuples.
#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/syntax.h"

namespace ecotone::stablehlo::syntax {
namespace {

constexpr size_t kMostElements = 1 << 20;  // aliases of types, and uses, may repeat tuples without end

class Flattener {
 public:
  explicit Flattener(File& file) : file_(file) {}

  void function(Function& f) {
    values_.clear();
    const size_t results = f.result_types.size();
    std::vector<TypeRef> types;
    std::vector<Attributes> attributes;
    for (size_t i = 0; i < results; ++i) {
      append(types, f.result_types[i], f.at);
      if (i < f.result_attributes.size())
        attributes.resize(types.size() - 1), attributes.push_back(f.result_attributes[i]);
    }
    f.result_types = std::move(types);
    f.result_attributes = std::move(attributes);
    region(f.body);
  }

 private:
  struct Value {
    TypeRef type;
    std::vector<Use> parts;
  };

  [[noreturn]] void fail_at(Position at, std::string_view message) const {
    fail("{}:{}:{}: {}", file_.name, at.line, at.column, message);
  }

  void count(size_t more, Position at) {
    elements_ += more;
    if (elements_ > kMostElements) fail_at(at, "the tuples have too many elements");
  }

  void append(std::vector<TypeRef>& types, const TypeRef& type, Position at) {
    if (!type || type->kind != Type::Kind::kTuple) {
      types.push_back(type);
      count(1, at);
      return;
    }
    for (const TypeRef& element : type->elements) append(types, element, at);
  }
  std::vector<TypeRef> flat(const std::vector<TypeRef>& types, Position at) {
    std::vector<TypeRef> all;
    for (const TypeRef& t : types) append(all, t, at);
    return all;
  }

  // The values that a use stands for.
  const Value* find(const Use& use) const {
    const auto found = values_.find(use.name);
    return found == values_.end() || use.index >= found->second.size() ? nullptr : &found->second[use.index];
  }
  std::vector<Use> flat(const std::vector<Use>& uses) {
    std::vector<Use> all;
    for (const Use& use : uses) {
      const Value* value = find(use);
      if (!value) {
        all.push_back(use);
        continue;
      }
      count(value->parts.size(), use.at);
      for (Use part : value->parts) {
        part.at = use.at;
        all.push_back(part);
      }
    }
    return all;
  }

  void region(Region& r) {
    std::vector<Argument> arguments;
    for (Argument& a : r.arguments) {
      if (!a.type || a.type->kind != Type::Kind::kTuple) {
        values_.erase(a.name);  // of a region before this one
        arguments.push_back(std::move(a));
        continue;
      }
      Value whole{a.type, {}};
      for (const TypeRef& t : flat({a.type}, a.at)) {
        const std::string_view name = file_.names.emplace_back(fmt::format("{}.{}", a.name, whole.parts.size()));
        whole.parts.push_back({name, 0, a.at});
        arguments.push_back({name, t, a.at, a.attributes});
      }
      values_[a.name] = {std::move(whole)};
    }
    r.arguments = std::move(arguments);
    std::vector<Operation> operations;
    for (Operation& op : r.operations)
      if (!is_taken_apart(op)) {
        operation(op);
        operations.push_back(std::move(op));
      }
    r.operations = std::move(operations);
  }

  // tuple and get_tuple_element only say which values are meant.
  bool is_taken_apart(const Operation& op) {
    const bool makes = op.name == "stablehlo.tuple", takes = op.name == "stablehlo.get_tuple_element";
    if (!makes && !takes) return false;
    if (op.results.size() != 1 || op.results[0].count != 1 || op.result_types.size() != 1)
      fail_at(op.at, op.name + " gives one value");
    Value made{op.result_types[0], {}};
    if (makes) {
      made.parts = flat(op.operands);
      if (made.parts.size() != flat({made.type}, op.at).size())
        fail_at(op.at, fmt::format("stablehlo.tuple: {} values are no {}", made.parts.size(), made.type->str()));
    } else {
      const Value* whole = op.operands.size() == 1 ? find(op.operands[0]) : nullptr;
      const Attribute* index = syntax::find(op.attributes, "index");
      if (!whole || whole->type->kind != Type::Kind::kTuple)
        fail_at(op.at, "stablehlo.get_tuple_element takes a tuple");
      const std::vector<TypeRef>& elements = whole->type->elements;
      if (!index || index->integer < 0 || index->integer >= static_cast<int64_t>(elements.size()))
        fail_at(op.at, fmt::format("stablehlo.get_tuple_element: the tuple has {} elements", elements.size()));
      const auto place = static_cast<std::ptrdiff_t>(index->integer);
      const size_t first = flat({elements.begin(), elements.begin() + place}, op.at).size();
      made.type = elements[static_cast<size_t>(place)];
      const size_t width = flat({made.type}, op.at).size();
      for (size_t i = first; i < first + width; ++i) made.parts.push_back(whole->parts.at(i));
    }
    values_[op.results[0].name] = {std::move(made)};
    return true;
  }

  void operation(Operation& op) {
    op.operands = flat(op.operands);
    op.operand_types = flat(op.operand_types, op.at);
    size_t next = 0;
    for (Result& r : op.results) {
      std::vector<Value> values;
      uint32_t count = 0;
      bool any = false;
      for (uint32_t i = 0; i < r.count && next < op.result_types.size(); ++i) {
        Value value{op.result_types[next++], {}};
        any = any || (value.type && value.type->kind == Type::Kind::kTuple);
        for (size_t n = flat({value.type}, op.at).size(); n > 0; --n) value.parts.push_back({r.name, count++, r.at});
        values.push_back(std::move(value));
      }
      values_.erase(r.name);
      if (any) values_[r.name] = std::move(values);
      r.count = count;
    }
    op.result_types = flat(op.result_types, op.at);
    for (Region& r : op.regions) region(r);
  }

  File& file_;
  std::unordered_map<std::string_view, std::vector<Value>> values_;
  size_t elements_ = 0;
};

}  // namespace

void flatten_tuples(File& file) {
  Flattener flattener(file);
  for (Function& f : file.functions) flattener.function(f);
}

}  // namespace ecotone::stablehlo::syntax
