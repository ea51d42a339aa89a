#include "ecotone/engine/plan_score.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace ecotone::engine {
namespace {

double of_state(State s) {
  return s == State::kYes ? 1 : s == State::kPartial ? 0.5 : 0;
}

// The platform of a maker's hardware, whose facts tell what it costs.
std::string_view platform_of(std::string_view hardware) {
  static const std::map<std::string_view, std::string_view> of = {
      {"nvidia-gpu", "cuda"},      {"amd-gpu", "rocm"},   {"intel-gpu", "oneapi"},     {"intel-npu", "oneapi"},
      {"apple-silicon", "coreml"}, {"google-tpu", "jax"}, {"ascend-npu", "mindspore"}, {"kunlun-xpu", "paddle"}};
  const auto found = of.find(hardware);
  return found == of.end() ? "" : found->second;
}

struct Weights {
  std::map<std::string, double> of;

  explicit Weights(const Scenario& s) {
    for (const std::string& c : criteria()) of[c] = 1;
    of["fit"] = 3;
    of["wishes"] = s.soft.empty() ? 0 : 3;
    // What a phase is about counts more.
    if (s.phase == "prototype") add({"ease", "ease", "familiarity", "community"}), of["support"] = 0.25;
    if (s.phase == "optimize") add({"performance", "performance", "hardware", "path"});
    if (s.phase == "production") add({"support", "phase", "target", "path", "hardware", "performance"});
    if (s.budget == "low") add({"cost", "cost"});
    if (s.latency_ms > 0) add({"performance", "performance"});
    if (s.experience == "beginner") add({"ease", "ease", "community"});
    if (s.experience == "expert") of["ease"] = 0.25;
    if (s.team_size > 0 && s.team_size <= 3) add({"ease", "simplicity"});
    for (const auto& [name, weight] : s.weights) of[name] = weight;
  }
  void add(const std::vector<const char*>& names) {
    for (const char* n : names) of[n] += 1;
  }
};

// The mean of what the parts give; parts that give nothing are left out.
class Mean {
 public:
  void add(double value) { sum_ += value, ++count_; }
  bool any() const { return count_ > 0; }
  double value() const { return sum_ / count_; }

 private:
  double sum_ = 0;
  int count_ = 0;
};

double graded(const std::string& value, const std::map<std::string, double>& grades, double otherwise) {
  const auto found = grades.find(value);
  return found == grades.end() ? otherwise : found->second;
}

double familiarity(const Part& p, const Scenario& s) {
  if (has(s.knows, p.stack->id) || (p.trains() && s.framework == p.stack->id)) return 1;
  const bool language = std::any_of(s.languages.begin(), s.languages.end(),
                                    [&](const std::string& l) { return of_state(p.stack->state("language", l)) > 0; });
  return language ? 0.5 : 0;
}

double cost(const Part& p, const Scenario& s, const Facts& facts) {
  if (p.stack->fact("about", "paid") != nullptr) return 0.25;
  const bool at_hand = has(p.trains() ? s.train_hardware : s.serve_hardware, p.hardware);
  const std::string_view platform = platform_of(p.hardware);
  if (at_hand || platform.empty() || p.target == "ios" || p.target == "android") return 1;
  return graded(facts.stack(platform)->value("about", "cost"), {{"high", 0.25}, {"medium", 0.6}, {"low", 0.9}}, 0.6);
}

// Whether what the scenario only wishes for holds; wishes about what is not in the plan hold.
double wish(const std::string& key, const Plan& plan, const Scenario& s, const Facts& facts) {
  const bool all_open = std::all_of(plan.parts.begin(), plan.parts.end(),
                                    [&](const Part& p) { return open_part(*p.stack, p.hardware, facts); });
  Mean mean;
  for (const Part& p : plan.parts) {
    if (key == "limits.licence") mean.add(all_open ? 1 : 0);
    if (key == "limits.support" && !p.trains()) mean.add(p.stack->value("about", "support") == "strong" ? 1 : 0);
    if (key == "limits.budget") mean.add(p.stack->fact("about", "paid") == nullptr ? 1 : 0);
    if (key == "limits.privacy")
      mean.add(p.stack->has_role("service") || (s.privacy == "device" && p.target == "cloud") ? 0 : 1);
    if (key == "limits.makers") mean.add(has(s.makers, p.stack->value("about", "country")) ? 1 : 0);
    if (key == "model.framework" && p.trains()) mean.add(p.stack->id == s.framework ? 1 : 0);
    if (key == "hardware.train" && p.trains()) mean.add(has(s.train_hardware, p.hardware) ? 1 : 0);
    if (key == "hardware.serve" && !p.trains()) mean.add(has(s.serve_hardware, p.hardware) ? 1 : 0);
    if (key == "hardware.system") mean.add(of_state(p.stack->state("system", s.system)));
    if (key == "deploy.language" && !p.trains()) mean.add(of_state(p.stack->state("language", s.app_language)));
    if (key == "task") mean.add(of_state(p.stack->state("task", s.task)));
    if (key == "data.size" && p.trains()) mean.add(of_state(p.stack->state("about", "distributed")));
  }
  return mean.any() ? mean.value() : 1;
}

}  // namespace

double path_cost(const std::vector<const Conversion*>& path) {
  double cost = 0;
  for (const Conversion* c : path) cost += kHopPenalty + (c->state == State::kPartial ? kPartialPenalty : 0);
  return cost;
}

