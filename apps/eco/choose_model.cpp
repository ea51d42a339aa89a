// eco choose MODEL: the engine for a goal, measured here; its artifact, an example, and a decision that CI can check.

#include "apps/eco/choose_model.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/engines.h"
#include "ecotone/engine/example.h"
#include "ecotone/engine/machine.h"
#include "ecotone/engine/source.h"
#include "ecotone/engine/table.h"
#include "ecotone/engine/worker.h"

namespace eco_command {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::ordered_json;

namespace {

std::string kind_text(const std::string& kind, const Messages& text) {
  return kind == "measured here" ? text("measured here") : kind == "cited" ? text("cited") : text("your preference");
}

void print(const Recommendation& r, const CompareReport& report, const Messages& text) {
  const Layout layout = layout_of(STDOUT_FILENO);
  const Score& best = r.ranking[0];
  fmt::print("{}\n",
             styled(text.format("recommended for {}: {} {}", title(r.goal, text), best.row->engine, best.row->version),
                    Style::kGood, layout));
  if (!r.doubt.empty()) fmt::print("{}\n", styled(text.format("not proven: {}", r.doubt), Style::kWarning, layout));
  Table why({{"", Align::kLeft}, {"", Align::kLeft, true}});
  for (const auto& reason : r.reasons) why.add({{"  " + kind_text(reason.kind, text), Style::kDim}, reason.text});
  fmt::print("{}\n", why.str(layout));
  Table t({{text("engine")},
           {unit(r.goal, text), Align::kRight},
           {text("error"), Align::kRight},
           {text("sizes")},
           {text("verdict"), Align::kLeft, true}});
  for (const Score& s : r.ranking)
    t.add({{s.row->engine, Style::kBold},
           fmt::format("{:.4g}", s.value),
           fmt::format("{:.1e}", s.row->agreement->error),
           s.in->shapes,
           str(s.row->verdict, text)});
  for (const CaseReport& c : report.cases)
    for (const Row& row : c.rows)
      if (row.status != Row::Status::kTimed)
        t.add({{row.engine, Style::kBold},
               "",
               row.agreement ? fmt::format("{:.1e}", row.agreement->error) : "",
               c.shapes,
               {str(row.verdict, text), Style::kBad}});
  fmt::print("{}", t.str(layout));
}

ordered_json to_json(const Recommendation& r) {
  ordered_json ranking = ordered_json::array(), reasons = ordered_json::array();
  for (const Score& s : r.ranking)
    ranking.push_back(
        {{"engine", s.row->engine}, {"value", s.value}, {"shapes", s.in->shapes}, {"threads", s.in->threads}});
  for (const auto& reason : r.reasons) reasons.push_back({{"kind", reason.kind}, {"text", reason.text}});
  return {{"ranking", std::move(ranking)}, {"reasons", std::move(reasons)}};
}

void write_json(const std::filesystem::path& path, const ordered_json& j) {
  AtomicFile file(path);
  file.write(j.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  file.commit();
}

// "x=1,3,48,320 y=2" as --shape options.
std::vector<std::string> split_shapes(const std::string& shapes) {
  std::vector<std::string> result;
  for (size_t begin = 0; begin < shapes.size();) {
    const size_t end = std::min(shapes.find(' ', begin), shapes.size());
    if (end > begin) result.push_back(shapes.substr(begin, end - begin));
    begin = end + 1;
  }
  return result;
}

// The winner's files and a program that runs them, beside the decision. Without them the decision still stands.
void write_winner(const CompareArguments& arguments, const CompareReport& report, const Score& winner,
                  const std::filesystem::path& folder, const Messages& text) {
  const std::string& engine = winner.row->engine;
  try {
    const auto [model, inputs] = arguments.load(static_cast<size_t>(winner.in - report.cases.data()));
    const ModelSource source(model, inputs);
    const Worker::Source given = source.for_engine(engine);
    std::filesystem::path artifact = given.stablehlo.empty() ? given.model : given.stablehlo;
    if (given.stablehlo.empty() && !engine_info(engine).native) {
      Worker worker(engine, {.threads = winner.in->threads, .quiet = true});
      artifact = worker.load(given).artifact;
    }
    write_example(engine, artifact, named_inputs(*model.program, inputs), folder);
  } catch (const Error& e) {
    log_warning("{}", text.format("no example of {}: {}", engine, e.what()));
  }
}

}  // namespace

void ModelChoice::add_to(CLI::App& verb) {
  arguments.add_to(verb);
  verb.get_option("model")->required(false)->description(
      "An ONNX model or StableHLO text: measure which engine is best for it here");
  verb.add_option("--goal", goal, "What counts: latency, throughput, memory, size, startup or cost")
      ->capture_default_str();
  verb.add_option("--price-per-hour", price_per_hour, "Of this machine, for --goal cost")->check(CLI::PositiveNumber);
  verb.add_option("--out", folder, "A folder for the winner's artifact, an example that runs it, and decision.json");
  verb.add_option("--check", check, "A saved decision.json: measure again; exit code 1 when it no longer holds");
  verb.add_option("--margin", margin, "How much worse a checked value may be on the same processor")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

int ModelChoice::run(bool json, const Messages& text) const {
  const Goal wanted = parse_goal(goal);
  if (wanted == Goal::kCost && price_per_hour <= 0) fail("--goal cost wants --price-per-hour: what this machine costs");
  const CompareReport report = arguments.run(text);
  if (report.cases.size() > 1 && wanted != Goal::kThroughput && wanted != Goal::kCost)
    fail(
        "several sets of sizes or threads can be chosen among for throughput and cost only; 'eco compare' shows them "
        "all");
  const auto choice = recommend(report, wanted, price_per_hour, text);
  const ordered_json machine = machine_json();
  if (!choice) {
    if (json) {
      ordered_json j{{"schema_version", kSchemaVersion}, {"recommended", nullptr}};
      j.update(engine::to_json(report));
      print_json(j);
    } else {
      fmt::print("{}\n", text("no engine agrees with the exact result: nothing to recommend"));
      for (const CaseReport& c : report.cases)
        for (const Row& row : c.rows) fmt::print("  {}: {}\n", row.engine, str(row.verdict, text));
    }
    return kFindings;
  }
  ordered_json d{{"schema_version", kSchemaVersion}};
  d.update(decision(*choice, arguments.model, arguments.options.tolerance, price_per_hour, machine));
  if (!folder.empty()) {
    std::filesystem::create_directories(folder);
    write_json(std::filesystem::path(folder) / "decision.json", d);
    write_winner(arguments, report, choice->ranking[0], folder, text);
  }
  if (json) {
    ordered_json j{
        {"schema_version", kSchemaVersion}, {"recommended", choice->ranking[0].row->engine}, {"decision", d}};
    j.update(to_json(*choice));
    j.update(engine::to_json(report));
    print_json(j);
  } else {
    print(*choice, report, text);
    if (!folder.empty()) fmt::print("{}\n", text.format("saved in {}", folder));
  }
  return report.interrupted ? kInterrupted : kOk;
}

int ModelChoice::run_check(bool json, const Messages& text) const {
  const SavedDecision d = read_decision(check);
  CompareArguments again = arguments;
  if (again.model.empty()) again.model = d.model.string();
  again.engines = {d.engine};
  if (!d.runner_up.empty()) again.engines.push_back(d.runner_up);
  if (again.inputs.files.empty()) again.inputs.shapes = split_shapes(d.shapes);
  again.threads = {d.threads};
  again.options.tolerance = d.tolerance;
  const CompareReport report = again.run(text);
  std::vector<std::string> notes;
  if (model_hash(again.model) != d.model_hash) notes.emplace_back("the model has changed since the decision");
  const std::vector<std::string> worse = regressions(d, report, describe_machine().cpu, margin, notes);
  if (json) {
    ordered_json j{
        {"schema_version", kSchemaVersion}, {"holds", worse.empty()}, {"regressions", worse}, {"notes", notes}};
    j.update(engine::to_json(report));
    print_json(j);
  } else {
    for (const std::string& w : worse) fmt::print("{}\n", w);
    for (const std::string& n : notes) log_note("{}", n);
    fmt::print("{}\n", worse.empty() ? text("the decision holds") : text("THE DECISION NO LONGER HOLDS"));
  }
  return report.interrupted ? kInterrupted : worse.empty() ? kOk : kFindings;
}

}  // namespace eco_command
