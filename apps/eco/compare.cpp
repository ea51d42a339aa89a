// eco compare: which engine runs this model fastest here, among those that compute it right?

#include "apps/eco/compare.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/engines.h"
#include "ecotone/engine/interrupt.h"
#include "ecotone/engine/machine.h"
#include "ecotone/engine/page.h"
#include "ecotone/engine/page_tables.h"
#include "ecotone/engine/ran.h"
#include "ecotone/engine/report.h"
#include "ecotone/engine/table.h"
#include "ecotone/engine/worker.h"

#include "apps/eco/eco.h"

namespace eco_command {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::ordered_json;

namespace {

std::string milliseconds(double seconds) {
  return fmt::format("{:.{}f}", seconds * 1e3, seconds < 0.1 ? 2 : 0);
}

std::string megabytes(std::optional<int64_t> bytes) {
  return bytes ? fmt::format("{:.0f}", static_cast<double>(*bytes) / 1e6) : "";
}

Style style_of(const Row& r) {
  switch (r.verdict.kind) {
    case Verdict::Kind::kWins:
    case Verdict::Kind::kTie:
    case Verdict::Kind::kAlone:
      return Style::kGood;
    case Verdict::Kind::kDisagrees:
    case Verdict::Kind::kFailed:
      return Style::kBad;
    case Verdict::Kind::kNotComparable:
    case Verdict::Kind::kUnclear:
    case Verdict::Kind::kInterrupted:
      return Style::kWarning;
    case Verdict::Kind::kLoses:
      break;
  }
  return Style::kPlain;
}

bool above(const Row& r, double tolerance) {
  return r.status == Row::Status::kTimed && r.agreement->error > tolerance;
}

void print_case(const CaseReport& c, double tolerance, const Messages& text) {
  const Layout layout = layout_of(STDOUT_FILENO);
  fmt::print("{}\n", styled(text.format("{}, {} threads", c.shapes, c.threads), Style::kBold, layout));
  Table t({{text("engine")},
           {text("error"), Align::kRight},
           {text("p50 ms"), Align::kRight},
           {"p90", Align::kRight},
           {"p99", Align::kRight},
           {text("per s"), Align::kRight},
           {text("load ms"), Align::kRight},
           {text("first ms"), Align::kRight},
           {text("MB"), Align::kRight},
           {text("CPUs"), Align::kRight},
           {text("verdict"), Align::kLeft, true}});
  for (const Row& r : c.rows) {
    const bool timed = r.status == Row::Status::kTimed;
    auto at = [&](double q) { return timed ? milliseconds(quantile(r.timing.seconds, q)) : ""; };
    double sum = 0;
    for (double s : r.timing.seconds) sum += s;
    t.add(
        {{r.engine + (r.pareto ? " *" : ""), Style::kBold},
         r.agreement ? fmt::format("{:.1e}{}", r.agreement->error, above(r, tolerance) ? " ~" : "") : "",
         at(0.5),
         at(0.9),
         at(0.99),
         timed
             ? fmt::format("{:.1f}", static_cast<double>(c.batch * static_cast<int64_t>(r.timing.seconds.size())) / sum)
             : "",
         r.load_seconds ? milliseconds(*r.load_seconds) : "",
         r.first_seconds ? milliseconds(*r.first_seconds) : "",
         megabytes(r.peak_bytes),
         timed && r.timing.wall_seconds > 0 ? fmt::format("{:.1f}", r.timing.cpu_seconds / r.timing.wall_seconds) : "",
         {str(r.verdict, text), style_of(r)}});
  }
  fmt::print("{}", t.str(layout));
  for (const Row& r : c.rows) {
    if (!r.changes.empty()) fmt::print("  {}: {}\n", r.engine, fmt::join(r.changes, "; "));
    for (const std::string& w : r.warnings)
      fmt::print("  {}: {}\n", r.engine, styled(said(w, text), Style::kWarning, layout));
  }
}

}  // namespace

void CompareArguments::add_to(CLI::App& verb) {
  verb.add_option("model", model, "An ONNX model or StableHLO text")->required();
  inputs.add_to(verb);
  verb.get_option("--shape")->description(
      "Sizes of an input, as name=1,3,224,224; may be repeated. A name given again begins another set of sizes, and "
      "all sets are compared");
  verb.add_option("--engines", engines, "Which engines, as a,b,... Default: all that are installed (see 'eco engines')")
      ->delimiter(',')
      ->allow_extra_args(false);  // what follows is the model
  verb.add_option("--device", device,
                  "Only engines that run on this: cpu, gpu, or more exactly x86-cpu, nvidia-gpu, ... Default: any");
  verb.add_option("--threads", threads, "Threads of each engine; several are compared in turn. Default: all processors")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
  verb.add_option("--tolerance", options.tolerance,
                  "Largest error max|x - r| / (|r| + rms r) against the exact result r at which an engine agrees")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb.add_option("--seconds", options.seconds_each, "Seconds for which each engine is timed, about")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--timeout", options.timeout_seconds, "Seconds after which an engine that does not answer is stopped")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--memory-limit", memory_limit_mb,
                  "MB of memory at which an engine is stopped. Default: 80% of the machine's")
      ->check(CLI::PositiveNumber);
  add_language(verb, lang);
}

