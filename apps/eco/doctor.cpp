// eco doctor: what this machine is, and what is installed on it.

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ecotone/backend/backend.h"
#include "ecotone/base/error.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/machine.h"
#include "ecotone/engine/worker.h"

#include "apps/eco/eco.h"

namespace eco_command {
namespace {

using namespace ecotone;
using namespace ecotone::engine;
using nlohmann::ordered_json;

struct EngineState {
  std::string name, version, missing;  // version, or what is missing
};

std::vector<EngineState> probe_engines() {
  std::vector<EngineState> states;
  for (const EngineInfo& e : known_engines()) {
    EngineState s{e.name, "", ""};
    try {
      s.version = Worker(e.name, {0, 60}).version();
    } catch (const Error& error) {
      s.missing = error.what();
    }
    states.push_back(std::move(s));
  }
  return states;
}

void print_table(const Machine& m, const std::optional<Measured>& x, const std::vector<EngineState>& engines) {
  auto row = [](const char* label, const std::string& value) { fmt::print("{:<12} {}\n", label, value); };
  row("cpu", m.cpu + ", " + m.architecture);
  std::string units;
  for (const std::string& u : m.units) units += (units.empty() ? "" : " ") + u;
  row("units", units.empty() ? "none known" : units);
  row("processors", fmt::format("{} online, {} usable{}", m.online, m.usable,
                                m.quota ? fmt::format(" (quota {:.2f})", *m.quota) : ""));
  for (const Cache& c : m.caches)
    row("cache", fmt::format("L{} {:<12} {:>9}, shared by {}", c.level, c.type,
                             format_bytes(static_cast<double>(c.bytes)), c.shared_by));
  row("memory", format_bytes(static_cast<double>(m.memory_bytes)));
  row("system", m.system);
  if (x) {
    row("f32 FMA", fmt::format("{:.0f} GFLOP/s on one thread, {:.0f} on {} (measured)", x->f32_fma_gflops_one,
                               x->f32_fma_gflops_all, m.usable));
    row("memory read", fmt::format("{:.1f} GB/s on one thread, {:.1f} on {} (measured)", x->read_gb_per_s_one,
                                   x->read_gb_per_s_all, m.usable));
  }
  row("gpus", m.gpus.empty() ? "none found" : "");
  for (const std::string& g : m.gpus) row("", g);
  for (const backend::Backend* b : backend::backends()) row("backend", std::string(b->name()));
  for (const EngineState& e : engines)
    row("engine", e.version.empty() ? e.name + ": not usable: " + e.missing.substr(0, e.missing.find('\n'))
                                    : e.name + " " + e.version);
}

ordered_json to_json(const Machine& m, const std::optional<Measured>& x, const std::vector<EngineState>& engines) {
  ordered_json j{{"schema_version", kSchemaVersion},
                 {"cpu", m.cpu},
                 {"architecture", m.architecture},
                 {"system", m.system},
                 {"units", m.units},
                 {"processors_online", m.online},
                 {"processors_usable", m.usable},
                 {"memory_bytes", m.memory_bytes},
                 {"gpus", m.gpus}};
  if (m.quota) j["cpu_quota"] = *m.quota;
  j["caches"] = ordered_json::array();
  for (const Cache& c : m.caches)
    j["caches"].push_back({{"level", c.level}, {"type", c.type}, {"bytes", c.bytes}, {"shared_by", c.shared_by}});
  if (x)
    j["measured"] = {{"f32_fma_gflops_one_thread", x->f32_fma_gflops_one},
                     {"f32_fma_gflops", x->f32_fma_gflops_all},
                     {"memory_read_gb_per_s_one_thread", x->read_gb_per_s_one},
                     {"memory_read_gb_per_s", x->read_gb_per_s_all}};
  j["backends"] = ordered_json::array();
  for (const backend::Backend* b : backend::backends()) j["backends"].push_back(b->name());
  j["engines"] = ordered_json::array();
  for (const EngineState& e : engines)
    j["engines"].push_back(e.version.empty()
                               ? ordered_json{{"name", e.name}, {"installed", false}, {"missing", e.missing}}
                               : ordered_json{{"name", e.name}, {"installed", true}, {"version", e.version}});
  return j;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
  struct Options {
    bool json = false, no_measure = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "doctor", "Show what this machine is: processor, units, caches, measured peaks, GPUs, engines");
  verb->add_flag("--json", o->json, "Print JSON");
  verb->add_flag("--no-measure", o->no_measure, "Leave out the measured peaks (which take about two seconds)");
  verb->callback([o, &action] {
    action = [o] {
      const Machine m = describe_machine();
      std::optional<Measured> x;
      if (!o->no_measure) {
        log_note("measuring ...");
        x = measure_machine(m.usable);
      }
      const auto engines = probe_engines();
      if (o->json)
        print_json(to_json(m, x, engines));
      else
        print_table(m, x, engines);
      return kOk;
    };
  });
}

}  // namespace eco_command
