// Makes Programs.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ecotone/ir/program.h"

namespace ecotone {

// Grows a Program. Inputs and parameters may be added at any time; build() renumbers. Every add() infers and checks
// types, and throws Error prefixed with the location when they are wrong.
class Builder final : private DimContext {
 public:
  explicit Builder(std::string name = "main") { program_.name_ = std::move(name); }

  // A new symbol; a name that is taken gets a number appended.
  Dim symbol(std::string_view name, int64_t min = 0, int64_t max = std::numeric_limits<int64_t>::max());
  // The symbol of that name, made if there is none.
  Dim named_symbol(std::string_view name, int64_t min = 0, int64_t max = std::numeric_limits<int64_t>::max());
  std::span<const SymbolInfo> symbols() const override { return program_.symbols_; }
  // Narrows or sets the range of a symbol.
  void set_symbol_range(SymbolId id, int64_t min, int64_t max);
  void assume_equal(const Dim& a, const Dim& b);
  DimContext& dims() { return *this; }

  ValueId input(std::string name, Type type, std::shared_ptr<const DynamicAttributes> annotations = nullptr);
  ValueId parameter(std::string name, TensorType type, std::optional<Tensor> value,
                    std::shared_ptr<const DynamicAttributes> annotations = nullptr);
  void output(std::string name, ValueId value, std::shared_ptr<const DynamicAttributes> annotations = nullptr);
  void alias(uint32_t input, uint32_t output);

  // Adds an equation; returns its results. `captures` are passed to every region after the region's own inputs.
  std::vector<ValueId> add(const Op& op, Attributes attributes, std::span<const ValueId> operands,
                           std::vector<Region> regions = {}, std::span<const ValueId> captures = {},
                           std::shared_ptr<const DynamicAttributes> annotations = nullptr);
  // The same for ops with exactly one result.
  ValueId add1(const Op& op, Attributes attributes, std::initializer_list<ValueId> operands);
  ValueId add1(const Op& op, Attributes attributes, std::span<const ValueId> operands, std::vector<Region> regions = {},
               std::span<const ValueId> captures = {});

  // Copies the equations of `body` into this Program, its inputs being `args` and its symbols `dim_args`; a symbol past
  // these becomes a new one. Parameters of the body are added as parameters. Returns the body's outputs.
  std::vector<ValueId> inline_program(const Program& body, std::span<const ValueId> args,
                                      std::span<const Dim> dim_args = {});
  // The same with values for its parameters too; returns what each value of the body became.
  std::vector<ValueId> inline_values(const Program& body, std::span<const ValueId> args,
                                     std::span<const ValueId> parameters, std::span<const Dim> dim_args = {});

  const Type& type(ValueId v) const { return types_.at(v); }
  const TensorType& tensor_type(ValueId v) const { return tensor(types_.at(v)); }
  int64_t rank(ValueId v) const { return tensor_type(v).rank(); }
  DType dtype(ValueId v) const { return tensor_type(v).dtype; }
  // Of the whole Program.
  void annotate(std::shared_ptr<const DynamicAttributes> annotations) {
    program_.annotations_ = std::move(annotations);
  }
  // A tap: the name that a value had where it was imported from.
  void name_value(ValueId v, std::string name);
  // The equation that made a value so far; null for inputs and parameters.
  const Equation* definition(ValueId v) const;

  // Where the equations that follow come from.
  LocationId location() const { return location_; }
  void set_location(LocationId location) { location_ = location; }

  // The finished Program; the Builder is empty afterwards. Throws Error when an assumption can't hold.
  ProgramRef build() &&;

 private:
  void require_equal(const Dim& a, const Dim& b, std::string_view what) override;
  std::vector<Dim> dims_for(const Program& body, std::span<const Dim> given);

  struct Origin {
    enum : uint8_t { kInput, kParameter, kResult } kind;
    uint32_t index;  // of the input, parameter or equation
  };

  Program program_;  // ids in equations are the builder's until build()
  std::vector<Type> types_;
  std::vector<Origin> origins_;
  std::unordered_map<std::string, uint32_t> symbol_ids_;
  LocationId location_ = kNoLocation;
};

// Sets the Builder's location for a scope.
class LocationScope {
 public:
  LocationScope(Builder& builder, LocationId location) : builder_(builder), saved_(builder.location()) {
    builder.set_location(location);
  }
  ~LocationScope() { builder_.set_location(saved_); }
  LocationScope(const LocationScope&) = delete;
  LocationScope& operator=(const LocationScope&) = delete;

 private:
  Builder& builder_;
  LocationId saved_;
};

}  // namespace ecotone
