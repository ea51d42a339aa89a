// The printer's parts: a module of functions, each printed by a FunctionPrinter, op by op.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ecotone/ir/program.h"

namespace ecotone::stablehlo {

// Functions by name; bodies that several calls share are printed once.
class ModulePrinter {
 public:
  // Prints `program` as a function; a public one must keep its name.
  void add(const Program& program, std::string_view name, bool is_public);
  // The symbol of a private function that computes `region`. Constant `dim_args` specialize the body; the others are
  // found by the function itself, from its arguments.
  std::string function_of(const Region& region, std::string_view hint);
  // What stands for one of our own ops is made once per key.
  std::string function_of(const std::string& key, std::string_view hint, const std::function<ProgramRef()>& make);
  void reserve_name(std::string_view name) { names_.emplace(name); }
  // Prints what was asked for, and what that asks for.
  void print_pending();
  std::string finish(std::string_view module_name) &&;

 private:
  struct Pending {
    ProgramRef body;
    std::vector<Dim> dim_args;  // constants, or symbol 0 where the function finds the size itself
    std::string name;
  };
  std::string unique_name(std::string_view hint);

  std::string text_;
  std::unordered_set<std::string> names_;
  std::map<std::pair<const Program*, std::vector<int64_t>>, std::string> functions_;
  std::unordered_map<std::string, std::string> made_;
  std::deque<Pending> pending_;
  std::vector<ProgramRef> kept_;  // so that no address in `functions_` is used twice
};

// One body within a function: what its values are called, and what its symbols are in the function's.
struct Scope {
  const Program& program;
  std::vector<std::string> names;  // by ValueId
  std::vector<Dim> dims;           // by the body's SymbolId
  bool identity = false;           // `dims` maps each symbol to itself
};

// An equation in the terms of the function that is printed.
struct PrintCall {
  Scope& scope;
  const Equation& equation;
  Attributes attributes;
  std::vector<std::string> operands;  // names; the declared ones, then captures
  std::vector<Type> operand_types;
  std::vector<Type> result_types;

  template <class A>
  const A& get() const {
    return attributes.get<A>();
  }
  size_t declared_count() const { return equation.operands.size() - equation.capture_count; }
  // Region i with its size arguments in the function's symbols.
  Region mapped_region(size_t i) const;
  const TensorType& operand(size_t i) const { return tensor(operand_types[i]); }
  const TensorType& result(size_t i = 0) const { return tensor(result_types[i]); }
};

class FunctionPrinter {
 public:
  FunctionPrinter(ModulePrinter& module, std::string& out) : module_(module), out_(out) {}
  void print(const Program& program, std::string_view name, bool is_public, std::span<const Dim> dim_args);

  // For the ops' printing functions ------------------------------------------------------------------------------
  ModulePrinter& module() { return module_; }
  std::string& out() { return out_; }
  std::span<const SymbolInfo> symbols() const { return symbols_; }
  // "%5 = " or "%5:2 = ", at the line's indentation; names the equation's results.
  void begin_results(PrintCall& call);
  // The line `RESULTS = TEXT operands..SUFFIX : type` for pretty forms; `functional`: (operands) -> results.
  void generic(PrintCall& call, std::string_view op, std::string_view properties);
  void generic(PrintCall& call, std::string_view op, std::string_view properties, std::span<const std::string> operands,
               std::span<const Type> types);
  void pretty(PrintCall& call, std::string_view op, std::string_view suffix);       // op a, b, suffix : (..) -> ..
  void pretty_same(PrintCall& call, std::string_view op, std::string_view suffix);  // op a, b, suffix : type
  // A line of its own with one new value; returns its name.
  std::string line(std::string_view text);
  // ({...}, {...}) of the equation's regions.
  void regions(PrintCall& call);
  // A region that combines scalars by one op: (x, y) -> op(x, y) for each of `types`.
  void combiner(std::string_view op, std::span<const Type> types);
  // A call of the module's function on all operands.
  void call(PrintCall& call, std::string_view function);
  void finish_types(std::span<const Type> operands, std::span<const Type> results);  // " : (..) -> ..\n"
  // A function that stands for the equation, called as `ecotone.NAME`.
  void composite(PrintCall& call, std::string_view decomposition, const std::string& extra_attributes = {});

  // A size as an i64 scalar, and sizes as a vector of them.
  std::string dim_scalar(const Dim& dim);
  std::string dim_vector(std::span<const Dim> dims);
  std::string int_constant(int64_t value);
  // i64 scalars as a vector.
  std::string stack_scalars(std::span<const std::string> scalars);
  // `name`, an integer scalar, holds the size `dim`.
  void note_scalar(const Dim& dim, const std::string& name, DType dtype);

 private:
  void indent() { out_.append(2 * static_cast<size_t>(depth_), ' '); }
  std::string fresh() { return "%" + std::to_string(next_++); }
  void equations(Scope& scope);
  void equation(Scope& scope, const Equation& e);
  void region(const Region& region, Scope& parent, std::span<const std::string> captures);
  void assumptions(const Scope& scope);
  Dim map(const Scope& scope, const Dim& d) const;
  Type map(const Scope& scope, const Type& t) const;
  void note_sizes(const std::string& name, const Type& type);
  std::string symbol_scalar(SymbolId id);

  struct SizeSource {
    std::string value;
    TensorType type;
    int64_t axis;
  };
  ModulePrinter& module_;
  std::string& out_;
  std::vector<SymbolInfo> symbols_;  // the function's
  std::vector<std::pair<SymbolId, SizeSource>> sources_;
  std::vector<std::pair<Dim, std::string>> scalars_;  // sizes already computed, where they are visible
  int depth_ = 1;
  uint64_t next_ = 0;
};

using PrintFunction = void (*)(FunctionPrinter&, PrintCall&);
// Null for an op that is none of StableHLO's, CHLO's or ours.
PrintFunction print_function(const Op& op);

// The Program that stands for a scan, quantize or dequantize equation.
ProgramRef scan_program(const PrintCall& call, std::span<const SymbolInfo> symbols);
ProgramRef quantize_program(const PrintCall& call, std::span<const SymbolInfo> symbols);
ProgramRef dequantize_program(const PrintCall& call, std::span<const SymbolInfo> symbols);

}  // namespace ecotone::stablehlo
