#include "ecotone/engine/page.h"

#include <set>

#include "ecotone/base/file.h"
#include "ecotone/engine/page_case.h"
#include "ecotone/engine/page_plots.h"

namespace ecotone::engine {

using nlohmann::json;
using namespace html;

namespace {

Markup link(const std::string& id, const Markup& content) {
  const Attribute a{"href", "#" + id};
  return element("a", std::span(&a, 1), content);
}

Markup section(const std::string& id, const std::string& title, const Markup& content) {
  const Attribute a{"id", id};
  return element("section", std::span(&a, 1), element("h2", title) + content) + Markup{"\n"};
}

std::string case_id(size_t i) {
  return fmt::format("case-{}", i + 1);
}

// Which engine stands first in each case, in a sentence.
Markup summary(const std::vector<ReportCase>& cases, const Messages& text) {
  Markup items;
  for (size_t i = 0; i < cases.size(); ++i) {
    const ReportCase& c = cases[i];
    Markup item = link(case_id(i), escape(model_label(*c.whole) + " · " + case_label(c, text))) +
                  escape(" · " + machine_label(*c.whole, text)) + Markup{"<br>"};
    bool found = false;
    for (const json* r : c.rows) {
      if (mark_of(*r, c) != Mark::kBest) continue;
      item +=
          element("strong", text_of(*r, "engine")) +
          element("span",
                  fmt::format(" {} ms · {}", three_figures(number_of(object_of(*r, "latency_ms"), "p50").value_or(0)),
                              verdict_text(*r, *c.data, text)),
                  style_of_row(*r));
      found = true;
    }
    if (!found) item += element("span", text("no engine was timed"), "bad");
    items += element("li", item);
  }
  return element("ul", items, "summary");
}

Markup matrix(const SideBySide& m, const Messages& text) {
  html::Table t{text("Median time of a run in ms"), {text("engine")}, {}};
  for (size_t i = 0; i < m.columns.size(); ++i) {
    const ReportCase& c = m.columns[i];
    const bool noisy = !noise_text(*c.data, text).empty();
    Markup head = element("span", machine_label(*c.whole, text), "dim") + Markup{"<br>"} +
                  link(case_id(i), escape(model_label(*c.whole))) + Markup{"<br>"} + escape(case_label(c, text));
    if (noisy) head += Markup{"<br>"} + element("span", text("not comparable"), "warn");
    t.header.emplace_back(head, "column");
  }
  for (size_t e = 0; e < m.engines.size(); ++e) {
    std::vector<html::Cell> row{m.engines[e]};
    for (size_t i = 0; i < m.columns.size(); ++i) {
      const json* r = m.cells[e][i];
      if (r == nullptr) {
        row.emplace_back(text("not run"), "dim");
        continue;
      }
      const Mark mark = mark_of(*r, m.columns[i]);
      const auto p50 = number_of(object_of(*r, "latency_ms"), "p50");
      if (text_of(*r, "status") == "timed" && p50)
        row.emplace_back(three_figures(*p50) + (mark == Mark::kBest  ? " ★"
                                                : mark == Mark::kTie ? " ≈"
                                                                     : ""),
                         mark == Mark::kNone || style_of_row(*r) == "warn" ? "number" : "number good");
      else
        row.emplace_back(verdict_text(*r, *m.columns[i].data, text), "bad");
    }
    t.rows.push_back(std::move(row));
  }
  return table(t) + element("p",
                            text("★ the fastest of its column among those that agree, ≈ a tie with it. Only within a "
                                 "column were times taken side by side."),
                            "dim");
}

Markup machine(const json& report, const Messages& text) {
  const json& m = object_of(report, "machine");
  html::Table t{machine_label(report, text), {}, {}};
  auto row = [&](const std::string& title, const std::string& value) {
    if (!value.empty()) t.rows.push_back({title, html::Cell(value, "wide")});
  };
  auto words = [](const json& list) {
    std::string all;
    for (const json& w : list)
      if (w.is_string()) all += (all.empty() ? "" : ", ") + w.get<std::string>();
    return all;
  };
  row(text("cpu"), text_of(m, "cpu") + " " + text_of(m, "architecture"));
  row(text("units"), words(list_of(m, "units")));
  if (const auto online = number_of(m, "processors_online"), usable = number_of(m, "processors_usable");
      online && usable)
    row(text("processors"),
        text.format("{} online, {} usable", static_cast<int64_t>(*online), static_cast<int64_t>(*usable)));
  std::string caches;
  for (const json& c : list_of(m, "caches"))
    caches += fmt::format("{}L{:.0f} {} {:.0f} kB", caches.empty() ? "" : ", ", number_of(c, "level").value_or(0),
                          text_of(c, "type"), number_of(c, "bytes").value_or(0) / 1024);
  row(text("cache"), caches);
  if (const auto bytes = number_of(m, "memory_bytes")) row(text("memory"), fmt::format("{:.1f} GB", *bytes / 1e9));
  row(text("gpus"), words(list_of(m, "gpus")));
  row(text("system"), text_of(m, "system"));
  row(text("date"), text_of(report, "date"));
  row(text("Ecotone's version"), text_of(report, "ecotone_version"));
  Markup noise;
  for (const json& c : list_of(report, "cases")) {
    const json& n = object_of(c, "noise");
    const auto others = number_of(n, "others_cpus"), spread = number_of(n, "canary_spread");
    if (!others || !spread) continue;
    const std::string verdict = noise_text(c, text);
    noise += element("li",
                     text_of(c, "shapes") + ": " +
                         text.format("other processes used {:.2f} CPUs, the machine's own speed varied by {:.0f}%",
                                     *others, (*spread - 1) * 100) +
                         (verdict.empty() ? "" : " · " + text("not comparable")),
                     verdict.empty() ? "" : "warn");
  }
  return table(t) + (noise.code.empty() ? Markup{} : element("h3", text("Noise")) + element("ul", noise));
}

Markup commands(std::span<const json> reports, const Messages& text) {
  Markup out;
  for (const json& r : reports) {
    const std::string command = text_of(r, "command");
    out += command.empty() ? element("p", text("the report does not say"), "dim")
                           : element("pre", element("code", command));
  }
  return out;
}

}  // namespace

std::string report_page(std::span<const json> reports, const Messages& text, std::span<const PageTable> tables) {
  const SideBySide all = side_by_side(reports);
  std::set<std::string> models;
  for (const json& r : reports) models.insert(model_label(r));
  std::string title = text("Engines compared");
  for (const std::string& m : models) title += " · " + m;

  std::vector<std::tuple<std::string, std::string, Markup>> sections;
  if (all.columns.size() > 1)
    sections.emplace_back("matrix", text("All machines, models and sizes"), matrix(all, text));
  Markup cases;
  for (size_t i = 0; i < all.columns.size(); ++i) cases += case_section(all.columns[i], case_id(i), text);
  sections.emplace_back("cases", text("Speed and numbers"), cases);
  std::set<std::string> drawn;
  Markup graphs;
  for (const ReportCase& c : all.columns) {
    const json& graph = object_of(*c.data, "graph");
    if (graph.empty() || !drawn.insert(model_label(*c.whole)).second)
      continue;  // of one model the first sizes are enough
    graphs += element("h3", model_label(*c.whole) + " · " + text_of(*c.data, "shapes")) + graph_section(graph, text);
  }
  if (!graphs.code.empty()) sections.emplace_back("model", text("The model"), graphs);
  for (size_t i = 0; i < tables.size(); ++i) {
    html::Table t{tables[i].title, {tables[i].header.begin(), tables[i].header.end()}, {}};
    for (const auto& row : tables[i].rows) t.rows.emplace_back(row.begin(), row.end());
    sections.emplace_back(fmt::format("table-{}", i + 1), tables[i].title, table(t));
  }
  Markup machines;
  for (const json& r : reports) machines += machine(r, text);
  sections.emplace_back("machines", text("Machines"), machines);
  sections.emplace_back("reproduce", text("The command that made this"), commands(reports, text));

  Markup nav, body;
  for (const auto& [id, heading, content] : sections) {
    nav += element("li", link(id, escape(heading)));
    body += section(id, heading, content);
  }
  const Attribute nav_label[] = {{"aria-label", text("Contents")}};
  Markup page = element(
      "header", element("h1", title) + summary(all.columns, text) + element("nav", nav_label, element("ul", nav)));
  page += element("main", body);
  page += element(
      "footer",
      element("p", text("Errors are against the exact result, max |x - r| / (|r| + rms r). * : no other is better in "
                        "time, memory and error at once. Intervals hold with 95% confidence.")));
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light "
      "dark\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n{}\n</body>\n</html>\n",
      text.language() == Language::kChinese ? "zh-CN" : "en", escape(title).code,
      read_text_file(data_folder("page") / "style.css"), page.code);
}

}  // namespace ecotone::engine
