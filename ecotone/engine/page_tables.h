// Tables of a page beside what was measured: which hardware is supported by whom, what was found of the engines (what
// they read and lack is from the list of engines), and what fits which scenario.
#pragma once

#include <span>
#include <vector>

#include <nlohmann/json.hpp>

#include "ecotone/engine/messages.h"
#include "ecotone/engine/page.h"

namespace ecotone::engine {

// By the facts that are installed; what the reports show to have run, on any of their machines, is marked as run. Error
// (kMissing) when the facts are not installed.
std::vector<PageTable> page_tables(std::span<const nlohmann::json> reports, const Messages& text);

}  // namespace ecotone::engine
