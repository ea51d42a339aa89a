// eco engines: other people's stacks, which are installed, and how they come and go.

#include <cstdlib>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/install.h"
#include "ecotone/engine/interrupt.h"
#include "ecotone/engine/table.h"
#include "ecotone/engine/worker.h"

#include "apps/eco/eco.h"

namespace eco_command {
namespace {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::ordered_json;

// Engines may compute in bf16, whose eps is 2^-8; the small model adds 27 products.
constexpr double kSelfTestTolerance = 2e-2;

struct EnginesVerb {
  std::string name, from, lang;
  std::vector<std::string> names;
  bool json = false;
  double timeout = 600;
};

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& w : words) text += (text.empty() ? "" : ", ") + w;
  return text;
}

int list(const EnginesVerb& o) {
  const auto engines = known_engines();
  const auto versions = installed_versions(engines);
  if (o.json) {
    ordered_json j{{"schema_version", kSchemaVersion}, {"engines", ordered_json::array()}};
    for (const EngineInfo& e : engines) {
      const bool installed = e.native || versions.contains(e.name);
      ordered_json row{
          {"name", e.name}, {"title", e.title}, {"maker", e.maker}, {"about", e.about}, {"installed", installed}};
      if (versions.contains(e.name)) row["version"] = versions.at(e.name);
      row["environment"] = e.native ? "" : e.environment;
      row["megabytes"] = e.megabytes;
      row["formats"] = e.formats;
      row["from_onnx"] = e.from_onnx;
      row["license"] = e.license;
      row["homepage"] = e.homepage;
      row["telemetry"] = e.telemetry;
      row["lacks"] = e.lacks;
      row["missing_programs"] = missing_programs(e);
      row["requirements"] = e.requirements;
      j["engines"].push_back(std::move(row));
    }
    print_json(j);
    return kOk;
  }
  const Messages text = messages(o.lang);
  Table table({{text("engine")},
               {text("version")},
               {text("MB"), Align::kRight},
               {text("maker")},
               {text("ONNX gets in"), Align::kLeft, true},
               {text("lacks"), Align::kLeft, true}});
  bool absent = false;
  for (const EngineInfo& e : engines) {
    const auto version = versions.find(e.name);
    const bool installed = e.native || version != versions.end();
    absent = absent || !installed;
    std::vector<std::string> lacks = missing_programs(e);
    for (std::string& program : lacks) program = text.format("the program {}", program);
    for (const std::string& l : e.lacks) lacks.push_back(text(l));
    const Style style = installed ? Style::kPlain : Style::kDim;
    table.add({{e.name, installed ? Style::kBold : Style::kDim},
               {e.native    ? text("built in")
                : installed ? version->second
                            : "-",
                style},
               {e.native ? "" : std::to_string(e.megabytes), style},
               {text(e.maker), style},
               {text(e.from_onnx), style},
               {fmt::format("{}", fmt::join(lacks, text(", "))), style}});
  }
  fmt::print("{}", table.str(layout_of(STDOUT_FILENO)));
  if (absent) log_note("{}", text("'eco engines add NAME' installs one."));
  return kOk;
}

int add(const EnginesVerb& o) {
  const Messages text = messages(o.lang);
  const EngineInfo engine = engine_info(o.name);
  if (const char* python = std::getenv("ECOTONE_PYTHON"); python && *python)
    fail("ECOTONE_PYTHON is set ({}), so engines of one's own environment are not used; unset it first", python);
  for (const std::string& program : missing_programs(engine))
    log_warning("{}", text.format("{} needs the program {} (apt install {})", engine.name, program, program));
  const InterruptGuard guard;
  {
    Progress progress(text.format("installing {}", engine.name), static_cast<int64_t>(engine.requirements.size()));
    install_engine(
        engine, o.from,
        [&](const std::string& line) {
          log_detail("{}", line);
          const bool next = line.starts_with("Collecting ");
          if (next || line.starts_with("Installing ")) progress.set_note(line.substr(0, 60));
          if (next) progress.advance();
        },
        [&] { Worker(engine.name, {.threads = 1, .timeout_seconds = 120}); });
  }
  log_note("{}", text.format("{} is installed in {}", engine.name, engine_folder(engine).string()));
  return kOk;
}

