#include "ecotone/engine/plan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <deque>
#include <set>

#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/engine/plan_score.h"

namespace ecotone::engine {
namespace {

using Mask = uint64_t;

// Where no target is said.
constexpr const char* kSomeComputer = "a computer";

bool works(State s) {
  return s == State::kPartial || s == State::kYes;
}

// A part, and the constraints that it breaks.
struct Option {
  Part part;
  Mask breaks = 0;
};

// Where every model comes from: a stack that trains, a file that exists, or a service that has its own.
struct Origin {
  std::optional<Option> train;
  Words formats;  // that it yields
  bool hosted = false;
  Mask breaks = 0;
};

class Search {
 public:
  Search(const Scenario& s, const Facts& f) : scenario_(s), facts_(f) {
    collect_constraints();
    collect_origins();
    for (const Origin& origin : origins_) {
      serve_.emplace_back();
      for (const std::string& target : targets_) serve_.back().push_back(serve_options(origin, target));
    }
  }

  const std::vector<Constraint>& constraints() const { return constraints_; }
  Mask all() const { return constraints_.size() == 64 ? ~Mask{0} : (Mask{1} << constraints_.size()) - 1; }

  // Whether some plan keeps all constraints of the mask.
  bool feasible(Mask keep) const {
    for (size_t o = 0; o < origins_.size(); ++o)
      if (possible(o, keep)) return true;
    return false;
  }

  // The plans under the constraints of the mask, best first.
  std::vector<Plan> plans(Mask keep, size_t most) const {
    std::vector<Plan> found;
    for (size_t o = 0; o < origins_.size(); ++o)
      if (possible(o, keep)) add_plans(o, keep, found);
    std::stable_sort(found.begin(), found.end(), [](const Plan& a, const Plan& b) { return a.score > b.score; });
    std::vector<Plan> best;
    std::set<Words> seen;
    for (Plan& plan : found) {
      Words stacks;
      for (const Part& p : plan.parts) stacks.push_back(p.target + ":" + p.stack->id);
      if (best.size() < most && seen.insert(stacks).second) best.push_back(std::move(plan));
    }
    return best;
  }

  // One after the other, each without the constraints of those before. Where nothing is left to be asked for, there is
  // no plan either, but no conflict.
  std::vector<Mask> conflicts() const {
    std::vector<Mask> found;
    for (Mask keep = all(); !feasible(keep); keep &= ~found.back()) {
      const Mask conflict = smallest_conflict(keep);
      if (conflict == 0) break;
      found.push_back(conflict);
    }
    const auto first = [](Mask m) { return m & (~m + 1); };
    std::sort(found.begin(), found.end(), [&](Mask a, Mask b) { return first(a) < first(b); });
    return found;
  }

 private:
  // Dropping constraints one by one while none of the rest gets a plan leaves a set of which each member matters.
  Mask smallest_conflict(Mask conflict) const {
    for (size_t i = 0; i < constraints_.size(); ++i)
      if (const Mask without = conflict & ~(Mask{1} << i); !feasible(without)) conflict = without;
    return conflict;
  }

  // A model that is only taken from somewhere, and goes nowhere, is no plan.
  bool possible(size_t o, Mask keep) const {
    bool anything = origins_[o].train.has_value();
    for (size_t t = 0; t < targets_.size(); ++t) anything |= needed(t, keep);
    return anything && (origins_[o].breaks & keep) == 0 && serves_all(o, keep);
  }

  bool needed(size_t target, Mask keep) const {
    return (target_bits_[target] & keep) != 0 || target_bits_[target] == 0;
  }

  bool serves_all(size_t origin, Mask keep) const {
    for (size_t t = 0; t < targets_.size(); ++t) {
      if (!needed(t, keep)) continue;
      const auto& options = serve_[origin][t];
      if (std::none_of(options.begin(), options.end(), [&](const Option& o) { return (o.breaks & keep) == 0; }))
        return false;
    }
    return true;
  }

  bool is_soft(std::string_view key) const { return has(scenario_.soft, key); }

  Mask add(const std::string& key, const std::string& value) {
    if (is_soft(key)) return 0;
    constraints_.push_back({key, value});
    return Mask{1} << (constraints_.size() - 1);
  }

