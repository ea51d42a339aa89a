#include "ecotone/engine/page_tables.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/ranges.h>

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
    const std::string processor = processor_of(text_of(machine, "architecture"));
    std::vector<std::string> gpus;
    for (const json& gpu : list_of(machine, "gpus"))
      if (gpu.is_string()) gpus.push_back(gpu.get<std::string>());
    for (const json& row : list_of(report, "rows")) {
      if (text_of(row, "status") != "timed") continue;
      Ran run{text_of(row, "engine"), text_of(row, "version"), "", text_of(machine, "cpu"),
              model_label(report),    text_of(report, "date"), ""};
      run.hardware = hardware_of(run.engine, processor, gpus);
      for (const std::string& gpu : gpus)
        if (hardware_of_gpu(gpu) == run.hardware) run.device = gpu;
      runs.push_back(std::move(run));
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
  return {support_table(reports, text), scenario_table(text)};
}

}  // namespace ecotone::engine
