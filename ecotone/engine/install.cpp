#include "ecotone/engine/install.h"

#include <algorithm>
#include <cerrno>
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
#include "ecotone/base/file.h"
#include "ecotone/engine/interrupt.h"

extern char** environ;  // NOLINT: POSIX declares it so

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Runs a program, each line of its stdout and stderr going to `on_line`; returns its exit code, or 128 + signal.
int run_program(std::vector<std::string> command, const std::function<void(const std::string&)>& on_line) {
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) fail("no pipe: {}", std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, out[1], 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> argv, env;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  for (char** e = environ; *e; ++e)  // another Python's modules are none of this one's
    if (!std::string_view(*e).starts_with("PYTHONPATH=") && !std::string_view(*e).starts_with("PYTHONHOME="))
      env.push_back(*e);
  env.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), env.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(out[1]);
  if (error != 0) {
    close(out[0]);
    fail_kind(ErrorKind::kMissing, "{} can't be started: {}", command[0], std::strerror(error));
  }
  std::string buffer;
  bool stopped = false;
  for (;;) {
    if (interrupted()) {
      kill(-pid, SIGKILL);
      stopped = true;
      break;
    }
    pollfd p{out[0], POLLIN, 0};
    if (poll(&p, 1, 100) <= 0) continue;
    char chunk[4096];
    const ssize_t n = read(out[0], chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    buffer.append(chunk, static_cast<size_t>(n));
    for (size_t end; (end = buffer.find('\n')) != std::string::npos; buffer.erase(0, end + 1))
      on_line(buffer.substr(0, end));
  }
  close(out[0]);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (stopped) throw Interrupted();
  if (!buffer.empty()) on_line(buffer);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string name_of_requirement(const std::string& requirement) {
  return requirement.substr(0, requirement.find_first_of("=<>~! ["));
}

// The engine's own package: the one that is named after it, where engines share requirements (litert has tensorflow's),
// else the first.
std::string package_name(const EngineInfo& e) {
  for (const std::string& r : e.requirements)
    if (const std::string name = name_of_requirement(r); name.find(e.name) != std::string::npos) return name;
  return e.requirements.empty() ? "" : name_of_requirement(e.requirements.front());
}

// A step of an installation; its last lines are the reason when it fails.
void run_step(const std::string& what, const std::vector<std::string>& command,
              const std::function<void(const std::string&)>& progress) {
  constexpr size_t kTold = 12;
  std::vector<std::string> last;
  const int code = run_program(command, [&](const std::string& line) {
    if (progress) progress(line);
    last.push_back(line);
    if (last.size() > kTold) last.erase(last.begin());
  });
  if (code == 0) return;
  std::string lines;
  for (const std::string& l : last) lines += "\n  " + l;
  fail_kind(ErrorKind::kMissing, "{} failed (exit code {}):{}", what, code, lines);
}

void check_space(const EngineInfo& engine, const fs::path& folder) {
  constexpr double kMegabyte = 1e6;
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (!error && static_cast<double>(space.available) < engine.megabytes * kMegabyte)
    fail("engine {} takes about {} MB, {} has {:.0f} MB left; set XDG_DATA_HOME to a folder with more", engine.name,
         engine.megabytes, folder.string(), static_cast<double>(space.available) / kMegabyte);
}

// Scripts of `environment` name the folder that it was made in (their interpreter, VIRTUAL_ENV): here the one where it
// will be.
void name_folder_in_scripts(const fs::path& environment, const std::string& will_be) {
  const std::string was = environment.string();
  for (const auto& entry : fs::directory_iterator(environment / "bin")) {
    if (entry.is_symlink() || !entry.is_regular_file()) continue;
    std::string text = read_text_file(entry.path());
    const bool script = text.starts_with("#!") || entry.path().filename().string().starts_with("activate");
    bool changed = false;
    for (size_t at = 0; script && (at = text.find(was, at)) != std::string::npos; at += will_be.size()) {
      text.replace(at, was.size(), will_be);
      changed = true;
    }
    if (!changed) continue;
    const fs::perms permissions = entry.status().permissions();
    AtomicFile file(entry.path());
    file.write(text);
    file.commit();
    fs::permissions(entry.path(), permissions);
  }
}

}  // namespace