  Mask add_if(const char* key, const std::string& value, std::string_view none = "") {
    return value.empty() || value == none ? 0 : add(key, value);
  }

  void collect_constraints() {
    const Scenario& s = scenario_;
    task_ = add_if("task", s.task);
    phase_ = s.phase == "production" || s.phase == "optimize" ? add("phase", s.phase) : 0;
    large_ = s.data_size == "large" ? add("data.size", s.data_size) : 0;
    if (!s.train_hardware.empty())
      train_hardware_ = add("hardware.train", fmt::format("{}", fmt::join(s.train_hardware, ", ")));
    if (!s.serve_hardware.empty())
      serve_hardware_ = add("hardware.serve", fmt::format("{}", fmt::join(s.serve_hardware, ", ")));
    system_ = add_if("hardware.system", s.system);
    targets_ = s.targets;
    for (const std::string& t : targets_) target_bits_.push_back(add("deploy.targets", t));
    // What is optimized, produced or only taken is served, if nothing is said where, then on some computer.
    Mask served = phase_;
    if (served == 0 && !s.format.empty()) served = add("model.format", s.format);
    if (served == 0 && s.training == "none") served = add("model.training", s.training);
    if (targets_.empty() && served != 0) {
      targets_ = {kSomeComputer};
      target_bits_ = {served};
    }
    app_language_ = add_if("deploy.language", s.app_language);
    framework_ = add_if("model.framework", s.framework);
    if (s.size_mb > 0) size_ = add("model.size_mb", fmt::format("{}", s.size_mb));
    privacy_ = add_if("limits.privacy", s.privacy, "any");
    licence_ = add_if("limits.licence", s.licence, "any");
    budget_ = s.budget == "low" ? add("limits.budget", s.budget) : 0;
    support_ = add_if("limits.support", s.support, "any");
    if (!s.makers.empty()) makers_ = add("limits.makers", fmt::format("{}", fmt::join(s.makers, ", ")));
  }

  // What a part can break. Support and fitness for the phase are asked of what serves.
  Mask breaks(const Stack& s, const std::string& hardware, bool serves) const {
    Mask out = 0;
    const std::string& task = scenario_.task;
    if (task_ != 0 && !works(s.state("task", task))) out |= task_;
    if (serves && phase_ != 0 && !works(s.state("phase", scenario_.phase))) out |= phase_;
    if (!open_part(s, hardware, facts_)) out |= licence_;
    if (s.fact("about", "paid") != nullptr) out |= budget_;
    if (!has(scenario_.makers, s.value("about", "country"))) out |= makers_;
    if (serves && s.value("about", "support") != "strong") out |= support_;
    return out;
  }

  void collect_origins() {
    const bool trains = scenario_.format.empty() && scenario_.training != "none";
    for (const Format& f : facts_.formats) {
      // A file that exists, or whatever is published for anybody to take.
      if (trains || !(scenario_.format.empty() ? f.published : f.id == scenario_.format)) continue;
      Origin file;
      file.formats = {f.id};
      if (f.limit_mb > 0 && scenario_.size_mb > f.limit_mb) file.breaks |= size_;
      origins_.push_back(std::move(file));
    }
    for (const Stack& s : facts_.stacks) {
      if (s.has_role("service") && scenario_.format.empty() && !targets_.empty()) {
        Origin service;
        service.hosted = true;
        service.breaks = framework_ | train_hardware_;
        origins_.push_back(std::move(service));
      }
      if (trains && s.has_role("train")) add_training(s);
    }
  }

  void add_training(const Stack& s) {
    Origin o;
    if (const auto writes = s.facts.find("writes"); writes != s.facts.end())
      for (const auto& [format, fact] : writes->second)
        if (works(fact.state)) o.formats.push_back(format);
    if (scenario_.framework != s.id) o.breaks |= framework_;
    if (!works(s.state("about", "distributed"))) o.breaks |= large_;
    if (system_ != 0 && !works(s.state("system", scenario_.system))) o.breaks |= system_;
    // Where nothing is said about it, the plan leaves the hardware open.
    Words hardware = scenario_.train_hardware.empty() ? Words{""} : vocabulary::kHardware;
    for (const std::string& h : hardware) {
      if (!h.empty() && (!works(s.state("hardware", h)) || s.fact("hardware", h)->value == "inference")) continue;
      Origin with = o;
      with.train = Option{Part{&s, "", h, {}, ""}, 0};
      with.breaks |= breaks(s, h, false);
      if (!has(scenario_.train_hardware, h)) with.breaks |= train_hardware_;
      origins_.push_back(std::move(with));
    }
  }

