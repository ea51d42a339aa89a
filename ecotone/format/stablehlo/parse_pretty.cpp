// The pretty forms of operations, read into the attribute names of the generic form.
//
// Most are a row of items: values, `key = value`, a bare enum, {attributes}; then `:` and types. What differs is in
// kKeys, or is an operation of its own below.
#include <algorithm>
#include <charconv>

#include "ecotone/format/stablehlo/parser.h"

namespace ecotone::stablehlo::syntax {
namespace {

// The generic name of a pretty form's key; the same word where not listed.
struct Key {
  std::string_view op, pretty, generic;
};
constexpr Key kKeys[] = {
    {"transpose", "dims", "permutation"},
    {"broadcast_in_dim", "dims", "broadcast_dimensions"},
    {"dynamic_broadcast_in_dim", "dims", "broadcast_dimensions"},
    {"reverse", "dims", "dimensions"},
    {"concatenate", "dim", "dimension"},
    {"get_dimension_size", "dim", "dimension"},
    {"set_dimension_size", "dim", "dimension"},
    {"iota", "dim", "iota_dimension"},
    {"dynamic_iota", "dim", "iota_dimension"},
    {"dynamic_slice", "sizes", "slice_sizes"},
    {"broadcast", "sizes", "broadcast_sizes"},
    {"pad", "low", "edge_padding_low"},
    {"pad", "high", "edge_padding_high"},
    {"pad", "interior", "interior_padding"},
    {"fft", "type", "fft_type"},
    {"fft", "length", "fft_length"},
    {"rng", "distribution", "rng_distribution"},
    {"rng_bit_generator", "algorithm", "rng_algorithm"},
    {"dot_general", "precision", "precision_config"},
    {"dot", "precision", "precision_config"},
};

std::string_view short_name(std::string_view name) {
  const size_t dot = name.find('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

// What a single type behind the colon says, for operations that don't write `(operands) -> results`.
enum class TypeClause : uint8_t { kOperandsAndResult, kResults, kLastIsResult, kOperandsOnly };
TypeClause type_clause(std::string_view op) {
  if (op == "stablehlo.select") return TypeClause::kLastIsResult;
  if (op == "stablehlo.return" || op == "func.return" || op == "return" || op == "sdy.return" ||
      op == "stablehlo.trace" || op.starts_with("check."))
    return TypeClause::kOperandsOnly;
  if (op == "stablehlo.optimization_barrier" || op == "stablehlo.while" || op == "stablehlo.complex" ||
      op == "stablehlo.tuple" || op == "stablehlo.iota" || op == "stablehlo.constant" || op == "chlo.constant")
    return TypeClause::kResults;
  return TypeClause::kOperandsAndResult;
}

}  // namespace

void Parser::parse_pretty(Operation& op) {
  // JAX and MLIR's printers leave out the dialect where it is func's.
  if (op.name == "return" || op.name == "call") op.name = "func." + op.name;
  const std::string_view name = short_name(op.name);
  if (op.name == "stablehlo.reduce") return parse_reduce(op);
  if (op.name == "stablehlo.while") return parse_while(op);
  if (op.name == "sdy.manual_computation") return parse_manual_computation(op);
  if (op.name == "stablehlo.convolution" || op.name == "stablehlo.dynamic_conv") return parse_convolution(op);
  if (name == "constant") {
    if (lex_.peek().is('{')) op.attributes = parse_dictionary();
    const Position at = lex_.peek().at;
    Attribute value = parse_attribute();
    if (value.kind != Attribute::Kind::kTensor) lex_.fail_at(at, "a constant's value must be dense<...>");
    op.result_types = {value.type};
    op.attributes.emplace_back("value", std::move(value));
    return;
  }
  if (op.name == "stablehlo.custom_call" || op.name == "func.call") {
    const Token callee = lex_.expect(TokenKind::kAt, "the name of what is called");
    op.attributes.emplace_back(name == "call" ? "callee" : "call_target_name",
                               string_attribute(name == "call" ? Attribute::Kind::kSymbol : Attribute::Kind::kString,
                                                unescape(callee.text), callee.at));
    lex_.expect('(', "before the operands");
    op.operands = parse_uses();
    lex_.expect(')', "after the operands");
  } else if (op.name == "stablehlo.composite") {
    const Token callee = lex_.expect(TokenKind::kString, "the composite's name");
    op.attributes.emplace_back("name", string_attribute(Attribute::Kind::kString, unescape(callee.text), callee.at));
  }
  parse_items(op);
  parse_type_clause(op);
}

void Parser::parse_items(Operation& op) {
  // chlo.top_k(%0, k = 5)
  const bool in_parens = lex_.accept('(');
  bool separated = false;
  while (true) {
    const Token t = lex_.peek();
    // No types follow the constant of a check: without a comma, what comes is the next operation.
    if (op.name.starts_with("check.") && !t.is(',') && !separated && find(op.attributes, "value")) break;
    separated = t.is(',');
    if (t.kind == TokenKind::kPercent) {
      op.operands.push_back(parse_use());
      if (lex_.peek().is('[')) parse_slice_ranges(op);
    } else if (t.is_word("dense") && op.name.starts_with("check.")) {  // check.expect_eq_const %0, dense<1> : type
      op.attributes.emplace_back("value", parse_attribute());
    } else if (t.kind == TokenKind::kWord && !t.is_word("loc")) {
      lex_.take();
      parse_item(op, t);
    } else if (t.is('{')) {
      for (auto& entry : parse_dictionary()) op.attributes.push_back(std::move(entry));
    } else if (t.is('<') && op.name.starts_with("sdy.")) {
      op.attributes.emplace_back("sharding",
                                 string_attribute(Attribute::Kind::kOpaque, "#sdy.sharding" + take_balanced(), t.at));
    } else if (!lex_.accept(',')) {
      break;
    }
  }
  if (in_parens) {
    lex_.expect(')', "after the operands");
    if (lex_.peek().is('{'))
      for (auto& entry : parse_dictionary()) op.attributes.push_back(std::move(entry));
  }
}

void Parser::parse_item(Operation& op, const Token& key) {
  const std::string_view name = short_name(op.name);
  if (!lex_.accept('=')) {
    // Bare enums: compare LT, %0, %1, FLOAT.
    const bool compares = name == "compare" || name == "broadcast_compare";
    if (!compares) lex_.fail_at(key.at, "'{}' is not understood in the pretty form of {}", key.text, op.name);
    const char* which = find(op.attributes, "comparison_direction") ? "compare_type" : "comparison_direction";
    op.attributes.emplace_back(which, string_attribute(Attribute::Kind::kEnum, std::string(key.text), key.at));
    return;
  }
  if (name == "dot_general" && key.text == "contracting_dims")
    return parse_dimension_pair(op, "lhs_contracting_dimensions", "rhs_contracting_dimensions");
  if (name == "dot_general" && key.text == "batching_dims")
    return parse_dimension_pair(op, "lhs_batching_dimensions", "rhs_batching_dimensions");
  if (name == "reduce_precision" && key.text == "format") {  // e8m23
    const Token format = lex_.expect(TokenKind::kWord, "a format such as e8m23");
    int64_t exponent = 0, mantissa = 0;
    const char* end = format.text.data() + format.text.size();
    const auto [m, e1] = std::from_chars(format.text.data() + 1, end, exponent);
    const bool fine = format.text[0] == 'e' && e1 == std::errc() && m != end && *m == 'm';
    if (!fine || std::from_chars(m + 1, end, mantissa).ptr != end)
      lex_.fail_at(format.at, "'{}' is no format; write it as e8m23", format.text);
    op.attributes.emplace_back("exponent_bits", integer_attribute(exponent, format.at));
    op.attributes.emplace_back("mantissa_bits", integer_attribute(mantissa, format.at));
    return;
  }
  if (op.name.starts_with("check.") && key.text == "tolerance") {
    op.attributes.emplace_back("tolerance", parse_number());
    // A colon begins the number's type or that of the operands, which is read later.
    const Token colon = lex_.peek();
    if (lex_.accept(':') && !lex_.accept_word("f64")) lex_.restart_at(colon);
    return;
  }
  std::string_view generic = key.text;
  for (const Key& k : kKeys)
    if (k.op == name && k.pretty == key.text) generic = k.generic;
  const Token t = lex_.peek();
  Attribute value;
  if (t.is('[')) {
    // Lists of numbers, or of enums: precision = [DEFAULT, HIGH].
    value.kind = Attribute::Kind::kArray;
    value.at = t.at;
    lex_.take();
    if (!lex_.accept(']')) {
      do {
        const Token item = lex_.peek();
        if (item.kind == TokenKind::kWord && item.text != "true" && item.text != "false") {
          lex_.take();
          value.items.push_back(string_attribute(Attribute::Kind::kEnum, std::string(item.text), item.at));
        } else {
          value.items.push_back(parse_attribute());
        }
      } while (lex_.accept(','));
      lex_.expect(']', "after a list");
    }
  } else if (t.kind == TokenKind::kWord && t.text != "true" && t.text != "false" && t.text != "dense" &&
             t.text != "array") {
    lex_.take();
    value = string_attribute(Attribute::Kind::kEnum, std::string(t.text), t.at);
  } else if (t.is('<')) {
    value = parse_struct(std::string(generic).c_str());
  } else if (t.kind == TokenKind::kInteger || t.is('-')) {
    value = parse_number();  // not parse_attribute: a `:` behind it starts the types
  } else {
    value = parse_attribute();
  }
  op.attributes.emplace_back(std::string(generic), std::move(value));
}

void Parser::parse_dimension_pair(Operation& op, const char* lhs, const char* rhs) {
  auto dims = std::find_if(op.attributes.begin(), op.attributes.end(),
                           [](const auto& a) { return a.first == "dot_dimension_numbers"; });
  if (dims == op.attributes.end()) {
    op.attributes.emplace_back("dot_dimension_numbers", Attribute{});
    dims = op.attributes.end() - 1;
    dims->second.kind = Attribute::Kind::kDictionary;
    dims->second.at = lex_.peek().at;
  }
  Attribute left = parse_attribute();
  lex_.expect_word("x");
  Attribute right = parse_attribute();
  dims->second.entries.emplace_back(lhs, std::move(left));
  dims->second.entries.emplace_back(rhs, std::move(right));
}

// slice %0 [0:4, 1:9:2], and get_tuple_element %0[1]
void Parser::parse_slice_ranges(Operation& op) {
  const Position at = lex_.take().at;
  if (op.name == "stablehlo.get_tuple_element") {
    op.attributes.emplace_back("index", integer_attribute(lex_.expect_integer("an index"), at));
    lex_.expect(']', "after an index");
    return;
  }
  std::vector<int64_t> starts, limits, strides;
  if (!lex_.peek().is(']')) do {
      starts.push_back(lex_.expect_integer("a start"));
      lex_.expect(':', "between start and limit");
      limits.push_back(lex_.expect_integer("a limit"));
      strides.push_back(lex_.accept(':') ? lex_.expect_integer("a stride") : 1);
    } while (lex_.accept(','));
  lex_.expect(']', "after the ranges");
  op.attributes.emplace_back("start_indices", list_attribute(starts, at));
  op.attributes.emplace_back("limit_indices", list_attribute(limits, at));
  op.attributes.emplace_back("strides", list_attribute(strides, at));
}

void Parser::parse_type_clause(Operation& op) {
  if (!lex_.accept(':')) {
    if (type_clause(op.name) == TypeClause::kOperandsOnly && op.operands.empty()) return;
    if (op.results.empty() && op.operands.empty()) return;
    if (op.name.starts_with("check.")) return;
    lex_.fail_at(lex_.peek().at, "expected ':' and the types of {}, found {}", op.name, lex_.describe());
  }
  const Position at = lex_.peek().at;
  std::vector<TypeRef> listed;
  const bool functional = lex_.peek().is('(');
  if (functional) {
    const TypeRef type = parse_type();
    op.operand_types = type->elements;
    op.result_types = type->results;
  } else {
    do listed.push_back(parse_type());
    while (lex_.accept(','));
    if (lex_.peek().kind == TokenKind::kArrow) {  // chlo: types -> types
      lex_.take();
      op.operand_types = std::move(listed);
      if (lex_.peek().is('('))
        op.result_types = parse_type_list_in_parens();
      else
        op.result_types.push_back(parse_type());
    } else {
      switch (type_clause(op.name)) {
        case TypeClause::kOperandsOnly:
          op.operand_types = std::move(listed);
          if (op.name.starts_with("check.") && op.operand_types.size() == 1)  // of each
            op.operand_types.resize(op.operands.size(), op.operand_types[0]);
          break;
        case TypeClause::kResults:
          op.result_types = std::move(listed);
          break;
        case TypeClause::kLastIsResult:
          op.result_types = {listed.back()};
          break;
        case TypeClause::kOperandsAndResult:
          if (listed.size() != 1)
            lex_.fail_at(at, "{} takes one type here, or (operands) -> results; found {}", op.name, listed.size());
          op.operand_types.assign(op.operands.size(), listed[0]);
          op.result_types = std::move(listed);
          break;
      }
    }
  }
  if (!op.operand_types.empty() && op.operand_types.size() != op.operands.size())
    lex_.fail_at(at, "{} has {} operands but {} operand types", op.name, op.operands.size(), op.operand_types.size());
}

// reduce(%0 init: %1), (%2 init: %3) applies stablehlo.add across dimensions = [1] : types
// reduce(%0 init: %1) across dimensions = [1] : types reducer(%a: type, %b: type) { ... }
void Parser::parse_reduce(Operation& op) {
  std::vector<Use> inits;
  do {
    lex_.expect('(', "before an input of reduce");
    op.operands.push_back(parse_use());
    lex_.expect_word("init");
    lex_.expect(':', "after init");
    inits.push_back(parse_use());
    lex_.expect(')', "after an initial value");
  } while (lex_.accept(','));
  const size_t count = op.operands.size();
  op.operands.insert(op.operands.end(), inits.begin(), inits.end());
  Token inner;
  if (lex_.accept_word("applies")) inner = lex_.expect(TokenKind::kWord, "an operation such as stablehlo.add");
  lex_.expect_word("across");
  lex_.expect_word("dimensions");
  lex_.expect('=', "after dimensions");
  op.attributes.emplace_back("dimensions", parse_attribute());
  if (lex_.peek().is('{'))
    for (auto& entry : parse_dictionary()) op.attributes.push_back(std::move(entry));
  parse_type_clause(op);
  if (inner.kind != TokenKind::kEnd) {
    op.attributes.emplace_back("reducer_op",
                               string_attribute(Attribute::Kind::kString, std::string(inner.text), inner.at));
    return;
  }
  parse_optional_location();
  lex_.expect_word("reducer");
  std::vector<Argument> left, right;
  for (size_t i = 0; i < count; ++i) {
    const Position at = lex_.peek().at;
    std::vector<Argument> pair = parse_arguments('(', ')');
    if (pair.size() != 2) lex_.fail_at(at, "a reducer takes pairs of arguments, not {}", pair.size());
    left.push_back(std::move(pair[0]));
    right.push_back(std::move(pair[1]));
  }
  for (Argument& a : right) left.push_back(std::move(a));
  op.regions.push_back(parse_region(std::move(left)));
}

// while(%iter = %0, %iter_1 = %2) : types attributes {...} cond { ... } do { ... }
void Parser::parse_while(Operation& op) {
  std::vector<Argument> arguments;
  lex_.expect('(', "after while");
  if (!lex_.accept(')')) {
    do {
      const Token name = lex_.expect(TokenKind::kPercent, "a carried value's name");
      lex_.expect('=', "after a carried value's name");
      op.operands.push_back(parse_use());
      arguments.push_back({name.text, nullptr, name.at, {}});
    } while (lex_.accept(','));
    lex_.expect(')', "after the carried values");
  }
  if (lex_.accept(':')) do
      op.result_types.push_back(parse_type());
    while (lex_.accept(','));
  if (op.result_types.size() != arguments.size())
    lex_.fail_at(op.at, "while carries {} values but gives {} types", arguments.size(), op.result_types.size());
  op.operand_types = op.result_types;
  for (size_t i = 0; i < arguments.size(); ++i) arguments[i].type = op.result_types[i];
  parse_optional_location();
  if (lex_.accept_word("attributes")) op.attributes = parse_dictionary();
  lex_.expect_word("cond");
  op.regions.push_back(parse_region(arguments));
  lex_.expect_word("do");
  op.regions.push_back(parse_region(std::move(arguments)));
}

// sdy.manual_computation(%0) in_shardings=[<...>] out_shardings=[<...>] manual_axes={"x"} (%a: type) { ... } : types
void Parser::parse_manual_computation(Operation& op) {
  lex_.expect('(', "before the operands");
  op.operands = parse_uses();
  lex_.expect(')', "after the operands");
  for (const char* key : {"in_shardings", "out_shardings", "manual_axes"}) {
    lex_.expect_word(key);
    lex_.expect('=', "after what the computation is said to have");
    const Position at = lex_.peek().at;
    op.attributes.emplace_back(key, string_attribute(Attribute::Kind::kOpaque, take_balanced(), at));
  }
  op.regions.push_back(parse_region(parse_arguments('(', ')')));
  if (lex_.peek().is('{'))
    for (auto& entry : parse_dictionary()) op.attributes.push_back(std::move(entry));
  parse_type_clause(op);
}

// convolution(%0, %1) dim_numbers = ..., window = {stride = [1, 1], ...} {attributes} : types
void Parser::parse_convolution(Operation& op) {
  lex_.expect('(', "before the operands");
  op.operands = parse_uses();
  lex_.expect(')', "after the operands");
  lex_.expect_word("dim_numbers");
  lex_.expect('=', "after dim_numbers");
  op.attributes.emplace_back("dimension_numbers", parse_convolution_dimensions(false));
  lex_.expect(',', "after the dimension numbers");
  lex_.expect_word("window");
  lex_.expect('=', "after window");
  for (auto& [key, value] : parse_dictionary()) {
    const std::string_view generic = key == "stride"       ? "window_strides"
                                     : key == "pad"        ? "padding"
                                     : key == "lhs_dilate" ? "lhs_dilation"
                                     : key == "rhs_dilate" ? "rhs_dilation"
                                     : key == "reverse"    ? "window_reversal"
                                                           : "";
    if (generic.empty())
      lex_.fail_at(value.at, "a window has no '{}'; it has stride, pad, lhs_dilate, rhs_dilate and reverse", key);
    op.attributes.emplace_back(std::string(generic), std::move(value));
  }
  if (lex_.peek().is('{'))
    for (auto& entry : parse_dictionary()) op.attributes.push_back(std::move(entry));
  parse_type_clause(op);
}

}  // namespace ecotone::stablehlo::syntax
