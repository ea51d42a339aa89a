// Attributes as values: what operations understand, and what is only kept.
#include <fmt/format.h>

#include "ecotone/format/stablehlo/import.h"
#include "ecotone/format/stablehlo/literal.h"

namespace ecotone::stablehlo {

using syntax::Attribute;

AttributeValue to_value(const Attribute& a) {
  switch (a.kind) {
    case Attribute::Kind::kUnit:
      return {true};
    case Attribute::Kind::kBool:
      return {a.boolean};
    case Attribute::Kind::kInteger:
      return {a.integer};
    case Attribute::Kind::kFloat:
      return {a.number};
    case Attribute::Kind::kString:
    case Attribute::Kind::kSymbol:
    case Attribute::Kind::kEnum:
    case Attribute::Kind::kOpaque:
      return {a.text};
    case Attribute::Kind::kArray: {
      AttributeList list;
      for (const Attribute& i : a.items) list.push_back(to_value(i));
      return {std::move(list)};
    }
    case Attribute::Kind::kDictionary: {
      DynamicAttributes d;
      for (const auto& [key, value] : a.entries) d.entries.emplace_back(key, to_value(value));
      return {std::move(d)};
    }
    case Attribute::Kind::kType:
      if (a.type->kind == syntax::Type::Kind::kScalar) return {a.type->dtype};
      if (a.type->kind == syntax::Type::Kind::kTensor && !a.type->is_dynamic() && !a.type->quantization)
        return {TensorType{a.type->dtype, to_dims(a.type->shape)}};
      return {a.type->str()};
    case Attribute::Kind::kTensor:
      return {dense_tensor(a)};
  }
  return {};
}

Tensor dense_tensor(const Attribute& a) {
  if (!a.splat || a.tensor.shape() == a.type->shape) return a.tensor;
  constexpr int64_t kMostExpanded = 1 << 20;
  const int64_t count = element_count(a.type->shape);
  if (count > kMostExpanded) fail("the constant attribute {} is too big", a.type->str());
  MutableTensor t(a.tensor.dtype(), a.type->shape);
  const size_t width = static_cast<size_t>(byte_size(a.tensor.dtype()));
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(t.bytes().data() + static_cast<size_t>(i) * width, a.tensor.bytes().data(), width);
  return std::move(t).freeze();
}

AttributeValue to_annotation(const Attribute& a) {
  const auto as_written = [&] { return a.written.empty() ? to_value(a) : mlir_value(std::string(a.written)); };
  switch (a.kind) {
    case Attribute::Kind::kBool:
    case Attribute::Kind::kString:
      return to_value(a);
    case Attribute::Kind::kInteger:
    case Attribute::Kind::kFloat: {
      const DType plain = a.kind == Attribute::Kind::kInteger ? DType::kI64 : DType::kF64;
      const bool is_plain = !a.type || (a.type->kind == syntax::Type::Kind::kScalar && a.type->dtype == plain);
      return is_plain && !a.written.ends_with("index") ? to_value(a) : as_written();
    }
    case Attribute::Kind::kArray: {
      if (!a.written.starts_with('[')) return as_written();  // array<i64: 1, 2>
      AttributeList list;
      for (const Attribute& i : a.items) list.push_back(to_annotation(i));
      return {std::move(list)};
    }
    case Attribute::Kind::kDictionary: {
      if (!a.written.starts_with('{')) return as_written();  // #dialect.name<...>
      DynamicAttributes d;
      for (const auto& [key, value] : a.entries) d.entries.emplace_back(key, to_annotation(value));
      return {std::move(d)};
    }
    case Attribute::Kind::kUnit:
      return mlir_value("unit");
    case Attribute::Kind::kOpaque:
      return mlir_value(a.text);
    case Attribute::Kind::kSymbol:
    case Attribute::Kind::kEnum:
    case Attribute::Kind::kType:
    case Attribute::Kind::kTensor:
      return as_written();
  }
  return {};
}

std::shared_ptr<const DynamicAttributes> to_annotations(const syntax::Attributes& attributes,
                                                        const std::function<bool(std::string_view)>& is_kept) {
  DynamicAttributes kept;
  for (const auto& [key, value] : attributes)
    if (is_kept(key)) kept.entries.emplace_back(key, to_annotation(value));
  return kept.empty() ? nullptr : std::make_shared<const DynamicAttributes>(std::move(kept));
}

}  // namespace ecotone::stablehlo
