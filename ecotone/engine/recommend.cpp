#include "ecotone/engine/recommend.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/base/hash.h"
#include "ecotone/engine/engines.h"
#include "ecotone/engine/model.h"
#include "ecotone/engine/ran.h"
#include "ecotone/engine/report.h"
#include "ecotone/format/onnx/edit.h"

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::pair<Goal, std::string_view> kGoals[] = {{Goal::kLatency, "latency"}, {Goal::kThroughput, "throughput"},
                                                        {Goal::kMemory, "memory"},   {Goal::kSize, "size"},
                                                        {Goal::kStartup, "startup"}, {Goal::kCost, "cost"}};

double throughput(const CaseReport& c, const Row& r) {
  double sum = 0;
  for (double s : r.timing.seconds) sum += s;
  return static_cast<double>(c.batch) * static_cast<double>(r.timing.seconds.size()) / sum;
}

double value_of(const CaseReport& c, const Row& r, Goal goal, double price_per_hour) {
  switch (goal) {
    case Goal::kLatency:
      return quantile(r.timing.seconds, 0.5) * 1e3;
    case Goal::kThroughput:
      return throughput(c, r);
    case Goal::kMemory:
      return static_cast<double>(r.peak_bytes.value_or(0)) / 1e6;
    case Goal::kSize:
      return static_cast<double>(r.artifact_bytes.value_or(0)) / 1e6 + engine_info(r.engine).megabytes;
    case Goal::kStartup:
      return (r.import_seconds.value_or(0) + r.load_seconds.value_or(0) + r.first_seconds.value_or(0)) * 1e3;
    case Goal::kCost:
      return price_per_hour / 3600 / throughput(c, r) * 1e6;
  }
  return 0;
}

bool is_timed(Goal goal) {
  return goal == Goal::kLatency || goal == Goal::kThroughput || goal == Goal::kCost;
}

// Peak memory is the process's: only then does it compare.
bool on_one_device(std::span<const Score> scores) {
  return std::all_of(scores.begin(), scores.end(),
                     [&](const Score& s) { return hardware_of(s.row->engine) == hardware_of(scores[0].row->engine); });
}

// How much worse `value` is than `best`, as a factor.
double worse_by(Goal goal, double value, double best) {
  return goal == Goal::kThroughput ? best / value : value / best;
}

// Busy processors falsify these.
bool depends_on_speed(Goal goal) {
  return is_timed(goal) || goal == Goal::kStartup;
}

// b's time over a's, turn by turn; one that is far behind had few turns.
Interval time_over(const Score& a, const Score& b) {
  return far_behind_interval(a.row->timing.turns, b.row->timing.turns);
}

Outcome against(const Score& a, const Score& b) {
  const Outcome outcome = decide(time_over(a, b));
  if (outcome == Outcome::kUndecided && decide(time_over(b, a)) == Outcome::kWins) return Outcome::kLoses;
  return outcome;
}

std::string unclear(const Score& a, const Score& b, const Messages& text) {
  const Interval ratio = time_over(a, b);
  if (!std::isfinite(ratio.high)) return text.format("too few turns to tell the difference to {}", b.row->engine);
  return text.format("the difference to {} stays unclear, {:.1f}% [{:.1f}, {:.1f}]", b.row->engine,
                     (ratio.estimate - 1) * 100, (ratio.low - 1) * 100, (ratio.high - 1) * 100);
}

// Differences below these prove nothing: what was measured once varies by as much from run to run (memory with what
// allocators keep, startup with what lies in the page cache), and so does what was not timed in turns; a list's sizes
// are of the engine alone, rounded.
constexpr double kNotInTurns = 0.1, kMemoryOnce = 0.05, kStartupOnce = 0.2, kListedSize = 0.05;

// Why an order by time is not proven, or empty. `ranking` begins with the fastest.
std::string doubt_in_time(const std::vector<Score>& ranking, Goal goal, const Messages& text) {
  const Score& fastest = ranking[0];
  for (const Score& s : ranking) {
    if (s.row == fastest.row) continue;
    if (s.in == fastest.in) {
      const Outcome outcome = against(fastest, s);
      // Faster by the median of turns, slower by that of runs: unclear too.
      if (outcome == Outcome::kUndecided || outcome == Outcome::kLoses) return unclear(fastest, s, text);
    } else if (const double factor = worse_by(goal, s.value, fastest.value); !(factor >= 1 + kNotInTurns)) {
      return text.format("{} ({}) is only {:.1f}% worse, and was not timed in turns with it", s.row->engine,
                         text.format("{}, {} threads", s.in->shapes, s.in->threads), (factor - 1) * 100);
    }
  }
  return "";
}

