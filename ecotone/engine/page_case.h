// The part of a page that tells of one set of sizes on one machine.
#pragma once

#include "ecotone/engine/messages.h"
#include "ecotone/engine/page_html.h"
#include "ecotone/engine/report.h"

namespace ecotone::engine::html {

// "x=1,3,48,320, 1 threads".
std::string case_label(const ReportCase& c, const Messages& text);
// Verdicts, plots, and, folded, where nodes ran, what layers took and how the engines were set.
Markup case_section(const ReportCase& c, const std::string& id, const Messages& text);
// The model's inputs, operations and drawing; nothing where the report has no graph.
Markup graph_section(const nlohmann::json& graph, const Messages& text);
// "good", "bad", "warn" or "": of a row by how it fared.
std::string style_of_row(const nlohmann::json& row);

}  // namespace ecotone::engine::html
