#include "ecotone/engine/page_tables.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/ranges.h>

#include "ecotone/engine/engines.h"
#include "ecotone/engine/matrix.h"
#include "ecotone/engine/plan.h"
#include "ecotone/engine/report.h"

namespace ecotone::engine {
namespace {

using nlohmann::json;

// Each on the machine of its own report.
std::vector<Ran> runs_of(std::span<const json> reports) {
  std::vector<Ran> runs;
  for (const json& report : reports) {
    const json& machine = object_of(report, "machine");
    for (const json& row : list_of(report, "rows")) {
      if (text_of(row, "status") != "timed") continue;
      const std::string engine = text_of(row, "engine");
      runs.push_back({engine, text_of(row, "version"), hardware_of(engine, machine),
                      device_of(engine, object_of(row, "settings"), machine), model_label(report),
                      text_of(report, "date"), ""});
    }
  }
  return runs;
}

PageTable support_table(std::span<const json> reports, const Messages& text) {
  // Of the machines in the reports, none is known to have more than what ran there.
  const Matrix matrix = support_matrix(installed_facts(), {}, {}, runs_of(reports));
  PageTable table{text("Support of hardware"), {text("Hardware")}, {}};
  for (const MatrixColumn& c : matrix.columns) table.header.push_back(c.title);
  for (size_t r = 0; r < matrix.rows.size(); ++r) {
    std::vector<std::string> row{text(vocabulary::title(matrix.rows[r]))};
    for (size_t c = 0; c < matrix.columns.size(); ++c) {
      const MatrixCell& cell = matrix.cells[r][c];
      std::set<std::string> devices;
      for (const Ran& run : cell.runs) devices.insert(run.device);
      row.push_back(devices.empty() ? label(cell, matrix.columns[c], text)
                                    : text.format("ran on {}", fmt::format("{}", fmt::join(devices, ", "))));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string joined(const json& list, const Messages& text) {
  std::string all;
  for (const json& word : list)
    if (word.is_string()) all += (all.empty() ? "" : text(", ")) + word.get<std::string>();
  return all;
}

// What each engine that started was found to have: one row for each version on each device; of several the one that
// tells most of where nodes ran.
PageTable features_table(std::span<const json> reports, const Messages& text) {
  PageTable table{text("Engines' features found"),
                  {text("engine"), text("machine"), text("device"), text("computes in"), text("also reaches"),
                   text("tells where nodes ran"), text("reads"), text("lacks")},
                  {}};
  struct Found {
    const json *report, *row;
  };
  std::vector<std::pair<std::vector<std::string>, Found>> all;
  const auto nodes = [](const json& row) { return list_of(object_of(row, "placement"), "nodes").size(); };
  for (const json& report : reports)
    for (const json& row : list_of(report, "rows")) {
      const std::string version = text_of(row, "version");
      if (version.empty()) continue;
      const std::string name = text_of(row, "engine");
      const std::vector<std::string> key = {fmt::format("{} {}", name, version), machine_label(report, text),
                                            device_of(name, object_of(row, "settings"), object_of(report, "machine"))};
      const auto same = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == key; });
      if (same == all.end())
        all.push_back({key, {&report, &row}});
      else if (nodes(row) > nodes(*same->second.row))
        same->second = {&report, &row};
    }
  for (const auto& [key, found] : all) {
    const json& row = *found.row;
    const std::string name = text_of(row, "engine");
    std::string precision = text_of(object_of(row, "settings"), "inference_precision"), formats, lacks;
    if (precision.empty()) precision = text_of(object_of(row, "settings"), "precision");
    for (const EngineInfo& e : known_engines())
      if (e.name == name.substr(0, name.find(':'))) {
        formats = fmt::format("{}", fmt::join(e.formats, text(", ")));
        for (const std::string& l : e.lacks) lacks += (lacks.empty() ? "" : text("; ")) + text(l);
      }
    std::string placed;  // empty: it was not asked
    if (row.contains("placement") && row["placement"].is_object()) placed = placement_text(row["placement"], text);
    table.rows.push_back(
        {key[0], key[1], key[2], precision, joined(list_of(row, "variants"), text), placed, formats, lacks});
  }
  return table;
}

PageTable scenario_table(const Messages& text) {
  PageTable table{text("What fits which scenario"), {text("scenario"), text("plan"), text("next")}, {}};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(data_folder("scenarios")))
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    const Scenario scenario = read_scenario(file);
    const Choice choice = choose(scenario, installed_facts(), 2);
    std::vector<std::string> row{scenario.title.empty() ? file.stem().string() : scenario.title};
    for (const Plan& p : choice.plans) row.push_back(title(p));
    if (choice.plans.empty()) {
      std::vector<std::string> conflicts;
      for (const auto& musts : choice.conflicts) {
        std::vector<std::string> each;
        for (const Constraint& c : musts) each.push_back(c.key + " = " + c.value);
        conflicts.push_back(fmt::format("{}", fmt::join(each, ", ")));
      }
      row.push_back(text.format("none: {} exclude each other", fmt::format("{}", fmt::join(conflicts, text("; ")))));
    }
    row.resize(table.header.size());
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

std::vector<PageTable> page_tables(std::span<const json> reports, const Messages& text) {
  return {support_table(reports, text), features_table(reports, text), scenario_table(text)};
}

}  // namespace ecotone::engine