// One InputOptions for each set of sizes.
std::vector<InputOptions> CompareArguments::cases() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> by_name;
  size_t count = 1;
  for (const std::string& s : inputs.shapes) {
    const std::string name = parse_shape_option(s).first;
    auto found = std::find_if(by_name.begin(), by_name.end(), [&](const auto& n) { return n.first == name; });
    if (found == by_name.end()) found = by_name.insert(found, {name, {}});
    found->second.push_back(s);
    count = std::max(count, found->second.size());
  }
  std::vector<InputOptions> result(count, inputs);
  for (size_t i = 0; i < count; ++i) {
    result[i].shapes.clear();
    for (const auto& [name, sizes] : by_name) {
      if (sizes.size() != 1 && sizes.size() != count)
        fail("--shape {}: {} sets of sizes are given, but {} of another input; give one, or as many", name,
             sizes.size(), count);
      result[i].shapes.push_back(sizes[sizes.size() == 1 ? 0 : i]);
    }
  }
  if (count > 1 && !inputs.files.empty())
    fail("-i gives the sizes of the inputs: --shape can't give several sets besides");
  return result;
}

std::vector<std::string> CompareArguments::chosen_engines() const {
  std::vector<std::string> chosen = engines;
  // Beside the processor, and there: a package for GPUs may be installed where there is none.
  const auto is_elsewhere = [gpus = describe_machine().gpus](const std::string& hardware) {
    const auto is_it = [&](const std::string& gpu) { return hardware_of_gpu(gpu) == hardware; };
    return hardware != this_processor() &&
           (!hardware.ends_with("-gpu") || std::any_of(gpus.begin(), gpus.end(), is_it));
  };
  if (chosen.empty()) {
    const ModelFormat format = detect_format(model);
    for (const EngineInfo& e : known_engines()) {
      if (!worker_command(e) || (!e.native && format != ModelFormat::kOnnx && !e.takes_stablehlo)) continue;
      chosen.push_back(e.name);
      for (const std::string& variant : variants_here(e))
        if (is_elsewhere(hardware_of(e.name + ":" + variant))) chosen.push_back(e.name + ":" + variant);
    }
    if (chosen.empty())
      fail_kind(ErrorKind::kMissing, "no engine is installed that could run {}; 'eco engines' lists those there are",
                model);
  }
  for (const std::string& name : chosen) engine_info(name);
  if (device.empty()) return chosen;
  const auto elsewhere = [&](const std::string& name) {
    const std::string hardware = hardware_of(name);
    return hardware != device && !hardware.ends_with("-" + device);
  };
  std::erase_if(chosen, elsewhere);
  if (chosen.empty())
    fail_kind(ErrorKind::kMissing,
              "no engine here runs on '{}': there is {}, and what an engine's variant reaches, as in "
              "--engines torch:cuda,onnxruntime:CUDAExecutionProvider",
              device, this_processor());
  return chosen;
}

CompareReport CompareArguments::run(const Messages& text) const {
  CompareOptions o = options;
  o.text = text;
  o.verbose = log_level() == LogLevel::kVerbose;
  const InterruptGuard guard;
  const Machine machine = describe_machine();
  o.most_bytes = memory_limit_mb > 0 ? memory_limit_mb << 20 : machine.memory_bytes / 5 * 4;
  o.engines = chosen_engines();
  CompareReport report;
  for (const InputOptions& c : cases()) {
    const auto [loaded, values] = c.load(model);
    for (int n : threads.empty() ? std::vector<int>{machine.usable} : threads) {
      if (report.interrupted) break;
      Progress progress(text("comparing"), 0);
      o.threads = n;
      o.progress = [&](const std::string& note) { progress.set_note(note); };
      report.cases.push_back(compare_engines(loaded, values, o, report.interrupted));
    }
  }
  record(report);
  return report;
}

