// eco worker: our own backends behind the protocol of engines (ecotone/engine/worker.h). Not for people.

#include <chrono>
#include <ctime>
#include <iostream>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/base/time.h"
#include "ecotone/format/npz/npz.h"

#include "apps/eco/eco.h"

namespace eco_command {
namespace {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::json;

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

class Server {
 public:
  json answer(const json& question) {
    const std::string command = question.at("command");
    if (command == "hello")
      return {{"protocol", 1}, {"version", ECOTONE_VERSION}, {"settings", {{"threads", question.value("threads", 0)}}}};
    if (command == "load") return load(question);
    if (command == "run") return run(question);
    if (command == "time") return time(question);
    if (command == "describe") return describe();
    if (command == "bye") return json::object();
    fail("unknown command '{}'", command);
  }

 private:
  json load(const json& question) {
    const auto start = std::chrono::steady_clock::now();
    path_ = question.at("model").get<std::string>();
    ModelOptions options;
    options.shapes = question.value("shapes", std::map<std::string, std::vector<int64_t>>{});
    model_ = load_model(path_, options);
    return {{"seconds", seconds_since(start)},
            {"path", "reads the file itself"},
            {"artifact_bytes", std::filesystem::file_size(path_)}};
  }

  json describe() const {
    json inputs = json::array(), outputs = json::array();
    for (const Input& i : model_.program->inputs()) inputs.push_back(i.name);
    for (const Output& o : model_.program->outputs()) outputs.push_back(o.name);
    return {{"inputs", inputs}, {"outputs", outputs}};
  }

  json run(const json& question) {
    read_inputs(question);
    const auto start = std::chrono::steady_clock::now();
    const std::vector<Tensor> outputs = evaluate();
    const double first = seconds_since(start);
    NamedTensors named;
    for (size_t i = 0; i < outputs.size(); ++i)
      if (!outputs[i].is_null()) named.emplace_back(model_.program->outputs()[i].name, outputs[i]);
    npz::write_npz(question.at("outputs").get<std::string>(), named);
    json times = json::array();
    for (int i = 0; i < question.value("repeats", 0); ++i) times.push_back(timed());
    return {{"first_seconds", first}, {"seconds", times}, {"peak_bytes", peak_memory()}};
  }

  json time(const json& question) {
    read_inputs(question);
    const auto start = std::chrono::steady_clock::now();
    const double cpu = cpu_seconds(), seconds = question.value("seconds", 0.0);
    json latencies = json::array();
    while (latencies.size() < question.value("min_runs", 1U) || seconds_since(start) < seconds)
      latencies.push_back(timed());
    return {{"latencies_s", latencies}, {"cpu_seconds", cpu_seconds() - cpu}, {"peak_bytes", peak_memory()}};
  }

  double timed() const {
    const auto start = std::chrono::steady_clock::now();
    evaluate();
    return seconds_since(start);
  }

  std::vector<Tensor> evaluate() const { return backend::evaluate(*model_.program, inputs_); }

  // Values of small inputs may decide shapes: the model is then read again with them known.
  void read_inputs(const json& question) {
    const std::string file = question.at("inputs");
    if (file == inputs_file_) return;
    const Model signature = load_signature(path_);
    const NamedTensors given = npz::read_npz(file);
    inputs_ = match_inputs(*signature.program, given);
    ModelOptions options;
    specialize(options, *signature.program, inputs_);
    model_ = load_model(path_, options);
    inputs_ = match_inputs(*model_.program, given);
    inputs_file_ = file;
  }

  std::filesystem::path path_;
  Model model_;
  std::vector<Tensor> inputs_;
  std::string inputs_file_;
};

int serve() {
  constexpr int kAnswers = 3;
  Server server;
  std::string line;
  while (std::getline(std::cin, line)) {
    json answer;
    bool last = false;
    try {
      const json question = json::parse(line);
      answer = server.answer(question);
      answer["ok"] = true;
      last = question.at("command") == "bye";
    } catch (const std::exception& e) {
      answer = {{"ok", false}, {"error", e.what()}};
    }
    const std::string text = answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t n = write(kAnswers, text.data() + sent, text.size() - sent);
      if (n <= 0) return kBadInput;
      sent += static_cast<size_t>(n);
    }
    if (last) break;
  }
  return kOk;
}

}  // namespace

void add_worker(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("worker", "Answer requests of the engine protocol");
  verb->group("");  // not shown
  verb->callback([&action] { action = serve; });
}

}  // namespace eco_command