bool size_is_listed(const Score& s) {
  const EngineInfo info = engine_info(s.row->engine);
  return info.native || info.megabytes > 0;
}

// The same for what was sampled once or stands in a list.
std::string doubt_in_samples(const std::vector<Score>& ranking, Goal goal, const Messages& text) {
  if (goal == Goal::kSize)
    if (const auto unknown = std::find_if_not(ranking.begin(), ranking.end(), size_is_listed); unknown != ranking.end())
      return text.format("the list of engines does not say what {} takes installed", unknown->row->engine);
  if (ranking.size() < 2) return "";
  const double percent = (worse_by(goal, ranking[1].value, ranking[0].value) - 1) * 100;
  const double least = 100 * (goal == Goal::kMemory    ? kMemoryOnce
                              : goal == Goal::kStartup ? kStartupOnce
                                                       : kListedSize);
  if (percent >= least) return "";
  const std::string& engine = ranking[1].row->engine;
  if (goal == Goal::kSize)
    return text.format("{} is only {:.1f}% worse; sizes from a list are not sure to {:.0f}%", engine, percent, least);
  return text.format("{} is only {:.1f}% worse; of what was measured once, less than {:.0f}% proves nothing", engine,
                     percent, least);
}

// The path as seen from a folder; links among folders are followed, since `..` is.
std::string seen_from(const fs::path& folder, const fs::path& file) {
  const fs::path full = fs::weakly_canonical(fs::absolute(file).parent_path()) / file.filename();
  const fs::path relative = full.lexically_relative(fs::weakly_canonical(fs::absolute(folder)));
  return (relative.empty() ? full : relative).generic_string();
}

}  // namespace

std::string_view name(Goal goal) {
  for (const auto& [g, word] : kGoals)
    if (g == goal) return word;
  return "";
}

Goal parse_goal(const std::string& word) {
  std::string words;
  for (const auto& [g, w] : kGoals) {
    if (w == word) return g;
    words += (words.empty() ? "" : ", ") + std::string(w);
  }
  fail("there is no goal '{}'; there are: {}", word, words);
}

std::string title(Goal goal, const Messages& text) {
  switch (goal) {
    case Goal::kLatency:
      return text("latency");
    case Goal::kThroughput:
      return text("throughput");
    case Goal::kMemory:
      return text("memory");
    case Goal::kSize:
      return text("size");
    case Goal::kStartup:
      return text("startup");
    case Goal::kCost:
      break;
  }
  return text("cost");
}

std::string unit(Goal goal, const Messages& text) {
  switch (goal) {
    case Goal::kLatency:
    case Goal::kStartup:
      return text("ms");
    case Goal::kThroughput:
      return text("per s");
    case Goal::kMemory:
    case Goal::kSize:
      return text("MB");
    case Goal::kCost:
      break;
  }
  return text("per million");
}

