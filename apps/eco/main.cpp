// The command `eco`.

#include <algorithm>
#include <new>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/base/log.h"

#include "apps/eco/eco.h"

namespace {

std::string_view name(ecotone::ErrorKind kind) {
  switch (kind) {
    case ecotone::ErrorKind::kInvalidInput:
      return "invalid_input";
    case ecotone::ErrorKind::kUnsupported:
      return "unsupported";
    case ecotone::ErrorKind::kMissing:
      return "missing";
    case ecotone::ErrorKind::kInternal:
      break;
  }
  return "internal";
}

// The message goes to stderr; who asked for --json finds it on stdout too.
int report_error(bool json, std::string_view kind, const std::string& message, int exit_code) {
  ecotone::log_error("{}", message);
  if (!json) return exit_code;
  try {
    eco_command::print_json({{"schema_version", eco_command::kSchemaVersion},
                             {"error", {{"kind", kind}, {"message", message}, {"exit_code", exit_code}}}});
    return exit_code;
  } catch (const ecotone::Error&) {
    return exit_code;  // nobody reads stdout any more, which was said already
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Ecotone reads AI models, runs them, and checks their numbers against other stacks.", "eco"};
  app.set_version_flag("--version", "eco " ECOTONE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  bool quiet = false, verbose = false;
  app.add_flag("-q,--quiet", quiet, "Errors only");
  app.add_flag("-v,--verbose", verbose, "Details too");
  app.footer(
      "Exit codes: 0 fine, 1 findings (a tolerance missed), 2 bad usage or input, 3 a backend or an engine is "
      "missing.\n"
      "'eco VERB --help' tells more. NO_COLOR turns colors off. Nothing is ever sent anywhere.");
  eco_command::Action action;
  eco_command::add_inspect(app, action);
  eco_command::add_run(app, action);
  eco_command::add_verify(app, action);
  eco_command::add_doctor(app, action);
  eco_command::add_engines(app, action);
  eco_command::add_compare(app, action);
  eco_command::add_bisect(app, action);
  eco_command::add_report(app, action);
  eco_command::add_worker(app, action);
  eco_command::add_choose(app, action);
  const bool json = std::any_of(argv + 1, argv + argc, [](const char* a) { return std::string_view(a) == "--json"; });
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help and --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    const auto verbs = app.get_subcommands();
    const std::string verb = verbs.empty() ? "" : verbs[0]->get_name() + " ";
    // What stands where the verb should tells more than that one is missing.
    char** word = std::find_if(argv + 1, argv + argc, [](const char* a) { return a[0] != '-'; });
    const bool unknown = verbs.empty() && word != argv + argc;
    const std::string what = unknown ? fmt::format("there is no verb '{}'", *word) : e.what();
    return report_error(json, "usage", fmt::format("{}; see 'eco {}--help'", what, verb), eco_command::kBadInput);
  }
  ecotone::set_log_level(quiet     ? ecotone::LogLevel::kQuiet
                         : verbose ? ecotone::LogLevel::kVerbose
                                   : ecotone::LogLevel::kNormal);
  try {
    return action();
  } catch (const ecotone::Error& e) {
    return report_error(json, name(e.kind()), e.what(), e.exit_code());
  } catch (const std::bad_alloc&) {
    return report_error(json, "out_of_memory", "out of memory", eco_command::kBadInput);
  } catch (const std::exception& e) {
    return report_error(json, "internal", e.what(), eco_command::kBadInput);
  }
}