  std::vector<Option> serve_options(const Origin& origin, const std::string& target) const {
    std::vector<Option> options;
    if (target == kSomeComputer) {
      for (const char* t : {"cloud", "desktop", "edge"})
        for (Option& o : serve_options(origin, t)) options.push_back(std::move(o));
      return options;
    }
    for (const Stack& s : facts_.stacks) {
      if (origin.hosted != s.has_role("service")) continue;
      if (!(s.has_role("serve") || s.has_role("service")) || !works(s.state("target", target))) continue;
      if (origin.hosted) {
        Option o{Part{&s, target, "", {}, ""}, breaks(s, "", true) | placement(s, target, "")};
        options.push_back(std::move(o));
        continue;
      }
      std::vector<Option> routes = routes_to(origin, s);
      for (const std::string& hardware : vocabulary::hardware_of(target)) {
        if (!works(s.state("hardware", hardware))) continue;
        const Mask own = breaks(s, hardware, true) | placement(s, target, hardware);
        for (const Option& route : routes) {
          Option o = route;
          o.part.target = target, o.part.hardware = hardware;
          o.breaks |= own;
          options.push_back(std::move(o));
        }
      }
    }
    return options;
  }

  Mask placement(const Stack& s, const std::string& target, const std::string& hardware) const {
    Mask out = 0;
    const bool own_device = target != "cloud";
    if (s.has_role("service") || (scenario_.privacy == "device" && !own_device)) out |= privacy_;
    if (app_language_ != 0 && !works(s.state("language", scenario_.app_language))) out |= app_language_;
    const bool a_computer = target == "cloud" || target == "desktop";
    if (system_ != 0 && a_computer && !works(s.state("system", scenario_.system))) out |= system_;
    // Hardware that is named counts where the target can have it: a phone is its own hardware.
    const auto& possible = vocabulary::hardware_of(target);
    const bool concerned =
        std::any_of(possible.begin(), possible.end(), [&](const auto& h) { return has(scenario_.serve_hardware, h); });
    if (concerned && !has(scenario_.serve_hardware, hardware)) out |= serve_hardware_;
    if (const Fact* most = s.fact("about", "limit_mb." + target);
        most != nullptr && scenario_.size_mb > std::stod(most->value))
      out |= size_;
    return out;
  }

  // All paths without a circle, of at most three conversions, from the origin to what the stack reads; of those that
  // break the same constraints the best.
  std::vector<Option> routes_to(const Origin& origin, const Stack& s) const {
    std::map<Mask, std::pair<double, Option>> best;
    Words visited;
    std::vector<const Conversion*> path;
    auto walk = [&](auto& self, const std::string& format, Mask broken) -> void {
      visited.push_back(format);
      if (works(s.state("reads", format))) {
        double cost = path_cost(path);
        // One hop less is worth a stack that reads the format only in part.
        if (s.state("reads", format) == State::kPartial) cost += kPartialPenalty;
        Option o{Part{&s, "", "", path, format}, broken};
        const auto [at, fresh] = best.try_emplace(broken, cost, o);
        if (!fresh && cost < at->second.first) at->second = {cost, o};
      }
      for (const Conversion& c : facts_.conversions) {
        if (path.size() == 3 || c.from != format || has(visited, c.to) || !works(c.state)) continue;
        if (!c.tasks.empty() && !has(c.tasks, scenario_.task)) continue;
        const Format& to = *facts_.format(c.to);
        Mask b = broken;
        if (to.limit_mb > 0 && scenario_.size_mb > to.limit_mb) b |= size_;
        if (!is_open(c.licence)) b |= licence_;
        path.push_back(&c);
        self(self, c.to, b);
        path.pop_back();
      }
      visited.pop_back();
    };
    for (const std::string& format : origin.formats) walk(walk, format, 0);
    std::vector<Option> routes;
    for (auto& [mask, found] : best) routes.push_back(std::move(found.second));
    return routes;
  }

