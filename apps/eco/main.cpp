// The command `eco`.

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <new>
#include <set>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/interrupt.h"

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
  if (json)
    eco_command::print_json({{"schema_version", eco_command::kSchemaVersion},
                             {"error", {{"kind", kind}, {"message", message}, {"exit_code", exit_code}}}});
  return exit_code;
}

// Whether the reader of stdout has gone, as `head` does when it has seen enough: no error.
bool reader_left() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

// The exit code once what was printed has arrived.
int delivered(int exit_code) {
  errno = 0;
  std::cout.flush();
  std::fflush(stdout);
  const int why = errno;
  if ((std::cout && !std::ferror(stdout)) || reader_left()) return exit_code;
  ecotone::log_error("standard output can't be written{}; what was printed is not whole",
                     why ? fmt::format(": {}", std::strerror(why)) : "");
  return eco_command::kBadInput;
}

// compare and choose take several sets of sizes; elsewhere an input that is given twice contradicts itself.
void check_shapes(const CLI::App& verb) {
  const CLI::Option* shapes = verb.get_option_no_throw("--shape");
  if (!shapes || verb.get_name() == "compare" || verb.get_name() == "choose") return;
  std::set<std::string> names;
  for (const std::string& text : shapes->results())
    if (const auto& [name, sizes] = ecotone::engine::parse_shape_option(text); !names.insert(name).second)
      ecotone::fail("--shape {}: input '{}' has been given sizes already; give them once", text, name);
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
    return delivered(app.exit(e));
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
    for (const CLI::App* verb : app.get_subcommands()) check_shapes(*verb);
    return delivered(action());
  } catch (const ecotone::engine::Interrupted& e) {
    return report_error(json, "interrupted", e.what(), eco_command::kInterrupted);
  } catch (const ecotone::Error& e) {
    return report_error(json, name(e.kind()), e.what(), e.exit_code());
  } catch (const std::bad_alloc&) {
    return report_error(json, "out_of_memory", "out of memory", eco_command::kBadInput);
  } catch (const std::exception& e) {
    if (std::ferror(stdout)) return delivered(eco_command::kBadInput);  // fmt throws when it can't print
    return report_error(json, "internal", e.what(), eco_command::kBadInput);
  }
}
