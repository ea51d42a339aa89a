// The printer's parts: a module of functions, each printed by a FunctionPrinter, op by op.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/ir/program.h"

namespace ecotone::stablehlo {

// A private function that stands for a sub-Program. Callers append the sizes that it can't find from its arguments.
struct Callee {
  std::string name;
  ProgramRef body;                 // kept, so that no address in a key is used twice
  std::vector<SymbolId> appended;  // of the body's symbols
};

// Functions by name; bodies that several calls share are printed once.
class ModulePrinter {
 public:
  explicit ModulePrinter(const PrintOptions& options) : options_(options) {}
  // Prints `program` as a function whose arguments and results have names.
  void add(const Program& program, std::string_view name, bool is_public);
  // The function that computes `region`, printed with the functions that it asks for. Constant `dim_args` specialize
  // the body; the others are its symbols.
  const Callee& function_of(const Region& region, std::string_view hint);
  // What stands for one of our own ops is made once per key; its symbols are those of the function that asks.
  const Callee& function_of(const std::string& key, std::string_view hint, const std::function<ProgramRef()>& make);
  void reserve_name(std::string_view name) { names_.emplace(name); }
  // " loc(#loc3)" where locations are printed.
  std::string location_text(LocationId id);
  // `annotations`: of the module. May be null.
  std::string finish(std::string_view module_name, const DynamicAttributes* annotations) &&;

 private:
  std::string unique_name(std::string_view hint);
  void print_callee(Callee& callee, std::span<const Dim> dim_args, bool is_lowering);
  std::string location_definitions();

  const PrintOptions& options_;
  std::deque<std::string> texts_;  // of functions, in the order in which they are asked for
  std::unordered_set<std::string> names_;
  std::map<std::pair<const Program*, std::vector<int64_t>>, Callee> functions_;
  std::unordered_map<std::string, Callee> made_;
  std::map<LocationId, size_t> locations_;  // and their aliases' numbers
  int depth_ = 0;
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
  std::string marks;  // entries of the dictionary behind the operation: what StableHLO does not say

  template <class A>
  const A& get() const {
    return attributes.get<A>();
  }
  size_t declared_count() const { return equation.operands.size() - equation.capture_count; }
  // Region i with its size arguments in the function's symbols.
  Region mapped_region(size_t i) const;
  const TensorType& operand(size_t i) const { return tensor(operand_types[i]); }
  const TensorType& result(size_t i = 0) const { return tensor(result_types[i]); }
  void mark(std::string_view key, std::string_view value = "unit");
};

class FunctionPrinter {
 public:
  FunctionPrinter(ModulePrinter& module, bool is_lowering) : module_(module), is_lowering_(is_lowering) {}
  // `is_listed`: one of the module's own, not what a call or region stands for.
  void print(const Program& program, std::string_view name, bool is_public, bool is_listed,
             std::span<const Dim> dim_args);
  // Whether the function stands for one op of ours: readers of ours don't look into it.
  bool is_lowering() const { return is_lowering_; }
  std::string take_text() && { return std::move(out_); }
  const std::vector<SymbolId>& appended() const { return appended_; }

  // For the ops' printing functions ------------------------------------------------------------------------------
  ModulePrinter& module() { return module_; }
  std::string& out() { return out_; }
  std::span<const SymbolInfo> symbols() const { return symbols_; }
  // "%5 = " or "%5:2 = ", at the line's indentation; names the equation's results.
  void begin(PrintCall& call);
  // Marks, " : (operands) -> results", location, end of line.
  void end(PrintCall& call, std::span<const Type> operands);
  void end(PrintCall& call) { end(call, call.operand_types); }
  // The line `RESULTS = OP ...`; generic: "op"(operands) <{properties}> ({regions}).
  void generic(PrintCall& call, std::string_view op, std::string_view properties);
  void generic(PrintCall& call, std::string_view op, std::string_view properties, std::span<const std::string> operands,
               std::span<const Type> types);
  void pretty(PrintCall& call, std::string_view op, std::string_view suffix);       // op a, b, suffix : (..) -> ..
  void pretty_same(PrintCall& call, std::string_view op, std::string_view suffix);  // op a, b, suffix : type
  void constant(PrintCall& call, const Tensor& value);
  // ({...}, {...}) of the equation's regions.
  void regions(PrintCall& call);
  // A region that combines scalars by one op: (x, y) -> op(x, y) for each of `types`.
  void combiner(std::string_view op, std::span<const Type> types);
  // func.call of the module's function on all operands.
  void call(PrintCall& call, const Region& region, std::string_view hint);
  // An op that StableHLO does not have, as a composite named `name` whose meaning is `callee`. Where sizes are
  // symbolic, a call with marks: MLIR's shape refinement passes composites by. `dims`: what the callee's symbols stand
  // for.
  void composite(PrintCall& call, const Callee& callee, std::span<const Dim> dims, DynamicAttributes attributes);
  void composite(PrintCall& call, const Callee& callee, DynamicAttributes attributes);  // its symbols are this one's

