#include "ecotone/engine/worker.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/interrupt.h"
#include "ecotone/engine/machine.h"
#include "ecotone/format/npz/npz.h"

extern char** environ;  // NOLINT: POSIX declares it so

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A folder in memory, where there is one: tensors then pass through shared pages instead of a disk.
fs::path exchange_root() {
  const fs::path memory = "/dev/shm";
  return access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path();
}

// A line of /proc/PID/status in bytes; 0 when there is none.
int64_t memory_of(pid_t pid, std::string_view key) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return std::strtoll(line.c_str() + key.size(), nullptr, 10) * 1024;
  return 0;
}

// Converters run in processes that the worker starts.
int64_t resident_with_children(pid_t pid) {
  int64_t bytes = memory_of(pid, "VmRSS:");
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid));
  for (pid_t child = 0; children >> child;) bytes += resident_with_children(child);
  return bytes;
}

}  // namespace

struct Worker::Process {
  pid_t pid = -1;
  int to = -1, from = -1;
  std::string buffer;
  TemporaryFolder folder{exchange_root() / "ecotone"};
  fs::path inputs;
  int exchanges = 0;

  ~Process() {
    if (to >= 0) close(to);
    if (pid > 0) {
      kill(-pid, SIGCONT);
      // A worker ends when its input does; one that does not is ended.
      for (int i = 0; i < 50 && !gone(); ++i) usleep(20000);
      stop();
    }
    if (from >= 0) close(from);
  }

  // Whether it has ended; its whole group is then ended too.
  bool gone() {
    if (pid > 0 && waitpid(pid, &status, WNOHANG) == pid) {
      kill(-pid, SIGKILL);
      pid = -1;
    }
    return pid < 0;
  }
  void stop() {
    if (pid < 0) return;
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    pid = -1;
  }

  int status = 0;
};

Worker::Worker(const std::string& engine, const WorkerOptions& options) : engine_(engine), options_(options) {
  const EngineInfo info = engine_info(engine);
  std::optional<std::vector<std::string>> command = worker_command(info);
  if (!command) fail_kind(ErrorKind::kMissing, "engine {} is not installed; {}", engine, install_hint(info));
  process_ = std::make_unique<Process>();

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
  // What an engine prints is a log, whatever it prints it on.
  if (options.quiet) posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, 2, 1);
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
  std::vector<char*> argv;
  for (std::string& word : *command) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string& program = command->front();
  const int error = posix_spawnp(&process_->pid, program.c_str(), &actions, &attributes, argv.data(), env.data());
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
    hello = request({{"command", "hello"}, {"threads", options.threads}, {"options", info.options}});
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& e) {
    fail_kind(ErrorKind::kMissing, "{} with {}; {}", e.what(), program, install_hint(info));
  }
  const json& version = hello["version"];
  version_ = version.is_string() ? version.get<std::string>() : version.dump();
  settings_ = hello.value("settings", json::object());
  variants_ = hello.value("variants", std::vector<std::string>{});
  import_seconds_ = hello.value("import_seconds", 0.0);
}

Worker::~Worker() = default;

json Worker::request(const json& question) {
  json answer = json::parse(exchange(question.dump()));
  if (!answer.value("ok", false))
    fail("engine {} failed to {}: {}", engine_, question["command"].get<std::string>(),
         answer.value("error", "no reason given"));
  return answer;
}

std::string Worker::exchange(const std::string& line) {
  const auto start = std::chrono::steady_clock::now();
  Process& process = *process_;
  if (process.pid < 0) fail("engine {} has ended", engine_);
  std::string out = line + "\n";
  for (size_t sent = 0; sent < out.size();) {
    const ssize_t n = write(process.to, out.data() + sent, out.size() - sent);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // the reader tells why below
    sent += static_cast<size_t>(n);
  }
  for (;;) {
    std::string& buffer = process.buffer;
    if (const size_t end = buffer.find('\n'); end != std::string::npos) {
      std::string answer = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      if (!json::accept(answer)) fail("engine {} answered something that is no JSON", engine_);
      return answer;
    }
    if (interrupted()) throw Interrupted();
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (elapsed > options_.timeout_seconds) {
      process.stop();
      fail("engine {} gave no answer within {:.0f} s and was stopped", engine_, options_.timeout_seconds);
    }
    if (options_.most_bytes > 0 && resident_with_children(process.pid) > options_.most_bytes) {
      process.stop();
      fail("engine {} used more than {} MB of memory and was stopped", engine_, options_.most_bytes >> 20);
    }
    constexpr int kLookMs = 100;  // between looks at the clock, the memory and the user
    pollfd p{process.from, POLLIN, 0};
    if (poll(&p, 1, kLookMs) <= 0) continue;
    char chunk[65536];
    const ssize_t n = read(process.from, chunk, sizeof chunk);
    if (n > 0) {
      buffer.append(chunk, static_cast<size_t>(n));
    } else if (n == 0) {
      for (int i = 0; i < 100 && !process.gone(); ++i) usleep(10000);
      process.stop();
      if (WIFSIGNALED(process.status)) fail("engine {} crashed: {}", engine_, strsignal(WTERMSIG(process.status)));
      fail("engine {} ended with exit code {} instead of answering", engine_, WEXITSTATUS(process.status));
    }
  }
}

