#include "ecotone/engine/compare.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <set>

#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"
#include "ecotone/base/time.h"
#include "ecotone/engine/graph.h"
#include "ecotone/engine/interrupt.h"
#include "ecotone/engine/model.h"
#include "ecotone/engine/ran.h"
#include "ecotone/engine/report.h"
#include "ecotone/engine/source.h"
#include "ecotone/engine/verify.h"
#include "ecotone/engine/worker.h"

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;

// Share of places along the last axis whose largest element stands where the exact one does. Elements that tie with it
// count as it.
double argmax_agreement(const Tensor& x, const Tensor& real) {
  const int64_t n = real.rank() ? real.shape().back() : 1;
  if (n < 2 || real.size() == 0 || is_complex(real.dtype())) return 1;
  int64_t same = 0;
  const int64_t places = real.size() / n;
  for (int64_t p = 0; p < places; ++p) {
    int64_t mine = 0, exact = 0;
    for (int64_t i = 1; i < n; ++i) {
      if (x.at_double(p * n + i) > x.at_double(p * n + mine)) mine = i;
      if (real.at_double(p * n + i) > real.at_double(p * n + exact)) exact = i;
    }
    same += real.at_double(p * n + mine) >= real.at_double(p * n + exact);
  }
  return static_cast<double>(same) / static_cast<double>(places);
}

struct Expected {
  std::vector<Tensor> spec, real;
};

// Engines that know no names give their outputs in the model's order.
NamedTensors named_as(const Program& p, NamedTensors outputs) {
  const auto known = [&](const auto& named) {
    return std::any_of(p.outputs().begin(), p.outputs().end(), [&](const Output& o) { return o.name == named.first; });
  };
  if (std::none_of(outputs.begin(), outputs.end(), known))
    for (size_t i = 0; i < outputs.size() && i < p.outputs().size(); ++i) outputs[i].first = p.outputs()[i].name;
  return outputs;
}

Agreement judge_outputs(const Program& p, const Expected& expected, const NamedTensors& given, double tolerance) {
  const NamedTensors theirs = named_as(p, given);
  const VerifyReport report = compare_outputs(p, {expected.spec, expected.spec, expected.real}, theirs);
  Agreement a;
  a.agrees = a.within_rounding = true;
  for (const OutputReport& o : report.outputs) {
    a.within_rounding = a.within_rounding && (o.theirs ? o.theirs->passed : o.passed);
    a.max_abs = std::max(a.max_abs, o.difference.max_abs);
    a.cosine = std::min(a.cosine, o.difference.cosine);
    if (o.theirs) a.error = std::max(a.error, o.theirs->error);
    const bool agrees = o.theirs ? o.theirs->error <= tolerance || o.theirs->passed : o.passed;
    if (!agrees && a.reason.empty())
      a.reason = o.theirs
                     ? fmt::format("output {} is off by {:.2g} (at most {:.2g})", o.name, o.theirs->error, tolerance)
                     : fmt::format("output {}: {}", o.name, o.reason);
    a.agrees = a.agrees && agrees;
    const auto find = [&](const auto& named) { return named.first == o.name; };
    const auto other = std::find_if(theirs.begin(), theirs.end(), find);
    for (size_t i = 0; i < p.outputs().size(); ++i) {
      if (p.outputs()[i].name != o.name || !o.theirs || other == theirs.end()) continue;
      a.argmax = std::min(a.argmax, argmax_agreement(other->second, expected.real[i]));
      // Relative to what is right; o.difference is relative to theirs.
      a.max_rel = std::max(a.max_rel, backend::difference(other->second, expected.spec[i]).max_rel);
    }
  }
  return a;
}

// An engine under test: its row, and its process while that lives.
struct Entrant {
  Row row;
  std::unique_ptr<Worker> worker;
  std::vector<int64_t> resident;  // after each turn

  void fail_with(const std::string& why) {
    row.status = Row::Status::kFailed;
    row.verdict = {Verdict::Kind::kFailed, "", {}, why};
    worker.reset();
  }
};

