// Attributes.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <unordered_set>

#include <fmt/format.h>

#include "ecotone/format/stablehlo/parser.h"

namespace ecotone::stablehlo::syntax {

const Attribute* find(const Attributes& attributes, std::string_view name) {
  for (const auto& [key, value] : attributes)
    if (key == name) return &value;
  return nullptr;
}
const Attribute* Attribute::find(std::string_view name) const {
  return syntax::find(entries, name);
}

Attribute integer_attribute(int64_t value, Position at) {
  Attribute a;
  a.kind = Attribute::Kind::kInteger;
  a.integer = value;
  a.at = at;
  return a;
}
Attribute string_attribute(Attribute::Kind kind, std::string text, Position at) {
  Attribute a;
  a.kind = kind;
  a.text = std::move(text);
  a.at = at;
  return a;
}
Attribute list_attribute(const std::vector<int64_t>& values, Position at) {
  Attribute a;
  a.kind = Attribute::Kind::kArray;
  a.at = at;
  for (const int64_t v : values) a.items.push_back(integer_attribute(v, at));
  return a;
}

bool is_attribute(std::string_view text) {
  try {
    Parser(text, "").parse_lone_attribute();
  } catch (const Error&) {
    return false;
  }
  return true;
}

void Parser::parse_lone_attribute() {
  parse_attribute();
  if (lex_.peek().kind != TokenKind::kEnd) lex_.fail_at(lex_.peek().at, "more than one attribute");
}

std::string Parser::parse_key() {
  if (lex_.peek().kind == TokenKind::kString) return unescape(lex_.take().text);
  return std::string(lex_.expect(TokenKind::kWord, "an attribute's name").text);
}

void Parser::expect_distinct(const Attributes& entries) const {
  constexpr size_t kFew = 16;  // are compared with each other
  std::unordered_set<std::string_view> keys;
  for (size_t i = 0; i < entries.size(); ++i) {
    const std::string& key = entries[i].first;
    const bool twice = entries.size() <= kFew
                           ? std::any_of(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(i),
                                         [&](const auto& e) { return e.first == key; })
                           : !keys.insert(key).second;
    if (twice) lex_.fail_at(entries[i].second.at, "the attribute '{}' is given twice", key);
  }
}

Attributes Parser::parse_dictionary() {
  const Nesting nesting(*this);
  Attributes entries;
  lex_.expect('{', "before attributes");
  if (lex_.accept('}')) return entries;
  do {
    const Position at = lex_.peek().at;
    std::string key = parse_key();
    Attribute value;
    value.at = at;
    if (lex_.accept('=')) value = parse_attribute();
    entries.emplace_back(std::move(key), std::move(value));
  } while (lex_.accept(','));
  lex_.expect('}', "after attributes");
  expect_distinct(entries);
  return entries;
}

Attribute Parser::parse_array() {
  Attribute a;
  a.kind = Attribute::Kind::kArray;
  lex_.expect('[', "before a list");
  if (lex_.accept(']')) return a;
  do a.items.push_back(parse_attribute());
  while (lex_.accept(','));
  lex_.expect(']', "after a list");
  return a;
}

Attribute Parser::parse_array_attribute() {
  Attribute a;
  a.kind = Attribute::Kind::kArray;
  lex_.take();  // `array`
  lex_.expect('<', "after array");
  parse_dtype();
  if (lex_.accept(':')) do
      a.items.push_back(parse_attribute());
    while (lex_.accept(','));
  lex_.expect('>', "after an array");
  return a;
}

Attribute Parser::parse_number() {
  Attribute a;
  a.at = lex_.peek().at;
  const bool negative = lex_.accept('-');
  const Token t = lex_.peek();
  if (t.kind == TokenKind::kInteger) {
    lex_.take();
    const bool hex = t.text.starts_with("0x");
    const std::string_view digits = hex ? t.text.substr(2) : t.text;
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    if (error != std::errc() || (negative && value > uint64_t{1} << 63))
      lex_.fail_at(t.at, "the integer {} has more than 64 bits", t.text);
    a.kind = Attribute::Kind::kInteger;
    a.integer = static_cast<int64_t>(negative ? ~value + 1 : value);
  } else if (t.kind == TokenKind::kFloat) {
    lex_.take();
    a.kind = Attribute::Kind::kFloat;
    a.number = std::strtod(std::string(t.text).c_str(), nullptr) * (negative ? -1 : 1);
  } else {
    lex_.fail_at(t.at, "expected a number, found {}", lex_.describe());
  }
  return a;
}

Attribute Parser::parse_attribute() {
  const Nesting nesting(*this);
  const Position at = lex_.peek().at;
  const size_t begin = lex_.peek().begin;
  Attribute a = parse_attribute_at(at);
  a.at = at;
  if (a.written.empty()) a.written = lex_.text().substr(begin, lex_.taken_end() - begin);
  return a;
}

Attribute Parser::parse_attribute_at(Position at) {
  const Token t = lex_.peek();
  Attribute a;
  switch (t.kind) {
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      a = parse_number();
      if (lex_.accept(':')) {
        a.type = parse_type();
        const bool is_float = a.type->kind == Type::Kind::kScalar && ecotone::is_float(a.type->dtype);
        if (is_float && a.kind == Attribute::Kind::kInteger) {
          // A hexadecimal integer gives a float's bits; a plain one its value.
          a.number = t.text.starts_with("0x") ? decode_float(a.type->dtype, static_cast<uint64_t>(a.integer))
                                              : static_cast<double>(a.integer);
          a.kind = Attribute::Kind::kFloat;
        }
      }
      return a;
    case TokenKind::kString:
      lex_.take();
      return string_attribute(Attribute::Kind::kString, unescape(t.text), at);
    case TokenKind::kAt:
      lex_.take();
      a = string_attribute(Attribute::Kind::kSymbol, unescape(t.text), at);
      while (lex_.peek().is(':')) {  // @a::@b
        lex_.take();
        lex_.expect(':', "in a nested symbol");
        a.text += "::" + std::string(lex_.expect(TokenKind::kAt, "a symbol").text);
      }
      return a;
    case TokenKind::kHash:
      return parse_dialect_attribute();
    case TokenKind::kBang:
      a.kind = Attribute::Kind::kType;
      a.type = parse_type();
      return a;
    case TokenKind::kWord:
      if (t.text == "true" || t.text == "false") {
        lex_.take();
        a.kind = Attribute::Kind::kBool;
        a.boolean = t.text == "true";
        a.integer = a.boolean;
        return a;
      }
      if (t.text == "unit") {
        lex_.take();
        return a;
      }
      if (t.text == "dense") return parse_dense();
      if (t.text == "dense_resource") return parse_dense_resource();
      if (t.text == "array") return parse_array_attribute();
      if (t.text == "loc") {
        parse_location();
        return a;
      }
      if (t.text == "affine_map" || t.text == "affine_set" || t.text == "strided" || t.text == "distinct" ||
          t.text == "sparse") {
        lex_.take();
        return string_attribute(Attribute::Kind::kOpaque, std::string(t.text) + take_balanced(), at);
      }
      a.kind = Attribute::Kind::kType;
      a.type = parse_type();
      return a;
    case TokenKind::kPunctuation:
      if (t.is('-')) {
        a = parse_number();
        if (lex_.accept(':')) a.type = parse_type();
        if (a.type && a.type->kind == Type::Kind::kScalar && ecotone::is_float(a.type->dtype) &&
            a.kind == Attribute::Kind::kInteger) {
          a.number = static_cast<double>(a.integer);
          a.kind = Attribute::Kind::kFloat;
        }
        return a;
      }
      if (t.is('[')) return parse_array();
      if (t.is('{')) {
        a.kind = Attribute::Kind::kDictionary;
        a.entries = parse_dictionary();
        return a;
      }
      if (t.is('(')) {
        a.kind = Attribute::Kind::kType;
        a.type = parse_type();
        return a;
      }
      if (t.is('?')) {
        lex_.take();
        return integer_attribute(kDynamic, at);
      }
      if (t.is('<')) return parse_struct("");
      break;
    default:
      break;
  }
  lex_.fail_at(at, "expected an attribute, found {}", lex_.describe());
}

// <key = value, ...>; a value may also be a bare word (an enum).
Attribute Parser::parse_struct(const char* name) {
  const Nesting nesting(*this);
  Attribute a = string_attribute(Attribute::Kind::kDictionary, name, lex_.peek().at);
  lex_.expect('<', "before an attribute's fields");
  if (lex_.accept('>')) return a;
  do {
    std::string key = parse_key();
    lex_.expect('=', "after a field's name");
    const Token t = lex_.peek();
    Attribute value;
    // A bare word that is neither a literal nor a type is an enum.
    if (t.kind == TokenKind::kWord && t.text != "true" && t.text != "false" && t.text != "array" && t.text != "dense" &&
        t.text != "tensor" && !dtype_from_name(t.text)) {
      lex_.take();
      value = string_attribute(Attribute::Kind::kEnum, std::string(t.text), t.at);
    } else {
      value = parse_attribute();
    }
    a.entries.emplace_back(std::move(key), std::move(value));
  } while (lex_.accept(','));
  lex_.expect('>', "after an attribute's fields");
  return a;
}

// [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]
Attribute Parser::parse_convolution_dimensions(bool angle) {
  Attribute a = string_attribute(Attribute::Kind::kDictionary, "stablehlo.conv", lex_.peek().at);
  if (angle) lex_.expect('<', "after #stablehlo.conv");
  const auto group = [&](const char* prefix, std::string_view first, std::string_view second, const char* first_name,
                         const char* second_name) {
    const Position at = lex_.expect('[', "before the dimension numbers").at;
    int64_t places[2] = {-1, -1};
    std::vector<std::pair<int64_t, int64_t>> spatial;
    int64_t position = 0;
    do {
      const Token t = lex_.peek();
      if (t.is_word(first)) {
        lex_.take();
        places[0] = position;
      } else if (t.is_word(second)) {
        lex_.take();
        places[1] = position;
      } else if (t.is('?')) {
        lex_.take();
      } else {
        spatial.emplace_back(lex_.expect_integer("a spatial dimension's number"), position);
      }
      ++position;
    } while (lex_.accept(','));
    lex_.expect(']', "after the dimension numbers");
    if (places[0] < 0 || places[1] < 0)
      lex_.fail_at(at, "the dimension numbers must name '{}' and '{}'", first, second);
    std::vector<int64_t> ordered(spatial.size(), -1);
    for (const auto& [number, place] : spatial) {
      if (number < 0 || number >= static_cast<int64_t>(spatial.size()) || ordered[static_cast<size_t>(number)] >= 0)
        lex_.fail_at(at, "spatial dimensions must be numbered 0 to {}, each once", spatial.size() - 1);
      ordered[static_cast<size_t>(number)] = place;
    }
    a.entries.emplace_back(std::string(prefix) + first_name, integer_attribute(places[0], at));
    a.entries.emplace_back(std::string(prefix) + second_name, integer_attribute(places[1], at));
    a.entries.emplace_back(std::string(prefix) + "_spatial_dimensions", list_attribute(ordered, at));
  };
  group("input", "b", "f", "_batch_dimension", "_feature_dimension");
  lex_.expect_word("x");
  group("kernel", "i", "o", "_input_feature_dimension", "_output_feature_dimension");
  lex_.expect(TokenKind::kArrow, "'->'");
  group("output", "b", "f", "_batch_dimension", "_feature_dimension");
  if (angle) lex_.expect('>', "after #stablehlo.conv");
  return a;
}

Attribute Parser::parse_dialect_attribute() {
  const Token t = lex_.take();
  const std::string name(t.text);
  if (!lex_.peek().is('<')) {
    if (const auto alias = attribute_aliases_.find(name); alias != attribute_aliases_.end()) return alias->second;
    if (name.find('.') == std::string::npos)
      lex_.fail_at(t.at, "the attribute alias #{} is not defined above this line", name);
    return string_attribute(Attribute::Kind::kOpaque, "#" + name, t.at);
  }
  const auto is = [&](std::string_view suffix) {
    return name == "stablehlo." + std::string(suffix) || name == "mhlo." + std::string(suffix);
  };
  if (is("conv")) {
    // The structured and the raw form.
    const Token open = lex_.peek();
    lex_.take();
    const bool pretty = lex_.peek().is('[');
    lex_.restart_at(open);
    return pretty ? parse_convolution_dimensions(true) : parse_struct("stablehlo.conv");
  }
  if (is("gather") || is("scatter") || is("dot") || is("channel_handle") || is("dot_algorithm") ||
      is("type_extensions") || is("result_accuracy") || name == "chlo.ragged_dot")
    return parse_struct(name.c_str());
  if (is("bounds")) {
    Attribute a = string_attribute(Attribute::Kind::kDictionary, name, t.at);
    Attribute list = list_attribute({}, t.at);
    lex_.expect('<', "after bounds");
    do {
      const Position at = lex_.peek().at;
      list.items.push_back(integer_attribute(lex_.accept('?') ? kDynamic : lex_.expect_integer("a bound"), at));
    } while (lex_.accept(','));
    lex_.expect('>', "after bounds");
    a.entries.emplace_back("bounds", std::move(list));
    return a;
  }
  if (name == "stablehlo" || name == "mhlo" || name == "chlo") {  // #stablehlo<precision DEFAULT>
    lex_.expect('<', "after a dialect's name");
    const Token kind = lex_.expect(TokenKind::kWord, "an enum's name");
    // The same attributes in the long form: #stablehlo<conv[...]>.
    if (kind.text == "conv") {
      Attribute a = parse_convolution_dimensions(false);
      lex_.expect('>', "after an attribute");
      return a;
    }
    if (lex_.peek().is('<')) {
      Attribute a = parse_struct(std::string(kind.text).c_str());
      lex_.expect('>', "after an attribute");
      return a;
    }
    const Token value = lex_.expect(TokenKind::kWord, "an enum's value");
    lex_.expect('>', "after an enum's value");
    return string_attribute(Attribute::Kind::kEnum, std::string(value.text), t.at);
  }
  // Enums' other form: #stablehlo.precision<DEFAULT>.
  if (name.starts_with("stablehlo.") || name.starts_with("chlo.") || name.starts_with("mhlo.")) {
    const Token open = lex_.peek();
    lex_.take();
    const Token word = lex_.peek();
    if (word.kind == TokenKind::kWord) {
      lex_.take();
      if (lex_.accept('>')) return string_attribute(Attribute::Kind::kEnum, std::string(word.text), t.at);
    }
    lex_.restart_at(open);
  }
  return string_attribute(Attribute::Kind::kOpaque, "#" + name + take_balanced(), t.at);
}

Attribute Parser::parse_dense() {
  Attribute a;
  a.kind = Attribute::Kind::kTensor;
  const size_t begin = lex_.take().begin;
  const Token open = lex_.peek();
  if (!open.is('<')) lex_.fail_at(open.at, "expected '<' after dense, found {}", lex_.describe());
  // The elements' meaning depends on the type behind them.
  take_balanced();
  const Position at = lex_.expect(':', "before a constant's type").at;
  a.type = parse_type();
  if (a.type->kind != Type::Kind::kTensor || a.type->is_dynamic())
    lex_.fail_at(at, "a constant's type must be a tensor of known sizes, not {}", a.type->str());
  a.written = lex_.text().substr(begin, lex_.taken_end() - begin);
  const Token behind = lex_.peek();
  lex_.restart_behind(open);
  a.tensor = parse_elements(*a.type, a.splat);
  lex_.restart_at(behind);
  return a;
}

Attribute Parser::parse_dense_resource() {
  const Token start = lex_.take();
  lex_.expect('<', "after dense_resource");
  const Token name = lex_.take();
  lex_.expect('>', "after a resource's name");
  lex_.expect(':', "before a constant's type");
  Attribute a;
  a.kind = Attribute::Kind::kTensor;
  a.type = parse_type();
  const auto found = resources_.find(name.text);
  if (found == resources_.end())
    lex_.fail_at(start.at, "the resource '{}' is not in this file; print the program with its constants", name.text);
  if (a.type->kind != Type::Kind::kTensor || a.type->is_dynamic() || a.type->quantization)
    lex_.fail_at(start.at, "a constant's type must be a plain tensor of known sizes, not {}", a.type->str());
  // Hex text: 4 bytes of alignment, then the elements.
  std::string_view hex = found->second;
  if (!hex.starts_with("0x") || hex.size() < 10)
    lex_.fail_at(start.at, "the resource '{}' is not hexadecimal", name.text);
  hex.remove_prefix(10);
  const std::string bytes = unescape([&] {
    std::string escaped;
    escaped.reserve(hex.size() / 2 * 3);
    for (size_t i = 0; i + 1 < hex.size(); i += 2) escaped.append("\\").append(hex.substr(i, 2));
    return escaped;
  }());
  auto owner = std::make_shared<const std::string>(bytes);
  try {
    a.tensor =
        Tensor(a.type->dtype, a.type->shape, std::as_bytes(std::span(owner->data(), owner->size())), owner).plain();
  } catch (const Error& e) {
    lex_.fail_at(start.at, "the resource '{}': {}", name.text, e.what());
  }
  return a;
}

}  // namespace ecotone::stablehlo::syntax