bool open_part(const Stack& s, const std::string& hardware, const Facts& facts) {
  if (!is_open(s.value("about", "licence"))) return false;
  const Fact* f = s.fact("hardware", hardware);
  return f == nullptr || f->via.empty() || is_open(facts.stack(f->via)->value("about", "licence"));
}

Speed measured_speed(const Stack& s, const std::string& hardware, const std::string& task, const Facts& facts) {
  Speed speed;
  double log_sum = 0;
  for (const Measurement& m : facts.measurements) {
    if (m.stack != s.id || m.hardware != hardware || !(task.empty() || has(m.tasks, task))) continue;
    double fastest = m.ms;
    for (const Measurement& other : facts.measurements)
      if (other.hardware == hardware && other.model == m.model) fastest = std::min(fastest, other.ms);
    log_sum += std::log(fastest / m.ms);
    speed.of.push_back(&m);
  }
  if (!speed.of.empty()) speed.ratio = std::exp(log_sum / static_cast<double>(speed.of.size()));
  return speed;
}

int vendors(const Stack& s) {
  static const std::map<std::string, std::string> makers = {
      {"nvidia-gpu", "nvidia"},    {"google-tpu", "google"}, {"edge-tpu", "google"}, {"amd-gpu", "amd"},
      {"amd-fpga", "amd"},         {"intel-gpu", "intel"},   {"intel-npu", "intel"}, {"apple-silicon", "apple"},
      {"ascend-npu", "huawei"},    {"kunlun-xpu", "kunlun"}, {"x86-cpu", "x86"},     {"arm-cpu", "arm"},
      {"qualcomm-npu", "qualcomm"}};
  std::set<std::string> found;
  if (const auto hardware = s.facts.find("hardware"); hardware != s.facts.end())
    for (const auto& [key, fact] : hardware->second)
      if (const auto maker = makers.find(key); maker != makers.end() && of_state(fact.state) > 0)
        found.insert(maker->second);
  return static_cast<int>(found.size());
}

void score(Plan& plan, const Scenario& s, const Facts& facts) {
  const Weights weights(s);
  plan.criteria.clear();
  auto give = [&](const char* name, double value) {
    const double weight = weights.of.at(name);
    if (weight > 0) plan.criteria.push_back({name, value, weight});
  };
  const bool serves = std::any_of(plan.parts.begin(), plan.parts.end(), [](const Part& p) { return !p.trains(); });
  Mean fit, phase, target, hardware, path, performance, ease, known, open, support, community, costs, portable;
  std::set<const Stack*> stacks;
  for (const Part& p : plan.parts) {
    stacks.insert(p.stack);
    if (!s.task.empty()) fit.add(of_state(p.stack->state("task", s.task)));
    if (s.data_language == "zh" && (p.trains() || p.stack->has_role("service")))
      fit.add(of_state(p.stack->state("about", "chinese")));
    // What only trains need not be made for production.
    if (!s.phase.empty() && !(s.phase == "production" && serves && p.trains()))
      phase.add(of_state(p.stack->state("phase", s.phase)));
    if (!p.trains()) target.add(of_state(p.stack->state("target", p.target)));
    if (!p.hardware.empty()) hardware.add(of_state(p.stack->state("hardware", p.hardware)));
    if (!p.trains()) {
      double good = 1 - path_cost(p.path);
      if (p.stack->state("reads", p.format) == State::kPartial) good -= kPartialPenalty;
      path.add(std::max(0.0, good));
      // What nobody measured here is taken as middling.
      const Speed speed = measured_speed(*p.stack, p.hardware, s.task, facts);
      performance.add(speed.of.empty() ? 0.5 : speed.ratio);
      if (!p.stack->has_role("service")) portable.add(std::min(1.0, (vendors(*p.stack) - 1) / 4.0));
    }
    ease.add(graded(p.stack->value("about", "curve"), {{"gentle", 1}, {"moderate", 0.6}, {"steep", 0.3}}, 0.6));
    if (!s.languages.empty() || !s.knows.empty() || !s.framework.empty()) known.add(familiarity(p, s));
    open.add(open_part(*p.stack, p.hardware, facts) ? 1 : 0);
    support.add(graded(p.stack->value("about", "support"), {{"strong", 1}, {"medium", 0.6}}, 0.3));
    community.add(graded(p.stack->value("about", "community"),
                         {{"huge", 1}, {"large", 0.8}, {"growing", 0.6}, {"medium", 0.5}}, 0.4));
    if (!p.hardware.empty() || !p.trains()) costs.add(cost(p, s, facts));
  }
  if (fit.any()) give("fit", fit.value());
  if (phase.any()) give("phase", phase.value());
  if (target.any()) give("target", target.value());
  if (hardware.any()) give("hardware", hardware.value());
  if (path.any()) give("path", path.value());
  if (performance.any()) give("performance", performance.value());
  give("ease", ease.value());
  if (known.any()) give("familiarity", known.value());
  give("openness", open.value());
  give("support", support.value());
  give("community", community.value());
  if (costs.any()) give("cost", costs.value());
  if (portable.any()) give("portability", portable.value());
  give("simplicity", 1 / (1 + 0.15 * (static_cast<double>(stacks.size()) - 1)));
  if (!s.soft.empty()) {
    Mean held;
    for (const std::string& key : s.soft) held.add(wish(key, plan, s, facts));
    give("wishes", held.value());
  }
  double sum = 0, weight = 0;
  for (const Criterion& c : plan.criteria) sum += c.value * c.weight, weight += c.weight;
  plan.score = weight > 0 ? sum / weight : 0;
}

}  // namespace ecotone::engine
