// What the verbs of `eco` share. Data go to stdout, everything else to stderr.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>

#include "ecotone/engine/inputs.h"
#include "ecotone/engine/machine.h"
#include "ecotone/engine/messages.h"
#include "ecotone/engine/model.h"

namespace eco_command {

inline constexpr int kSchemaVersion = 1;
inline constexpr int kOk = 0, kFindings = 1, kBadInput = 2, kMissing = 3;
inline constexpr int kInterrupted = 130;  // as a shell reports SIGINT

// A verb adds its options and sets what it does; the result is the exit code.
using Action = std::function<int()>;
void add_run(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_inspect(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);
void add_compare(CLI::App& app, Action& action);
void add_bisect(CLI::App& app, Action& action);
void add_report(CLI::App& app, Action& action);
void add_worker(CLI::App& app, Action& action);
void add_choose(CLI::App& app, Action& action);
void add_engines(CLI::App& app, Action& action);

// Which inputs a model is given: the options that run and verify share.
struct InputOptions {
  std::vector<std::string> files, shapes;
  ecotone::engine::ImageOptions image;
  uint64_t seed = 0;

  void add_to(CLI::App& verb);
  // The model read for these inputs (their shapes and small integers known), and their values in its order.
  std::pair<ecotone::engine::Model, std::vector<ecotone::Tensor>> load(const std::string& model) const;
};

// The option --lang, and what it means: without the flag, a language whose texts are not installed gives a warning and
// English.
void add_language(CLI::App& verb, std::string& flag);
ecotone::engine::Messages messages(const std::string& flag);

// The matrix of doctor; `engines` are those that are usable here.
void print_matrix(const ecotone::engine::Machine& machine, const std::vector<std::string>& engines, bool json,
                  const ecotone::engine::Messages& m);

// --backend, what runs a Program.
void add_backend_option(CLI::App& verb, std::string& backend);

// Prints a report to stdout. Names in a model need not be UTF-8; JSON must be.
void print_json(const nlohmann::ordered_json& report);
// What doctor knows without measuring.
nlohmann::ordered_json machine_json();

// For reports: the command as a shell takes it, and the time in UTC, "2025-01-31T12:00:00Z".
std::string command_line();
std::string date_now();

std::string format_seconds(double seconds);
std::string format_bytes(double bytes);

}  // namespace eco_command