std::optional<Recommendation> recommend(const CompareReport& report, Goal goal, double price_per_hour,
                                        const Messages& text) {
  Recommendation r;
  r.goal = goal;
  for (const CaseReport& c : report.cases)
    for (const Row& row : c.rows)
      if (row.status == Row::Status::kTimed) r.ranking.push_back({&c, &row, value_of(c, row, goal, price_per_hour)});
  if (r.ranking.empty()) return std::nullopt;
  std::stable_sort(r.ranking.begin(), r.ranking.end(), [&](const Score& a, const Score& b) {
    return goal == Goal::kThroughput ? a.value > b.value : a.value < b.value;
  });
  for (const CaseReport& c : report.cases)
    if (r.doubt.empty() && depends_on_speed(goal)) r.doubt = c.noise.verdict(text);
  if (report.interrupted) r.doubt = text("interrupted");
  if (r.doubt.empty())
    r.doubt = is_timed(goal) ? doubt_in_time(r.ranking, goal, text) : doubt_in_samples(r.ranking, goal, text);
  if (r.doubt.empty() && goal == Goal::kMemory && !on_one_device(r.ranking))
    r.doubt = text("not all run on one device, and what a GPU holds is not counted");
  bool tied = false, by_memory = false;
  if (is_timed(goal)) {
    // Those that tie with the fastest on the same inputs come first, the smallest in memory before the others.
    const Score fastest = r.ranking[0];
    const auto end = std::stable_partition(r.ranking.begin(), r.ranking.end(), [&](const Score& s) {
      return s.row == fastest.row || (s.in == fastest.in && against(fastest, s) == Outcome::kTie);
    });
    tied = end - r.ranking.begin() > 1;
    by_memory = tied && on_one_device({r.ranking.begin(), end});
    if (by_memory)
      std::stable_sort(r.ranking.begin(), end, [](const Score& a, const Score& b) {
        return a.row->peak_bytes.value_or(0) < b.row->peak_bytes.value_or(0);
      });
  }
  const Score& best = r.ranking[0];
  const EngineInfo info = engine_info(best.row->engine);
  auto reason = [&](const char* kind, std::string what) { r.reasons.push_back({kind, std::move(what)}); };
  reason("your preference", text.format("the goal is {}", title(goal, text)));
  if (goal == Goal::kSize) {
    reason("measured here", text.format("{}: the model's files are {:.4g} MB", best.row->engine,
                                        static_cast<double>(best.row->artifact_bytes.value_or(0)) / 1e6));
    if (info.native)
      reason("cited", text("it is part of Ecotone: nothing else is installed"));
    else if (info.megabytes > 0)
      reason("cited", text.format("installed it takes {} MB, by Ecotone's list of engines", info.megabytes));
  } else {
    reason("measured here", text.format("{}: {:.4g} {}", best.row->engine, best.value, unit(goal, text)));
  }
  if (r.ranking.size() > 1) {
    const Score& second = r.ranking[1];
    if (by_memory)
      reason("measured here",
             text.format("ties with {}, and takes less memory: {:.0f} MB against {:.0f} MB", second.row->engine,
                         static_cast<double>(best.row->peak_bytes.value_or(0)) / 1e6,
                         static_cast<double>(second.row->peak_bytes.value_or(0)) / 1e6));
    else  // a sum is no surer than its parts
      reason(goal == Goal::kSize ? "cited" : "measured here",
             text.format("the next, {}: {:.4g} {}, {:.1f}% worse", second.row->engine, second.value, unit(goal, text),
                         (worse_by(goal, second.value, best.value) - 1) * 100.0));
  } else {
    reason("measured here", text("no other engine agrees with the exact result"));
  }
  const Agreement& a = *best.row->agreement;
  reason("measured here",
         a.within_rounding
             ? text.format("its error is {:.2g}, no more than rounding makes", a.error)
             : text.format("its error is {:.2g}, within the tolerance but more than rounding makes", a.error));
  if (!best.row->path.empty()) reason("measured here", text.format("the model: {}", best.row->path));
  for (const std::string& c : best.row->changes) reason("measured here", text.format("changed for it: {}", c));
  if (!info.license.empty()) reason("cited", text.format("licence {} ({})", info.license, info.homepage));
  return r;
}

ordered_json decision(const Recommendation& r, const DecidedOn& on) {
  const Score& best = r.ranking[0];
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  ordered_json j{{"kind", "ecotone.decision"},
                 {"date", date},
                 {"model", on.folder.empty() ? fs::absolute(on.model).string() : seen_from(on.folder, on.model)},
                 {"model_absolute", fs::absolute(on.model).string()},
                 {"model_hash", model_hash(on.model)},
                 {"inputs", on.folder.empty() ? ordered_json() : ordered_json("inputs.npz")},
                 {"seed", on.seed ? ordered_json(*on.seed) : ordered_json()},
                 {"goal", name(r.goal)},
                 {"tolerance", on.tolerance},
                 {"price_per_hour", on.price_per_hour},
                 {"shapes", best.in->shapes},
                 {"threads", best.in->threads},
                 {"engine", best.row->engine},
                 {"version", best.row->version},
                 {"settings", best.row->settings},
                 {"value", best.value},
                 {"unit", unit(r.goal, Messages(Language::kEnglish))},
                 {"proven", r.doubt.empty()}};
  j["doubt"] = r.doubt;
  j["runner_up"] = ordered_json();
  // The next engine, not the same one on other sizes.
  for (const Score& s : r.ranking)
    if (s.row->engine != best.row->engine && s.in == best.in) {
      j["runner_up"] = {{"engine", s.row->engine}, {"version", s.row->version}, {"value", s.value}};
      break;
    }
  j["machine"] = on.machine;
  return j;
}

