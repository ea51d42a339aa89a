#include "ecotone/engine/worker.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/engine/engines.h"
#include "ecotone/format/npz/npz.h"

extern char** environ;  // NOLINT: POSIX declares it so

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

}  // namespace

struct Worker::Process {
  pid_t pid = -1;
  int to = -1, from = -1;
  std::string buffer;
  fs::path folder;
  int exchanges = 0;

  ~Process() {
    if (to >= 0) close(to);
    if (pid > 0) {
      // A worker ends when its input does; one that does not is ended.
      for (int i = 0; i < 100 && waitpid(pid, nullptr, WNOHANG) == 0; ++i) usleep(20000);
      if (kill(pid, 0) == 0) {
        kill(-pid, SIGKILL);
        waitpid(pid, nullptr, 0);
      }
    }
    if (from >= 0) close(from);
    std::error_code error;
    if (!folder.empty()) fs::remove_all(folder, error);
  }
};

Worker::Worker(const std::string& engine, const WorkerOptions& options)
    : engine_(engine), options_(options), process_(std::make_unique<Process>()) {
  const EngineInfo info = engine_info(engine);
  const auto python = engine_python(info);
  if (!python) fail_kind(ErrorKind::kMissing, "engine {} is not installed; {}", engine, install_hint(info));
  std::string folder = (fs::temp_directory_path() / "ecotone-XXXXXX").string();
  if (!mkdtemp(folder.data())) fail("no temporary folder can be made at {}: {}", folder, std::strerror(errno));
  process_->folder = folder;

  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0) fail("no pipe: {}", std::strerror(errno));
  process_->to = in[1];
  if (pipe2(out, O_CLOEXEC) != 0) {
    close(in[0]);
    fail("no pipe: {}", std::strerror(errno));
  }
  process_->from = out[0];
  std::signal(SIGPIPE, SIG_IGN);  // a worker that died is an answer that never comes, not our end

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, 2, 1);  // what an engine prints is a log
  posix_spawn_file_actions_adddup2(&actions, out[1], 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<std::string> environment;
  for (char** e = environ; *e; ++e)
    if (std::string_view(*e).substr(0, 11) != "PYTHONPATH=") environment.emplace_back(*e);
  environment.push_back("PYTHONPATH=" + workers_python_path());
  environment.emplace_back("PYTHONDONTWRITEBYTECODE=1");
  std::vector<char*> env;
  for (std::string& e : environment) env.push_back(e.data());
  env.push_back(nullptr);
  std::string program = python->string(), flag = "-m", package = "ecotone_workers", module = info.module;
  char* argv[] = {program.data(), flag.data(), package.data(), module.data(), nullptr};
  const int error = posix_spawnp(&process_->pid, program.c_str(), &actions, &attributes, argv, env.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(in[0]);
  close(out[1]);
  if (error != 0) {
    process_->pid = -1;
    fail_kind(ErrorKind::kMissing, "{} can't be started: {}; {}", program, std::strerror(error), install_hint(info));
  }
  json hello;
  try {
    hello = json::parse(
        request(json{{"command", "hello"}, {"threads", options.threads}, {"options", info.options}}.dump()));
  } catch (const Error& e) {
    fail_kind(ErrorKind::kMissing, "engine {} does not start with {} ({}); {}", engine, program, e.what(),
              install_hint(info));
  }
  if (!hello.value("ok", false)) {
    const std::string why = hello.value("error", "no reason given");
    fail_kind(ErrorKind::kMissing, "engine {} does not start ({}); {}", engine, why, install_hint(info));
  }
  version_ = hello.value("version", "?");
}

Worker::~Worker() = default;

std::string Worker::request(const std::string& line) {
  const auto start = std::chrono::steady_clock::now();
  std::string out = line + "\n";
  for (size_t sent = 0; sent < out.size();) {
    const ssize_t n = write(process_->to, out.data() + sent, out.size() - sent);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // the reader tells why below
    sent += static_cast<size_t>(n);
  }
  for (;;) {
    std::string& buffer = process_->buffer;
    if (const size_t end = buffer.find('\n'); end != std::string::npos) {
      std::string answer = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      if (!json::accept(answer)) fail("engine {} answered something that is no JSON", engine_);
      return answer;
    }
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double left = options_.timeout_seconds - elapsed;
    pollfd p{process_->from, POLLIN, 0};
    const int ready = left > 0 ? poll(&p, 1, static_cast<int>(std::min(left, 3600.0) * 1000) + 1) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 && left <= 0) {
      kill(-process_->pid, SIGKILL);
      fail("engine {} gave no answer within {:.0f} s and was stopped", engine_, options_.timeout_seconds);
    }
    char chunk[65536];
    const ssize_t n = ready > 0 ? read(process_->from, chunk, sizeof chunk) : -1;
    if (n > 0) {
      buffer.append(chunk, static_cast<size_t>(n));
    } else if (n == 0) {
      int status = 0;
      waitpid(process_->pid, &status, 0);
      process_->pid = -1;
      if (WIFSIGNALED(status)) fail("engine {} crashed: {}", engine_, strsignal(WTERMSIG(status)));
      fail("engine {} ended with exit code {} instead of answering; its messages are above", engine_,
           WEXITSTATUS(status));
    }
  }
}

double Worker::load(const fs::path& model) {
  const json answer = json::parse(request(json{{"command", "load"}, {"model", fs::absolute(model).string()}}.dump()));
  if (!answer.value("ok", false))
    fail("engine {} can't load {}: {}", engine_, model.string(), answer.value("error", "?"));
  return answer.value("seconds", 0.0);
}

Worker::Run Worker::run(const NamedTensors& inputs, int repeats) {
  const int number = process_->exchanges++;
  const fs::path in = process_->folder / ("in" + std::to_string(number) + ".npz");
  const fs::path out = process_->folder / ("out" + std::to_string(number) + ".npz");
  npz::write_npz(in, inputs);
  const json answer = json::parse(request(
      json{{"command", "run"}, {"inputs", in.string()}, {"outputs", out.string()}, {"repeats", repeats}}.dump()));
  if (!answer.value("ok", false)) fail("engine {} failed: {}", engine_, answer.value("error", "?"));
  Run result;
  result.outputs = npz::read_npz(out);
  result.seconds = answer.value("seconds", std::vector<double>{});
  result.peak_bytes = answer.value("peak_bytes", int64_t{0});
  std::error_code ignored;
  fs::remove(in, ignored);
  fs::remove(out, ignored);
  return result;
}

}  // namespace ecotone::engine
