// Modules, functions, regions, operations in generic form, and locations.
#include <algorithm>
#include <charconv>

#include "ecotone/format/stablehlo/parser.h"

namespace ecotone::stablehlo::syntax {
namespace {

// What stands in the generic form beside that is said by the form itself.
Attributes without(const Attributes& attributes, std::initializer_list<std::string_view> names) {
  Attributes rest;
  for (const auto& entry : attributes)
    if (std::find(names.begin(), names.end(), entry.first) == names.end()) rest.push_back(entry);
  return rest;
}

}  // namespace

File parse(std::string_view text, const std::string& file_name) {
  if (text.size() > (size_t{1} << 32) - 2) fail("{}: longer than 4 GB", file_name);
  if (text.starts_with("ML\xEFR"))
    fail_kind(ErrorKind::kUnsupported, "{}: MLIR bytecode is not supported; write the program as text", file_name);
  return Parser(text, file_name).parse();
}

File Parser::parse() {
  parse_resources();
  while (lex_.peek().kind != TokenKind::kEnd) parse_top_level();
  if (has_tuples_) flatten_tuples(file_);
  return std::move(file_);
}

// {-# dialect_resources: { builtin: { name: "0x..." } } #-} stands at the end, after its uses.
void Parser::parse_resources() {
  const size_t begin = lex_.text().rfind("{-#");
  if (begin == std::string_view::npos) return;
  const Token first = lex_.peek();
  Token start;
  start.begin = start.end = begin;
  start.at = {1, 1};
  lex_.restart_at(start);
  Token name;
  for (Token t = lex_.take(); t.kind != TokenKind::kEnd; t = lex_.take()) {
    if (t.kind == TokenKind::kWord || t.kind == TokenKind::kString) {
      if (t.kind == TokenKind::kString && name.kind != TokenKind::kEnd && t.text.starts_with("0x"))
        resources_[name.text] = t.text;
      name = t;
    }
  }
  lex_.restart_at(first);
}

void Parser::parse_alias() {
  const Token name = lex_.take();
  lex_.expect('=', "after an alias");
  if (name.kind == TokenKind::kBang) {
    type_aliases_[std::string(name.text)] = parse_type();
  } else if (lex_.peek().is_word("loc")) {
    file_.location_aliases[std::string(name.text)] = parse_location();
  } else {
    attribute_aliases_[std::string(name.text)] = parse_attribute();
  }
}

void Parser::parse_top_level() {
  const Token t = lex_.peek();
  if (t.kind == TokenKind::kHash || t.kind == TokenKind::kBang) return parse_alias();
  if (t.is('{')) {  // the resources, read before
    while (lex_.peek().kind != TokenKind::kEnd) lex_.take();
    return;
  }
  if (t.is_word("module") || t.is_word("builtin.module")) return parse_module();
  if (t.is_word("func.func") || t.is_word("func")) return parse_function();
  if (t.is_word("sdy.mesh")) return parse_mesh();
  if (t.kind == TokenKind::kString) {  // generic form
    Operation op;
    op.at = t.at;
    op.name = unescape(lex_.take().text);
    parse_generic(op);
    const auto add_function = [&](Operation& f) {
      Function function;
      function.at = f.at;
      for (auto& [key, value] : f.attributes) {
        if (key == "sym_name") function.name = value.text;
        if (key == "sym_visibility") function.is_public = value.text == "public";
        if (key == "function_type" && value.type) function.result_types = value.type->results;
        if (key == "res_attrs")
          for (Attribute& a : value.items) function.result_attributes.push_back(a.entries);
      }
      if (function.name.empty()) lex_.fail_at(f.at, "a function has no sym_name");
      const Attribute* arguments = find(f.attributes, "arg_attrs");
      function.has_body = !f.regions.empty() && !f.regions[0].operations.empty();
      if (!f.regions.empty()) function.body = std::move(f.regions[0]);
      if (arguments)
        for (size_t i = 0; i < arguments->items.size() && i < function.body.arguments.size(); ++i)
          function.body.arguments[i].attributes = arguments->items[i].entries;
      function.attributes =
          without(f.attributes, {"sym_name", "sym_visibility", "function_type", "arg_attrs", "res_attrs"});
      file_.functions.push_back(std::move(function));
    };
    const auto add = [&](auto& self, Operation& o) -> void {
      if (o.name == "builtin.module") {
        if (const Attribute* name = find(o.attributes, "sym_name")) file_.module = name->text;
        file_.attributes = without(o.attributes, {"sym_name"});
        for (Region& r : o.regions)
          for (Operation& inner : r.operations) self(self, inner);
      } else if (o.name == "func.func") {
        add_function(o);
      } else if (o.name == "sdy.mesh") {
        const Attribute* name = find(o.attributes, "sym_name");
        file_.meshes.emplace_back(name ? name->text : "", without(o.attributes, {"sym_name"}));
      } else {
        lex_.fail_at(o.at, "'{}' can't stand outside a function", o.name);
      }
    };
    return add(add, op);
  }
  lex_.fail_at(t.at, "expected 'module' or 'func.func', found {}", lex_.describe());
}

// sdy.mesh @name = <["x"=2, "y"=4]> {attributes}
void Parser::parse_mesh() {
  lex_.take();
  const std::string name = unescape(lex_.expect(TokenKind::kAt, "the mesh's name, such as @mesh").text);
  lex_.expect('=', "after the mesh's name");
  const Position at = lex_.peek().at;
  if (!lex_.peek().is('<')) lex_.fail_at(at, "expected '<' before the mesh's axes, found {}", lex_.describe());
  Attributes attributes;
  attributes.emplace_back("mesh", string_attribute(Attribute::Kind::kOpaque, "#sdy.mesh" + take_balanced(), at));
  if (lex_.peek().is('{'))
    for (auto& entry : parse_dictionary()) attributes.push_back(std::move(entry));
  parse_optional_location();
  file_.meshes.emplace_back(name, std::move(attributes));
}

void Parser::parse_module() {
  const Nesting nesting(*this);
  lex_.take();
  if (lex_.peek().kind == TokenKind::kAt) file_.module = unescape(lex_.take().text);
  if (lex_.accept_word("attributes")) file_.attributes = parse_dictionary();
  lex_.expect('{', "before the module's functions");
  while (!lex_.peek().is('}')) {
    if (lex_.peek().kind == TokenKind::kEnd) lex_.fail_at(lex_.peek().at, "the module is never closed with '}}'");
    parse_top_level();
  }
  lex_.take();
  parse_optional_location();
}

std::vector<Argument> Parser::parse_arguments(char open, char close) {
  std::vector<Argument> arguments;
  lex_.expect(open, "before arguments");
  if (lex_.accept(close)) return arguments;
  do {
    const Token name = lex_.expect(TokenKind::kPercent, "an argument such as %arg0");
    lex_.expect(':', "between an argument and its type");
    Argument argument{name.text, parse_type(), name.at, {}};
    if (lex_.peek().is('{')) argument.attributes = parse_dictionary();
    parse_optional_location();
    arguments.push_back(std::move(argument));
  } while (lex_.accept(','));
  lex_.expect(close, "after arguments");
  return arguments;
}

void Parser::parse_function() {
  const Nesting nesting(*this);
  Function f;
  f.at = lex_.take().at;
  if (lex_.accept_word("private") || lex_.accept_word("nested"))
    f.is_public = false;
  else
    lex_.accept_word("public");
  f.name = unescape(lex_.expect(TokenKind::kAt, "the function's name, such as @main").text);
  std::vector<Argument> arguments;
  // A declaration without names, `func.func private @f(tensor<f32>)`, has no body.
  const Token open = lex_.peek();
  lex_.expect('(', "before arguments");
  if (lex_.peek().kind == TokenKind::kPercent || lex_.peek().is(')')) {
    lex_.restart_at(open);
    arguments = parse_arguments('(', ')');
  } else {
    do {
      parse_type();
      if (lex_.peek().is('{')) parse_dictionary();
    } while (lex_.accept(','));
    lex_.expect(')', "after arguments");
  }
  const auto result = [&] {
    f.result_types.push_back(parse_type());
    f.result_attributes.push_back(lex_.peek().is('{') ? parse_dictionary() : Attributes{});
  };
  if (lex_.peek().kind == TokenKind::kArrow) {
    lex_.take();
    if (lex_.accept('(')) {
      if (!lex_.accept(')')) {
        do result();
        while (lex_.accept(','));
        lex_.expect(')', "after the results' types");
      }
    } else {
      f.result_types.push_back(parse_type());
    }
  }
  if (lex_.accept_word("attributes")) f.attributes = parse_dictionary();
  f.has_body = lex_.peek().is('{');
  if (f.has_body)
    f.body = parse_region(std::move(arguments));
  else
    f.body.arguments = std::move(arguments);
  parse_optional_location();
  file_.functions.push_back(std::move(f));
}

// { ^bb0(%a: type): operations }
Region Parser::parse_region(std::vector<Argument> arguments) {
  const Nesting nesting(*this);
  Region region;
  region.arguments = std::move(arguments);
  const Token open = lex_.expect('{', "before a region");
  if (lex_.peek().kind == TokenKind::kCaret) {
    lex_.take();
    if (lex_.peek().is('(')) {
      std::vector<Argument> block = parse_arguments('(', ')');
      if (region.arguments.empty()) region.arguments = std::move(block);
    }
    lex_.expect(':', "after a block's arguments");
  }
  while (!lex_.peek().is('}')) {
    const Token& t = lex_.peek();
    if (t.kind == TokenKind::kEnd) lex_.fail_at(open.at, "this region is never closed with '}}'");
    if (t.kind == TokenKind::kCaret)
      lex_.fail_at(t.at, "a region with several blocks is not supported; StableHLO has structured control flow alone");
    region.operations.push_back(parse_operation());
  }
  region.end = lex_.take().at;
  return region;
}

Use Parser::parse_use() {
  const Token t = lex_.expect(TokenKind::kPercent, "a value such as %0");
  Use use{t.text, 0, t.at};
  if (const size_t hash = t.text.find('#'); hash != std::string_view::npos) {
    use.name = t.text.substr(0, hash);
    const auto [end, error] = std::from_chars(t.text.data() + hash + 1, t.text.data() + t.text.size(), use.index);
    if (error != std::errc()) lex_.fail_at(t.at, "%{} has too big a number", t.text);
  }
  return use;
}

std::vector<Use> Parser::parse_uses() {
  std::vector<Use> uses;
  if (lex_.peek().kind != TokenKind::kPercent) return uses;
  do uses.push_back(parse_use());
  while (lex_.peek().is(',') && (lex_.take(), true) && lex_.peek().kind == TokenKind::kPercent);
  return uses;
}

Operation Parser::parse_operation() {
  Operation op;
  op.at = lex_.peek().at;
  if (lex_.peek().kind == TokenKind::kPercent) {
    do {
      const Token name = lex_.take();
      Result result{name.text, 1, name.at};
      if (lex_.accept(':')) {
        const int64_t count = lex_.expect_integer("a number of results");
        if (count < 1 || count > 65536) lex_.fail_at(name.at, "an operation can't have {} results", count);
        result.count = static_cast<uint32_t>(count);
      }
      op.results.push_back(result);
    } while (lex_.accept(',') && lex_.peek().kind == TokenKind::kPercent);
    lex_.expect('=', "after an operation's results");
  }
  op.at = lex_.peek().at;
  const bool generic = lex_.peek().kind == TokenKind::kString;
  if (generic) {
    op.name = unescape(lex_.take().text);
    parse_generic(op);
  } else {
    op.name = std::string(lex_.expect(TokenKind::kWord, "an operation's name").text);
    parse_pretty(op);
  }
  op.location = parse_optional_location();
  // Results must be as many as the types say.
  size_t named = 0;
  for (const Result& r : op.results) named += r.count;
  if (!op.results.empty() && named != op.result_types.size())
    lex_.fail_at(op.at, "{} is given {} result names but has {} result types", op.name, named, op.result_types.size());
  return op;
}

// "dialect.op"(%0, %1) <{properties}> ({regions}) {attributes} : (types) -> types
void Parser::parse_generic(Operation& op) {
  lex_.expect('(', "before the operands");
  if (!lex_.peek().is(')')) do
      op.operands.push_back(parse_use());
    while (lex_.accept(','));
  lex_.expect(')', "after the operands");
  if (lex_.peek().is('[')) lex_.fail_at(lex_.peek().at, "{} has successor blocks, which are not supported", op.name);
  if (lex_.accept('<')) {
    op.attributes = parse_dictionary();
    lex_.expect('>', "after the properties");
  }
  if (lex_.accept('(')) {
    do op.regions.push_back(parse_region({}));
    while (lex_.accept(','));
    lex_.expect(')', "after the regions");
  }
  if (lex_.peek().is('{'))
    for (auto& entry : parse_dictionary()) op.attributes.push_back(std::move(entry));
  lex_.expect(':', "before the operation's type");
  const TypeRef type = parse_function_type();
  op.operand_types = type->elements;
  op.result_types = type->results;
  if (op.operand_types.size() != op.operands.size())
    lex_.fail_at(op.at, "{} has {} operands but {} operand types", op.name, op.operands.size(),
                 op.operand_types.size());
}

// Locations
// ------------------------------------------------------------------------------------------------------------

LocationIndex Parser::parse_optional_location() {
  return lex_.peek().is_word("loc") ? parse_location() : 0;
}

LocationIndex Parser::parse_location() {
  lex_.expect_word("loc");
  lex_.expect('(', "after loc");
  const LocationIndex index = parse_location_body();
  lex_.expect(')', "after a location");
  return index;
}

LocationIndex Parser::parse_location_body() {
  const Nesting nesting(*this);
  SourceLocation location;
  const Token t = lex_.take();
  const auto add = [&](SourceLocation l) {
    file_.locations.push_back(std::move(l));
    return static_cast<LocationIndex>(file_.locations.size() - 1);
  };
  if (t.kind == TokenKind::kHash) {
    location.kind = SourceLocation::Kind::kAlias;
    location.text = std::string(t.text);
  } else if (t.kind == TokenKind::kString) {
    location.text = unescape(t.text);
    if (lex_.accept(':')) {  // "file":line:column, perhaps "to" another
      location.kind = SourceLocation::Kind::kFile;
      const int64_t line = lex_.expect_integer("a line");
      lex_.expect(':', "between line and column");
      const int64_t column = lex_.expect_integer("a column");
      location.line = static_cast<uint32_t>(std::clamp<int64_t>(line, 0, UINT32_MAX));
      location.column = static_cast<uint32_t>(std::clamp<int64_t>(column, 0, UINT32_MAX));
      if (lex_.accept_word("to")) {
        if (lex_.peek().kind == TokenKind::kInteger) lex_.take();
        lex_.expect(':', "between line and column");
        lex_.expect_integer("a column");
      }
    } else {
      location.kind = SourceLocation::Kind::kName;
      if (lex_.accept('(')) {
        location.children.push_back(parse_location_body());
        lex_.expect(')', "after a named location");
      }
    }
  } else if (t.is_word("fused")) {
    location.kind = SourceLocation::Kind::kFused;
    if (lex_.accept('<')) {
      const Attribute metadata = parse_attribute();
      lex_.expect('>', "after what locations are fused by");
      // How derived{...} is written.
      if (const Attribute* transform = metadata.find("ecotone.derived")) {
        location.kind = SourceLocation::Kind::kDerived;
        location.text = transform->text;
      }
    }
    const Token open = lex_.expect('[', "after fused");
    if (!lex_.accept(']')) {
      do location.children.push_back(parse_location_body());
      while (lex_.accept(','));
      lex_.expect(']', "after fused locations");
    }
    if (location.kind == SourceLocation::Kind::kDerived && location.children.size() != 1)
      lex_.fail_at(open.at, "a derived location has one place that it comes from");
  } else if (t.is_word("callsite")) {
    location.kind = SourceLocation::Kind::kCall;
    lex_.expect('(', "after callsite");
    location.children.push_back(parse_location_body());
    lex_.expect_word("at");
    location.children.push_back(parse_location_body());
    lex_.expect(')', "after callsite");
  } else if (!t.is_word("unknown")) {
    lex_.fail_at(t.at, "expected a location, found '{}'", t.text);
  }
  return add(std::move(location));
}

}  // namespace ecotone::stablehlo::syntax
