#include "ecotone/engine/page_case.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "ecotone/engine/page_plots.h"

namespace ecotone::engine::html {

using nlohmann::json;

namespace {

// Beyond these a table helps nobody; the rest is in the JSON.
constexpr size_t kMostPlacements = 2000, kMostShown = 15;

std::string shown(const std::optional<double>& value) {
  return value ? three_figures(*value) : "";
}

std::string error_of(const json& row) {
  if (const auto e = number_of(row, "max_error")) return fmt::format("{:.1e}", *e);
  return text_of(row, "max_error");  // "inf", "nan"
}

std::string joined(const json& list) {
  std::string all;
  for (const json& entry : list)
    if (entry.is_string()) all += (all.empty() ? "" : "; ") + entry.get<std::string>();
  return all;
}

std::string settings_of(const json& row) {
  std::string all;
  for (const auto& [key, value] : object_of(row, "settings").items())
    all += (all.empty() ? "" : ", ") + key + "=" +
           (value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, json::error_handler_t::replace));
  return all;
}

Markup with_mark(const json& row, const ReportCase& c, const Messages& text) {
  const Mark mark = mark_of(row, c);
  Markup name = escape(text_of(row, "engine"));
  // Where times can't be compared nobody is called the best.
  const bool unsure = style_of_row(row) == "warn";
  if (mark == Mark::kBest)
    name += element("span", " ★ " + (unsure ? text("least measured") : text("best")), unsure ? "warn" : "good");
  if (mark == Mark::kTie) name += element("span", " ≈ " + text("tie"), "good");
  return name;
}

Markup verdicts(const ReportCase& c, const Messages& text) {
  Table t{text.format("Verdicts: {}", case_label(c, text)), {}, {}};
  auto number = [](const std::string& title) { return Cell(title, "number"); };
  t.header = {text("engine"),       text("verdict"),         number(text("error")),   number(text("p50 ms")),
              number("p90"),        number("p99"),           number(text("per s")),   number(text("MB")),
              number(text("CPUs")), number(text("load ms")), number(text("first ms"))};
  for (const json* r : c.rows) {
    const json& latency = object_of(*r, "latency_ms");
    auto cell = [&](const std::optional<double>& value) { return Cell(shown(value), "number"); };
    const auto pareto = r->find("pareto");
    Markup name = with_mark(*r, c, text);
    if (pareto != r->end() && *pareto == true) name += escape(" *");
    t.rows.push_back({name, Cell(verdict_text(*r, *c.data, text), style_of_row(*r)), Cell(error_of(*r), "number"),
                      cell(number_of(latency, "p50")), cell(number_of(latency, "p90")), cell(number_of(latency, "p99")),
                      cell(number_of(*r, "throughput_per_s")), cell(number_of(*r, "peak_mb")),
                      cell(number_of(*r, "cpus_used")), cell(number_of(*r, "load_ms")),
                      cell(number_of(*r, "first_run_ms"))});
  }
  return table(t);
}

Markup plots(const ReportCase& c, const Messages& text) {
  std::vector<Bar> bars;
  std::vector<Point> errors, memory;
  for (const json* r : c.rows) {
    const json& latency = object_of(*r, "latency_ms");
    const auto p50 = number_of(latency, "p50"), p90 = number_of(latency, "p90");
    if (!p50 || text_of(*r, "status") != "timed") continue;
    auto p10 = number_of(latency, "p10");
    if (!p10) p10 = number_of(latency, "min");
    const std::string engine = text_of(*r, "engine");
    bars.push_back({engine, p10.value_or(*p50), *p50, p90.value_or(*p50), mark_of(*r, c) != Mark::kNone});
    if (const auto e = number_of(*r, "max_error")) errors.push_back({engine, *p50, *e});
    if (const auto mb = number_of(*r, "peak_mb")) memory.push_back({engine, *p50, *mb});
  }
  if (bars.empty()) return {};
  Markup out = interval_plot(text("Time of a run: median, and from the 10% to the 90% quantile"), "ms", bars);
  if (errors.size() > 1)
    out += scatter_plot(text("Time against error: no engine is better than those on the line in both"),
                        {text("p50 ms"), true}, {text("error"), true}, errors);
  if (memory.size() > 1)
    out += scatter_plot(text("Time against memory: no engine is better than those on the line in both"),
                        {text("p50 ms"), true}, {text("peak MB"), false}, memory);
  return element("div", out, "plots");
}

Markup warnings(const ReportCase& c, const Messages& text) {
  Markup items;
  for (const json* r : c.rows)
    for (const json& w : list_of(*r, "warnings"))
      if (w.is_string()) items += element("li", text_of(*r, "engine") + ": " + said(w.get<std::string>(), text));
  if (items.code.empty()) return {};
  return element("h4", text("Warnings")) + element("ul", items, "warn");
}

Markup agreement(const ReportCase& c, const Messages& text) {
  auto number = [](const std::string& title) { return Cell(title, "number"); };
  Table t{text("Against the exact result"),
          {text("engine"), number(text("error")), number(text("largest absolute")), number(text("largest relative")),
           number(text("cosine")), number(text("argmax the same"))},
          {}};
  for (const json* r : c.rows) {
    if (!r->contains("agrees")) continue;
    const auto argmax = number_of(*r, "argmax_agreement");
    t.rows.push_back(
        {text_of(*r, "engine"), Cell(error_of(*r), "number"), Cell(shown(number_of(*r, "max_abs_error")), "number"),
         Cell(shown(number_of(*r, "max_rel_error")), "number"), Cell(shown(number_of(*r, "cosine")), "number"),
         Cell(argmax ? fmt::format("{:.1f}%", *argmax * 100) : "", "number")});
  }
  return t.rows.empty() ? Markup{} : details(text("Against the exact result"), table(t));
}

Markup settings(const ReportCase& c, const Messages& text) {
  Table t{
      text("Versions and settings"),
      {text("engine"), text("version"), text("how the model gets in"), text("changed in the model"), text("settings"),
       Cell(text("file MB"), "number"), Cell(text("import ms"), "number"), Cell(text("conversion ms"), "number"),
       Cell(text("timed runs"), "number"), Cell(text("warm-up runs"), "number"), Cell(text("J a run"), "number")},
      {}};
  for (const json* r : c.rows)
    t.rows.push_back({text_of(*r, "engine"), text_of(*r, "version"), text_of(*r, "path"),
                      Cell(joined(list_of(*r, "changes")), "wide"), Cell(settings_of(*r), "wide"),
                      Cell(shown(number_of(*r, "artifact_mb")), "number"),
                      Cell(shown(number_of(*r, "import_ms")), "number"),
                      Cell(shown(number_of(*r, "convert_ms")), "number"),
                      Cell(shown(number_of(object_of(*r, "latency_ms"), "runs")), "number"),
                      Cell(shown(number_of(*r, "warmup_runs")), "number"),
                      Cell(r->contains("latency_ms") && !number_of(*r, "energy_j_per_run")
                               ? text("unavailable")
                               : shown(number_of(*r, "energy_j_per_run")),
                           "number")});
  return details(text("Versions and settings"), table(t));
}

// How many nodes each (device, precision, kernel) has, the most first.
Markup placement_counts(const json& nodes, const std::string& engine, const Messages& text) {
  std::map<std::tuple<std::string, std::string, std::string>, int> counts;
  for (const json& n : nodes) ++counts[{text_of(n, "device"), text_of(n, "precision"), text_of(n, "kernel")}];
  std::vector<std::pair<int, std::tuple<std::string, std::string, std::string>>> ranked;
  for (const auto& [key, count] : counts) ranked.emplace_back(-count, key);
  std::sort(ranked.begin(), ranked.end());
  std::vector<Share> shares;
  Table t{text.format("Where the nodes ran: {}", engine),
          {text("device"), text("precision"), text("kernel"), Cell(text("nodes"), "number")},
          {}};
  for (const auto& [count, key] : ranked) {
    const auto& [device, precision, kernel] = key;
    t.rows.push_back({device, precision, kernel, Cell(std::to_string(-count), "number")});
    std::string label = device;
    for (const std::string& part : {precision, kernel}) label += part.empty() ? "" : " " + part;
    if (shares.size() < kMostShown) shares.push_back({label, static_cast<double>(-count), std::to_string(-count)});
  }
  return share_plot(text.format("Nodes by device, precision and kernel: {}", engine), shares) + table(t);
}

Markup placement_table(const json& nodes, const Messages& text) {
  Table t{text("Every node"),
          {text("node"), text("operation"), text("device"), text("precision"), text("kernel"), Cell("ms", "number")},
          {}};
  for (const json& n : nodes) {
    if (t.rows.size() == kMostPlacements) break;
    t.rows.push_back({text_of(n, "node"), text_of(n, "op"), text_of(n, "device"), text_of(n, "precision"),
                      text_of(n, "kernel"), Cell(shown(number_of(n, "time_ms")), "number")});
  }
  Markup out = table(t);
  if (nodes.size() > kMostPlacements)
    out +=
        element("p", text.format("The first {} of {} nodes; the JSON report has all.", kMostPlacements, nodes.size()));
  return details(text.format("All {} nodes", nodes.size()), element("div", out, "long"));
}

std::vector<Share> longest(const std::map<std::string, double>& times) {
  double sum = 0;
  std::vector<Share> shares;
  for (const auto& [label, ms] : times) sum += ms, shares.push_back({label, ms, ""});
  std::stable_sort(shares.begin(), shares.end(), [](const Share& a, const Share& b) { return a.value > b.value; });
  if (shares.size() > kMostShown) shares.resize(kMostShown);
  for (Share& s : shares)
    s.note = fmt::format("{} ms {:.0f}%", three_figures(s.value), sum > 0 ? s.value / sum * 100 : 0);
  return shares;
}

Markup profile(const json& nodes, const std::string& engine, const Messages& text) {
  std::map<std::string, double> by_op, by_node;
  for (const json& n : nodes)
    if (const auto ms = number_of(n, "time_ms")) {
      by_op[text_of(n, "op")] += *ms;
      by_node[text_of(n, "node")] += *ms;
    }
  if (by_op.empty()) return {};
  return element("div",
                 share_plot(text.format("Time by operation: {}", engine), longest(by_op)) +
                     share_plot(text.format("The layers that took longest: {}", engine), longest(by_node)),
                 "plots") +
         element("p",
                 text("From a profile, which slows an engine down: the parts compare with each other, not with the "
                      "times above."),
                 "dim");
}

Markup placements(const ReportCase& c, const Messages& text) {
  Markup out;
  std::string silent;
  for (const json* r : c.rows) {
    const json& nodes = list_of(object_of(*r, "placement"), "nodes");
    const std::string engine = text_of(*r, "engine");
    if (nodes.empty()) {
      const bool is_asked = text_of(object_of(*r, "placement"), "unknown").empty();
      if (is_asked && r->contains("agrees")) silent += (silent.empty() ? "" : ", ") + engine;
      continue;
    }
    out += details(text.format("{}: where {} nodes ran, and how long", engine, nodes.size()),
                   profile(nodes, engine, text) + placement_counts(nodes, engine, text) + placement_table(nodes, text));
  }
  if (!silent.empty()) out += element("p", text.format("They do not tell where nodes ran: {}", silent), "dim");
  return out;
}

}  // namespace

