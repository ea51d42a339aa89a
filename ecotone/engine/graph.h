// What a Program looks like, small enough to stand in a report.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "ecotone/ir/program.h"

namespace ecotone::engine {

// {"inputs": [{"name", "type"}], "outputs": likewise, "equations", "parameters", "parameter_bytes", "ops": {NAME:
// COUNT}}; and for a Program of at most 60 nodes "nodes": [{"op", "name", "from": [INDEX]}], inputs first and outputs
// last, constants and parameters left out; for a larger one "chain": [{"ops": [NAME], "times": N}], its composites and
// contractions in order, repeated parts once. Lists are cut at 200 entries.
nlohmann::ordered_json graph_json(const Program& program);

}  // namespace ecotone::engine