  // For one origin: the best part for each target; one stack for all targets; and the best with one part exchanged.
  void add_plans(size_t o, Mask keep, std::vector<Plan>& out) const {
    std::vector<std::vector<Part>> ranked;  // by target: the best option of each stack, best first
    for (size_t t = 0; t < targets_.size(); ++t) {
      if (!needed(t, keep)) continue;
      std::map<std::string, std::pair<double, Part>> by_stack;
      for (const Option& option : serve_[o][t]) {
        if ((option.breaks & keep) != 0) continue;
        const double score = evaluate({with_train(o, {option.part})}).score;
        const auto [at, fresh] = by_stack.try_emplace(option.part.stack->id, score, option.part);
        if (!fresh && score > at->second.first) at->second = {score, option.part};
      }
      std::vector<std::pair<double, Part>> order;
      for (auto& [id, found] : by_stack) order.push_back(std::move(found));
      std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
      ranked.emplace_back();
      for (auto& [score, part] : order) ranked.back().push_back(std::move(part));
    }
    std::vector<Part> first;
    for (const auto& options : ranked) first.push_back(options[0]);
    out.push_back(evaluate(with_train(o, first)));
    if (ranked.empty()) return;
    for (size_t t = 0; t < ranked.size(); ++t)
      for (size_t i = 1; i < std::min<size_t>(ranked[t].size(), 6); ++i) {
        std::vector<Part> other = first;
        other[t] = ranked[t][i];
        out.push_back(evaluate(with_train(o, other)));
      }
    if (ranked.size() < 2) return;
    for (const Part& candidate : ranked[0]) {
      std::vector<Part> same;
      for (const auto& options : ranked)
        for (const Part& p : options)
          if (p.stack == candidate.stack) same.push_back(p);
      if (same.size() == ranked.size()) out.push_back(evaluate(with_train(o, same)));
    }
  }

  std::vector<Part> with_train(size_t o, std::vector<Part> parts) const {
    if (origins_[o].train) parts.insert(parts.begin(), origins_[o].train->part);
    return parts;
  }

  Plan evaluate(std::vector<Part> parts) const {
    Plan plan{std::move(parts), {}, 0};
    score(plan, scenario_, facts_);
    return plan;
  }

  const Scenario& scenario_;
  const Facts& facts_;
  std::vector<Constraint> constraints_;
  Mask task_ = 0, phase_ = 0, large_ = 0, train_hardware_ = 0, serve_hardware_ = 0, system_ = 0, app_language_ = 0,
       framework_ = 0, size_ = 0, privacy_ = 0, licence_ = 0, budget_ = 0, support_ = 0, makers_ = 0;
  Words targets_;
  std::vector<Mask> target_bits_;
  std::vector<Origin> origins_;
  std::vector<std::vector<std::vector<Option>>> serve_;  // by origin and target
};

// The best plan without some constraints. Without any target it runs somewhere else, wherever that is best.
class Relaxed {
 public:
  Relaxed(const Search& search, const Scenario& scenario, const Facts& facts)
      : search_(search), scenario_(scenario), facts_(facts) {}

  std::optional<Plan> without(Mask dropped) {
    std::optional<Plan> best;
    auto offer = [&](std::vector<Plan> plans) {
      if (!plans.empty() && (!best || plans[0].score > best->score)) best = std::move(plans[0]);
    };
    size_t targets = 0;
    for (const Constraint& c : members(dropped)) targets += c.key == "deploy.targets" ? 1 : 0;
    if (targets == 0 || targets < scenario_.targets.size()) {
      offer(search_.plans(search_.all() & ~dropped, 1));
      return best;
    }
    if (elsewhere_.empty()) make_elsewhere();
    for (const Elsewhere& e : elsewhere_) {
      Mask keep = e.search.all();
      for (size_t i = 0; i < e.search.constraints().size(); ++i)
        for (const Constraint& c : members(dropped))
          if (const Constraint& own = e.search.constraints()[i]; own.key == c.key && own.key != "deploy.targets")
            keep &= ~(Mask{1} << i);
      offer(e.search.plans(keep, 1));
    }
    return best;
  }

