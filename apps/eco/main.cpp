// The command `eco`.

#include <cstdio>
#include <new>

#include <fmt/core.h>

#include "ecotone/base/error.h"
#include "ecotone/base/log.h"

#include "apps/eco/eco.h"

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
      "'eco VERB --help' tells more. Nothing is ever sent anywhere.");
  eco_command::Action action;
  eco_command::add_inspect(app, action);
  eco_command::add_run(app, action);
  eco_command::add_verify(app, action);
  eco_command::add_doctor(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? eco_command::kOk : eco_command::kBadInput;
  }
  ecotone::set_log_level(quiet     ? ecotone::LogLevel::kQuiet
                         : verbose ? ecotone::LogLevel::kVerbose
                                   : ecotone::LogLevel::kNormal);
  try {
    return action();
  } catch (const ecotone::Error& e) {
    ecotone::log_error("{}", e.what());
    return e.exit_code();
  } catch (const std::bad_alloc&) {
    ecotone::log_error("out of memory");
  } catch (const std::exception& e) {
    ecotone::log_error("{}", e.what());
  }
  return eco_command::kBadInput;
}