std::pair<Model, std::vector<Tensor>> CompareArguments::load(size_t place) const {
  return cases().at(place / std::max<size_t>(1, threads.size())).load(model);
}

ordered_json CompareArguments::json(const CompareReport& report) const {
  ordered_json j{{"schema_version", kSchemaVersion},
                 {"ecotone_version", ECOTONE_VERSION},
                 {"date", date_now()},
                 {"command", command_line()},
                 {"model", model}};
  j["machine"] = machine_json();
  j.update(to_json(report));
  return j;
}

void CompareArguments::record(const CompareReport& report) const {
  const ordered_json whole = json(report);
  std::set<std::string> recorded;
  for (const CaseReport& c : report.cases)
    for (const Row& r : c.rows) {
      if (r.status != Row::Status::kTimed || !recorded.insert(r.engine).second) continue;
      if (r.engine.find('/') != std::string::npos) continue;  // somebody's own plugin, told by its file
      try {
        record_ran({r.engine, r.version, hardware_of(r.engine), device_of(r.engine, r.settings, whole["machine"]),
                    std::filesystem::path(model).filename().string(), "", ""},
                   whole);
      } catch (const Error& e) {
        log_warning("no record of what ran: {}", e.what());
        return;
      }
    }
}

namespace {

struct CompareVerb {
  CompareArguments arguments;
  std::string html;
  bool json = false;
};

int compare(const CompareVerb& o) {
  const Messages text = messages(o.arguments.lang);
  std::optional<AtomicFile> page;  // now, so that a folder that is missing is known before the race
  if (!o.html.empty()) page.emplace(o.html);
  const CompareReport report = o.arguments.run(text);
  const ordered_json j = o.arguments.json(report);
  if (page) {
    const nlohmann::json read =
        parse_report(j.dump(-1, ' ', false, ordered_json::error_handler_t::replace), "the report");
    const std::span reports(&read, 1);
    page->write(report_page(reports, text, page_tables(reports, text)));
    page->commit();
    log_note("{}", text.format("wrote {}", o.html));
  }
  if (o.json) {
    print_json(j);
  } else {
    const double tolerance = o.arguments.options.tolerance;
    for (const CaseReport& c : report.cases) print_case(c, tolerance, text);
    fmt::print("{}\n",
               text("Errors are against the exact result, max |x - r| / (|r| + rms r). * : no other is better in "
                    "time, memory and error at once. Intervals hold with 95% confidence."));
    const auto is_above = [&](const Row& r) { return above(r, tolerance); };
    if (std::any_of(report.cases.begin(), report.cases.end(),
                    [&](const CaseReport& c) { return std::any_of(c.rows.begin(), c.rows.end(), is_above); }))
      fmt::print("{}\n", text("~ : above the tolerance, but as right as arithmetic in the model's own types gets."));
  }
  if (report.interrupted) return kInterrupted;
  bool all_agree = true, any_ran = false;
  for (const CaseReport& c : report.cases)
    for (const Row& r : c.rows) {
      all_agree = all_agree && r.status == Row::Status::kTimed;
      any_ran = any_ran || r.status != Row::Status::kFailed;
    }
  return !any_ran ? kMissing : all_agree ? kOk : kFindings;
}

}  // namespace

void add_compare(CLI::App& app, Action& action) {
  auto o = std::make_shared<CompareVerb>();
  CLI::App* verb = app.add_subcommand(
      "compare", "Race engines on a model: first whether their numbers agree, then how fast they are");
  o->arguments.add_to(*verb);
  verb->add_flag("--json", o->json, "Print a JSON report");
  verb->add_option("--html", o->html, "Write the report as one self-contained HTML page");
  verb->footer(
      "Each engine runs in a process of its own, is timed in turns with the others, and sleeps while they have theirs. "
      "Only engines whose numbers agree\nare timed. An engine that fails is a row with its reason. Exit code 0 when "
      "all agree, 1 when one does not or fails, 3 when none runs.");
  verb->callback([o, &action] { action = [o] { return compare(*o); }; });
}

}  // namespace eco_command
