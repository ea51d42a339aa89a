// eco doctor: what this machine is, and what is installed on it.

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "ecotone/backend/backend.h"
#include "ecotone/base/error.h"
#include "ecotone/base/log.h"
#include "ecotone/engine/engines.h"
#include "ecotone/engine/interrupt.h"
#include "ecotone/engine/machine.h"
#include "ecotone/engine/matrix.h"
#include "ecotone/engine/table.h"
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
      s.version = Worker(e.name, {.timeout_seconds = 60, .quiet = log_level() != LogLevel::kVerbose}).version();
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      s.missing = error.what();
    }
    states.push_back(std::move(s));
  }
  return states;
}

void print_table(const Messages& m, const Machine& x, const std::optional<Measured>& peaks,
                 const std::vector<EngineState>& engines) {
  Table t({{""}, {"", Align::kLeft, true}});
  auto row = [&](std::string label, Cell value) { t.add({std::move(label), std::move(value)}); };
  row(m("cpu"), x.cpu + ", " + x.architecture);
  std::string units;
  for (const std::string& u : x.units) units += (units.empty() ? "" : " ") + u;
  row(m("units"), units.empty() ? m("none known") : units);
  row(m("processors"),
      m.format("{} online, {} usable", x.online, x.usable) + (x.quota ? m.format(" (quota {:.2f})", *x.quota) : ""));
  for (const Cache& c : x.caches)
    row(m("cache"), m.format("L{} {:<12} {:>9}, shared by {}", c.level, c.type,
                             format_bytes(static_cast<double>(c.bytes)), c.shared_by));
  row(m("memory"), format_bytes(static_cast<double>(x.memory_bytes)));
  row(m("system"), x.system);
  if (peaks) {
    row(m("f32 FMA"), m.format("{:.0f} GFLOP/s on one thread, {:.0f} on {} (measured)", peaks->f32_fma_gflops_one,
                               peaks->f32_fma_gflops_all, x.usable));
    row(m("memory read"), m.format("{:.1f} GB/s on one thread, {:.1f} on {} (measured)", peaks->read_gb_per_s_one,
                                   peaks->read_gb_per_s_all, x.usable));
  }
  if (x.gpus.empty()) row(m("gpus"), m("none found"));
  for (const std::string& g : x.gpus) row(m("gpus"), g);
  for (const backend::Backend* b : backend::backends()) row(m("backend"), std::string(b->name()));
  for (const EngineState& e : engines) {
    const std::string missing = e.missing.substr(0, e.missing.find('\n'));
    row(m("engine"), e.version.empty() ? Cell(m.format("{}: not usable: {}", e.name, missing), Style::kDim)
                                       : Cell(e.name + " " + e.version));
  }
  fmt::print("{}", t.str(layout_of(STDOUT_FILENO)));
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

ordered_json machine_json() {
  ordered_json j = to_json(describe_machine(), std::nullopt, {});
  for (const char* key : {"schema_version", "backends", "engines"}) j.erase(key);
  return j;
}

void add_doctor(CLI::App& app, Action& action) {
  struct Options {
    std::string lang;
    bool json = false, no_measure = false, matrix = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "doctor", "Show what this machine is: processor, units, caches, measured peaks, GPUs, engines");
  verb->add_flag("--json", o->json, "Print JSON");
  verb->add_flag("--no-measure", o->no_measure, "Leave out the measured peaks (which take about two seconds)");
  verb->add_flag("--matrix", o->matrix,
                 "Show which ecosystem runs on which hardware: ran here, installed, declared by its makers, or not");
  add_language(*verb, o->lang);
  verb->callback([o, &action] {
    action = [o] {
      const Messages text = messages(o->lang);
      const InterruptGuard guard;
      const Machine m = describe_machine();
      if (o->matrix) {
        print_matrix(m, installed_engines(), o->json, text);
        return kOk;
      }
      std::optional<Measured> x;
      if (!o->no_measure) {
        log_note("{}", text("measuring ..."));
        x = measure_machine(m.usable);
        if (interrupted()) throw Interrupted();
      }
      const auto engines = probe_engines();
      if (o->json)
        print_json(to_json(m, x, engines));
      else
        print_table(text, m, x, engines);
      return kOk;
    };
  });
}

}  // namespace eco_command
