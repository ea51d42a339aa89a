// Types, tensors and attributes as MLIR text.
#pragma once

#include <string>
#include <string_view>

#include "ecotone/ir/attributes.h"
#include "ecotone/ir/type.h"

namespace ecotone::stablehlo {

// "tensor<2x?xf32>", "!stablehlo.token"; symbolic sizes are "?".
void append_type(std::string& out, const Type& type);
std::string type_text(const Type& type);
// dense<...> : type. Exact: floats that decimal text can't give are hexadecimal, many elements one hexadecimal string.
std::string tensor_text(const Tensor& value);
// Where a sharding constraint, read as a custom call, keeps its sharding.
inline constexpr std::string_view kShardingKey = "sdy.sharding";

// A quoted string with MLIR's escapes.
std::string string_text(std::string_view text);
// @name, or @"na me" where the name is no identifier.
std::string symbol_text(std::string_view name);
// A key of an attribute dictionary, quoted where it is no identifier.
std::string key_text(std::string_view name);
// What no AttributeValue can say is kept as MLIR's text, in a dictionary of one entry.
AttributeValue mlir_value(std::string text);
// That text; null for other values, and where it is not the text of one attribute.
const std::string* mlir_text(const AttributeValue& value);
// Integers as i64, floats as f64, element types and tensor types as type attributes; symbolic sizes as
// {ecotone.dim = "2*n"}, types that have some as {ecotone.dtype = f32, ecotone.shape = "n,3"}.
std::string attribute_text(const AttributeValue& value, std::span<const SymbolInfo> symbols);
// {a = 1 : i64, b = "x"}; absent optionals are left out.
std::string dictionary_text(const DynamicAttributes& value, std::span<const SymbolInfo> symbols);
// Its entries alone, without braces.
std::string entries_text(const DynamicAttributes& value, std::span<const SymbolInfo> symbols);

// [1, 2]
std::string list_text(std::span<const int64_t> values);
// array<i64: 1, 2>
std::string array_text(std::span<const int64_t> values);

}  // namespace ecotone::stablehlo