int remove(const EnginesVerb& o) {
  const Messages text = messages(o.lang);
  const EngineInfo engine = engine_info(o.name);
  std::vector<std::string> others;
  for (const EngineInfo& e : known_engines())
    if (e.environment == engine.environment && e.name != engine.name) others.push_back(e.name);
  remove_engine(engine);
  others.insert(others.begin(), engine.name);
  log_note("{}", text.format("removed: {}", join(others)));
  return kOk;
}

int test(const EnginesVerb& o) {
  std::vector<EngineInfo> engines;
  for (const std::string& name : o.names) engines.push_back(engine_info(name));
  if (engines.empty()) {
    const auto versions = installed_versions(known_engines());
    for (const EngineInfo& e : known_engines())
      if (e.native || versions.contains(e.name)) engines.push_back(e);
  }
  const Messages text = messages(o.lang);
  Table table(
      {{text("engine")}, {text("result")}, {text("error"), Align::kRight}, {text("reason"), Align::kLeft, true}});
  ordered_json j{
      {"schema_version", kSchemaVersion}, {"tolerance", kSelfTestTolerance}, {"engines", ordered_json::array()}};
  bool good = true, missing = false;
  const InterruptGuard guard;
  {
    Progress progress(text("testing engines"), static_cast<int64_t>(engines.size()));
    for (const EngineInfo& e : engines) {
      progress.set_note(e.name);
      std::optional<double> error;
      std::string reason;
      try {
        error = self_test(e, o.timeout, log_level() != LogLevel::kVerbose);
      } catch (const Interrupted&) {
        throw;
      } catch (const Error& failure) {
        reason = failure.what();
        missing = missing || failure.kind() == ErrorKind::kMissing;
      }
      const bool passed = error && *error <= kSelfTestTolerance;
      good = good && passed;
      table.add({e.name, passed ? Cell(text("works"), Style::kGood) : Cell(text("fails"), Style::kBad),
                 error ? fmt::format("{:.1e}", *error) : "", reason});
      ordered_json row{{"name", e.name}, {"passed", passed}};
      if (error) row["error"] = *error;
      if (!reason.empty()) row["reason"] = reason;
      j["engines"].push_back(std::move(row));
      progress.advance();
    }
  }
  if (o.json)
    print_json(j);
  else
    fmt::print("{}", table.str(layout_of(STDOUT_FILENO)));
  return good ? kOk : missing ? kMissing : kFindings;
}

}  // namespace

void add_engines(CLI::App& app, Action& action) {
  auto o = std::make_shared<EnginesVerb>();
  CLI::App* verb = app.add_subcommand("engines", "Other people's stacks: list, install, remove and test them");
  verb->require_subcommand(0, 1);
  verb->add_flag("--json", o->json, "Print JSON");
  add_language(*verb, o->lang);
  verb->footer(
      "Each engine has a Python environment of its own in the user's data folder; with ECOTONE_PYTHON set, that Python "
      "is used for all.");
  verb->callback([verb, o, &action] {
    if (verb->get_subcommands().empty()) action = [o] { return list(*o); };
  });

  CLI::App* add_verb = verb->add_subcommand("add", "Install an engine with pip (PIP_* variables are obeyed)");
  add_verb->add_option("name", o->name, "The engine")->required();
  add_verb->add_option("--from", o->from, "A requirements file for pip, instead of the versions that Ecotone pins");
  add_verb->callback([o, &action] { action = [o] { return add(*o); }; });

  CLI::App* remove_verb = verb->add_subcommand("remove", "Remove an engine's environment");
  remove_verb->add_option("name", o->name, "The engine")->required();
  remove_verb->callback([o, &action] { action = [o] { return remove(*o); }; });

  CLI::App* test_verb = verb->add_subcommand(
      "test", "Run a small model in engines. Exit code 1 when one is wrong, 3 when one is missing");
  test_verb->add_option("names", o->names, "Which engines. Default: all that are installed");
  test_verb->add_option("--timeout", o->timeout, "Seconds for each request")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  test_verb->callback([o, &action] { action = [o] { return test(*o); }; });
}

}  // namespace eco_command