// Last of all: some engines load the model once more to tell it.
void ask_placement(Entrant& e) {
  Row& row = e.row;
  row.placement = e.worker->placement();
  for (const std::string& f : fallbacks(row.placement)) row.warnings.push_back("fallback: " + f);
  if (row.placement.contains("unknown"))
    row.warnings.push_back("placement unknown: " + row.placement["unknown"].get<std::string>());
}

void start(Entrant& e, const Program& program, const ModelSource& source, int64_t model_bytes,
           const NamedTensors& inputs, const Expected& expected, const CompareOptions& o) {
  Row& row = e.row;
  try {
    e.worker =
        std::make_unique<Worker>(row.engine, WorkerOptions{o.threads, o.timeout_seconds, o.most_bytes, !o.verbose});
    row.version = e.worker->version();
    row.variants = e.worker->variants();
    std::erase(row.variants, row.engine.substr(std::min(row.engine.find(':'), row.engine.size() - 1) + 1));
    row.import_seconds = e.worker->import_seconds();
    const Worker::Source given = source.for_engine(row.engine);
    const Worker::Loaded loaded = e.worker->load(given);
    row.load_seconds = loaded.seconds;
    row.convert_seconds = loaded.convert_seconds;
    row.path = loaded.path;
    row.changes = loaded.changes;
    row.settings = loaded.settings;
    row.artifact_bytes = loaded.artifact_bytes;
    if (row.artifact_bytes && (loaded.artifact.empty() || loaded.artifact == fs::absolute(given.model)))
      row.artifact_bytes = model_bytes;
    const Worker::Run run = e.worker->run(inputs);
    row.first_seconds = run.first_seconds;
    row.peak_bytes = e.worker->peak_bytes();
    row.agreement = judge_outputs(program, expected, run.outputs, o.tolerance);
    if (row.agreement->agrees) {
      row.status = Row::Status::kTimed;
      e.worker->pause(true);
    } else {
      ask_placement(e);
      row.status = Row::Status::kDisagrees;
      row.verdict = {Verdict::Kind::kDisagrees, "", {}, row.agreement->reason};
      e.worker.reset();
    }
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    e.fail_with(error.what());
  }
}

// Memory that grows in nearly every turn is a leak, unless it is little.
void note_leak(Entrant& e) {
  constexpr size_t kWarmTurns = 3, kLeast = 6;
  constexpr int64_t kLittle = 32 << 20;
  const auto& r = e.resident;
  if (r.size() < kWarmTurns + kLeast) return;
  size_t grew = 0;
  for (size_t i = kWarmTurns + 1; i < r.size(); ++i) grew += r[i] > r[i - 1];
  const int64_t more = r.back() - r[kWarmTurns];
  if (more > kLittle && grew * 10 >= (r.size() - kWarmTurns - 1) * 8)
    e.row.warnings.push_back(
        fmt::format("memory leak: {} MB more after {} runs", more >> 20, e.row.timing.seconds.size()));
}

void time_entrants(std::vector<Entrant>& entrants, const CompareOptions& o, CaseReport& report, bool& interrupted) {
  std::vector<Subject> subjects;
  std::vector<Entrant*> timed;
  for (Entrant& e : entrants) {
    if (e.row.status != Row::Status::kTimed) continue;
    timed.push_back(&e);
    subjects.push_back({e.row.engine,
                        [&e](int min_runs, double seconds) {
                          Block block = e.worker->time(min_runs, seconds);
                          e.resident.push_back(e.worker->resident_bytes());
                          return block;
                        },
                        [&e](bool paused) { e.worker->pause(paused); }});
  }
  MeasureOptions options;
  options.threads = o.threads;
  options.seconds_each = o.seconds_each;
  options.progress = o.progress;
  options.text = o.text;
  RaceResult m = measure(subjects, options);
  report.noise = m.noise;
  interrupted = interrupted || m.interrupted;
  for (size_t i = 0; i < timed.size(); ++i) {
    Entrant& e = *timed[i];
    e.row.timing = std::move(m.timings[i]);
    if (!e.row.timing.error.empty()) {
      e.fail_with(e.row.timing.error);
      continue;
    }
    e.row.peak_bytes = std::max(e.row.peak_bytes.value_or(0), e.worker->peak_bytes());
    note_leak(e);
    if (const std::string h = hardware_of(e.row.engine); h != this_processor() && h != kUnknownHardware)
      e.row.warnings.emplace_back("peak memory is the host's: what the device holds is not counted");
    if (interrupted) continue;
    try {
      e.worker->pause(false);
      ask_placement(e);
      e.worker->pause(true);
    } catch (const Interrupted&) {
      interrupted = true;
    }
  }
}

