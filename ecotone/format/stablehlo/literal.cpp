#include "ecotone/format/stablehlo/literal.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/format/stablehlo/syntax.h"

namespace ecotone::stablehlo {
namespace {

// More elements become one hexadecimal string, equal ones too: readers take a short dense<1.0> for a broadcast then.
constexpr int64_t kMostListed = 64;

// How MLIR names an element type.
std::string_view element_name(DType dtype) {
  return name(dtype);
}

bool is_identifier(std::string_view s) {
  if (s.empty() || !(std::isalpha(static_cast<unsigned char>(s[0])) || s[0] == '_')) return false;
  return std::all_of(s.begin(), s.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.';
  });
}

// The shortest decimal that gives the value back, in the form that MLIR reads (a point is required); else its bits.
void append_float(std::string& out, DType dtype, uint64_t bits) {
  const double value = decode_float(dtype, bits);
  const auto append_bits = [&] {
    fmt::format_to(std::back_inserter(out), "0x{:0{}X}", bits, (bit_width(dtype) + 3) / 4);
  };
  if (!std::isfinite(value)) return append_bits();
  char buffer[64];
  const auto end =
      dtype == DType::kF64
          ? std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific)
          : std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(value), std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));
  double read = 0;
  std::from_chars(text.data(), text.data() + text.size(), read);
  if (encode_float(dtype, read) != bits) return append_bits();
  const size_t e = text.find('e');
  out += text.substr(0, e);
  if (text.substr(0, e).find('.') == std::string_view::npos) out += ".0";
  out += text.substr(e);
}

void append_element(std::string& out, const Tensor& t, int64_t i) {
  const DType d = t.dtype();
  switch (info(d).kind) {
    case DTypeKind::kBool:
      out += t.at_int(i) ? "true" : "false";
      return;
    case DTypeKind::kSigned:
      fmt::format_to(std::back_inserter(out), "{}", t.at_int(i));
      return;
    case DTypeKind::kUnsigned:
      fmt::format_to(std::back_inserter(out), "{}", static_cast<uint64_t>(t.at_int(i)));
      return;
    case DTypeKind::kFloat:
      append_float(out, d, t.at_bits(i));
      return;
    case DTypeKind::kComplex: {
      const std::complex<double> z = t.at_complex(i);
      const DType part = real_part(d);
      out += '(';
      append_float(out, part, encode_float(part, z.real()));
      out += ',';
      append_float(out, part, encode_float(part, z.imag()));
      out += ')';
      return;
    }
  }
}

bool is_splat(const Tensor& t) {
  const auto bytes = t.bytes();
  const auto width = static_cast<size_t>(byte_size(t.dtype()));
  return t.size() > 1 && std::equal(bytes.begin() + static_cast<std::ptrdiff_t>(width), bytes.end(), bytes.begin());
}

void append_nested(std::string& out, const Tensor& t, size_t depth, int64_t& next) {
  if (depth == t.shape().size()) return append_element(out, t, next++);
  out += '[';
  for (int64_t i = 0; i < t.shape()[depth]; ++i) {
    if (i) out += ", ";
    append_nested(out, t, depth + 1, next);
  }
  out += ']';
}

}  // namespace

void append_type(std::string& out, const Type& type) {
  if (is_token(type)) {
    out += "!stablehlo.token";
    return;
  }
  const TensorType& t = std::get<TensorType>(type);
  out += "tensor<";
  for (const Dim& d : t.shape) {
    if (const auto c = d.as_constant())
      fmt::format_to(std::back_inserter(out), "{}", *c);
    else
      out += '?';
    out += 'x';
  }
  out += element_name(t.dtype);
  out += '>';
}

std::string type_text(const Type& type) {
  std::string out;
  append_type(out, type);
  return out;
}

