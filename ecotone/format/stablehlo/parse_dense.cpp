// Elements of constants: dense<...>.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "ecotone/format/stablehlo/parser.h"

namespace ecotone::stablehlo::syntax {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

// Elements in row-major order. The count of elements that is claimed is checked against what stands there before memory
// is taken: text takes at least a byte per element.
struct Parser::ElementReader {
  Parser& parser;
  Lexer& lex;
  DType dtype;
  const Shape& shape;
  MutableTensor& out;
  int64_t next = 0;

  double part(DType part_type) {
    const Token start = lex.peek();
    const bool negative = lex.accept('-');
    const Token t = lex.take();
    if (t.kind == TokenKind::kInteger && t.text.starts_with("0x")) {
      uint64_t bits = 0;
      const auto [end, error] = std::from_chars(t.text.data() + 2, t.text.data() + t.text.size(), bits, 16);
      const int width = bit_width(part_type);
      if (error != std::errc() || negative || (width < 64 && bits >> width != 0))
        lex.fail_at(start.at, "{} is no bit pattern of {}", t.text, name(part_type));
      return decode_float(part_type, bits);
    }
    if (t.kind != TokenKind::kInteger && t.kind != TokenKind::kFloat)
      lex.fail_at(start.at, "expected a number of {} in a constant, found '{}'", name(part_type), t.text);
    double value = 0;
    if (part_type == DType::kF32) {
      // Rounded once, from the decimal text.
      float narrow = 0;
      std::from_chars(t.text.data(), t.text.data() + t.text.size(), narrow);
      if (std::isnan(narrow) || narrow == 0) narrow = std::strtof(std::string(t.text).c_str(), nullptr);
      value = narrow;
    } else {
      value = std::strtod(std::string(t.text).c_str(), nullptr);
    }
    return negative ? -value : value;
  }

  void element() {
    if (next >= out.size()) lex.fail_at(lex.peek().at, "the constant has more elements than its type");
    const Token start = lex.peek();
    if (is_complex(dtype)) {
      const DType half = real_part(dtype);
      lex.expect('(', "before a complex number");
      const double re = part(half);
      lex.expect(',', "in a complex number");
      const double im = part(half);
      lex.expect(')', "after a complex number");
      out.set_complex(next++, {re, im});
    } else if (is_float(dtype)) {
      // NaNs keep their bits.
      if (start.kind == TokenKind::kInteger && start.text.starts_with("0x")) {
        part(dtype);
        uint64_t bits = 0;
        std::from_chars(start.text.data() + 2, start.text.data() + start.text.size(), bits, 16);
        out.set_bits(next++, bits);
      } else {
        out.set_double(next++, part(dtype));
      }
    } else if (start.kind == TokenKind::kWord && (start.text == "true" || start.text == "false")) {
      lex.take();
      if (dtype != DType::kBool) lex.fail_at(start.at, "'{}' is no {}", start.text, name(dtype));
      out.set_int(next++, start.text == "true" ? 1 : 0);
    } else {
      const int64_t value = lex.expect_integer("an integer in a constant");
      const bool negative = start.is('-');
      const int width = bit_width(dtype);
      bool fits = true;
      if (dtype == DType::kBool)
        fits = value == 0 || value == 1 || value == -1;
      else if (is_unsigned_integer(dtype))
        fits = !negative && static_cast<uint64_t>(value) <= integer_max(dtype);
      else if (width < 64)
        fits = value >= integer_min(dtype) && value <= static_cast<int64_t>(integer_max(dtype));
      // A signless type may be given by its unsigned bits.
      if (!fits && is_signed_integer(dtype) && start.text.starts_with("0x"))
        fits = width == 64 || static_cast<uint64_t>(value) >> width == 0;
      if (!fits) lex.fail_at(start.at, "{} does not fit {}", value, name(dtype));
      out.set_int(next++, dtype == DType::kBool ? value != 0 : value);
    }
  }

