// Where an equation came from. Locations are interned for the life of the process and named by dense ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ecotone {

using LocationId = uint32_t;
inline constexpr LocationId kNoLocation = 0;  // the verifier rejects it

enum class LocationKind : uint8_t {
  kFile,     // text = file, with line and column
  kNamed,    // text = a name (an ONNX node, a JAX name stack), children = where it stands, if known
  kFused,    // children
  kCall,     // children = a place in what is called, the call's place
  kDerived,  // text = the transform, children = what it was made from
};

struct Location {
  LocationKind kind = LocationKind::kNamed;
  std::string text;
  uint32_t line = 0, column = 0;
  std::vector<LocationId> children;
  friend bool operator==(const Location&, const Location&) = default;
};

LocationId file_location(std::string_view file, uint32_t line, uint32_t column);
LocationId named_location(std::string_view name, LocationId child = kNoLocation);
LocationId fused_location(std::vector<LocationId> children);
LocationId call_location(LocationId callee, LocationId caller);
LocationId derived_location(std::string_view transform, LocationId from);
const Location& location(LocationId id);
// "model.onnx: node 'conv1' (Conv)", "f.mlir:3:5", "grad(f.mlir:3:5)", "g.py:1:2 called at f.py:3:4".
// Long ones are cut off.
std::string location_str(LocationId id);

}  // namespace ecotone
