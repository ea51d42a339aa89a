#include "ecotone/ir/attributes.h"

#include <cmath>

#include <fmt/format.h>

#include "ecotone/base/hash.h"
#include "ecotone/ir/attributes_info.h"

namespace ecotone {

const AttributeValue* DynamicAttributes::find(std::string_view name) const {
  for (const auto& [key, value] : entries)
    if (key == name) return &value;
  return nullptr;
}

void DynamicAttributes::set(std::string name, AttributeValue value) {
  for (auto& [key, old] : entries)
    if (key == name) {
      old = std::move(value);
      return;
    }
  entries.emplace_back(std::move(name), std::move(value));
}

bool operator==(const DynamicAttributes& a, const DynamicAttributes& b) {
  return a.entries == b.entries;
}

size_t hash(const DynamicAttributes& d) {
  size_t h = d.entries.size();
  for (const auto& [key, value] : d.entries)
    h = hash_combine(hash_combine(h, std::hash<std::string>{}(key)), hash(value));
  return h;
}

size_t hash(const AttributeValue& v) {
  struct Visitor {
    size_t operator()(std::monostate) const { return 0; }
    size_t operator()(bool b) const { return b; }
    size_t operator()(int64_t i) const { return static_cast<size_t>(i); }
    size_t operator()(double d) const { return std::isnan(d) ? 1 : std::hash<double>{}(d); }
    size_t operator()(const std::string& s) const { return std::hash<std::string>{}(s); }
    size_t operator()(DType d) const { return static_cast<size_t>(d); }
    size_t operator()(const Dim& d) const { return d.hash(); }
    size_t operator()(const TensorType& t) const { return ecotone::hash(t); }
    size_t operator()(const Tensor& t) const { return t.hash(); }
    size_t operator()(const AttributeList& list) const {
      size_t h = list.size();
      for (const auto& e : list) h = hash_combine(h, ecotone::hash(e));
      return h;
    }
    size_t operator()(const DynamicAttributes& d) const { return ecotone::hash(d); }
  };
  return hash_combine(v.value.index(), std::visit(Visitor{}, v.value));
}

std::string str(const AttributeValue& v) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "none"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(int64_t i) const { return std::to_string(i); }
    std::string operator()(double d) const { return fmt::format("{}", d); }
    std::string operator()(const std::string& s) const { return '"' + s + '"'; }
    std::string operator()(DType d) const { return std::string(name(d)); }
    std::string operator()(const Dim& d) const { return d.str(); }
    std::string operator()(const TensorType& t) const { return t.str(); }
    std::string operator()(const Tensor& t) const { return "tensor<" + t.type().str() + ">"; }
    std::string operator()(const AttributeList& list) const {
      std::string out = "[";
      for (size_t i = 0; i < list.size(); ++i) out += (i ? ", " : "") + ecotone::str(list[i]);
      return out + "]";
    }
    std::string operator()(const DynamicAttributes& d) const { return ecotone::str(d); }
  };
  return std::visit(Visitor{}, v.value);
}

std::string str(const DynamicAttributes& d) {
  std::string out = "{";
  for (size_t i = 0; i < d.entries.size(); ++i)
    out += (i ? ", " : "") + d.entries[i].first + " = " + str(d.entries[i].second);
  return out + "}";
}

void Attributes::throw_wrong_type(const AttributesInfo& wanted) const {
  fail_kind(ErrorKind::kInternal, "attributes of '{}' are read as those of '{}'", info ? info->name : "nothing",
            wanted.name);
}

Attributes attributes_from_dynamic(const AttributesInfo* info, const DynamicAttributes& dynamic) {
  if (info) return {info, info->from_dynamic(dynamic)};
  if (!dynamic.empty()) fail("unknown attribute '{}': this operation has none", dynamic.entries[0].first);
  return {};
}

namespace attributes_detail {

void throw_bad_value(const AttributeValue& got, const char* wanted) {
  fail("wants {}, got {}", wanted, str(got));
}

void throw_bad_enum(const std::string& got, std::string_view choices) {
  fail("'{}' is not one of: {}", got, choices);
}

void throw_unknown_entry(const std::string& entry, const char* attributes) {
  fail("unknown attribute '{}' of '{}'", entry, attributes);
}

namespace {
AttributeValue map_dynamic_value(const AttributeValue& v, const DimMap& map) {
  if (const auto* d = std::get_if<Dim>(&v.value)) return {map(*d)};
  if (const auto* t = std::get_if<TensorType>(&v.value)) return {map_value(*t, map)};
  if (const auto* list = std::get_if<AttributeList>(&v.value)) {
    AttributeList r;
    for (const auto& e : *list) r.push_back(map_dynamic_value(e, map));
    return {std::move(r)};
  }
  if (const auto* d = std::get_if<DynamicAttributes>(&v.value)) return {map_value(*d, map)};
  return v;
}
}  // namespace

DynamicAttributes map_value(const DynamicAttributes& v, const DimMap& map) {
  DynamicAttributes r;
  for (const auto& [key, value] : v.entries) r.entries.emplace_back(key, map_dynamic_value(value, map));
  return r;
}

}  // namespace attributes_detail

template <>
const AttributesInfo& attributes_info<DynamicAttributes>() {
  using D = DynamicAttributes;
  static const AttributesInfo info = {
      "dynamic",
      [](const void* a, const void* b) { return *static_cast<const D*>(a) == *static_cast<const D*>(b); },
      [](const void* a) { return hash(*static_cast<const D*>(a)); },
      [](const void* a) { return *static_cast<const D*>(a); },
      [](const D& d) -> std::shared_ptr<const void> { return std::make_shared<const D>(d); },
      [](const void* a, const DimMap& map) -> std::shared_ptr<const void> {
        return std::make_shared<const D>(attributes_detail::map_value(*static_cast<const D*>(a), map));
      },
      true,
  };
  return info;
}

}  // namespace ecotone
