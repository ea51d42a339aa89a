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

LocationId call_location(LocationId callee, LocationId caller) {
  return Interner::instance().intern({LocationKind::kCall, {}, 0, 0, {callee, caller}});
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

namespace {

// A file may share locations so that they would print without end: past this length they are cut off.
constexpr size_t kLongestText = 400;

void append_location(std::string& out, LocationId id) {
  if (out.size() > kLongestText) return;
  if (id == kNoLocation) {
    out += "unknown location";
    return;
  }
  const Location& l = location(id);
  const auto children = [&](const char* between) {
    for (size_t i = 0; i < l.children.size() && out.size() <= kLongestText; ++i) {
      if (i) out += between;
      append_location(out, l.children[i]);
    }
  };
  switch (l.kind) {
    case LocationKind::kFile:
      out += l.text + ":" + std::to_string(l.line) + ":" + std::to_string(l.column);
      break;
    case LocationKind::kNamed:
      children("");
      if (!l.children.empty()) out += ": ";
      out += l.text;
      break;
    case LocationKind::kFused:
      out += "fused{";
      children(", ");
      out += "}";
      break;
    case LocationKind::kCall:
      children(" called at ");
      break;
    case LocationKind::kDerived:
      out += l.text + "(";
      children("");
      out += ")";
      break;
  }
}

}  // namespace

std::string location_str(LocationId id) {
  std::string out;
  append_location(out, id);
  if (out.size() > kLongestText) out = out.substr(0, kLongestText) + "...";
  return out;
}

}  // namespace ecotone
