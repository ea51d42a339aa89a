// What a text file says, before any of it is understood: MLIR's operations, attributes and types as a tree.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ecotone/ir/tensor.h"

namespace ecotone::stablehlo::syntax {

struct Position {
  uint32_t line = 0, column = 0;  // from 1
};

inline constexpr int64_t kDynamic = -1;  // a size written `?`

struct Type;
using TypeRef = std::shared_ptr<const Type>;

// !quant.uniform<storage<min:max>:expressed:axis, {scale:zero_point, ...}>; with blocks: axis:size pairs.
struct Quantization {
  DType storage = DType::kI8, expressed = DType::kF32;
  std::optional<int64_t> min, max;
  std::vector<std::pair<int64_t, int64_t>> axes;  // axis and block size (0: one entry each)
  std::vector<double> scales;
  std::vector<int64_t> zero_points;
};

struct Type {
  enum class Kind : uint8_t { kTensor, kScalar, kToken, kTuple, kFunction, kOther };
  Kind kind = Kind::kOther;
  DType dtype = DType::kF32;   // kTensor, kScalar
  std::vector<int64_t> shape;  // kTensor; kDynamic where `?`
  std::shared_ptr<const Quantization> quantization;
  std::vector<int64_t> bounds;             // of #stablehlo.bounds, kDynamic where `?`; may be empty
  std::vector<TypeRef> elements, results;  // kTuple; kFunction: inputs, results
  std::string text;                        // kOther: as written

  bool is_dynamic() const;
  std::string str() const;
};

struct Attribute {
  enum class Kind : uint8_t {
    kUnit,
    kBool,
    kInteger,
    kFloat,
    kString,
    kSymbol,  // @name: `text`
    kEnum,    // #stablehlo<precision DEFAULT>: `text`
    kArray,
    kDictionary,  // also structured dialect attributes such as #stablehlo.gather<...>
    kType,
    kTensor,  // dense<...>
    kOpaque,  // another dialect's, as written
  };
  Kind kind = Kind::kUnit;
  Position at;
  std::string_view written;  // in the file; of an alias, where it is defined
  bool boolean = false;
  int64_t integer = 0;
  double number = 0;
  std::string text;  // strings, names; of a dictionary: the dialect attribute's name
  std::vector<Attribute> items;
  std::vector<std::pair<std::string, Attribute>> entries;
  TypeRef type;   // kType; the type that a number was given
  Tensor tensor;  // kTensor: the elements, or one element (a scalar) when `splat`
  bool splat = false;

  Attribute();
  Attribute(const Attribute&);
  Attribute(Attribute&&) noexcept;
  Attribute& operator=(const Attribute&);
  Attribute& operator=(Attribute&&) noexcept;
  ~Attribute();
  const Attribute* find(std::string_view name) const;
};
// Here, since the type of `entries` is complete only now (clang insists).
inline Attribute::Attribute() = default;
inline Attribute::Attribute(const Attribute&) = default;
inline Attribute::Attribute(Attribute&&) noexcept = default;
inline Attribute& Attribute::operator=(const Attribute&) = default;
inline Attribute& Attribute::operator=(Attribute&&) noexcept = default;
inline Attribute::~Attribute() = default;
using Attributes = std::vector<std::pair<std::string, Attribute>>;
const Attribute* find(const Attributes& attributes, std::string_view name);

// A value where it is used: %name or %name#index. Views of the file's text.
struct Use {
  std::string_view name;
  uint32_t index = 0;
  Position at;
};
struct Result {
  std::string_view name;
  uint32_t count = 1;
  Position at;
};

// Index into File::locations; 0: none given.
using LocationIndex = uint32_t;
struct SourceLocation {
  enum class Kind : uint8_t { kUnknown, kFile, kName, kFused, kCall, kDerived, kAlias };
  Kind kind = Kind::kUnknown;
  std::string text;  // file, name, transform or alias
  uint32_t line = 0, column = 0;
  std::vector<LocationIndex> children;
};

struct Argument {
  std::string_view name;
  TypeRef type;
  Position at;
  Attributes attributes;
};
struct Operation;
struct Region {
  std::vector<Argument> arguments;
  std::vector<Operation> operations;
  Position end;  // of the closing bracket
};

// Pretty forms are read into what the generic form would say: the same attribute names.
struct Operation {
  std::string name;
  Position at;
  std::vector<Result> results;
  std::vector<Use> operands;
  Attributes attributes;
  std::vector<Region> regions;
  std::vector<TypeRef> operand_types, result_types;  // operand_types may be empty where the pretty form leaves them out
  LocationIndex location = 0;
};

struct Function {
  std::string name;
  Position at;
  bool is_public = true;
  std::vector<TypeRef> result_types;
  std::vector<Attributes> result_attributes;
  Attributes attributes;
  Region body;
  bool has_body = true;
};

struct File {
  std::string name;    // of the file, for messages
  std::string module;  // the module's symbol name
  Attributes attributes;
  std::vector<std::pair<std::string, Attributes>> meshes;  // sdy.mesh by name; what it is is the attribute `mesh`
  std::vector<Function> functions;
  std::deque<std::string> names;  // of values that the text does not name
  std::vector<SourceLocation> locations{SourceLocation{}};
  std::unordered_map<std::string, LocationIndex> location_aliases;
};

// Whether the text is one attribute and nothing else.
bool is_attribute(std::string_view text);

// Takes tuples apart into their elements; parse() has done so.
void flatten_tuples(File& file);

// Reads the text, which must outlive the File. Throws Error as "file:line:column: ...".
File parse(std::string_view text, const std::string& file_name);

}  // namespace ecotone::stablehlo::syntax
