// What AttributesInfo holds, derived from a struct's field list. Included by the sources that define operations, where
// each struct is named once:
//
//   template const AttributesInfo& attributes_info<ConcatenateAttributes>();
//
// so that the many sources that only use the struct needn't compile the derivation again.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>

#include "ecotone/base/error.h"
#include "ecotone/ir/attributes.h"

namespace ecotone {
namespace attributes_detail {

template <class T>
concept HasFields = requires { T::kFields; };
template <class T>
concept HasEnumNames = std::is_enum_v<T> && requires { EnumNames<T>::kNames; };
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

[[noreturn]] void throw_bad_value(const AttributeValue& got, const char* wanted);
[[noreturn]] void throw_bad_enum(const std::string& got, std::string_view choices);
[[noreturn]] void throw_unknown_entry(const std::string& entry, const char* attributes);

template <class T>
constexpr bool has_dims() {
  if constexpr (std::is_same_v<T, Dim> || std::is_same_v<T, TensorType> || std::is_same_v<T, DynamicAttributes>) {
    return true;
  } else if constexpr (IsVector<T>::value || IsOptional<T>::value) {
    return has_dims<typename T::value_type>();
  } else if constexpr (HasFields<T>) {
    return std::apply(
        [](auto... f) { return (has_dims<std::remove_cvref_t<decltype(std::declval<T>().*(f.member))>>() || ...); },
        T::kFields);
  } else {
    return false;
  }
}

template <class T>
DynamicAttributes struct_to_dynamic(const T& s);

template <class T>
AttributeValue to_value(const T& v) {
  if constexpr (IsVector<T>::value) {
    AttributeList list;
    for (const auto& e : v) list.push_back(to_value<typename T::value_type>(e));
    return {std::move(list)};
  } else if constexpr (IsOptional<T>::value) {
    return v ? to_value(*v) : AttributeValue{};
  } else if constexpr (HasEnumNames<T>) {
    return {std::string(EnumNames<T>::kNames[static_cast<size_t>(v)])};
  } else if constexpr (HasFields<T>) {
    return {struct_to_dynamic(v)};
  } else {
    return {v};
  }
}

template <class T>
DynamicAttributes struct_to_dynamic(const T& s) {
  DynamicAttributes d;
  std::apply([&](auto... f) { (d.entries.emplace_back(f.name, to_value(s.*(f.member))), ...); }, T::kFields);
  return d;
}

template <class T>
T struct_from_dynamic(const DynamicAttributes& d, const char* name);

template <class T>
T from_value(const AttributeValue& v) {
  if constexpr (IsVector<T>::value) {
    const auto* list = std::get_if<AttributeList>(&v.value);
    if (!list) throw_bad_value(v, "a list");
    T r;
    for (const auto& e : *list) r.push_back(from_value<typename T::value_type>(e));
    return r;
  } else if constexpr (IsOptional<T>::value) {
    if (std::holds_alternative<std::monostate>(v.value)) return std::nullopt;
    return from_value<typename T::value_type>(v);
  } else if constexpr (HasEnumNames<T>) {
    const auto* s = std::get_if<std::string>(&v.value);
    if (!s) throw_bad_value(v, "a name");
    const auto& names = EnumNames<T>::kNames;
    std::string choices;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == *s) return static_cast<T>(i);
      choices += (i ? ", " : "") + std::string(names[i]);
    }
    throw_bad_enum(*s, choices);
  } else if constexpr (HasFields<T>) {
    const auto* d = std::get_if<DynamicAttributes>(&v.value);
    if (!d) throw_bad_value(v, "a dictionary");
    return struct_from_dynamic<T>(*d, "attribute");
  } else {
    if (const T* p = std::get_if<T>(&v.value)) return *p;
    // Integers stand for sizes, floats and flags where the reader can't tell them apart.
    if (const auto* i = std::get_if<int64_t>(&v.value)) {
      if constexpr (std::is_same_v<T, Dim>) return Dim(*i);
      if constexpr (std::is_same_v<T, double>) return static_cast<double>(*i);
      if constexpr (std::is_same_v<T, bool>)
        if (*i == 0 || *i == 1) return *i == 1;
    }
    if constexpr (std::is_same_v<T, int64_t>)
      if (const auto* d = std::get_if<Dim>(&v.value))
        if (d->is_constant()) return d->constant();
    constexpr const char* wanted = std::is_same_v<T, bool>          ? "a bool"
                                   : std::is_same_v<T, int64_t>     ? "an integer"
                                   : std::is_same_v<T, double>      ? "a number"
                                   : std::is_same_v<T, std::string> ? "a string"
                                   : std::is_same_v<T, DType>       ? "an element type"
                                   : std::is_same_v<T, Dim>         ? "a size"
                                   : std::is_same_v<T, TensorType>  ? "a tensor type"
                                                                    : "a tensor";
    throw_bad_value(v, wanted);
  }
}