double p50(const Row& row) {
  return quantile(row.timing.seconds, 0.5);
}

// Rows in order, each judged against the fastest.
void give_verdicts(CaseReport& report, const Messages& text) {
  auto rank = [](const Row& r) { return static_cast<int>(r.status); };
  std::stable_sort(report.rows.begin(), report.rows.end(), [&](const Row& a, const Row& b) {
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    return a.status == Row::Status::kTimed && p50(a) < p50(b);
  });
  std::vector<Row*> timed;
  for (Row& r : report.rows)
    if (r.status == Row::Status::kTimed) timed.push_back(&r);
  if (timed.empty()) return;
  const std::string noise = report.noise.verdict(text);
  Row& best = *timed[0];
  for (size_t i = 1; i < timed.size(); ++i)
    timed[i]->against_best = far_behind_interval(best.timing.turns, timed[i]->timing.turns);
  for (size_t i = 0; i < timed.size(); ++i) {
    Verdict& v = timed[i]->verdict;
    v = {Verdict::Kind::kAlone, "", {}, ""};
    if (timed.size() == 1) break;
    v.ratio = i ? *timed[i]->against_best : *timed[1]->against_best;
    v.other = i ? best.engine : timed[1]->engine;
    v.reason = noise;
    switch (decide(v.ratio)) {
      case Outcome::kWins:
        v.kind = i ? Verdict::Kind::kLoses : Verdict::Kind::kWins;
        break;
      case Outcome::kTie:
        v.kind = Verdict::Kind::kTie;
        break;
      case Outcome::kLoses:  // the medians of runs and of turns disagree
      case Outcome::kUndecided:
        v.kind = Verdict::Kind::kUnclear;
        break;
    }
    if (!noise.empty()) v.kind = Verdict::Kind::kNotComparable;
  }
}

void mark_pareto(CaseReport& report) {
  std::set<std::string> devices;
  for (const Row& r : report.rows)
    if (r.status == Row::Status::kTimed) devices.insert(hardware_of(r.engine));
  // Peak memory is the process's: of engines on several devices it does not compare.
  auto costs = [is_one = devices.size() == 1](const Row& r) {
    return std::array{p50(r), is_one ? static_cast<double>(r.peak_bytes.value_or(0)) : 0, r.agreement->error};
  };
  for (Row& r : report.rows) {
    if (r.status != Row::Status::kTimed) continue;
    const auto mine = costs(r);
    r.pareto = std::none_of(report.rows.begin(), report.rows.end(), [&](const Row& other) {
      if (&other == &r || other.status != Row::Status::kTimed) return false;
      const auto theirs = costs(other);
      bool no_worse = true, better = false;
      for (size_t i = 0; i < mine.size(); ++i)
        no_worse = no_worse && theirs[i] <= mine[i], better = better || theirs[i] < mine[i];
      return no_worse && better;
    });
  }
}

// As --shape takes them. A scalar has no size to tell.
std::string shapes_str(const Program& p, std::span<const Tensor> inputs) {
  std::string text;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].is_null() || inputs[i].rank() == 0) continue;
    text += (text.empty() ? "" : " ") + p.inputs()[i].name + "=";
    for (size_t d = 0; d < inputs[i].shape().size(); ++d) text += (d ? "," : "") + std::to_string(inputs[i].shape()[d]);
  }
  return text;
}

}  // namespace