  std::vector<Constraint> members(Mask mask) const {
    std::vector<Constraint> found;
    for (size_t i = 0; i < search_.constraints().size(); ++i)
      if ((mask >> i & 1) != 0) found.push_back(search_.constraints()[i]);
    return found;
  }

 private:
  struct Elsewhere {
    Elsewhere(const Scenario& s, const std::string& target, const Facts& f)
        : scenario(at(s, target)), search(scenario, f) {}
    Elsewhere(const Elsewhere&) = delete;  // the search refers to the scenario
    Elsewhere& operator=(const Elsewhere&) = delete;
    static Scenario at(Scenario s, const std::string& target) {
      s.targets = {target};
      return s;
    }
    Scenario scenario;
    Search search;
  };

  void make_elsewhere() {
    for (const std::string& target : vocabulary::kTargets)
      if (!has(scenario_.targets, target)) elsewhere_.emplace_back(scenario_, target, facts_);
  }

  const Search& search_;
  const Scenario& scenario_;
  const Facts& facts_;
  std::deque<Elsewhere> elsewhere_;
};

// The smallest sets within `conflict` without which there is a plan; only such as have little more than one of each of
// the `least` conflicts.
std::vector<std::pair<std::vector<Constraint>, Plan>> sets_to_give_up(Relaxed& relaxed, Mask conflict, int least) {
  constexpr size_t kMost = 6;
  std::vector<std::pair<std::vector<Constraint>, Plan>> found;
  for (int size = std::max(2, least); size <= std::max(2, least) + 1 && found.empty(); ++size)
    // All parts of the mask, from the smallest number to the mask itself.
    for (Mask part = conflict & (~conflict + 1); part != 0; part = (part - conflict) & conflict)
      if (std::popcount(part) == size)
        if (std::optional<Plan> plan = relaxed.without(part))
          found.emplace_back(relaxed.members(part), std::move(*plan));
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.second.score > b.second.score; });
  if (found.size() > kMost) found.resize(kMost);
  return found;
}

}  // namespace

Choice choose(const Scenario& scenario, const Facts& facts, size_t most) {
  const Search search(scenario, facts);
  Choice choice;
  choice.constraints = search.constraints();
  choice.plans = search.plans(search.all(), most);
  if (!choice.plans.empty()) return choice;
  Relaxed relaxed(search, scenario, facts);
  const std::vector<Mask> conflicts = search.conflicts();
  Mask all = 0;
  for (const Mask conflict : conflicts) {
    choice.conflicts.push_back(relaxed.members(conflict));
    all |= conflict;
  }
  choice.conflict = relaxed.members(all);
  // Only a member of each conflict can end it.
  for (size_t i = 0; conflicts.size() == 1 && i < choice.constraints.size(); ++i)
    if ((all >> i & 1) != 0)
      if (std::optional<Plan> plan = relaxed.without(Mask{1} << i))
        choice.relaxations.emplace_back(choice.constraints[i], std::move(*plan));
  if (choice.relaxations.empty()) choice.give_up = sets_to_give_up(relaxed, all, static_cast<int>(conflicts.size()));
  return choice;
}

std::string title(const Plan& plan) {
  std::vector<std::string> names;
  for (const Part& p : plan.parts)
    if (!has(names, p.stack->name)) names.push_back(p.stack->name);
  return fmt::format("{}", fmt::join(names, " + "));
}

bool is_open(std::string_view spdx) {
  static constexpr std::array kOpen = {
      "Apache-2.0",        "MIT",     "BSD-3-Clause", "BSD-2-Clause", "Apache-2.0 WITH LLVM-exception",
      "Apache-2.0 OR MIT", "MPL-2.0", "LGPL-3.0-only"};
  return std::find(kOpen.begin(), kOpen.end(), spdx) != kOpen.end();
}

}  // namespace ecotone::engine