std::string tensor_text(const Tensor& value) {
  const Tensor t = value.plain();
  std::string out = "dense<";
  // MLIR's packing of narrow elements in hexadecimal strings has changed over time: those are always listed.
  const bool narrow = bit_width(t.dtype()) < 8;
  if (t.size() == 0) {
  } else if (t.size() <= kMostListed && is_splat(t)) {
    append_element(out, t, 0);
  } else if (t.size() > kMostListed && !narrow) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    out.reserve(out.size() + 2 * t.bytes().size() + 64);
    out += "\"0x";
    for (const std::byte b : t.bytes()) {
      out += kDigits[std::to_integer<unsigned>(b) >> 4];
      out += kDigits[std::to_integer<unsigned>(b) & 15];
    }
    out += '"';
  } else {
    int64_t next = 0;
    append_nested(out, t, 0, next);
  }
  out += "> : ";
  append_type(out, t.type());
  return out;
}

std::string string_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F)
      fmt::format_to(std::back_inserter(out), "\\{:02X}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + '"';
}

std::string symbol_text(std::string_view name) {
  return "@" + (is_identifier(name) ? std::string(name) : string_text(name));
}

std::string key_text(std::string_view name) {
  return is_identifier(name) ? std::string(name) : string_text(name);
}

std::string attribute_text(const AttributeValue& value, std::span<const SymbolInfo> symbols) {
  struct Visitor {
    std::span<const SymbolInfo> symbols;
    std::string operator()(std::monostate) const { return "unit"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int64_t v) const { return fmt::format("{} : i64", v); }
    std::string operator()(double v) const {
      std::string out;
      append_float(out, DType::kF64, encode_float(DType::kF64, v));
      return out + " : f64";
    }
    std::string operator()(const std::string& v) const { return string_text(v); }
    std::string operator()(DType v) const { return std::string(element_name(v)); }
    std::string operator()(const Dim& v) const {
      const auto c = v.as_constant();
      return c ? fmt::format("{} : i64", *c) : fmt::format("{{ecotone.dim = {}}}", string_text(v.str(symbols)));
    }
    std::string operator()(const TensorType& v) const {
      if (v.is_static()) return type_text(v);
      return fmt::format("{{ecotone.dtype = {}, ecotone.shape = {}}}", element_name(v.dtype),
                         string_text(str(v.shape, symbols)));
    }
    std::string operator()(const Tensor& v) const { return tensor_text(v); }
    std::string operator()(const AttributeList& v) const {
      std::string out = "[";
      for (size_t i = 0; i < v.size(); ++i) out += (i ? ", " : "") + attribute_text(v[i], symbols);
      return out + "]";
    }
    std::string operator()(const DynamicAttributes& v) const { return dictionary_text(v, symbols); }
  };
  if (const std::string* text = mlir_text(value)) return *text;
  return std::visit(Visitor{symbols}, value.value);
}

std::string entries_text(const DynamicAttributes& value, std::span<const SymbolInfo> symbols) {
  std::string out;
  for (const auto& [key, v] : value.entries) {
    if (std::holds_alternative<std::monostate>(v.value)) continue;
    if (!out.empty()) out += ", ";
    out += key_text(key) + " = " + attribute_text(v, symbols);
  }
  return out;
}

std::string dictionary_text(const DynamicAttributes& value, std::span<const SymbolInfo> symbols) {
  return "{" + entries_text(value, symbols) + "}";
}

constexpr const char* kMlirKey = "#mlir";

AttributeValue mlir_value(std::string text) {
  DynamicAttributes d;
  d.entries.emplace_back(kMlirKey, AttributeValue{std::move(text)});
  return {std::move(d)};
}

const std::string* mlir_text(const AttributeValue& value) {
  const auto* d = std::get_if<DynamicAttributes>(&value.value);
  if (!d || d->entries.size() != 1 || d->entries[0].first != kMlirKey) return nullptr;
  const auto* text = std::get_if<std::string>(&d->entries[0].second.value);
  return text && syntax::is_attribute(*text) ? text : nullptr;
}

std::string list_text(std::span<const int64_t> values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

std::string array_text(std::span<const int64_t> values) {
  return values.empty() ? "array<i64>" : fmt::format("array<i64: {}>", fmt::join(values, ", "));
}

}  // namespace ecotone::stablehlo