  // Level `axis` of the nested lists.
  void list(size_t axis) {
    if (axis == shape.size()) return element();
    const Nesting nesting(parser);
    const Position at = lex.expect('[', "before a constant's elements").at;
    int64_t count = 0;
    if (!lex.peek().is(']')) do {
        if (++count > shape[axis])
          lex.fail_at(lex.peek().at, "the constant's list is longer than dimension {} of its type, {}", axis,
                      shape[axis]);
        list(axis + 1);
      } while (lex.accept(','));
    lex.expect(']', "after a constant's elements");
    if (count != shape[axis])
      lex.fail_at(at, "the constant's list has {} entries, but dimension {} of its type has size {}", count, axis,
                  shape[axis]);
  }
};

Tensor Parser::parse_elements(const Type& type, bool& splat) {
  const DType dtype = type.quantization ? type.quantization->storage : type.dtype;
  const Token start = lex_.peek();
  const int64_t count = element_count(type.shape);
  splat = false;
  if (start.is('>')) {
    if (count != 0) lex_.fail_at(start.at, "the constant has no elements, but its type has {}", count);
    return Tensor::zeros(dtype, type.shape);
  }
  if (start.kind == TokenKind::kString) {
    const std::string_view hex = start.text.starts_with("0x") ? start.text.substr(2) : std::string_view();
    if (hex.empty() || hex.size() % 2)
      lex_.fail_at(start.at, "a constant's text must be \"0x...\" with two digits a byte");
    const auto bytes_given = static_cast<int64_t>(hex.size() / 2);
    // Bools are packed eight a byte, other elements stand one by one in whole bytes.
    const bool packed = dtype == DType::kBool;
    const int64_t width = packed ? 0 : (bit_width(dtype) + 7) / 8;
    const auto needed = [&](int64_t n) { return packed ? n / 8 + (n % 8 != 0) : n * width; };
    if (count > (int64_t{1} << 40) || bytes_given != needed(count)) {
      const bool one = bytes_given == needed(1);
      if (!one)
        lex_.fail_at(start.at, "the constant has {} bytes, but its type {} needs another count", bytes_given,
                     type.str());
      splat = true;
    }
    if (count != 1 && bytes_given == needed(1) && !(packed && count <= 8)) splat = true;
    MutableTensor out(dtype, splat ? Shape{} : type.shape);
    const auto byte_at = [&](int64_t i) {
      const int high = hex_digit(hex[static_cast<size_t>(2 * i)]), low = hex_digit(hex[static_cast<size_t>(2 * i + 1)]);
      if (high < 0 || low < 0) lex_.fail_at(start.at, "a constant's text has a character that is no hexadecimal digit");
      return static_cast<uint64_t>(high * 16 + low);
    };
    if (packed) {
      for (int64_t i = 0; i < out.size(); ++i) out.set_int(i, static_cast<int64_t>(byte_at(i / 8) >> (i % 8) & 1));
    } else if (byte_size(dtype) == width) {
      for (int64_t i = 0; i < bytes_given; ++i)
        out.bytes()[static_cast<size_t>(i)] = static_cast<std::byte>(byte_at(i));
      // Only the low bits of a sub-byte element count.
      if (bit_width(dtype) < 8)
        for (int64_t i = 0; i < out.size(); ++i)
          is_float(dtype) ? out.set_bits(i, byte_at(i) & ((uint64_t{1} << bit_width(dtype)) - 1))
                          : out.set_int(i, static_cast<int64_t>(byte_at(i)));
    } else {
      lex_.fail_at(start.at, "constants of {} can't be read from bytes; write the elements", name(dtype));
    }
    lex_.take();
    lex_.expect('>', "after a constant");
    return std::move(out).freeze();
  }
  if (!start.is('[')) {
    splat = true;
    MutableTensor out(dtype, {});
    const Shape scalar;
    ElementReader{*this, lex_, dtype, scalar, out}.element();
    lex_.expect('>', "after a constant");
    if (type.shape.empty()) splat = false;
    return std::move(out).freeze();
  }
  if (count > static_cast<int64_t>(lex_.text().size() - start.begin))
    lex_.fail_at(start.at, "the constant has fewer elements than its type {}", type.str());
  MutableTensor out(dtype, type.shape);
  ElementReader reader{*this, lex_, dtype, type.shape, out};
  reader.list(0);
  lex_.expect('>', "after a constant");
  return std::move(out).freeze();
}

}  // namespace ecotone::stablehlo::syntax
