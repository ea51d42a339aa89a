// Attributes of operations: plain structs with one field list, from which equality, hashing, printing, parsing and the
// substitution of symbols derive.
//
//   struct ConcatenateAttributes {
//     int64_t dimension = 0;
//     static constexpr const char* kName = "concatenate";
//     static constexpr auto kFields = std::tuple{Field{"dimension", &ConcatenateAttributes::dimension}};
//   };
//
// A field is a bool, int64_t, double, std::string, DType, Dim, TensorType, Tensor, an enum with EnumNames, a struct
// with kFields, or a std::vector or std::optional of one of these.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "ecotone/base/error.h"
#include "ecotone/ir/tensor.h"
#include "ecotone/ir/type.h"

namespace ecotone {

template <class S, class T>
struct Field {
  const char* name;
  T S::* member;
};

// Specialize with `static constexpr std::array<std::string_view, N> kNames`, indexed by the enum's value.
template <class E>
struct EnumNames;

struct AttributeValue;
using AttributeList = std::vector<AttributeValue>;
// Named values in order: the form that formats and users' own ops see.
struct DynamicAttributes {
  std::vector<std::pair<std::string, AttributeValue>> entries;

  DynamicAttributes();
  DynamicAttributes(const DynamicAttributes&);
  DynamicAttributes(DynamicAttributes&&) noexcept;
  DynamicAttributes& operator=(const DynamicAttributes&);
  DynamicAttributes& operator=(DynamicAttributes&&) noexcept;
  ~DynamicAttributes();

  bool empty() const;
  const AttributeValue* find(std::string_view name) const;
  void set(std::string name, AttributeValue value);  // replaces or appends
  friend bool operator==(const DynamicAttributes&, const DynamicAttributes&);
};
struct AttributeValue {
  // monostate: an absent optional. Enums are strings, structs are DynamicAttributes.
  std::variant<std::monostate, bool, int64_t, double, std::string, DType, Dim, TensorType, Tensor, AttributeList,
               DynamicAttributes>
      value;
  friend bool operator==(const AttributeValue&, const AttributeValue&) = default;
};
// Here, since the entries' type is complete only now (clang insists).
inline DynamicAttributes::DynamicAttributes() = default;
inline DynamicAttributes::DynamicAttributes(const DynamicAttributes&) = default;
inline DynamicAttributes::DynamicAttributes(DynamicAttributes&&) noexcept = default;
inline DynamicAttributes& DynamicAttributes::operator=(const DynamicAttributes&) = default;
inline DynamicAttributes& DynamicAttributes::operator=(DynamicAttributes&&) noexcept = default;
inline DynamicAttributes::~DynamicAttributes() = default;
inline bool DynamicAttributes::empty() const {
  return entries.empty();
}
size_t hash(const AttributeValue& value);
size_t hash(const DynamicAttributes& value);
// {axis = 1, mode = "linear"}: for messages.
std::string str(const AttributeValue& value);
std::string str(const DynamicAttributes& value);

using DimMap = std::function<Dim(const Dim&)>;

// What is derived from a struct's field list.
struct AttributesInfo {
  const char* name;
  bool (*equal)(const void*, const void*);
  size_t (*hash)(const void*);
  DynamicAttributes (*to_dynamic)(const void*);
  // Throws Error for an unknown, missing or ill-typed entry. A field that is absent keeps its default.
  std::shared_ptr<const void> (*from_dynamic)(const DynamicAttributes&);
  std::shared_ptr<const void> (*map_dims)(const void*, const DimMap&);
  bool has_dims;  // whether any field can hold a Dim
};

// Defined in attributes_info.h, for the source that defines the struct's operation.
template <class A>
const AttributesInfo& attributes_info();

// An immutable value of some attributes struct.
struct Attributes {
  const AttributesInfo* info = nullptr;  // null: no attributes
  std::shared_ptr<const void> value;

  // The struct; throws Error (kInternal) when the attributes are of another type.
  template <class A>
  const A& get() const {
    if (info != &attributes_info<A>()) throw_wrong_type(attributes_info<A>());
    return *static_cast<const A*>(value.get());
  }
  DynamicAttributes to_dynamic() const { return info ? info->to_dynamic(value.get()) : DynamicAttributes{}; }
  // Attributes with every Dim replaced; shares the value when no Dim can occur in it.
  Attributes map_dims(const DimMap& map) const {
    return info && info->has_dims ? Attributes{info, info->map_dims(value.get(), map)} : *this;
  }
  size_t hash() const { return info ? info->hash(value.get()) : 0; }
  friend bool operator==(const Attributes& a, const Attributes& b) {
    return a.info == b.info && (!a.info || a.value == b.value || a.info->equal(a.value.get(), b.value.get()));
  }

 private:
  [[noreturn]] void throw_wrong_type(const AttributesInfo& wanted) const;
};

template <class A>
Attributes make_attributes(A a) {
  return {&attributes_info<A>(), std::make_shared<const A>(std::move(a))};
}
// Reads `dynamic` into the struct that `info` describes; a null info takes only an empty list.
Attributes attributes_from_dynamic(const AttributesInfo* info, const DynamicAttributes& dynamic);

// The attributes of users' own ops and of composites that are not ours.
template <>
const AttributesInfo& attributes_info<DynamicAttributes>();

}  // namespace ecotone
