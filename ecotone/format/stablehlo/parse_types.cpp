// Types.
#include <fmt/format.h>

#include "ecotone/format/stablehlo/parser.h"

namespace ecotone::stablehlo::syntax {

bool Type::is_dynamic() const {
  for (const int64_t d : shape)
    if (d == kDynamic) return true;
  for (const TypeRef& t : elements)
    if (t->is_dynamic()) return true;
  for (const TypeRef& t : results)
    if (t->is_dynamic()) return true;
  return false;
}

std::string Type::str() const {
  switch (kind) {
    case Kind::kTensor: {
      std::string s = "tensor<";
      for (const int64_t d : shape) s += (d == kDynamic ? std::string("?") : std::to_string(d)) + "x";
      if (quantization)
        return s + fmt::format("!quant.uniform<{}:{}, ...>>", ecotone::name(quantization->storage),
                               ecotone::name(quantization->expressed));
      return s + std::string(ecotone::name(dtype)) + ">";
    }
    case Kind::kScalar:
      return std::string(ecotone::name(dtype));
    case Kind::kToken:
      return "!stablehlo.token";
    case Kind::kTuple:
    case Kind::kFunction: {
      std::string s = kind == Kind::kTuple ? "tuple<" : "(";
      for (size_t i = 0; i < elements.size(); ++i) s += (i ? ", " : "") + elements[i]->str();
      return s + (kind == Kind::kTuple ? ">" : ") -> ...");
    }
    case Kind::kOther:
      break;
  }
  return text;
}

DType Parser::parse_dtype() {
  const Nesting nesting(*this);
  const Token t = lex_.expect(TokenKind::kWord, "an element type");
  if (t.text == "complex") {
    lex_.expect('<', "after complex");
    const DType part = parse_dtype();
    lex_.expect('>', "after complex's element type");
    if (part != DType::kF32 && part != DType::kF64)
      lex_.fail_at(t.at, "complex<{}> is no element type of StableHLO; it has complex<f32> and complex<f64>",
                   ecotone::name(part));
    return complex_of(part);
  }
  if (t.text == "index") return DType::kI64;
  std::string_view text = t.text;
  if (text.size() > 2 && text.starts_with("si")) text.remove_prefix(1);
  const auto dtype = dtype_from_name(text);
  if (!dtype) lex_.fail_at(t.at, "'{}' is no element type of StableHLO", t.text);
  return *dtype;
}

std::shared_ptr<const Quantization> Parser::parse_quantization(const Token& at) {
  auto q = std::make_shared<Quantization>();
  const bool per_block = at.text == "quant.uniform";
  if (!per_block && at.text != "quant.calibrated") lex_.fail_at(at.at, "the type !{} is not known", at.text);
  if (!per_block) lex_.fail_at(at.at, "!quant.calibrated carries no scale; give !quant.uniform");
  lex_.expect('<', "after !quant.uniform");
  q->storage = parse_dtype();
  if (lex_.accept('<')) {
    q->min = lex_.expect_integer("the storage type's minimum");
    lex_.expect(':', "between the storage type's minimum and maximum");
    q->max = lex_.expect_integer("the storage type's maximum");
    lex_.expect('>', "after the storage type's maximum");
  }
  lex_.expect(':', "before the expressed type");
  q->expressed = parse_dtype();
  if (lex_.accept(':')) {
    if (lex_.accept('{')) {
      do {
        const int64_t axis = lex_.expect_integer("a quantized axis");
        lex_.expect(':', "between axis and block size");
        q->axes.emplace_back(axis, lex_.expect_integer("a block size"));
      } while (lex_.accept(','));
      lex_.expect('}', "after the quantized axes");
    } else {
      q->axes.emplace_back(lex_.expect_integer("the quantized axis"), 0);
    }
  }
  lex_.expect(',', "before the scale");
  // One entry, or a list of them (nested for blocks of several axes; the order is row-major).
  const auto entry = [&] {
    const Attribute scale = parse_number();
    q->scales.push_back(scale.kind == Attribute::Kind::kInteger ? static_cast<double>(scale.integer) : scale.number);
    q->zero_points.push_back(lex_.accept(':') ? lex_.expect_integer("a zero point") : 0);
  };
  const auto entries = [&](auto& self) -> void {
    const Nesting nesting(*this);
    if (!lex_.accept('{')) return entry();
    do self(self);
    while (lex_.accept(','));
    lex_.expect('}', "after the scales");
  };
  entries(entries);
  lex_.expect('>', "after !quant.uniform");
  return q;
}

TypeRef Parser::parse_tensor_type() {
  const Token start = lex_.take();  // `tensor`
  lex_.expect('<', "after tensor");
  Type type;
  type.kind = Type::Kind::kTensor;
  if (lex_.peek().is('*'))
    lex_.fail_at(start.at, "a tensor of unknown rank is not supported; export the program with ranks");
  for (int64_t size = 0; lex_.accept_size(size);) type.shape.push_back(size);
  if (lex_.peek().kind == TokenKind::kBang) {
    const Token bang = lex_.take();
    if (const auto alias = type_aliases_.find(std::string(bang.text)); alias != type_aliases_.end()) {
      type.quantization = alias->second->quantization;
      if (!type.quantization) lex_.fail_at(bang.at, "!{} is no element type", bang.text);
    } else {
      type.quantization = parse_quantization(bang);
    }
    type.dtype = type.quantization->expressed;
  } else {
    type.dtype = parse_dtype();
  }
  if (lex_.accept(',')) {
    const Attribute encoding = parse_attribute();
    if (const Attribute* bounds = encoding.find("bounds"))
      for (const Attribute& b : bounds->items) type.bounds.push_back(b.integer);
  }
  lex_.expect('>', "after a tensor type");
  int64_t count = 1;
  for (const int64_t d : type.shape)
    if (d != kDynamic && __builtin_mul_overflow(count, std::max<int64_t>(d, 1), &count))
      lex_.fail_at(start.at, "the tensor type {} has more than 2^63 elements", type.str());
  return std::make_shared<const Type>(std::move(type));
}

std::vector<TypeRef> Parser::parse_type_list_in_parens() {
  std::vector<TypeRef> types;
  lex_.expect('(', "before a list of types");
  if (lex_.accept(')')) return types;
  do types.push_back(parse_type());
  while (lex_.accept(','));
  lex_.expect(')', "after a list of types");
  return types;
}

TypeRef Parser::parse_function_type() {
  auto type = std::make_shared<Type>();
  type->kind = Type::Kind::kFunction;
  type->elements = parse_type_list_in_parens();
  lex_.expect(TokenKind::kArrow, "'->'");
  if (lex_.peek().is('('))
    type->results = parse_type_list_in_parens();
  else
    type->results.push_back(parse_type());
  return type;
}

TypeRef Parser::parse_type() {
  const Nesting nesting(*this);
  const Token t = lex_.peek();
  if (t.is_word("tensor")) return parse_tensor_type();
  if (t.is('(')) return parse_function_type();
  auto type = std::make_shared<Type>();
  if (t.is_word("tuple")) {
    lex_.take();
    type->kind = Type::Kind::kTuple;
    has_tuples_ = true;
    lex_.expect('<', "after tuple");
    if (!lex_.peek().is('>')) do
        type->elements.push_back(parse_type());
      while (lex_.accept(','));
    lex_.expect('>', "after a tuple type");
  } else if (t.kind == TokenKind::kBang) {
    lex_.take();
    if (const auto alias = type_aliases_.find(std::string(t.text)); alias != type_aliases_.end()) return alias->second;
    if (t.text == "stablehlo.token" || t.text == "mhlo.token") {
      type->kind = Type::Kind::kToken;
    } else if (t.text == "quant.uniform") {
      type->quantization = parse_quantization(t);
      type->dtype = type->quantization->expressed;
      type->text = "!quant.uniform";
    } else {
      type->text = "!" + std::string(t.text);
      if (lex_.peek().is('<')) type->text += take_balanced();
    }
  } else if (t.kind == TokenKind::kWord) {
    if (t.text == "none") {
      lex_.take();
      type->text = "none";
    } else {
      type->kind = Type::Kind::kScalar;
      type->dtype = parse_dtype();
    }
  } else {
    lex_.fail_at(t.at, "expected a type, found {}", lex_.describe());
  }
  return type;
}

std::string Parser::take_balanced() {
  const Token open = lex_.peek();
  std::vector<char> stack;
  size_t end = open.end;
  do {
    const Token t = lex_.take();
    end = t.end;
    if (t.kind == TokenKind::kEnd) lex_.fail_at(open.at, "this bracket is never closed");
    if (t.kind != TokenKind::kPunctuation) continue;
    switch (t.text[0]) {
      case '<':
        stack.push_back('>');
        break;
      case '(':
        stack.push_back(')');
        break;
      case '[':
        stack.push_back(']');
        break;
      case '{':
        stack.push_back('}');
        break;
      case '>':
      case ')':
      case ']':
      case '}':
        if (stack.empty() || stack.back() != t.text[0])
          lex_.fail_at(t.at, "'{}' closes a bracket that is not open", t.text);
        stack.pop_back();
        break;
      default:
        break;
    }
  } while (!stack.empty());
  return std::string(lex_.text().substr(open.begin, end - open.begin));
}

}  // namespace ecotone::stablehlo::syntax
