#include "ecotone/ir/location.h"

#include <deque>
#include <mutex>
#include <unordered_map>

#include "ecotone/base/error.h"

namespace ecotone {
namespace {

struct Interner {
  std::mutex mutex;
  std::deque<Location> locations{Location{}};  // id 0 is none; a deque keeps references stable
  std::unordered_multimap<size_t, LocationId> by_hash;

  static Interner& instance() {
    static Interner* interner = new Interner;  // never destroyed: ids outlive static destructors
    return *interner;
  }

  LocationId intern(Location l) {
    size_t h = std::hash<std::string>{}(l.text) * 31 + static_cast<size_t>(l.kind);
    h = (h * 1000003 ^ l.line) * 1000003 ^ l.column;
    for (LocationId c : l.children) h = h * 1000003 ^ c;
    std::lock_guard lock(mutex);
    for (auto [it, end] = by_hash.equal_range(h); it != end; ++it)
      if (locations[it->second] == l) return it->second;
    const auto id = static_cast<LocationId>(locations.size());
    locations.push_back(std::move(l));
    by_hash.emplace(h, id);
    return id;
  }
};

}  // namespace

LocationId file_location(std::string_view file, uint32_t line, uint32_t column) {
  return Interner::instance().intern({LocationKind::kFile, std::string(file), line, column, {}});
}

LocationId named_location(std::string_view name, LocationId child) {
  Location l{LocationKind::kNamed, std::string(name), 0, 0, {}};
  if (child != kNoLocation) l.children.push_back(child);
  return Interner::instance().intern(std::move(l));
}

LocationId fused_location(std::vector<LocationId> children) {
  return Interner::instance().intern({LocationKind::kFused, {}, 0, 0, std::move(children)});
}

LocationId derived_location(std::string_view transform, LocationId from) {
  return Interner::instance().intern({LocationKind::kDerived, std::string(transform), 0, 0, {from}});
}

const Location& location(LocationId id) {
  Interner& interner = Interner::instance();
  std::lock_guard lock(interner.mutex);
  if (id >= interner.locations.size()) fail_kind(ErrorKind::kInternal, "there is no location {}", id);
  return interner.locations[id];
}

std::string location_str(LocationId id) {
  if (id == kNoLocation) return "unknown location";
  const Location& l = location(id);
  std::string children;
  for (LocationId c : l.children) children += (children.empty() ? "" : ", ") + location_str(c);
  switch (l.kind) {
    case LocationKind::kFile:
      return l.text + ":" + std::to_string(l.line) + ":" + std::to_string(l.column);
    case LocationKind::kNamed:
      return children.empty() ? l.text : children + ": " + l.text;
    case LocationKind::kFused:
      return "fused{" + children + "}";
    case LocationKind::kDerived:
      return l.text + "(" + children + ")";
  }
  return {};
}

}  // namespace ecotone
