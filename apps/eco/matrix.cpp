// eco doctor --matrix: which ecosystem runs on which hardware, and what of it this machine has proved.

#include "ecotone/engine/matrix.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "ecotone/engine/table.h"

#include "apps/eco/eco.h"

namespace eco_command {
namespace {

using namespace ecotone::engine;
using nlohmann::ordered_json;

ordered_json to_json(const MatrixColumn& column, const MatrixCell& cell) {
  ordered_json j{{"ecosystem", column.title}, {"state", name(cell.support)}};
  if (cell.fact != nullptr) {
    const Fact& f = *cell.fact;
    j["declared"] = {{"stack", f.stack}, {"state", name(f.state)}};
    if (!f.via.empty()) j["declared"]["via"] = f.via;
    if (!f.note.empty()) j["declared"]["note"] = f.note;
    j["declared"]["source"] = {
        {"title", f.source->title}, {"url", f.source->url}, {"date", f.source->date}, {"version", f.source->version}};
  }
  for (const Ran& r : cell.runs)
    j["ran"].push_back({{"engine", r.engine},
                        {"version", r.version},
                        {"device", r.device},
                        {"model", r.model},
                        {"date", r.date},
                        {"log", r.log.string()}});
  return j;
}

Style style_of(Support s) {
  if (s == Support::kRanHere) return Style::kGood;
  if (s == Support::kNo || s == Support::kUnknown || s == Support::kPlanned) return Style::kDim;
  return s == Support::kDeclared ? Style::kPlain : Style::kWarning;
}

void print_tables(const Matrix& matrix, const Messages& m) {
  constexpr size_t kColumns = 3;  // as the survey's tables have
  const Layout layout = layout_of(STDOUT_FILENO);
  for (size_t first = 0; first < matrix.columns.size(); first += kColumns) {
    const size_t last = std::min(first + kColumns, matrix.columns.size());
    std::vector<Column> columns{{m("Hardware")}};
    for (size_t c = first; c < last; ++c) columns.emplace_back(matrix.columns[c].title, Align::kLeft, true);
    Table t(columns);
    for (size_t r = 0; r < matrix.rows.size(); ++r) {
      std::vector<Cell> row{m(vocabulary::title(matrix.rows[r]))};
      for (size_t c = first; c < last; ++c) {
        const MatrixCell& cell = matrix.cells[r][c];
        row.emplace_back(label(cell, matrix.columns[c], m), style_of(cell.support));
      }
      t.add(std::move(row));
    }
    fmt::print("{}{}", first == 0 ? "" : "\n", t.str(layout));
  }
  Table logs({{""}, {"", Align::kLeft, true}});
  for (const auto& row : matrix.cells)
    for (const MatrixCell& cell : row)
      for (const Ran& r : cell.runs)
        logs.add({fmt::format("{} {}", r.engine, r.version),
                  m.format("{} on {}, {}: {}", r.model, r.device, r.date, r.log.string())});
  if (!logs.empty()) fmt::print("\n{}\n{}", styled(m("What ran here"), Style::kBold, layout), logs.str(layout));
  fmt::print("\n");
  for (const std::string& line : wrap_text(m("Declared, in part, no: what the makers say; --json has the sources. Ran "
                                             "here: proved by a report on this machine."),
                                           layout.width))
    fmt::print("{}\n", line);
}

}  // namespace

void print_matrix(const Machine& machine, const std::vector<std::string>& engines, bool json, const Messages& m) {
  const Matrix matrix = support_matrix(installed_facts(), machine, engines, read_ran());
  if (!json) return print_tables(matrix, m);
  ordered_json rows = ordered_json::array();
  for (size_t r = 0; r < matrix.rows.size(); ++r) {
    ordered_json row{{"hardware", matrix.rows[r]}, {"cells", ordered_json::array()}};
    for (size_t c = 0; c < matrix.columns.size(); ++c)
      row["cells"].push_back(to_json(matrix.columns[c], matrix.cells[r][c]));
    rows.push_back(std::move(row));
  }
  print_json({{"schema_version", kSchemaVersion}, {"matrix", rows}});
}

}  // namespace eco_command
