// From the syntax tree to Programs.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/format/stablehlo/syntax.h"
#include "ecotone/ir/builder.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"

namespace ecotone::stablehlo {

// An Error whose message starts with file, line and column already.
class PlacedError : public Error {
 public:
  using Error::Error;
};

// A step of a division that rounds down; see follow.cpp.
struct Division {
  enum Step : uint8_t {
    kQuotient,        // rounded toward zero
    kLowerQuotient,   // less 1
    kRemainder,       // of the dividend's sign
    kUpperRemainder,  // plus the divisor
    kSign,            // the dividend's
    kSignDiffers,     // whether that is not the divisor's
    kRemains,         // whether the remainder is not 0
    kRounds,          // both
  };
  Step step;
  Dim x, y;  // dividend, divisor

  bool is_of(const Division& other) const { return x == other.x && y == other.y; }
};

// What is known of a value while it is read, so that shapes that the program computes become Dims.
struct Known {
  std::vector<Dim> dims;  // of an integer or bool scalar, or a vector of integers
  // Of a comparison of sizes that is not decided: lhs direction rhs.
  struct Comparison {
    op::ComparisonDirection direction;
    Dim left, right;
  };
  std::shared_ptr<const Comparison> comparison{};
  std::optional<Division> division{};
};

// What stands for an operand that is no value: the name is in Frame::sizes.
inline constexpr ValueId kNoValue = std::numeric_limits<ValueId>::max();

// Where operations are read into: a function's or a region's Builder, and the names in scope.
struct Frame {
  Builder& builder;
  std::unordered_map<std::string_view, std::vector<ValueId>> names{};
  std::unordered_map<std::string_view, std::vector<Dim>> sizes{};  // what lines marked as sizes hold
  std::vector<std::pair<std::string, Dim>> symbols{};              // by the names that the text has for them
  std::unordered_map<ValueId, Known> known{};
  std::unordered_map<ValueId, std::shared_ptr<const syntax::Quantization>> quantized{};  // held as storage integers
  bool strip_quantization = false;  // a region whose quantized arguments are floats here
  bool is_entry = false;            // the Builder is the entry function's own
};

class Importer;

// One operation being read. What attributes are asked for are understood; the others become annotations.
class OpCall {
 public:
  OpCall(Importer& importer, Frame& frame, const syntax::Operation& op) : importer(importer), frame(frame), op(op) {}

  Importer& importer;
  Frame& frame;
  const syntax::Operation& op;
  std::vector<ValueId> operands;

  Builder& b() { return frame.builder; }
  [[noreturn]] void fail_here(const std::string& message) const;
  // Operand i; Error when there is none or it is a marked size.
  ValueId value(size_t i) const;
  // What operand i holds where it is a marked size; else null.
  const std::vector<Dim>* sizes(size_t i) const;
  // Throws Error unless there are so many operands.
  void expect_operands(size_t count) const;

  const syntax::Attribute* find(std::string_view name);
  const syntax::Attribute& get(std::string_view name);  // Error when absent
  int64_t integer(std::string_view name);
  int64_t integer(std::string_view name, int64_t otherwise);
  bool flag(std::string_view name, bool otherwise);
  std::string text(std::string_view name, std::string_view otherwise);  // strings, enums, symbols
  std::vector<int64_t> integers(std::string_view name);                 // [1, 2] or dense; empty when absent
  std::vector<std::string> texts(std::string_view name);
  // dense<[[0, 1], ...]> as lows and highs; empty when absent.
  void padding(std::string_view name, std::vector<int64_t>& low, std::vector<int64_t>& high);
  template <class E>
  E choice(std::string_view name, std::string_view otherwise);

  // The declared type of result i: sizes that it leaves open are from `open` (by position) or an Error.
  TensorType declared(size_t i = 0, const std::vector<Dim>* open = nullptr) const;
  DType declared_dtype(size_t i = 0) const;

