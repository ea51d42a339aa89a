// Reports that `eco compare --json` wrote, on one machine or several, read and put side by side.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ecotone/engine/measure.h"
#include "ecotone/engine/messages.h"

namespace ecotone::engine {

// Anybody's bytes: Error (what, where) for a file that is no such report. A member that a reader may look at has the
// type it should have, or is missing.
nlohmann::json read_report(const std::filesystem::path& path);
// The same for text that is at hand; `source` is what errors call it.
nlohmann::json parse_report(std::string_view text, const std::string& source);

// A member that may be missing: "", nothing, or an empty array or object.
std::string text_of(const nlohmann::json& object, std::string_view key);
std::optional<double> number_of(const nlohmann::json& object, std::string_view key);  // finite, or nothing
const nlohmann::json& list_of(const nlohmann::json& object, std::string_view key);
const nlohmann::json& object_of(const nlohmann::json& object, std::string_view key);

// One set of sizes and threads on one machine. Timings of different columns were not taken side by side: only within a
// column is one engine faster than another.
struct ReportCase {
  size_t report = 0;                        // index of the report
  const nlohmann::json* whole = nullptr;    // the report
  const nlohmann::json* data = nullptr;     // its entry of "cases"
  std::vector<const nlohmann::json*> rows;  // its engines: fastest first
};
// In the order of the reports. They must outlive the result.
std::vector<ReportCase> cases_of(std::span<const nlohmann::json> reports);

struct SideBySide {
  std::vector<ReportCase> columns;
  std::vector<std::string> engines;                       // those that win most columns first
  std::vector<std::vector<const nlohmann::json*>> cells;  // by engine and column; null: not run there
};
SideBySide side_by_side(std::span<const nlohmann::json> reports);

// How a row stands in its column.
enum class Mark { kNone, kBest, kTie };
// kBest is the least p50 among those that agree; kTie what ties with it by its verdict.
Mark mark_of(const nlohmann::json& row, const ReportCase& column);

// "AMD EPYC, x86_64, 2 CPUs".
std::string machine_label(const nlohmann::json& report, const Messages& text);
// The model's file name, without its folders.
std::string model_label(const nlohmann::json& report);
// Of a case; empty verdict where the report says nothing of noise.
std::string noise_text(const nlohmann::json& report_case, const Messages& text);
// A row's verdict in this language, as far as the report tells its parts; else as it stands there.
std::string verdict_text(const nlohmann::json& row, const nlohmann::json& report_case, const Messages& text);

// What Ecotone says of an engine in a report, which is English, in this language: why it disagrees, warnings. An
// engine's own words stay as they are.
std::string said(std::string_view english, const Messages& text);
// Of what Worker::placement told, in a line: "412 nodes: CPU f32 410, CPU bf16 2"; that nothing is told, or why not.
std::string placement_text(const nlohmann::json& placement, const Messages& text);
// What it told not to have run as asked for, each in words.
std::vector<std::string> fallbacks(const nlohmann::json& placement);

nlohmann::ordered_json to_json(const SideBySide& table);

}  // namespace ecotone::engine
