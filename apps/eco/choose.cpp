// eco choose: which stack? For a model: what is best here, measured. For a team's scenario: plans ranked by facts, with
// their reasons.

#include <iostream>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/plan.h"
#include "ecotone/engine/table.h"

#include "apps/eco/choose_model.h"
#include "apps/eco/eco.h"

namespace eco_command {
namespace {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::ordered_json;

struct ChooseOptions {
  std::string scenario;
  ModelChoice measured;
  bool json = false, explain = false;
};

ordered_json to_json(const Source& s) {
  return {{"title", s.title}, {"url", s.url}, {"date", s.date}, {"version", s.version}};
}

ordered_json to_json(const Constraint& c) {
  return {{"key", c.key}, {"value", c.value}};
}

ordered_json to_json(const Plan& plan, const Scenario& scenario, const Facts& facts) {
  ordered_json parts = ordered_json::array(), criteria = ordered_json::array(), why = ordered_json::array();
  for (const Part& p : plan.parts) {
    ordered_json path = ordered_json::array();
    for (const Conversion* c : p.path)
      path.push_back({{"from", c->from},
                      {"to", c->to},
                      {"tool", c->tool},
                      {"maker", c->maker},
                      {"state", name(c->state)},
                      {"source", to_json(*c->source)}});
    ordered_json part{{"role", p.trains() ? "train" : "serve"}, {"stack", p.stack->id}};
    if (!p.trains()) part["target"] = p.target;
    if (!p.hardware.empty()) part["hardware"] = p.hardware;
    if (!p.format.empty()) part["format"] = p.format;
    if (!p.trains()) part["conversions"] = std::move(path);
    parts.push_back(std::move(part));
  }
  for (const Criterion& c : plan.criteria)
    criteria.push_back({{"name", c.name}, {"value", c.value}, {"weight", c.weight}});
  for (const Reason& r : reasons(plan, scenario, facts, Messages(Language::kEnglish))) {
    ordered_json one{{"kind", name(r.kind)}, {"for", r.side == Reason::Side::kFor}, {"text", r.text}};
    if (!r.machine().empty()) one["machine"] = r.machine();
    if (r.source != nullptr) one["source"] = to_json(*r.source);
    why.push_back(std::move(one));
  }
  return {{"title", title(plan)}, {"score", plan.score}, {"parts", parts}, {"criteria", criteria}, {"reasons", why}};
}

void print_choice_json(const Choice& choice, const Scenario& scenario, const Facts& facts) {
  ordered_json j{{"schema_version", kSchemaVersion}};
  if (!scenario.title.empty()) j["scenario"] = scenario.title;
  for (const char* list : {"constraints", "plans", "conflict", "conflicts", "relaxations", "give_up"})
    j[list] = ordered_json::array();
  const auto all = [](const std::vector<Constraint>& musts) {
    ordered_json array = ordered_json::array();
    for (const Constraint& c : musts) array.push_back(to_json(c));
    return array;
  };
  for (const Constraint& c : choice.constraints) j["constraints"].push_back(to_json(c));
  for (const Plan& p : choice.plans) j["plans"].push_back(to_json(p, scenario, facts));
  j["conflict"] = all(choice.conflict);
  for (const auto& musts : choice.conflicts) j["conflicts"].push_back(all(musts));
  for (const auto& [c, plan] : choice.relaxations)
    j["relaxations"].push_back({{"without", to_json(c)}, {"plan", title(plan)}});
  for (const auto& [musts, plan] : choice.give_up)
    j["give_up"].push_back({{"without", all(musts)}, {"plan", title(plan)}});
  print_json(j);
}

std::string where(const Part& p, const Messages& m) {
  return p.hardware.empty() ? p.stack->name : m.format("{} on {}", p.stack->name, m(vocabulary::title(p.hardware)));
}

// "train  PyTorch on NVIDIA GPU", "convert ...", "server  OpenVINO on x86 CPU".
std::string steps(const Plan& plan, const Facts& facts, const Messages& m, const Layout& layout) {
  Table t({{""}, {""}, {"", Align::kLeft, true}});
  for (const Part& p : plan.parts) {
    for (const Conversion* c : p.path)
      t.add({"  ", m("convert"),
             m.format("{} -> {}, with {}", m(facts.format(c->from)->name), m(facts.format(c->to)->name), c->tool)});
    t.add({"  ", p.trains() ? m("train") : m(vocabulary::title(p.target)), {where(p, m), Style::kBold}});
  }
  return t.str(layout);
}

// The sources that a report cites, numbered as they come.
class Bibliography {
 public:
  size_t number(const Source* source) {
    // Files of facts may have the same source each.
    const auto found = std::find_if(sources_.begin(), sources_.end(), [&](const Source* s) {
      return s->title == source->title && s->version == source->version && s->url == source->url;
    });
    if (found != sources_.end()) return static_cast<size_t>(found - sources_.begin()) + 1;
    sources_.push_back(source);
    return sources_.size();
  }
  void print(const Messages& m, const Layout& layout) const {
    fmt::print("\n{}\n", styled(m("Sources"), Style::kBold, layout));
    Table t({{"", Align::kRight}, {"", Align::kLeft, true}});
    for (size_t i = 0; i < sources_.size(); ++i) {
      const Source& s = *sources_[i];
      t.add({fmt::format("  [{}]", i + 1), fmt::format("{}, {}, {}, {}", s.title, s.version, s.date, s.url)});
    }
    fmt::print("{}", t.str(layout));
  }

