// A model: an immutable, typed value. Made by Builder alone.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ecotone/ir/location.h"
#include "ecotone/ir/op.h"
#include "ecotone/ir/tensor.h"
#include "ecotone/ir/type.h"

namespace ecotone {

struct Equation {
  const Op* op = nullptr;
  Attributes attributes;
  std::vector<ValueId> operands;  // the declared ones, then `capture_count` captures, which are passed to every region
  uint32_t capture_count = 0;
  ValueId first_result = 0;
  uint32_t result_count = 0;
  std::vector<Region> regions;
  LocationId location = kNoLocation;
  std::shared_ptr<const DynamicAttributes>
      annotations;  // kept, not understood: shardings, frontend attributes; may be null

  std::span<const ValueId> declared() const { return std::span(operands).first(operands.size() - capture_count); }
  std::span<const ValueId> captures() const { return std::span(operands).last(capture_count); }
};

struct Input {
  std::string name;
  Type type;
  std::shared_ptr<const DynamicAttributes> annotations;  // may be null
};

// Between inputs and constants: named and typed like an input, with storage by default.
struct Parameter {
  std::string name;
  TensorType type;
  std::optional<Tensor> value;
  std::shared_ptr<const DynamicAttributes> annotations;  // may be null
};

struct Output {
  std::string name;
  ValueId value = 0;
  std::shared_ptr<const DynamicAttributes> annotations{};  // may be null
};

// left == right is taken to hold, and checked when the Program runs.
struct Assumption {
  Dim left, right;
  LocationId location = kNoLocation;
};

// Input `input` may be overwritten to become output `output` (donation).
struct Alias {
  uint32_t input = 0, output = 0;
};

class Program {
 public:
  const std::string& name() const { return name_; }
  std::span<const SymbolInfo> symbols() const { return symbols_; }
  std::span<const Assumption> assumptions() const { return assumptions_; }
  std::span<const Input> inputs() const { return inputs_; }
  std::span<const Parameter> parameters() const { return parameters_; }
  std::span<const Equation> equations() const { return equations_; }
  std::span<const Output> outputs() const { return outputs_; }
  std::span<const Alias> aliases() const { return aliases_; }
  // Of the whole: device meshes, how many processes it was made for. May be null.
  const std::shared_ptr<const DynamicAttributes>& annotations() const { return annotations_; }

  size_t value_count() const { return types_.size(); }
  const Type& type(ValueId v) const { return types_[v]; }
  const TensorType& tensor_type(ValueId v) const { return tensor(types_[v]); }
  ValueId input_value(size_t i) const { return static_cast<ValueId>(i); }
  ValueId parameter_value(size_t i) const { return static_cast<ValueId>(inputs_.size() + i); }
  bool is_input(ValueId v) const { return v < inputs_.size(); }
  bool is_parameter(ValueId v) const { return v >= inputs_.size() && v < inputs_.size() + parameters_.size(); }
  // The equation that makes a value; null for inputs and parameters. Takes O(log n).
  const Equation* definition(ValueId v) const;

  // The name that the value had where it was imported from (a tap), or empty.
  std::string_view value_name(ValueId v) const;
  const std::unordered_map<ValueId, std::string>& value_names() const { return value_names_; }
  std::vector<Type> input_types() const;
  std::vector<Type> output_types() const;

 private:
  friend class Builder;
  Program() = default;

  std::string name_;
  std::vector<SymbolInfo> symbols_;
  std::vector<Assumption> assumptions_;
  std::vector<Input> inputs_;
  std::vector<Parameter> parameters_;
  std::vector<Equation> equations_;
  std::vector<Output> outputs_;
  std::vector<Alias> aliases_;
  std::shared_ptr<const DynamicAttributes> annotations_;
  std::vector<Type> types_;
  std::unordered_map<ValueId, std::string> value_names_;
};

}  // namespace ecotone
