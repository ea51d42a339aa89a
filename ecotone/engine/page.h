// Reports of `eco compare` as one HTML page that needs nothing besides: styles and plots stand in it, no scripts,
// nothing is fetched.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ecotone/engine/messages.h"

namespace ecotone::engine {

// A table to be shown as it is, such as what hardware is supported.
struct PageTable {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // the first cell names the row
};

// The reports are what read_report or parse_report gave. Error (kMissing) when data/page/style.css is not installed.
std::string report_page(std::span<const nlohmann::json> reports, const Messages& text,
                        std::span<const PageTable> tables = {});

}  // namespace ecotone::engine