  std::vector<ValueId> add(const Op& op, Attributes attributes = {}, std::vector<Region> regions = {});
  std::vector<ValueId> add(const Op& op, Attributes attributes, std::span<const ValueId> values,
                           std::vector<Region> regions = {});
  std::vector<ValueId> add_capturing(const Op& op, Attributes attributes, std::span<const ValueId> values,
                                     std::vector<Region> regions, std::span<const ValueId> captures);
  // Region i with inputs of these types; free names of all regions are captured alike.
  Region region(size_t i, std::span<const Type> inputs);
  Type operand_type(size_t i) const { return frame.builder.type(value(i)); }

 private:
  std::shared_ptr<const DynamicAttributes> annotations() const;
  void find_captures();

  std::set<std::string_view> used_;
  bool captures_found_ = false;
  std::vector<syntax::Use> capture_uses_;     // what `captures_` are
  std::vector<std::string_view> size_names_;  // marked sizes that regions use
  std::vector<ValueId> captures_;
};

class Importer {
 public:
  Importer(const syntax::File& file, const ReadOptions& options);

  ProgramRef entry();
  std::vector<ecotone::stablehlo::Function> all();
  std::shared_ptr<const DynamicAttributes> module_annotations() const;

  ProgramRef function(const syntax::Function& f, bool is_entry);
  const syntax::Function* find_function(std::string_view name) const;
  // The results of a region or function body.
  std::vector<ValueId> body(Frame& frame, const syntax::Region& region);
  // A call whose sizes are known only here: the callee's operations in the caller's place.
  std::vector<ValueId> inline_call(Frame& frame, const syntax::Function& callee, std::span<const ValueId> args,
                                   syntax::Position at);
  std::vector<ValueId> inline_region(Frame& frame, const syntax::Region& region, std::span<const ValueId> args);
  bool is_dynamic(const syntax::Function& f);
  // Whether the text says what each size is: calls are then read as they stand. Else sizes are followed through the
  // program, which takes calls apart.
  bool says_sizes() const { return says_sizes_; }
  // Whether this call can be read only in its place.
  bool depends_on_caller(const OpCall& call, const syntax::Function& callee);
  // Sizes as our own text writes them, in terms of the frame's symbols. A function's arguments may declare symbols.
  std::vector<Dim> parse_sizes(Frame& frame, const syntax::Attribute& text, bool may_declare = false) const;
  // {ecotone.dim = "2*n"} and its like in an attribute's value, as sizes.
  AttributeValue with_sizes(Frame& frame, AttributeValue value, syntax::Position at) const;
  bool is_same(const Program& ours, const Program& theirs);

  // Whether a value of this type is what the text declares; where `assume`, sizes that can't be decided are assumed so.
  bool fits(Frame& frame, const syntax::Type& declared, const Type& type, bool assume) const;
  // Finds the values that the operation uses.
  void find_operands(OpCall& call) const;
  // Notes an operation that can't be read, and goes on with a placeholder; finish() reports them all.
  std::vector<ValueId> unsupported(OpCall& call, const std::string& why);
  [[noreturn]] void fail_at(syntax::Position at, const std::string& message) const;
  std::string place(syntax::Position at) const;

 private:
  std::vector<ValueId> operation(Frame& frame, const syntax::Operation& op);
  std::vector<ValueId> read(OpCall& call);
  void check_operands(Frame& frame, const syntax::Operation& op, std::span<const ValueId> operands) const;
  void check_results(const OpCall& call, std::span<const ValueId> results) const;
  void name_results(Frame& frame, const syntax::Operation& op, std::span<const ValueId> results);
  void finish() const;
  LocationId location(const syntax::Operation& op);
  LocationId resolve_location(syntax::LocationIndex index, int depth);
  const syntax::Function& entry_function() const;
  std::vector<std::optional<uint32_t>> donations(const syntax::Function& f) const;
  void declare_symbols(Frame& frame, const syntax::Function& f, bool is_entry) const;
  std::vector<Dim> argument_sizes(Frame& frame, const syntax::Argument& a, const std::string& name,
                                  bool is_entry) const;
  void add_arguments(Frame& frame, const syntax::Function& f, bool is_entry);
  // Throws Error, at the return, unless the results of the function's body are those that it declares.
  void check_returned(Frame& frame, const syntax::Function& f, std::span<const ValueId> results) const;
  void add_results(Frame& frame, const syntax::Function& f, std::span<const ValueId> results, bool is_entry);