template <class T>
T struct_from_dynamic(const DynamicAttributes& d, const char* name) {
  T s{};
  size_t used = 0;
  auto read = [&](auto f) {
    const AttributeValue* v = d.find(f.name);
    if (!v) return;
    ++used;
    try {
      s.*(f.member) = from_value<std::remove_cvref_t<decltype(s.*(f.member))>>(*v);
    } catch (const Error& e) {
      throw e.with_context(std::string("attribute '") + f.name + "'");
    }
  };
  std::apply([&](auto... f) { (read(f), ...); }, T::kFields);
  if (used != d.entries.size())
    for (const auto& [key, value] : d.entries) {
      const bool known = std::apply([&](auto... f) { return ((key == f.name) || ...); }, T::kFields);
      if (!known) throw_unknown_entry(key, name);
    }
  return s;
}

DynamicAttributes map_value(const DynamicAttributes& v, const DimMap& map);

template <class T>
T map_value(const T& v, const DimMap& map) {
  if constexpr (!has_dims<T>()) {
    return v;
  } else if constexpr (std::is_same_v<T, Dim>) {
    return map(v);
  } else if constexpr (std::is_same_v<T, TensorType>) {
    T r = v;
    for (Dim& d : r.shape) d = map(d);
    return r;
  } else if constexpr (IsVector<T>::value) {
    T r;
    for (const auto& e : v) r.push_back(map_value<typename T::value_type>(e, map));
    return r;
  } else if constexpr (IsOptional<T>::value) {
    return v ? T(map_value(*v, map)) : v;
  } else {
    T r = v;
    std::apply([&](auto... f) { ((r.*(f.member) = map_value(v.*(f.member), map)), ...); }, T::kFields);
    return r;
  }
}

template <class T>
bool equal_value(const T& a, const T& b) {
  if constexpr (IsVector<T>::value) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i)
      if (!equal_value<typename T::value_type>(a[i], b[i])) return false;
    return true;
  } else if constexpr (IsOptional<T>::value) {
    return a.has_value() == b.has_value() && (!a || equal_value(*a, *b));
  } else if constexpr (HasFields<T>) {
    return std::apply([&](auto... f) { return (equal_value(a.*(f.member), b.*(f.member)) && ...); }, T::kFields);
  } else if constexpr (std::is_same_v<T, double>) {
    return a == b || (a != a && b != b);
  } else {
    return a == b;
  }
}

}  // namespace attributes_detail

template <class A>
const AttributesInfo& attributes_info() {
  namespace detail = attributes_detail;
  static const AttributesInfo info = {
      A::kName,
      [](const void* a, const void* b) {
        return detail::equal_value(*static_cast<const A*>(a), *static_cast<const A*>(b));
      },
      [](const void* a) { return ecotone::hash(detail::struct_to_dynamic(*static_cast<const A*>(a))); },
      [](const void* a) { return detail::struct_to_dynamic(*static_cast<const A*>(a)); },
      [](const DynamicAttributes& d) -> std::shared_ptr<const void> {
        return std::make_shared<const A>(detail::struct_from_dynamic<A>(d, A::kName));
      },
      [](const void* a, const DimMap& map) -> std::shared_ptr<const void> {
        return std::make_shared<const A>(detail::map_value(*static_cast<const A*>(a), map));
      },
      detail::has_dims<A>(),
  };
  return info;
}

}  // namespace ecotone