std::string str(const Verdict& v, const Messages& text) {
  const double percent = (v.ratio.estimate - 1) * 100, low = (v.ratio.low - 1) * 100, high = (v.ratio.high - 1) * 100;
  switch (v.kind) {
    case Verdict::Kind::kWins:
      return text.format("wins by {:.1f}% [{:.1f}, {:.1f}] over {}", percent, low, high, v.other);
    case Verdict::Kind::kLoses:
      return text.format("loses by {:.1f}% [{:.1f}, {:.1f}] to {}", percent, low, high, v.other);
    case Verdict::Kind::kTie:
      return text.format("tie with {}", v.other);
    case Verdict::Kind::kAlone:
      return text("alone: no other engine agrees");
    case Verdict::Kind::kNotComparable:
      return text.format("not comparable: {}", v.reason);
    case Verdict::Kind::kUnclear:
      if (!std::isfinite(v.ratio.high))
        return text.format("not comparable: too few turns to tell the difference to {}", v.other);
      return text.format("not comparable: the difference to {} stays unclear, {:.1f}% [{:.1f}, {:.1f}]", v.other,
                         percent, low, high);
    case Verdict::Kind::kDisagrees:
      return text.format("not in agreement: {}", said(v.reason, text));
    case Verdict::Kind::kFailed:
      return text.format("failed: {}", v.reason);
    case Verdict::Kind::kInterrupted:
      break;
  }
  return text("interrupted");
}

namespace {

constexpr std::string_view kKindNames[] = {"wins",    "loses",     "tie",    "alone",      "not_comparable",
                                           "unclear", "disagrees", "failed", "interrupted"};

}  // namespace

