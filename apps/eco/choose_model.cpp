// eco choose MODEL: the engine for a goal, measured here; its artifact, an example, and a decision that CI can check.

#include "apps/eco/choose_model.h"

#include <memory>
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/engines.h"
#include "ecotone/engine/example.h"
#include "ecotone/engine/interrupt.h"
#include "ecotone/engine/machine.h"
#include "ecotone/engine/source.h"
#include "ecotone/engine/table.h"
#include "ecotone/engine/worker.h"
#include "ecotone/format/npz/npz.h"

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

// The inputs, the winner's files and a program that runs them, beside the decision, which stands without the program.
void write_winner(const CompareArguments& arguments, const CompareReport& report, const Score& winner,
                  const std::filesystem::path& folder, const Messages& text) {
  const std::string& engine = winner.row->engine;
  const auto [model, inputs] = arguments.load(static_cast<size_t>(winner.in - report.cases.data()));
  const NamedTensors named = named_inputs(*model.program, inputs);
  npz::write_npz(folder / "inputs.npz", named);
  const InterruptGuard guard;
  try {
    const ModelSource source(model, inputs);
    const Worker::Source given = source.for_engine(engine);
    std::filesystem::path artifact = given.stablehlo.empty() ? given.model : given.stablehlo;
    if (given.stablehlo.empty() && !engine_info(engine).native) {
      Worker worker(engine, {.threads = winner.in->threads, .quiet = true});
      artifact = worker.load(given).artifact;
    }
    write_example(engine, artifact, named, winner.in->threads, folder);
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& e) {
    log_warning("{}", text.format("no example of {}: {}", engine, e.what()));
  }
}

// Whether several sets of sizes or numbers of threads are asked for.
bool several_cases(const CompareArguments& arguments) {
  std::set<std::string> names;
  for (const std::string& shape : arguments.inputs.shapes)
    if (!names.insert(parse_shape_option(shape).first).second) return true;
  return arguments.threads.size() > 1;
}

// Now, so that what can't be written is known before the race.
std::unique_ptr<AtomicFile> open_decision(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail("--out {}: the folder can't be made: {}", folder.string(), error.message());
  return std::make_unique<AtomicFile>(folder / "decision.json");
}

CheckResult changed_model(const Messages& text) {
  return {{text("the model has changed since the decision: decide anew")}, {}, ""};
}

void print_check(const CheckResult& result, const Messages& text) {
  for (const std::string& w : result.worse) fmt::print("{}\n", w);
  for (const std::string& n : result.notes) log_note("{}", n);
  fmt::print("{}\n", result.holds()         ? text("the decision holds")
                     : result.worse.empty() ? text.format("not checked: {}", result.not_checked)
                                            : text("THE DECISION NO LONGER HOLDS"));
}

ordered_json to_json(const CheckResult& result) {
  const bool known = result.not_checked.empty() || !result.worse.empty();
  ordered_json j{{"schema_version", kSchemaVersion},
                 {"holds", known ? ordered_json(result.holds()) : ordered_json()},
                 {"not_checked", result.not_checked},
                 {"regressions", result.worse},
                 {"notes", result.notes}};
  return j;
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
  verb.add_option("--check", check,
                  "A saved decision.json: measure again; exit code 1 when it no longer holds, or can't be checked");
  verb.add_option("--margin", margin, "How much worse a checked value may be on the same processor")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

int ModelChoice::run(bool json, const Messages& text) const {
  const Goal wanted = parse_goal(goal);
  if (wanted == Goal::kCost && price_per_hour <= 0) fail("--goal cost wants --price-per-hour: what this machine costs");
  if (several_cases(arguments) && wanted != Goal::kThroughput && wanted != Goal::kCost)
    fail(
        "several sets of sizes or threads can be chosen among for throughput and cost only; 'eco compare' shows them "
        "all");
  detect_format(arguments.model);  // no folder for a model that is none
  const std::unique_ptr<AtomicFile> saved = folder.empty() ? nullptr : open_decision(folder);
  const CompareReport report = arguments.run(text);
  const Messages english(Language::kEnglish);  // of JSON
  const auto choice = recommend(report, wanted, price_per_hour, text),
             in_english = recommend(report, wanted, price_per_hour, english);
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
  DecidedOn on{arguments.model, folder, {}, arguments.options.tolerance, price_per_hour, machine};
  if (arguments.inputs.files.empty()) on.seed = arguments.inputs.seed;
  ordered_json d{{"schema_version", kSchemaVersion}};
  d.update(decision(*in_english, on));
  if (saved) {
    write_winner(arguments, report, choice->ranking[0], folder, text);
    saved->write(d.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
    saved->commit();
  }
  if (json) {
    ordered_json j{
        {"schema_version", kSchemaVersion}, {"recommended", choice->ranking[0].row->engine}, {"decision", d}};
    j.update(to_json(*in_english));
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
  again.threads = {d.threads};
  again.options.tolerance = d.tolerance;
  if (!again.inputs.files.empty()) {  // the user's own
    if (several_cases(again)) fail("--check takes one set of sizes");
  } else if (const ImageOptions& image = again.inputs.image;
             !again.inputs.shapes.empty() || !image.mean.empty() || !image.std.empty()) {
    fail("--shape, --mean and --std are for an image of -i; a decision is checked on its own inputs");
  } else if (!d.inputs.empty()) {
    if (!std::filesystem::exists(d.inputs))
      fail("{}: the inputs of the decision, {}, are not there; give them with -i", check, d.inputs.string());
    again.inputs.files = {d.inputs.string()};
  } else if (d.seed) {
    again.inputs.shapes = split_shapes(d.shapes), again.inputs.seed = *d.seed;
  } else {
    fail("{}: the decision does not name its inputs; give them with -i, or decide anew with --out", check);
  }
  CompareReport report;
  const bool is_same = model_hash(again.model) == d.model_hash;
  if (is_same) report = again.run(text);
  const ordered_json machine = machine_json();
  const auto result = [&](const Messages& words) {
    return is_same ? check_decision(d, report, machine, margin, words) : changed_model(words);
  };
  if (json) {
    ordered_json j = to_json(result(Messages(Language::kEnglish)));
    j.update(engine::to_json(report));
    print_json(j);
  } else {
    print_check(result(text), text);
  }
  return report.interrupted ? kInterrupted : result(text).holds() ? kOk : kFindings;
}

}  // namespace eco_command
