// eco report: what several machines measured, side by side.

#include "ecotone/engine/report.h"

#include <ctime>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/page.h"
#include "ecotone/engine/page_tables.h"
#include "ecotone/engine/table.h"

#include "apps/eco/eco.h"

namespace eco_command {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::ordered_json;

std::string command_line() {
  std::string words = "eco";
  const std::string given = read_text_file("/proc/self/cmdline");
  for (size_t at = given.find('\0') + 1; at != 0 && at < given.size();) {
    const std::string word = given.substr(at, given.find('\0', at) - at);
    at += word.size() + 1;
    constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      words += " " + word;
      continue;
    }
    words += " '";
    for (char c : word) words += c == '\'' ? std::string("'\\''") : std::string(1, c);
    words += "'";
  }
  return words;
}

std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

namespace {

struct ReportVerb {
  std::vector<std::string> files;
  std::string html, lang;
  bool json = false;
};

// A, B, ..., Z, AA, ...
std::string column_name(size_t i) {
  std::string name(1, static_cast<char>('A' + i % 26));
  return i < 26 ? name : column_name(i / 26 - 1) + name;
}

void print(const SideBySide& t, const Messages& text) {
  const Layout layout = layout_of(STDOUT_FILENO);
  std::vector<Column> columns{{text("engine")}};
  Table legend({{""}, {"", Align::kLeft, true}});
  for (size_t i = 0; i < t.columns.size(); ++i) {
    const ReportCase& c = t.columns[i];
    columns.push_back({column_name(i), Align::kRight});
    const std::string noise = noise_text(*c.data, text);
    const auto threads = static_cast<int64_t>(number_of(*c.data, "threads").value_or(0));
    std::string title = machine_label(*c.whole, text) + ": " + model_label(*c.whole) + ", " +
                        text.format("{}, {} threads", text_of(*c.data, "shapes"), threads);
    if (!noise.empty()) title += ". " + text.format("Not comparable: {}", noise);
    legend.add({{column_name(i), Style::kBold}, {title, noise.empty() ? Style::kPlain : Style::kWarning}});
  }
  Table table(columns);
  for (size_t e = 0; e < t.engines.size(); ++e) {
    std::vector<Cell> row{{t.engines[e], Style::kBold}};
    for (size_t i = 0; i < t.columns.size(); ++i) {
      const nlohmann::json* r = t.cells[e][i];
      const auto p50 = r ? number_of(object_of(*r, "latency_ms"), "p50") : std::nullopt;
      const Mark mark = r ? mark_of(*r, t.columns[i]) : Mark::kNone;
      if (r == nullptr)
        row.emplace_back("");
      else if (p50 && text_of(*r, "status") == "timed")
        row.emplace_back(fmt::format("{:.2f}{}", *p50,
                                     mark == Mark::kBest  ? " *"
                                     : mark == Mark::kTie ? " ="
                                                          : "  "),
                         mark == Mark::kNone ? Style::kPlain : Style::kGood);
      else
        row.emplace_back((text_of(*r, "status") == "disagrees" ? text("disagrees") : text("failed")) + "  ",
                         Style::kBad);
    }
    table.add(row);
  }
  fmt::print("{}{}{}\n", table.str(layout), legend.str(layout),
             text("Median ms of a run. * the fastest of its column among those that agree, = a tie with it."));
}

int report(const ReportVerb& o) {
  const Messages text = messages(o.lang);
  std::vector<nlohmann::json> reports;
  for (const std::string& f : o.files) reports.push_back(read_report(f));
  const SideBySide table = side_by_side(reports);
  if (!o.html.empty()) {
    AtomicFile file(o.html);
    file.write(report_page(reports, text, page_tables(reports, text)));
    file.commit();
    log_note("{}", text.format("wrote {}", o.html));
  }
  if (o.json) {
    ordered_json j{{"schema_version", kSchemaVersion}};
    j.update(to_json(table));
    print_json(j);
  } else {
    print(table, text);
  }
  return kOk;
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
  auto o = std::make_shared<ReportVerb>();
  CLI::App* verb =
      app.add_subcommand("report", "Put what several machines measured side by side, as a table and as a page");
  verb->add_option("reports", o->files, "What 'eco compare --json' printed, one file a run")->required();
  verb->add_option("--html", o->html, "Write one self-contained HTML page");
  add_language(*verb, o->lang);
  verb->add_flag("--json", o->json, "Print the table as JSON");
  verb->footer(
      "Only within a column were engines timed side by side: machines are compared as users of them would, not engine "
      "by engine.");
  verb->callback([o, &action] { action = [o] { return report(*o); }; });
}

}  // namespace eco_command