std::string_view name(Verdict::Kind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

std::optional<Verdict::Kind> verdict_kind(std::string_view name) {
  const auto* found = std::find(std::begin(kKindNames), std::end(kKindNames), name);
  if (found == std::end(kKindNames)) return {};
  return static_cast<Verdict::Kind>(found - std::begin(kKindNames));
}

CaseReport compare_engines(const Model& model, std::span<const Tensor> inputs, const CompareOptions& o,
                           bool& interrupted_flag) {
  const Program& program = *model.program;
  const Messages& text = o.text;
  CaseReport report;
  report.shapes = shapes_str(program, inputs);
  report.threads = o.threads;
  report.graph = graph_json(program);
  if (!inputs.empty() && !inputs[0].is_null() && inputs[0].rank()) report.batch = inputs[0].shape()[0];
  if (o.progress) o.progress(text("computing the exact result"));
  const auto begin = std::chrono::steady_clock::now();
  const Expected expected{backend::evaluate(program, inputs, EvalMode::kSpec),
                          backend::evaluate(program, inputs, EvalMode::kReal)};
  report.reference_seconds = seconds_since(begin);
  const NamedTensors named = named_inputs(program, inputs);

  const ModelSource source(model, inputs);
  const int64_t model_bytes = source.bytes();
  std::vector<Entrant> entrants(o.engines.size());
  for (size_t i = 0; i < entrants.size(); ++i) {
    entrants[i].row.engine = o.engines[i];
    entrants[i].row.status = Row::Status::kInterrupted;
  }
  try {
    for (Entrant& e : entrants) {
      if (interrupted()) throw Interrupted();
      if (o.progress) o.progress(text.format("{}: loading, running", e.row.engine));
      start(e, program, source, model_bytes, named, expected, o);
    }
    time_entrants(entrants, o, report, interrupted_flag);
  } catch (const Interrupted&) {
    interrupted_flag = true;
  }
  for (Entrant& e : entrants) {
    if (e.row.status == Row::Status::kTimed && e.row.timing.seconds.empty()) e.row.status = Row::Status::kInterrupted;
    report.rows.push_back(std::move(e.row));
  }
  give_verdicts(report, o.text);
  mark_pareto(report);
  return report;
}

namespace {

using nlohmann::ordered_json;

// JSON has no infinity and no NaN: what is not finite is text.
ordered_json number(double v) {
  if (std::isfinite(v)) return v;
  return std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf";
}

std::string_view name(Row::Status status) {
  switch (status) {
    case Row::Status::kTimed:
      return "timed";
    case Row::Status::kDisagrees:
      return "disagrees";
    case Row::Status::kFailed:
      return "failed";
    case Row::Status::kInterrupted:
      break;
  }
  return "interrupted";
}

ordered_json to_json(const CaseReport& c, const Row& r, const Messages& english) {
  ordered_json j{
      {"engine", r.engine}, {"version", r.version}, {"verdict", str(r.verdict, english)}, {"status", name(r.status)}};
  j["outcome"] = {{"kind", name(r.verdict.kind)}, {"against", r.verdict.other}, {"reason", r.verdict.reason}};
  if (r.verdict.ratio.estimate != 0) {
    const Interval& ratio = r.verdict.ratio;
    j["outcome"].update({{"ratio", number(ratio.estimate)}, {"low", number(ratio.low)}, {"high", number(ratio.high)}});
  }
  j["shapes"] = c.shapes, j["threads"] = c.threads;
  if (r.agreement) {
    const Agreement& a = *r.agreement;
    j["agrees"] = a.agrees, j["within_rounding"] = a.within_rounding;
    j["max_error"] = number(a.error), j["max_abs_error"] = number(a.max_abs), j["max_rel_error"] = number(a.max_rel);
    j["cosine"] = number(a.cosine), j["argmax_agreement"] = a.argmax;
  }
  if (r.status == Row::Status::kTimed) {
    const std::vector<double>& s = r.timing.seconds;
    double sum = 0;
    for (double x : s) sum += x;
    auto ms = [&](double q) { return quantile(s, q) * 1e3; };
    j["latency_ms"] = {{"p10", ms(0.1)},
                       {"p50", ms(0.5)},
                       {"p90", ms(0.9)},
                       {"p99", ms(0.99)},
                       {"min", ms(0)},
                       {"max", ms(1)},
                       {"mean", sum / static_cast<double>(s.size()) * 1e3},
                       {"runs", s.size()}};
    j["throughput_per_s"] = static_cast<double>(c.batch * static_cast<int64_t>(s.size())) / sum;
    j["cpus_used"] = r.timing.wall_seconds > 0 ? r.timing.cpu_seconds / r.timing.wall_seconds : 0;
    j["warmup_runs"] = r.timing.warmup_runs;
    if (r.timing.joules) {
      j["energy_j_per_run"] = *r.timing.joules / static_cast<double>(s.size());
    } else {
      j["energy_j_per_run"] = "unavailable";
    }
    j["turns_ms"] = ordered_json::array();
    for (double t : r.timing.turns) j["turns_ms"].push_back(std::isnan(t) ? ordered_json() : ordered_json(t * 1e3));
    j["pareto"] = r.pareto;
  }
  if (r.against_best)
    j["time_over_fastest"] = {{"ratio", number(r.against_best->estimate)},
                              {"low", number(r.against_best->low)},
                              {"high", number(r.against_best->high)}};
  if (r.import_seconds) j["import_ms"] = *r.import_seconds * 1e3;
  if (r.convert_seconds) j["convert_ms"] = *r.convert_seconds * 1e3;
  if (r.load_seconds) j["load_ms"] = *r.load_seconds * 1e3;
  if (r.first_seconds) j["first_run_ms"] = *r.first_seconds * 1e3;
  if (r.peak_bytes) j["peak_mb"] = static_cast<double>(*r.peak_bytes) / 1e6;
  if (r.artifact_bytes) j["artifact_mb"] = static_cast<double>(*r.artifact_bytes) / 1e6;
  j["path"] = r.path, j["changes"] = r.changes, j["warnings"] = r.warnings;
  j["settings"] = r.settings, j["variants"] = r.variants, j["placement"] = r.placement;
  return j;
}

}  // namespace

ordered_json to_json(const CompareReport& report) {
  const Messages english(Language::kEnglish);
  ordered_json rows = ordered_json::array(), cases = ordered_json::array();
  for (const CaseReport& c : report.cases) {
    cases.push_back({{"shapes", c.shapes},
                     {"batch", c.batch},
                     {"threads", c.threads},
                     {"reference_ms", c.reference_seconds * 1e3},
                     {"noise",
                      {{"others_cpus", c.noise.others_cores},
                       {"limit_cpus", c.noise.limit_cores},
                       {"canary_spread", c.noise.canary_spread},
                       {"verdict", c.noise.verdict(english)}}},
                     {"graph", c.graph}});
    for (const Row& r : c.rows) rows.push_back(to_json(c, r, english));
  }
  return {{"interrupted", report.interrupted}, {"cases", std::move(cases)}, {"rows", std::move(rows)}};
}

}  // namespace ecotone::engine
