// The parser: a recursive descent over MLIR's grammar, and over the pretty forms of the operations that we know.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ecotone/format/stablehlo/lexer.h"
#include "ecotone/format/stablehlo/syntax.h"

namespace ecotone::stablehlo::syntax {

class Parser {
 public:
  Parser(std::string_view text, const std::string& file_name) : lex_(text, file_name) { file_.name = file_name; }
  File parse();
  void parse_lone_attribute();

 private:
  // Deeper nesting than any tool writes is refused, since each level takes stack.
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) {
      if (++parser.depth_ > kMostNested)
        parser.lex_.fail_at(parser.lex_.peek().at, "nested more than {} levels deep", kMostNested);
    }
    ~Nesting() { --parser_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    static constexpr int kMostNested = 256;
    Parser& parser_;
  };

  // parse_types.cpp
  TypeRef parse_type();
  TypeRef parse_tensor_type();
  TypeRef parse_quantized(int64_t rank);
  std::shared_ptr<const Quantization> parse_quantization(const Token& at);
  DType parse_dtype();
  std::vector<TypeRef> parse_type_list_in_parens();
  TypeRef parse_function_type();
  std::string take_balanced();  // from the current bracket to its partner, as written

  // parse_attributes.cpp
  Attribute parse_attribute();
  Attribute parse_attribute_at(Position at);
  Attribute parse_number();
  Attribute parse_array();
  Attribute parse_array_attribute();  // array<i64: 1, 2>
  Attribute parse_dialect_attribute();
  Attribute parse_convolution_dimensions(bool both_brackets);
  Attribute parse_struct(const char* name);  // <key = value, ...>
  Attributes parse_dictionary();             // {key = value, flag}
  void expect_distinct(const Attributes& entries) const;
  std::string parse_key();
  Attribute parse_dense();
  Attribute parse_dense_resource();

  // parse_dense.cpp
  Tensor parse_elements(const Type& type, bool& splat);
  struct ElementReader;

  // parse_operations.cpp
  void parse_top_level();
  void parse_module();
  void parse_function();
  void parse_alias();
  void parse_resources();
  void parse_mesh();
  std::vector<Argument> parse_arguments(char open, char close);
  Region parse_region(std::vector<Argument> arguments);
  Operation parse_operation();
  void parse_generic(Operation& op);
  void parse_pretty(Operation& op);
  Use parse_use();
  std::vector<Use> parse_uses();
  LocationIndex parse_optional_location();
  LocationIndex parse_location();
  LocationIndex parse_location_body();

  // parse_pretty.cpp
  void parse_items(Operation& op);
  void parse_item(Operation& op, const Token& key);
  void parse_type_clause(Operation& op);
  void parse_reduce(Operation& op);
  void parse_while(Operation& op);
  void parse_manual_computation(Operation& op);
  void parse_convolution(Operation& op);
  void parse_slice_ranges(Operation& op);
  void parse_dimension_pair(Operation& op, const char* lhs, const char* rhs);

  Lexer lex_;
  File file_;
  int depth_ = 0;
  bool has_tuples_ = false;
  std::unordered_map<std::string, Attribute> attribute_aliases_;
  std::unordered_map<std::string, TypeRef> type_aliases_;
  std::unordered_map<std::string_view, std::string_view> resources_;  // name -> hex text
};

Attribute integer_attribute(int64_t value, Position at);
Attribute string_attribute(Attribute::Kind kind, std::string text, Position at);
Attribute list_attribute(const std::vector<int64_t>& values, Position at);

}  // namespace ecotone::stablehlo::syntax