SavedDecision read_decision(const fs::path& path) {
  const auto file = MappedFile::open(path);
  try {
    const auto j = nlohmann::json::parse(file->text());
    if (j.at("kind") != "ecotone.decision") fail("its kind is not ecotone.decision");
    SavedDecision d;
    const fs::path folder = path.parent_path();
    d.model = folder / j.at("model").get<std::string>();
    if (j.contains("model_absolute") && !fs::exists(d.model)) d.model = j["model_absolute"].get<std::string>();
    if (j.contains("inputs") && !j["inputs"].is_null()) d.inputs = folder / j["inputs"].get<std::string>();
    if (j.contains("seed") && !j["seed"].is_null()) d.seed = j["seed"].get<uint64_t>();
    j.at("model_hash").get_to(d.model_hash);
    j.at("engine").get_to(d.engine);
    j.at("shapes").get_to(d.shapes);
    j.at("threads").get_to(d.threads);
    j.at("tolerance").get_to(d.tolerance);
    j.at("price_per_hour").get_to(d.price_per_hour);
    j.at("value").get_to(d.value);
    d.goal = parse_goal(j.at("goal"));
    if (!j.at("machine").at("cpu").is_string()) fail("its machine has no cpu");
    d.device = device_of(d.engine, object_of(j, "settings"), j["machine"]);
    if (const auto& other = j.at("runner_up"); other.is_object()) {
      other.at("engine").get_to(d.runner_up);
      d.runner_up_value = other.at("value").get<double>();
    }
    return d;
  } catch (const nlohmann::json::exception& e) {
    fail("{}: no decision that 'eco choose' saved: {}", path.string(), e.what());
  } catch (const Error& e) {
    throw e.with_context(path.string());
  }
}

CheckResult check_decision(const SavedDecision& d, const CompareReport& now, const nlohmann::json& machine,
                           double margin, const Messages& text) {
  CheckResult result;
  if (now.interrupted || now.cases.empty()) {
    result.not_checked = text("interrupted");
    return result;
  }
  const CaseReport& c = now.cases[0];
  auto find = [&](const std::string& engine) -> const Row* {
    for (const Row& r : c.rows)
      if (r.engine == engine) return &r;
    return nullptr;
  };
  const Row* chosen = find(d.engine);
  if (!chosen) {
    result.not_checked = text.format("{} was not measured", d.engine);
    return result;
  }
  if (chosen->status != Row::Status::kTimed) {
    result.worse.push_back(fmt::format("{}: {}", d.engine, str(chosen->verdict, text)));
    return result;
  }
  if (c.shapes != d.shapes)
    result.not_checked = text.format("decided at {}, checked at {}", d.shapes, c.shapes);
  else if (depends_on_speed(d.goal))
    result.not_checked = c.noise.verdict(text);
  if (!result.not_checked.empty()) return result;

  const double value = value_of(c, *chosen, d.goal, d.price_per_hour);
  bool is_ordered = false;
  if (const Row* other = d.runner_up.empty() ? nullptr : find(d.runner_up)) {
    const Score a{&c, chosen, value}, b{&c, other, 0};
    const bool is_other_timed = other->status == Row::Status::kTimed;
    const Outcome outcome = is_other_timed && is_timed(d.goal) ? against(a, b) : Outcome::kTie;
    if (!is_other_timed) {
      result.notes.push_back(fmt::format("{}: {}", d.runner_up, str(other->verdict, text)));
    } else if (outcome == Outcome::kLoses) {
      result.worse.push_back(
          text.format("{} is now faster than {}: {}", d.runner_up, d.engine, str(chosen->verdict, text)));
    } else if (outcome == Outcome::kUndecided) {
      result.notes.push_back(unclear(a, b, text));
    } else if (!is_timed(d.goal) &&
               worse_by(d.goal, value, value_of(c, *other, d.goal, d.price_per_hour)) > 1 + margin) {
      result.worse.push_back(text.format("{} is now better than {}", d.runner_up, d.engine));
    } else {
      is_ordered = true;
    }
  }
  const std::string device = device_of(d.engine, chosen->settings, machine);
  if (device == d.device) {
    if (const double factor = worse_by(d.goal, value, d.value); factor > 1 + margin)
      result.worse.push_back(text.format("{} of {}: {:.4g} {}, was {:.4g}: {:.0f}% worse, at most {:.0f}% is allowed",
                                         title(d.goal, text), d.engine, value, unit(d.goal, text), d.value,
                                         (factor - 1) * 100, margin * 100));
  } else if (is_ordered) {
    result.notes.push_back(
        text.format("decided on {}, checked on {}: only the engines' order was checked", d.device, device));
  } else if (result.worse.empty()) {
    result.not_checked =
        text.format("decided on {}, checked on {}, and no order of engines to go by", d.device, device);
  }
  return result;
}

std::string model_hash(const fs::path& model) {
  uint64_t hash = hash_bytes(MappedFile::open(model)->bytes());
  if (detect_format(model) == ModelFormat::kOnnx)
    for (const fs::path& weights : onnx::external_files(model))
      hash = hash_combine(hash, hash_bytes(MappedFile::open(model.parent_path() / weights)->bytes()));
  return fmt::format("{:016x}", hash);
}

}  // namespace ecotone::engine
