#include "ecotone/ir/type.h"

#include "ecotone/base/error.h"

namespace ecotone {

bool TensorType::is_static() const {
  for (const Dim& d : shape)
    if (!d.is_constant()) return false;
  return true;
}

Shape TensorType::static_shape() const {
  Shape r;
  r.reserve(shape.size());
  for (const Dim& d : shape) r.push_back(d.constant());
  return r;
}

Dim TensorType::size() const {
  Dim r(1);
  for (const Dim& d : shape) r = r * d;
  return r;
}

std::string TensorType::str(std::span<const SymbolInfo> symbols) const {
  std::string out;
  for (const Dim& d : shape) out += d.str(symbols) + "x";
  return out + std::string(name(dtype));
}

const TensorType& tensor(const Type& t) {
  if (const auto* p = std::get_if<TensorType>(&t)) return *p;
  fail("a tensor is needed here, not a token");
}

std::string str(const Type& t, std::span<const SymbolInfo> symbols) {
  return is_token(t) ? "token" : std::get<TensorType>(t).str(symbols);
}

size_t hash(const TensorType& t) {
  size_t h = static_cast<size_t>(t.dtype) + 17;
  for (const Dim& d : t.shape) h = h * 1000003 ^ d.hash();
  return h;
}

size_t hash(const Type& t) {
  return is_token(t) ? 3 : hash(std::get<TensorType>(t));
}

std::vector<Dim> to_dims(std::span<const int64_t> shape) {
  return {shape.begin(), shape.end()};
}

int64_t element_count(std::span<const int64_t> shape) {
  int64_t n = 1;
  bool empty = false;
  for (int64_t d : shape) {
    if (d < 0) fail("shape {} has a negative size", shape_str(shape));
    empty |= d == 0;
    // Zeros are left out, as NumPy leaves them out: strides of an empty array must fit too.
    if (d != 0 && __builtin_mul_overflow(n, d, &n)) fail("shape {} has more than 2^63 elements", shape_str(shape));
  }
  return empty ? 0 : n;
}

std::string shape_str(std::span<const int64_t> shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

Type substitute(const Type& type, std::span<const Dim> args) {
  if (is_token(type)) return type;
  TensorType t = std::get<TensorType>(type);
  for (Dim& d : t.shape) d = d.substitute(args);
  return t;
}

Type bind_symbols(const Type& type, const SymbolValues& values) {
  if (is_token(type)) return type;
  TensorType t = std::get<TensorType>(type);
  for (Dim& d : t.shape) d = bind_symbols(d, values);
  return t;
}

}  // namespace ecotone
