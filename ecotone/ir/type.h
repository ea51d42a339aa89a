// Types of values: tensors with possibly symbolic shapes, and tokens.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "ecotone/ir/dim.h"
#include "ecotone/ir/dtype.h"

namespace ecotone {

using Shape = std::vector<int64_t>;  // a shape whose sizes are all known

struct TensorType {
  DType dtype = DType::kF32;
  std::vector<Dim> shape;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  bool is_static() const;
  // The sizes as integers; throws Error when one is symbolic.
  Shape static_shape() const;
  // The product of the sizes.
  Dim size() const;
  // "tensor<2x?xf32>"-like text with symbols by name: "2xbatchxf32", "f32" for a scalar.
  std::string str(std::span<const SymbolInfo> symbols = {}) const;
  friend bool operator==(const TensorType&, const TensorType&) = default;
};

// Orders effects; carries no data.
struct Token {
  friend bool operator==(const Token&, const Token&) = default;
};

using Type = std::variant<TensorType, Token>;

inline bool is_token(const Type& t) {
  return std::holds_alternative<Token>(t);
}
// The tensor type; throws Error for a token.
const TensorType& tensor(const Type& t);
std::string str(const Type& t, std::span<const SymbolInfo> symbols = {});
size_t hash(const TensorType& t);
size_t hash(const Type& t);

std::vector<Dim> to_dims(std::span<const int64_t> shape);
// Product of the sizes; Error when a size is negative or the product of those that aren't 0 overflows int64.
int64_t element_count(std::span<const int64_t> shape);
// "[2, 3]"
std::string shape_str(std::span<const int64_t> shape);

// The type with every symbol i replaced by args[i].
Type substitute(const Type& type, std::span<const Dim> args);
// The type with every known symbol replaced by its value.
Type bind_symbols(const Type& type, const SymbolValues& values);

}  // namespace ecotone