 private:
  std::vector<const Source*> sources_;
};

void print_reasons(const std::vector<Reason>& all, Reason::Side side, Bibliography& sources, const Messages& m,
                   const Layout& layout) {
  Table t({{""}, {""}, {"", Align::kLeft, true}});
  const bool good = side == Reason::Side::kFor;
  for (const Reason& r : all) {
    if (r.side != side) continue;
    const std::string source = r.source == nullptr ? "" : fmt::format(" [{}]", sources.number(r.source));
    t.add({{good ? "  +" : "  -", good ? Style::kGood : Style::kWarning}, {mark(r, m), Style::kDim}, r.text + source});
  }
  fmt::print("{}", t.str(layout));
}

// What a plan does better and worse than the best.
std::string difference(const Plan& plan, const Plan& best, const Messages& m) {
  std::vector<std::string> better, worse;
  for (const Criterion& c : plan.criteria)
    for (const Criterion& b : best.criteria) {
      if (b.name != c.name) continue;
      if (c.value > b.value + 0.05) better.push_back(m(c.name));
      if (c.value < b.value - 0.05) worse.push_back(m(c.name));
    }
  std::string text;
  if (!better.empty()) text += m.format("better than 1 in: {}", fmt::join(better, m(", ")));
  if (!worse.empty()) text += (text.empty() ? "" : m("; ")) + m.format("worse in: {}", fmt::join(worse, m(", ")));
  return text;
}

void print_explanation(const Choice& choice, const Messages& m, const Layout& layout) {
  std::vector<Column> columns{{m("criterion")}, {m("weight"), Align::kRight}};
  for (size_t i = 0; i < choice.plans.size(); ++i) columns.emplace_back(fmt::format("{}", i + 1), Align::kRight);
  Table t(columns);
  for (const std::string& name : criteria()) {
    std::vector<Cell> row{m(name), ""};
    for (const Plan& p : choice.plans) {
      std::string cell = "-";
      for (const Criterion& c : p.criteria)
        if (c.name == name) cell = fmt::format("{:.2f}", c.value), row[1] = Cell(fmt::format("{:.4g}", c.weight));
      row.emplace_back(cell);
    }
    if (!row[1].text.empty()) t.add(row);
  }
  std::vector<Cell> total{{m("weighted mean"), Style::kBold}, ""};
  for (const Plan& p : choice.plans) total.emplace_back(fmt::format("{:.3f}", p.score), Style::kBold);
  t.add(total);
  fmt::print("\n{}", t.str(layout));
}

void print_paragraph(const std::string& text, const Layout& layout) {
  for (const std::string& line : wrap_text(text, layout.width)) fmt::print("{}\n", line);
}

void print_plans(const Choice& choice, const Scenario& scenario, const Facts& facts, const ChooseOptions& o,
                 const Messages& m) {
  const Layout layout = layout_of(STDOUT_FILENO);
  if (!scenario.title.empty()) print_paragraph(m.format("Scenario: {}", scenario.title) + "\n", layout);
  Bibliography sources;
  for (size_t i = 0; i < choice.plans.size(); ++i) {
    const Plan& p = choice.plans[i];
    if (i == 1) fmt::print("\n{}\n", styled(m("Runners-up"), Style::kBold, layout));
    fmt::print("{}. {}  {}\n{}", i + 1, styled(title(p), Style::kBold, layout), m.format("score {:.2f}", p.score),
               steps(p, facts, m, layout));
    if (i > 0) {
      if (const std::string text = difference(p, choice.plans[0], m); !text.empty())
        print_paragraph("  " + text, layout);
      continue;
    }
    const auto all = reasons(p, scenario, facts, m);
    fmt::print("\n{}\n", styled(m("Why"), Style::kBold, layout));
    print_reasons(all, Reason::Side::kFor, sources, m, layout);
    fmt::print("\n{}\n", styled(m("What it costs"), Style::kBold, layout));
    print_reasons(all, Reason::Side::kAgainst, sources, m, layout);
  }
  if (o.explain) print_explanation(choice, m, layout);
  if (choice.plans.size() > 1 && choice.plans[0].score - choice.plans[1].score < 0.01)
    print_paragraph("\n" + m("1 and 2 are as good as equal: let your own measurements or tastes decide."), layout);
  sources.print(m, layout);
  fmt::print("\n");
  if (scenario.latency_ms > 0)
    print_paragraph(
        m.format("Facts can't promise {} ms: measure your model with 'eco choose MODEL'.", scenario.latency_ms),
        layout);
  print_paragraph(
      m("Check the numbers after every conversion with 'eco verify'. Weights: --explain, and docs/choosing.md."),
      layout);
}

void print_conflict(const Choice& choice, const Messages& m) {
  const Layout layout = layout_of(STDOUT_FILENO);
  for (size_t i = 0; i < choice.conflicts.size(); ++i) {
    print_paragraph(i == 0 ? m("No stack meets all of it. These exclude each other:") : m("These do too:"), layout);
    for (const Constraint& c : choice.conflicts[i]) fmt::print("  {} = {}\n", c.key, c.value);
  }
  const bool one_will_do = !choice.relaxations.empty();
  if (!one_will_do) print_paragraph(m("Giving up one of them is not enough."), layout);
  if (!one_will_do && choice.give_up.empty()) return;
  print_paragraph(one_will_do ? m("Give up one of them, and there is a plan:")
                              : m("Give up those of one line together, and there is a plan:"),
                  layout);
  Table t({{""}, {"", Align::kLeft, true}, {"", Align::kLeft, true}});
  const auto add = [&](const std::vector<Constraint>& musts, const Plan& plan) {
    std::string without, where;
    for (const Constraint& c : musts)
      without += (without.empty() ? "" : m(", ")) + m.format("without {} = {}", c.key, c.value);
    for (const Part& p : plan.parts)
      if (!p.trains()) where += (where.empty() ? "" : ", ") + m(vocabulary::title(p.target));
    t.add({"  ", without, title(plan) + (where.empty() ? "" : fmt::format(" ({})", where))});
  };
  for (const auto& [c, plan] : choice.relaxations) add({c}, plan);
  for (const auto& [musts, plan] : choice.give_up) add(musts, plan);
  fmt::print("{}", t.str(layout));
}

int choose_for(const Scenario& scenario, const ChooseOptions& o, const Messages& m) {
  const Facts& facts = installed_facts();
  const Choice choice = choose(scenario, facts);
  if (o.json)
    print_choice_json(choice, scenario, facts);
  else if (choice.plans.empty())
    print_conflict(choice, m);
  else
    print_plans(choice, scenario, facts, o, m);
  return choice.plans.empty() ? kFindings : kOk;
}

std::string ask(const std::string& prompt) {
  fmt::print(stderr, "{}", prompt);
  std::string line;
  if (!std::getline(std::cin, line))
    fail("the answers ended before the questions; write a scenario file instead, see docs/choosing.md");
  const size_t first = line.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

// Answers become a scenario file; what can't be read as one is asked again.
Scenario interview(const Messages& m) {
  fmt::print(stderr, "{}\n",
             m("A few questions. Enter alone means: no constraint. Several answers: separate them by commas."));
  Scenario s;
  for (const ScenarioKey& k : scenario_keys()) {
    if (k.question.empty()) continue;
    for (;;) {
      const std::string allowed = k.allowed.empty() ? "" : fmt::format("  {}\n", fmt::join(k.allowed, ", "));
      const std::string complaint = take_answer(s, k, ask(fmt::format("\n{}\n{}> ", m(k.question), allowed)), m);
      if (complaint.empty()) break;
      fmt::print(stderr, "{}\n", complaint);
    }
  }
  const std::string file = ask(fmt::format("\n{}\n> ", m("Save the answers to a file? Its name, or Enter for no.")));
  if (!file.empty()) {
    AtomicFile out(file);
    out.write(write_scenario(s));
    out.commit();
    log_note("{}", m.format("saved to {}", file));
  }
  fmt::print(stderr, "\n");
  return s;
}

// Options that this way to choose would ignore are errors.
void refuse_ignored(const CLI::App& verb, const ChooseOptions& o) {
  static const std::set<std::string> of_scenario{"--scenario", "--explain", "--json", "--lang"};
  static const std::set<std::string> not_of_model{"--scenario", "--explain", "--check", "--margin"};
  static const std::set<std::string> of_check{"model",  "--check",   "--margin",  "--json",
                                              "--lang", "--input",   "--shape",   "--mean",
                                              "--std",  "--seconds", "--timeout", "--memory-limit"};
  const bool checks = !o.measured.check.empty();
  std::vector<std::string> ignored;
  for (const CLI::Option* option : verb.get_options()) {
    const std::string name = option->get_name();
    const bool has_use = checks               ? of_check.contains(name)
                         : o.measured.asked() ? !not_of_model.contains(name)
                                              : of_scenario.contains(name);
    if (option->count() > 0 && !has_use) ignored.push_back(name);
  }
  if (ignored.empty()) return;
  fail("{}: {}; see 'eco choose --help'", fmt::join(ignored, ", "),
       checks               ? "not with --check, which measures as the decision was made"
       : o.measured.asked() ? "not for a MODEL that is measured"
                            : "not for a scenario, only where a MODEL is measured");
}

}  // namespace

void add_choose(CLI::App& app, Action& action) {
  auto o = std::make_shared<ChooseOptions>();
  CLI::App* verb =
      app.add_subcommand("choose", "Say which stack to use: for a model by measuring, for a team's scenario by facts");
  o->measured.add_to(*verb);
  verb->add_option(
      "--scenario", o->scenario,
      "A team's situation (TOML): rank plans of stacks for it; without it, on a terminal, a short interview");
  verb->add_flag("--explain", o->explain, "Show the criteria, their weights and values");
  verb->add_flag("--json", o->json, "Print JSON");
  verb->footer(
      "Facts, each with its source and date, stand below data/facts; docs/choosing.md explains the keys and the "
      "scores.\nExit code 1 when constraints exclude each other, when no engine agrees, and when a decision does not "
      "hold or can't be checked.");
  verb->callback([o, verb, &action] {
    action = [o, verb] {
      const Messages m = messages(o->measured.arguments.lang);
      if (o->measured.asked() && !o->scenario.empty()) fail("choose for a model or for a scenario, not both");
      refuse_ignored(*verb, *o);
      if (!o->measured.check.empty()) return o->measured.run_check(o->json, m);
      if (o->measured.asked()) return o->measured.run(o->json, m);
      if (!o->scenario.empty()) return choose_for(read_scenario(o->scenario), *o, m);
      if (isatty(STDIN_FILENO) != 1)
        fail(
            "say what to choose for: a MODEL, or --scenario FILE (data/scenarios/ has some, docs/choosing.md the "
            "keys); the interview wants a terminal");
      return choose_for(interview(m), *o, m);
    };
  });
}

}  // namespace eco_command