  const syntax::File& file_;
  const ReadOptions& options_;
  std::unordered_map<std::string_view, const syntax::Function*> functions_;
  std::unordered_map<const syntax::Function*, ProgramRef> programs_;
  std::unordered_map<const syntax::Function*, bool> dynamic_;
  std::vector<const syntax::Function*> in_progress_;
  std::vector<LocationId> locations_;
  std::vector<bool> resolving_;
  std::vector<std::string> unsupported_;
  std::set<std::pair<const Program*, const Program*>> same_;
  bool dynamic_module_ = false, says_sizes_ = false;
  bool is_single_ = false;  // one program is read, not the file's functions
  int depth_ = 0;
  size_t equations_ = 0;  // inlining repeats bodies: bounded
};

// ops.cpp: reads one operation; null when there is no such operation.
using OpReader = std::vector<ValueId> (*)(OpCall&);
OpReader find_reader(std::string_view name);
// What their forms with open sizes share with them.
std::vector<ValueId> read_gather(OpCall& call, std::vector<Dim> slice_sizes);
std::vector<ValueId> read_convolution(OpCall& call, std::vector<Dim> padding_low, std::vector<Dim> padding_high);
// The reducer that a region over one input of `dtype` is, if it is one; the region goes then.
op::Reducer simple_reducer(OpCall& call, DType dtype, std::vector<Region>& regions);
// collective.cpp, custom_call.cpp: null for other operations.
OpReader find_collective_reader(std::string_view name);
OpReader find_custom_reader(std::string_view name);
std::vector<ValueId> read_custom_call(OpCall& call);
// composite.cpp
std::vector<ValueId> read_composite(OpCall& call);
std::vector<ValueId> read_call(OpCall& call);
// dynamic.cpp: operations whose result sizes are values, lifted to Dims.
OpReader find_dynamic_reader(std::string_view name);
// follow.cpp. What a result's value is, where it is a size or follows from sizes.
void track(OpCall& call, std::span<const ValueId> results);
// Whether a call is given sizes to compute with, so that its body must be read anew.
bool follows_sizes(const OpCall& call);
const Known* known(const Frame& frame, ValueId value);
// Whether some stand for what only data tell.
bool holds_data(std::span<const Dim> dims);
// Whether it holds inside regions too.
bool is_size(const Known& known);
// marks.cpp: whether the operation is one of the lines that our own printer writes around StableHLO's; then it is read.
// What it gives is in `results`, or nothing where it only computes sizes.
bool read_mark(OpCall& call, std::vector<ValueId>& results);
// quantized.cpp: an operation with quantized operands or results, by floats.
bool touches_quantized(const OpCall& call);
std::vector<ValueId> read_quantized(OpCall& call, OpReader reader);
void note_quantized(Frame& frame, const syntax::Type& type, ValueId value);
// As a Type: a quantized one is its storage (or, stripped, its expressed type). Sizes left open are taken from `open`.
Type to_type(const syntax::Type& type, bool strip_quantization, const std::vector<Dim>* open, const std::string& where);
// attribute.cpp. What an operation understands, and what is only kept and printed again.
AttributeValue to_value(const syntax::Attribute& attribute);
AttributeValue to_annotation(const syntax::Attribute& attribute);
// Null when nothing is kept.
std::shared_ptr<const DynamicAttributes> to_annotations(const syntax::Attributes& attributes,
                                                        const std::function<bool(std::string_view)>& is_kept);
Tensor dense_tensor(const syntax::Attribute& attribute);  // splats expanded; Error when that is big

template <class E>
E OpCall::choice(std::string_view name, std::string_view otherwise) {
  const std::string given = text(name, otherwise);
  const auto& names = EnumNames<E>::kNames;
  std::string choices;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == given) return static_cast<E>(i);
    choices += (i ? ", " : "") + std::string(names[i]);
  }
  fail_here("'" + std::string(name) + "' is '" + given + "'; it can be " + choices);
}

}  // namespace ecotone::stablehlo
