// The definition of an operation: everything that is known of it, in one place.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ecotone/ir/attributes.h"
#include "ecotone/ir/dtype.h"
#include "ecotone/ir/tensor.h"
#include "ecotone/ir/type.h"

namespace ecotone {

class Builder;
class Program;
using ValueId = uint32_t;  // inputs, then parameters, then results in order of equations: dense
using ProgramRef = std::shared_ptr<const Program>;

// A closed sub-Program: it sees nothing but its inputs. The body's symbol i stands for dim_args[i]; symbols beyond
// those are bound by the body itself, from data.
struct Region {
  ProgramRef body;
  std::vector<Dim> dim_args;
};

// Settles questions about sizes while types are inferred. An undecided equality becomes an assumption of the Program.
class DimContext {
 public:
  virtual ~DimContext() = default;
  virtual std::span<const SymbolInfo> symbols() const = 0;
  // Throws Error, saying `what`, when a and b can't be equal; when that is undecided, assumes it.
  virtual void require_equal(const Dim& a, const Dim& b, std::string_view what) = 0;

  Decision equal(const Dim& a, const Dim& b) const { return decide_equal(a, b, symbols()); }
  Decision less_equal(const Dim& a, const Dim& b) const { return decide_less_equal(a, b, symbols()); }
  DimRange range(const Dim& d) const { return ecotone::range(d, symbols()); }
};

struct InferCall {
  const Attributes& attributes;
  std::span<const Type> operands;  // the declared ones
  std::span<const Type> captures;  // passed to every region after its own inputs
  std::span<const Region> regions;
  DimContext& dims;

  template <class A>
  const A& get() const {
    return attributes.get<A>();
  }
  // Operand i as a tensor type; throws Error when there is no such operand or it is a token.
  const TensorType& operand(size_t i) const;
  // Throws Error unless there are so many operands.
  void expect_operands(size_t count) const;
  void expect_operands_at_least(size_t count) const;
  void expect_regions(size_t count) const;
};

// How floats are computed: `spec` rounds once per op to its type and sums serially in index order in f32 (f64 for f64);
// `real` computes all floats in f64 (c128 for complex), so that rounding to small types happens only where an op is
// about rounding.
enum class EvalMode : uint8_t { kSpec, kReal };

// The type whose storage holds a value of declared type `dtype` in this mode: in `real`, f64 for floats, c128 for
// complex.
DType storage_dtype(DType dtype, EvalMode mode);

// Runs region bodies for an evaluator.
class RegionRunner {
 public:
  virtual ~RegionRunner() = default;
  // Evaluates the region on `args` (its own inputs); captures are appended. Types are checked against the body's.
  virtual std::vector<Tensor> run(const Region& region, std::span<const Tensor> args) = 0;
  // Tells the value of a symbol that the running equation introduces (take_prefix, size_from).
  virtual void bind_symbol(const Dim& symbol, int64_t value) = 0;
};

// One equation to be evaluated. All sizes are bound, but for symbols that the equation itself introduces.
// Operands are plain and aligned, in storage_dtype; results must be too. Tokens are null Tensors.
struct EvalCall {
  const Attributes& attributes;
  std::span<const Tensor> operands;
  std::span<const Tensor> captures;
  std::span<const Type> operand_types;  // as declared in the Program: f16 even where storage is f64
  std::span<const Type> result_types;
  std::span<const Region> regions;
  EvalMode mode;
  RegionRunner& runner;

  template <class A>
  const A& get() const {
    return attributes.get<A>();
  }
  DType declared(size_t operand) const { return tensor(operand_types[operand]).dtype; }
  // Result i's declared type, storage type and shape.
  const TensorType& result(size_t i = 0) const { return tensor(result_types[i]); }
  DType result_storage(size_t i = 0) const { return storage_dtype(result(i).dtype, mode); }
};

// What is known of a derived rule: not written yet, impossible (say why in docs), follows from the composite's body, or
// given.
template <class F>
struct Rule {
  enum State : uint8_t { kTodo, kNone, kFromBody, kGiven };
  State state = kTodo;
  F function = nullptr;
};

class RuleCall;  // what derivative, transposition, batching and sharding rules get; comes with the transforms

struct CostCall {
  const Attributes& attributes;
  std::span<const Type> operands, results;
  std::span<const Region> regions;
};
// Work of one equation, symbolic in the sizes. flops counts a multiply-add as two.
struct Cost {
  Dim flops;
  Dim bytes;  // read and written once each
};

// A result is right when err <= c * err(spec) + 8 eps; see docs/ir-semantics.md.
struct ErrorBound {
  double c = 2;
};

struct Op {
  std::string name;  // "stablehlo.add", "chlo.erf", "ecotone.softmax"
  const AttributesInfo* attributes = nullptr;
  std::vector<Type> (*infer)(const InferCall&) = nullptr;      // null for a composite: its body's output types
  std::vector<Tensor> (*evaluate)(const EvalCall&) = nullptr;  // null for composites
  // Null for primitives. A composite's meaning: adds its equations to the Builder and returns the results.
  std::vector<ValueId> (*body)(Builder&, const Attributes&, std::span<const ValueId> inputs) = nullptr;
  DTypeSet dtypes;  // of the first operand, or of the result; a composite takes no other as its first operand
  ErrorBound error;
  Rule<void (*)(RuleCall&)> jvp, transpose, batch, shard;
  Cost (*cost)(const CostCall&) = nullptr;  // null: one flop per result element, operands and results moved once
  bool has_effect = false;
  const void* user = nullptr;  // for users' own ops

  bool is_composite() const { return body != nullptr; }
};

// The body of a composite at these operand types, made once per (op, attributes, types) and shared. The types and
// attributes may be symbolic: the body's symbols are then theirs in order of first appearance, and the region's
// dim_args map them. Throws Error when the op does not declare the first operand's element type.
Region composite_body(const Op& op, const Attributes& attributes, std::span<const Type> operands,
                      std::span<const SymbolInfo> symbols);

}  // namespace ecotone