Worker::Loaded Worker::load(const Source& source) {
  json question{{"command", "load"}, {"model", fs::absolute(source.model).string()}, {"shapes", source.shapes}};
  if (!source.stablehlo.empty()) question["stablehlo"] = fs::absolute(source.stablehlo).string();
  const json answer = request(question);
  Loaded loaded;
  loaded.seconds = answer.value("seconds", 0.0);
  loaded.convert_seconds = answer.value("convert_seconds", 0.0);
  loaded.path = answer.value("path", "");
  loaded.changes = answer.value("changes", std::vector<std::string>{});
  if (answer.contains("artifact") && answer["artifact"].is_string())
    loaded.artifact = answer["artifact"].get<std::string>();
  if (answer.contains("artifact_bytes") && answer["artifact_bytes"].is_number())
    loaded.artifact_bytes = answer["artifact_bytes"].get<int64_t>();
  loaded.settings = answer.contains("settings") ? answer["settings"] : settings_;
  return loaded;
}

Worker::Run Worker::run(const NamedTensors& inputs, int repeats) {
  const int number = process_->exchanges++;
  std::error_code ignored;
  if (!process_->inputs.empty()) fs::remove(process_->inputs, ignored);
  process_->inputs = process_->folder.path() / ("in" + std::to_string(number) + ".npz");
  const fs::path out = process_->folder.path() / ("out" + std::to_string(number) + ".npz");
  npz::write_npz(process_->inputs, inputs);
  const json answer = request(
      {{"command", "run"}, {"inputs", process_->inputs.string()}, {"outputs", out.string()}, {"repeats", repeats}});
  Run result;
  result.outputs = npz::read_npz(out);
  result.first_seconds = answer.value("first_seconds", 0.0);
  result.seconds = answer.value("seconds", std::vector<double>{});
  result.peak_bytes = answer.value("peak_bytes", int64_t{0});
  fs::remove(out, ignored);
  return result;
}

Block Worker::time(int min_runs, double seconds) {
  constexpr int kMostRuns = 100000;
  const json answer = request({{"command", "time"},
                               {"inputs", process_->inputs.string()},
                               {"min_runs", min_runs},
                               {"max_runs", kMostRuns},
                               {"seconds", seconds}});
  return {answer.value("latencies_s", std::vector<double>{}), answer.value("cpu_seconds", 0.0)};
}

json Worker::placement() {
  json told{{"nodes", json::array()}, {"fallbacks", json::array()}};
  try {
    const json answer = request({{"command", "describe"}, {"placement", true}});
    told["nodes"] = answer.value("placement", json::array());
    told["fallbacks"] = answer.value("fallbacks", json::array());
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& e) {
    told["unknown"] = e.what();
  }
  return told;
}

void Worker::pause(bool paused) {
  if (process_->pid > 0) kill(-process_->pid, paused ? SIGSTOP : SIGCONT);
}

int64_t Worker::resident_bytes() const {
  return memory_of(process_->pid, "VmRSS:");
}

int64_t Worker::peak_bytes() const {
  return memory_of(process_->pid, "VmHWM:");
}

std::vector<std::string> variants_here(const EngineInfo& engine) {
  static const bool has_gpu = !describe_machine().gpus.empty();
  if (engine.variant_option.empty() || engine.variant_option == "plugin") return {};
  if (engine.variant_option == "device" && !has_gpu) return {};
  try {
    return Worker(engine.name, {.timeout_seconds = 60, .quiet = true}).variants();
  } catch (const Interrupted&) {
    throw;
  } catch (const Error&) {
    return {};
  }
}

}  // namespace ecotone::engine