  // Lines of their own, which readers of ours pass over; they return the name of what they make ---------------------
  // An i64 scalar, and a vector of them.
  std::string dim_scalar(const Dim& dim);
  std::string dim_vector(std::span<const Dim> dims);
  // The vector as a matrix of rows of `width`.
  std::string dim_matrix(std::span<const Dim> dims, int64_t width);
  // `value` as an integer scalar of `dtype`; the same name where it is one.
  std::string converted(const std::string& value, DType from, DType dtype);
  // `name`, an integer scalar, holds the size `dim`.
  void note_scalar(const Dim& dim, const std::string& name, DType dtype);
  // The list of a symbol's name and range.
  std::string symbol_text(SymbolId id) const;

 private:
  void indent() { out_.append(2 * static_cast<size_t>(depth_), ' '); }
  std::string fresh() { return "%" + std::to_string(next_++); }
  void equations(Scope& scope);
  void equation(Scope& scope, const Equation& e);
  void mark_kept(PrintCall& call);
  void region(const Region& region, Scope& parent, std::span<const std::string> captures);
  void assumptions(const Scope& scope);
  Dim map(const Scope& scope, const Dim& d) const;
  Type map(const Scope& scope, const Type& t) const;
  SymbolId add_symbol(SymbolInfo symbol);
  std::string header(const Scope& scope, std::string_view name, bool is_public, bool is_listed);
  void note_sizes(const std::string& name, const Type& type);
  std::string symbol_scalar(SymbolId id);
  void head(PrintCall& call, std::string_view op, std::string_view suffix);  // RESULTS = op a, b, suffix
  void finish_line(LocationId location);
  // `%5 = TEXT {marks} REST`
  std::string line(std::string_view text, std::string_view marks, std::string_view rest);
  std::string size_line(std::string_view text, std::span<const Dim> dims, std::string_view rest);

  struct SizeSource {
    std::string value;
    TensorType type;
    int64_t axis;
  };
  struct DimHash {
    size_t operator()(const Dim& d) const { return d.hash(); }
  };
  ModulePrinter& module_;
  const bool is_lowering_;
  std::string out_;
  std::vector<SymbolInfo> symbols_;  // the function's
  std::unordered_set<std::string> symbol_names_;
  size_t argument_symbols_ = 0;  // the first ones: callers can give their sizes
  bool is_listed_ = false;
  std::vector<SymbolId> own_symbols_;  // of the function's Program, by argument symbol
  std::vector<SymbolId> appended_;     // of the function's Program
  std::vector<SymbolInfo> declared_;   // what data does not tell
  std::unordered_map<SymbolId, SizeSource> sources_;
  std::vector<SymbolId> source_order_;
  std::unordered_map<Dim, std::string, DimHash> scalars_;  // sizes already computed, where they are visible
  std::vector<Dim> scalar_order_;
  LocationId location_ = kNoLocation;  // of the equation being printed
  int depth_ = 1;
  uint64_t next_ = 0;
};

using PrintFunction = void (*)(FunctionPrinter&, PrintCall&);
// Null for an op that is none of StableHLO's, CHLO's or ours.
PrintFunction print_function(const Op& op);
// print_collective.cpp: null for another op.
PrintFunction find_collective_printer(std::string_view name);

// The symbols that data give sizes to in this equation.
std::vector<SymbolId> introduced_symbols(const Program& program, const Equation& e);

// The Program that stands for an equation of an op that StableHLO does not have, or not with symbolic sizes.
ProgramRef scan_program(const PrintCall& call, std::span<const SymbolInfo> symbols);
ProgramRef quantize_program(const PrintCall& call, std::span<const SymbolInfo> symbols);
ProgramRef dequantize_program(const PrintCall& call, std::span<const SymbolInfo> symbols);
ProgramRef rng_program(const PrintCall& call, std::span<const SymbolInfo> symbols);
ProgramRef same_program(const PrintCall& call, std::span<const SymbolInfo> symbols);  // the op itself
ProgramRef dynamic_slice_program(const PrintCall& call, std::span<const SymbolInfo> symbols);

}  // namespace ecotone::stablehlo