std::map<std::string, std::string> installed_versions(std::span<const EngineInfo> engines) {
  std::map<fs::path, std::vector<const EngineInfo*>> by_python;
  for (const EngineInfo& e : engines)
    if (!e.native)
      if (const auto python = engine_python(e)) by_python[*python].push_back(&e);
  std::map<std::string, std::string> versions;
  for (const auto& [python, list] : by_python) {
    std::vector<std::string> command = {python.string(), "-c",
                                        // onnxruntime-gpu has onnxruntime's module, tensorflow has tensorflow-cpu's.
                                        "import sys, json, importlib.metadata as m\nfound = {}\n"
                                        "for n in sys.argv[1:]:\n"
                                        " for build in (n, n + '-gpu', n.removesuffix('-cpu')):\n"
                                        "  try: found[n] = m.version(build)\n"
                                        "  except m.PackageNotFoundError: continue\n"
                                        "  break\nprint(json.dumps(found))"};
    for (const EngineInfo* e : list)
      if (!e->requirements.empty()) command.push_back(package_name(*e));
    std::string text;
    try {
      if (run_program(command, [&](const std::string& line) { text = line; }) != 0) continue;
    } catch (const Interrupted&) {
      throw;
    } catch (const Error&) {
      continue;  // a Python that can't be started has nothing installed
    }
    const json found = json::parse(text, nullptr, false);
    if (!found.is_object()) continue;
    for (const EngineInfo* e : list)
      if (const auto it = found.find(package_name(*e)); it != found.end() && it->is_string())
        versions[e->name] = it->get<std::string>();
  }
  return versions;
}

std::vector<std::string> missing_programs(const EngineInfo& engine) {
  std::vector<std::string> missing;
  const char* path = std::getenv("PATH");
  const std::string folders = path ? path : "";
  for (const std::string& name : engine.system_packages) {
    bool found = false;
    for (size_t begin = 0; begin <= folders.size() && !found;) {
      const size_t end = std::min(folders.find(':', begin), folders.size());
      std::error_code error;
      // With a version in its name it does as well: clang-22.
      for (const auto& entry : fs::directory_iterator(folders.substr(begin, end - begin), error)) {
        const std::string file = entry.path().filename().string();
        found = found || file == name ||
                (file.starts_with(name + "-") && std::isdigit(static_cast<unsigned char>(file[name.size() + 1])));
      }
      begin = end + 1;
    }
    if (!found) missing.push_back(name);
  }
  return missing;
}

void install_engine(const EngineInfo& engine, const fs::path& requirements,
                    const std::function<void(const std::string&)>& progress, const std::function<void()>& test) {
  if (engine.native) fail("engine {} is part of eco", engine.name);
  if (engine.requirements.empty() && requirements.empty())
    fail("engine {} names no requirements; give a file of them with --from", engine.name);
  if (!requirements.empty() && !fs::is_regular_file(requirements)) fail("{}: no such file", requirements.string());
  const fs::path folder = engine_folder(engine), parent = folder.parent_path();
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) fail("{} can't be made: {}", parent.string(), error.message());
  check_space(engine, parent);
  const TemporaryFolder work(parent / (".adding-" + engine.environment));
  const fs::path fresh = work.path() / "new", old = work.path() / "old";

  run_step("python3 -m venv", {"python3", "-m", "venv", fresh.string()}, progress);
  std::vector<std::string> pip = {
      (fresh / "bin/python").string(), "-m", "pip", "install", "--no-input", "--progress-bar", "off"};
  AtomicFile list(fresh / "requirements.txt");
  if (requirements.empty()) {
    for (const std::string& r : engine.requirements) list.write(r + "\n");
    pip.emplace_back("--no-deps");  // the list is complete
  } else {
    list.write(read_text_file(requirements));
  }
  list.commit();
  pip.insert(pip.end(), {"-r", (fresh / "requirements.txt").string()});
  run_step("pip install", pip, progress);
  name_folder_in_scripts(fresh, folder.string());

  if (fs::exists(folder)) fs::rename(folder, old);
  fs::rename(fresh, folder);
  try {
    test();
  } catch (...) {
    fs::rename(folder, fresh, error);
    if (fs::exists(old)) fs::rename(old, folder, error);
    throw;
  }
}

void remove_engine(const EngineInfo& engine) {
  if (engine.native) fail("engine {} is part of eco", engine.name);
  const fs::path folder = engine_folder(engine);
  if (!fs::is_directory(fs::symlink_status(folder)))
    fail("engine {} is not installed in {}", engine.name, folder.string());
  // First out of the way at once, then away.
  const TemporaryFolder away(folder.parent_path() / (".removing-" + engine.environment));
  fs::rename(folder, away.path() / "old");
}

}  // namespace ecotone::engine