std::string style_of_row(const json& row) {
  const std::string status = text_of(row, "status"), kind = text_of(object_of(row, "outcome"), "kind");
  if (status == "failed" || status == "disagrees") return "bad";
  if (status == "interrupted" || kind == "not_comparable" || kind == "unclear") return "warn";
  return kind == "wins" || kind == "tie" || kind == "alone" ? "good" : "";
}

std::string case_label(const ReportCase& c, const Messages& text) {
  const std::string shapes = text_of(*c.data, "shapes");
  return text.format("{}, {} threads", shapes, static_cast<int64_t>(number_of(*c.data, "threads").value_or(0)));
}

Markup case_section(const ReportCase& c, const std::string& id, const Messages& text) {
  const Attribute attributes[] = {{"id", id}};
  const std::string noise = noise_text(*c.data, text);
  Markup out = element("h3", model_label(*c.whole) + " · " + case_label(c, text)) +
               element("p", machine_label(*c.whole, text), "dim");
  if (!noise.empty()) out += element("p", text.format("Not comparable: {}", noise), "warn");
  out += verdicts(c, text) + plots(c, text) + warnings(c, text) + agreement(c, text) + placements(c, text) +
         settings(c, text);
  return element("section", attributes, out);
}

Markup graph_section(const json& graph, const Messages& text) {
  if (graph.empty()) return {};
  Markup out;
  for (const auto& [key, title] : {std::pair("inputs", text("Inputs")), std::pair("outputs", text("Outputs"))}) {
    Table t{title, {text("name"), text("type")}, {}};
    for (const json& i : list_of(graph, key)) t.rows.push_back({text_of(i, "name"), text_of(i, "type")});
    out += table(t);
  }
  out += element("p", text.format("{:.0f} equations, {:.0f} parameters, {:.1f} MB",
                                  number_of(graph, "equations").value_or(0), number_of(graph, "parameters").value_or(0),
                                  number_of(graph, "parameter_bytes").value_or(0) / 1e6));
  std::vector<Share> ops;
  for (const auto& [name, count] : object_of(graph, "ops").items())
    if (count.is_number()) ops.push_back({name, count.get<double>(), fmt::format("{:.0f}", count.get<double>())});
  std::stable_sort(ops.begin(), ops.end(), [](const Share& a, const Share& b) { return a.value > b.value; });
  if (ops.size() > 60) ops.resize(60);
  out += share_plot(text("Operations"), ops);
  if (const json& nodes = list_of(graph, "nodes"); !nodes.empty())
    return out + graph_drawing(text("The graph, without constants"), nodes);
  Markup steps;
  for (const json& step : list_of(graph, "chain")) {
    std::string ops_text;
    for (const json& op : list_of(step, "ops"))
      if (op.is_string()) ops_text += (ops_text.empty() ? "" : " → ") + op.get<std::string>();
    const double times = number_of(step, "times").value_or(1);
    steps +=
        element("li", escape(ops_text) + (times > 1 ? element("strong", fmt::format(" × {:.0f}", times)) : Markup{}));
  }
  if (!steps.code.empty())
    out += element("h4", text("Composites and contractions in order")) + element("ol", steps, "chain");
  return out;
}

}  // namespace ecotone::engine::html
