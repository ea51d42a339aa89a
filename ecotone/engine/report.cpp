#include "ecotone/engine/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/compare.h"

namespace ecotone::engine {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr int64_t kMostBytes = 256 << 20;
constexpr int kDeepest = 64;
constexpr size_t kMostEntries = 1000;  // of cases and of rows

const json* member(const json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

void check_entries(const json& report, const char* key, std::span<const char* const> texts, const std::string& source) {
  const json* list = member(report, key);
  if (list == nullptr || !list->is_array())
    fail("{}: no list '{}': is this what 'eco compare --json' printed?", source, key);
  if (list->size() > kMostEntries) fail("{}: {} {}; at most {} are read", source, list->size(), key, kMostEntries);
  for (size_t i = 0; i < list->size(); ++i)
    for (const char* name : texts) {
      const json* value = member((*list)[i], name);
      if (value == nullptr || !value->is_string()) fail("{}: {}[{}] has no text '{}'", source, key, i, name);
    }
}

}  // namespace

json parse_report(std::string_view text, const std::string& source) {
  json report;
  try {
    report = json::parse(text, [&](int depth, json::parse_event_t, json&) {
      if (depth > kDeepest) fail("{}: nested more than {} deep", source, kDeepest);
      return true;
    });
  } catch (const json::exception& e) {
    fail("{} is no JSON: {}", source, e.what());
  }
  const json* version = member(report, "schema_version");
  if (version == nullptr) fail("{}: no 'schema_version': is this what 'eco compare --json' printed?", source);
  if (*version != 1) fail("{}: schema_version is {}, this eco reads 1", source, version->dump(-1, ' ', true));
  if (const json* error = member(report, "error")) fail("{} reports an error: {}", source, text_of(*error, "message"));
  check_entries(report, "cases", std::array{"shapes"}, source);
  check_entries(report, "rows", std::array{"engine", "status", "shapes"}, source);
  return report;
}

json read_report(const std::filesystem::path& path) {
  return parse_report(read_text_file(path, kMostBytes), path.string());
}

std::string text_of(const json& object, std::string_view key) {
  const json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

std::optional<double> number_of(const json& object, std::string_view key) {
  const json* value = member(object, key);
  if (value == nullptr || !value->is_number()) return {};
  const double number = value->get<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

const json& list_of(const json& object, std::string_view key) {
  static const json kEmpty = json::array();
  const json* value = member(object, key);
  return value != nullptr && value->is_array() ? *value : kEmpty;
}

const json& object_of(const json& object, std::string_view key) {
  static const json kEmpty = json::object();
  const json* value = member(object, key);
  return value != nullptr && value->is_object() ? *value : kEmpty;
}

std::vector<ReportCase> cases_of(std::span<const json> reports) {
  std::vector<ReportCase> cases;
  for (size_t i = 0; i < reports.size(); ++i) {
    const size_t first = cases.size();
    for (const json& c : list_of(reports[i], "cases")) cases.push_back({i, &reports[i], &c, {}});
    for (const json& row : list_of(reports[i], "rows"))
      for (size_t k = first; k < cases.size(); ++k)
        if (text_of(row, "shapes") == text_of(*cases[k].data, "shapes") &&
            number_of(row, "threads") == number_of(*cases[k].data, "threads")) {
          cases[k].rows.push_back(&row);
          break;
        }
  }
  return cases;
}

Mark mark_of(const json& row, const ReportCase& column) {
  const json* best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const json* r : column.rows)
    if (const auto p50 = number_of(object_of(*r, "latency_ms"), "p50");
        p50 && text_of(*r, "status") == "timed" && *p50 < least)
      best = r, least = *p50;
  if (best == nullptr || text_of(row, "status") != "timed") return Mark::kNone;
  if (best == &row) return Mark::kBest;
  const json& outcome = object_of(row, "outcome");
  return text_of(outcome, "kind") == "tie" && text_of(outcome, "against") == text_of(*best, "engine") ? Mark::kTie
                                                                                                      : Mark::kNone;
}

SideBySide side_by_side(std::span<const json> reports) {
  SideBySide t;
  t.columns = cases_of(reports);
  std::map<std::string, int> wins;  // and ties
  for (const ReportCase& c : t.columns)
    for (const json* row : c.rows) {
      const std::string engine = text_of(*row, "engine");
      if (std::find(t.engines.begin(), t.engines.end(), engine) == t.engines.end()) t.engines.push_back(engine);
      wins[engine] += mark_of(*row, c) != Mark::kNone;
    }
  std::stable_sort(t.engines.begin(), t.engines.end(), [&](const auto& a, const auto& b) { return wins[a] > wins[b]; });
  for (const std::string& engine : t.engines) {
    auto& cells = t.cells.emplace_back();
    for (const ReportCase& c : t.columns) {
      const auto row =
          std::find_if(c.rows.begin(), c.rows.end(), [&](const json* r) { return text_of(*r, "engine") == engine; });
      cells.push_back(row == c.rows.end() ? nullptr : *row);
    }
  }
  return t;
}

std::string machine_label(const json& report, const Messages& text) {
  const json& machine = object_of(report, "machine");
  std::string label = text_of(machine, "cpu");
  if (label.empty()) label = text("a machine without a name");
  if (const auto n = number_of(machine, "processors_usable")) label += ", " + text.format("{:.0f} CPUs", *n);
  for (const json& gpu : list_of(machine, "gpus"))
    if (gpu.is_string()) label += ", " + gpu.get<std::string>();
  return label;
}

std::string model_label(const json& report) {
  const std::string model = text_of(report, "model");
  return model.substr(model.find_last_of("/\\") + 1);  // it may come from another system
}

std::string noise_text(const json& report_case, const Messages& text) {
  const json& j = object_of(report_case, "noise");
  const auto others = number_of(j, "others_cpus"), limit = number_of(j, "limit_cpus"),
             spread = number_of(j, "canary_spread");
  if (!others || !limit || !spread) return text_of(j, "verdict");
  return Noise{*others, *spread, *limit}.verdict(text);
}

std::string verdict_text(const json& row, const json& report_case, const Messages& text) {
  const json& j = object_of(row, "outcome");
  const auto kind = verdict_kind(text_of(j, "kind"));
  if (!kind) return text_of(row, "verdict");
  Verdict v{*kind, text_of(j, "against"), {}, text_of(j, "reason")};
  if (v.kind == Verdict::Kind::kNotComparable)
    if (const std::string noise = noise_text(report_case, text); !noise.empty()) v.reason = noise;
  v.ratio.estimate = number_of(j, "ratio").value_or(1), v.ratio.low = number_of(j, "low").value_or(0);
  v.ratio.high = number_of(j, "high").value_or(std::numeric_limits<double>::infinity());
  return str(v, text);
}

std::string said(std::string_view english, const Messages& text) {
  constexpr std::string_view kOutput = "output ", kOff = " is off by ", kMost = " (at most ";
  constexpr std::string_view kFallback = "fallback: ", kUnknown = "placement unknown: ";
  if (english.starts_with(kFallback)) return text.format("fallback: {}", english.substr(kFallback.size()));
  if (english.starts_with(kUnknown)) return text.format("placement unknown: {}", english.substr(kUnknown.size()));
  if (english.starts_with("peak memory is the host's"))
    return text("peak memory is the host's: what the device holds is not counted");
  const size_t off = english.rfind(kOff), most = english.rfind(kMost);
  if (!english.starts_with(kOutput) || off == english.npos || most == english.npos || most < off ||
      off < kOutput.size() || !english.ends_with(')'))
    return std::string(english);
  const size_t error = off + kOff.size(), limit = most + kMost.size();
  return text.format("output {} is off by {} (at most {})", english.substr(kOutput.size(), off - kOutput.size()),
                     english.substr(error, most - error), english.substr(limit, english.size() - 1 - limit));
}

std::vector<std::string> fallbacks(const json& placement) {
  std::vector<std::string> all;
  for (const json& f : list_of(placement, "fallbacks"))
    if (f.is_string()) all.push_back(f.get<std::string>());
  return all;
}

std::string placement_text(const json& placement, const Messages& text) {
  if (const std::string why = text_of(placement, "unknown"); !why.empty()) return why;
  const json& nodes = list_of(placement, "nodes");
  if (nodes.empty()) return text("the engine does not tell");
  std::map<std::string, int> counts;
  for (const json& n : nodes) {
    const std::string precision = text_of(n, "precision");
    ++counts[text_of(n, "device") + (precision.empty() ? "" : " " + precision)];
  }
  std::vector<std::pair<int, std::string>> ranked;
  for (const auto& [where, count] : counts) ranked.emplace_back(-count, where);
  std::sort(ranked.begin(), ranked.end());
  std::string places;
  for (const auto& [count, where] : ranked)
    places += (places.empty() ? "" : text(", ")) + fmt::format("{} {}", where, -count);
  return text.format("{} nodes: {}", nodes.size(), places);
}

ordered_json to_json(const SideBySide& t) {
  ordered_json columns = ordered_json::array(), rows = ordered_json::array();
  for (const ReportCase& c : t.columns) {
    ordered_json column{{"report", c.report}};
    for (const char* key : {"model", "date", "machine"})
      if (const json* value = member(*c.whole, key)) column[key] = *value;
    for (const char* key : {"shapes", "threads", "noise"})
      if (const json* value = member(*c.data, key)) column[key] = *value;
    columns.push_back(std::move(column));
  }
  for (size_t e = 0; e < t.engines.size(); ++e) {
    ordered_json cells = ordered_json::array();
    for (size_t c = 0; c < t.columns.size(); ++c) {
      const json* row = t.cells[e][c];
      if (row == nullptr) {
        cells.push_back(nullptr);
        continue;
      }
      const Mark mark = mark_of(*row, t.columns[c]);
      ordered_json cell{{"status", text_of(*row, "status")}, {"version", text_of(*row, "version")}};
      if (const auto p50 = number_of(object_of(*row, "latency_ms"), "p50")) cell["p50_ms"] = *p50;
      for (const char* key : {"max_error", "peak_mb"})
        if (const auto value = number_of(*row, key)) cell[key] = *value;
      cell["best"] = mark == Mark::kBest, cell["tie"] = mark == Mark::kTie;
      cell["verdict"] = text_of(*row, "verdict");
      cells.push_back(std::move(cell));
    }
    rows.push_back({{"engine", t.engines[e]}, {"cells", std::move(cells)}});
  }
  return {{"columns", std::move(columns)}, {"rows", std::move(rows)}};
}

}  // namespace ecotone::engine
