#include "ecotone/engine/recommend.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/base/hash.h"
#include "ecotone/engine/engines.h"

namespace ecotone::engine {
namespace {

using nlohmann::ordered_json;

constexpr std::pair<Goal, std::string_view> kGoals[] = {
    {Goal::kLatency, "latency"}, {Goal::kThroughput, "throughput"}, {Goal::kMemory, "memory"},
    {Goal::kSize, "size"},       {Goal::kStartup, "startup"},       {Goal::kCost, "cost"}};

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
      return (r.load_seconds.value_or(0) + r.first_seconds.value_or(0)) * 1e3;
    case Goal::kCost:
      return price_per_hour / 3600 / throughput(c, r) * 1e6;
  }
  return 0;
}

bool is_timed(Goal goal) {
  return goal == Goal::kLatency || goal == Goal::kThroughput || goal == Goal::kCost;
}

// How much worse `value` is than `best`, as a factor.
double worse_by(Goal goal, double value, double best) {
  return goal == Goal::kThroughput ? best / value : value / best;
}

Outcome against(const Score& a, const Score& b) {
  return decide(ratio_interval(a.row->timing.turns, b.row->timing.turns));
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
  bool tied = false;
  if (is_timed(goal)) {
    // Those that tie with the fastest on the same inputs come first, the smallest in memory before the others.
    const Score fastest = r.ranking[0];
    const auto end = std::stable_partition(r.ranking.begin(), r.ranking.end(), [&](const Score& s) {
      return s.row == fastest.row || (s.in == fastest.in && against(fastest, s) == Outcome::kTie);
    });
    tied = end - r.ranking.begin() > 1;
    std::stable_sort(r.ranking.begin(), end, [](const Score& a, const Score& b) {
      return a.row->peak_bytes.value_or(0) < b.row->peak_bytes.value_or(0);
    });
    r.doubt = fastest.in->noise.verdict(text);
  }
  const Score& best = r.ranking[0];
  auto reason = [&](const char* kind, std::string what) { r.reasons.push_back({kind, std::move(what)}); };
  reason("your preference", text.format("the goal is {}", title(goal, text)));
  reason("measured here", text.format("{}: {:.4g} {}", best.row->engine, best.value, unit(goal, text)));
  if (r.ranking.size() > 1) {
    const Score& second = r.ranking[1];
    if (tied)
      reason("measured here", text.format("ties with {}, and takes less memory: {:.0f} MB against {:.0f} MB", second.row->engine,
                                          static_cast<double>(best.row->peak_bytes.value_or(0)) / 1e6,
                                          static_cast<double>(second.row->peak_bytes.value_or(0)) / 1e6));
    else
      reason("measured here", text.format("the next, {}: {:.4g} {}, {:.1f}% worse", second.row->engine, second.value,
                                          unit(goal, text), (worse_by(goal, second.value, best.value) - 1) * 100.0));
  } else {
    reason("measured here", text("no other engine agrees with the exact result"));
  }
  const Agreement& a = *best.row->agreement;
  reason("measured here", a.within_rounding
                              ? text.format("its error is {:.2g}, no more than rounding makes", a.error)
                              : text.format("its error is {:.2g}, within the tolerance but more than rounding makes", a.error));
  if (!best.row->path.empty()) reason("measured here", text.format("the model: {}", best.row->path));
  for (const std::string& c : best.row->changes) reason("measured here", text.format("changed for it: {}", c));
  const EngineInfo info = engine_info(best.row->engine);
  if (!info.license.empty()) reason("cited", text.format("licence {} ({})", info.license, info.homepage));
  return r;
}

ordered_json decision(const Recommendation& r, const std::filesystem::path& model, double tolerance,
                      double price_per_hour, const ordered_json& machine) {
  const Score& best = r.ranking[0];
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  ordered_json j{{"kind", "ecotone.decision"},
                 {"date", date},
                 {"model", std::filesystem::absolute(model).string()},
                 {"model_hash", model_hash(model)},
                 {"goal", name(r.goal)},
                 {"tolerance", tolerance},
                 {"price_per_hour", price_per_hour},
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
  j["machine"] = machine;
  return j;
}

SavedDecision read_decision(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  try {
    const auto j = nlohmann::json::parse(file->text());
    if (j.at("kind") != "ecotone.decision") fail("its kind is not ecotone.decision");
    SavedDecision d;
    d.model = j.at("model").get<std::string>();
    j.at("model_hash").get_to(d.model_hash);
    j.at("engine").get_to(d.engine);
    j.at("shapes").get_to(d.shapes);
    j.at("threads").get_to(d.threads);
    j.at("tolerance").get_to(d.tolerance);
    j.at("price_per_hour").get_to(d.price_per_hour);
    j.at("value").get_to(d.value);
    d.goal = parse_goal(j.at("goal"));
    j.at("machine").at("cpu").get_to(d.cpu);
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

std::vector<std::string> regressions(const SavedDecision& d, const CompareReport& now, const std::string& cpu, double margin,
                                     std::vector<std::string>& notes) {
  const Messages text(Language::kEnglish);
  if (now.cases.empty()) return {"nothing was measured"};
  const CaseReport& c = now.cases[0];
  auto find = [&](const std::string& engine) -> const Row* {
    for (const Row& r : c.rows)
      if (r.engine == engine) return &r;
    return nullptr;
  };
  const Row* chosen = find(d.engine);
  if (!chosen) return {fmt::format("{} was not measured", d.engine)};
  if (chosen->status != Row::Status::kTimed) return {fmt::format("{}: {}", d.engine, str(chosen->verdict, text))};
  std::vector<std::string> worse;
  const std::string noise = is_timed(d.goal) ? c.noise.verdict(text) : "";
  if (!noise.empty()) {
    notes.push_back("speed could not be checked: " + noise);
    return worse;
  }
  const double value = value_of(c, *chosen, d.goal, d.price_per_hour);
  if (const Row* other = d.runner_up.empty() ? nullptr : find(d.runner_up)) {
    const Score a{&c, chosen, value}, b{&c, other, 0};
    if (other->status != Row::Status::kTimed) {
      notes.push_back(fmt::format("{}: {}", d.runner_up, str(other->verdict, text)));
    } else if (is_timed(d.goal) && against(a, b) == Outcome::kLoses) {
      worse.push_back(fmt::format("{} is now faster than {}: {}", d.runner_up, d.engine, str(chosen->verdict, text)));
    } else if (!is_timed(d.goal) && worse_by(d.goal, value, value_of(c, *other, d.goal, d.price_per_hour)) > 1 + margin) {
      worse.push_back(fmt::format("{} is now better than {}", d.runner_up, d.engine));
    }
  }
  if (cpu != d.cpu) {
    notes.push_back(fmt::format("decided on {}, checked on {}: only the engines' order was checked", d.cpu, cpu));
  } else if (const double factor = worse_by(d.goal, value, d.value); factor > 1 + margin) {
    worse.push_back(fmt::format("{} of {}: {:.4g} {}, was {:.4g}: {:.0f}% worse, at most {:.0f}% is allowed", name(d.goal), d.engine,
                                value, unit(d.goal, text), d.value, (factor - 1) * 100, margin * 100));
  }
  return worse;
}

std::string model_hash(const std::filesystem::path& model) {
  return fmt::format("{:016x}", hash_bytes(MappedFile::open(model)->bytes()));
}

}  // namespace ecotone::engine
