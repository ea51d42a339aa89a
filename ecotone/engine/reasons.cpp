// Why a plan, and what it costs: sentences, each with where it comes from.

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "ecotone/engine/plan.h"
#include "ecotone/engine/plan_score.h"

namespace ecotone::engine {
namespace {

using Side = Reason::Side;

class Writer {
 public:
  Writer(const Scenario& scenario, const Facts& facts, const Messages& m) : scenario_(scenario), facts_(facts), m_(m) {}

  std::vector<Reason> write(const Plan& plan) {
    for (const Part& p : plan.parts) {
      hardware(p);
      if (!p.trains()) {
        target(p);
        route(p);
        speed(p);
      }
      about(p);
      wishes(p);
    }
    return std::move(reasons_);
  }

 private:
  std::string note(const std::string& english, const std::string& chinese) const {
    const std::string& text = m_.language() == Language::kChinese && !chinese.empty() ? chinese : english;
    return text.empty() ? "" : m_.format(" ({})", text);
  }

  std::string name(std::string_view word) const { return m_(vocabulary::title(word)); }

  // The same sentence is not said of two parts.
  void add(Reason::Kind kind, Side side, std::string text, const Source* source = nullptr) {
    if (said_.insert(text).second) reasons_.push_back({kind, side, std::move(text), source});
  }

  void cite(const Fact* f, const std::string& text) {
    if (f == nullptr) return;
    const Side side = f->state == State::kYes ? Side::kFor : Side::kAgainst;
    add(Reason::Kind::kCited, side, text + note(f->note, f->zh), f->source);
  }

  void hardware(const Part& p) {
    if (p.trains() && p.hardware.empty()) return open_hardware(p);
    const Fact* f = p.stack->fact("hardware", p.hardware);
    if (f == nullptr) return;
    const std::string where = name(p.hardware);
    cite(f, f->state == State::kYes ? m_.format("{} runs on {}", p.stack->name, where)
                                    : m_.format("{} runs on {} in part", p.stack->name, where));
    if (f->via.empty()) return;
    const Stack& platform = *facts_.stack(f->via);
    if (const Fact* licence = platform.fact("about", "licence"); !is_open(licence->value))
      add(Reason::Kind::kCited, Side::kAgainst,
          m_.format("on {} through {}, which is not open source and ties you to one maker", where, platform.name),
          licence->source);
  }

  // Where the scenario says nothing, all that the stack trains on in full.
  void open_hardware(const Part& p) {
    std::string names;
    const Source* source = nullptr;
    for (const std::string& h : vocabulary::kHardware)
      if (const Fact* f = p.stack->fact("hardware", h); f != nullptr && f->state == State::kYes) {
        names += (names.empty() ? "" : ", ") + name(h);
        if (source == nullptr) source = f->source;
      }
    add(Reason::Kind::kCited, Side::kFor, m_.format("{} trains on your choice of: {}", p.stack->name, names), source);
  }

  void target(const Part& p) {
    const Fact* f = p.stack->fact("target", p.target);
    cite(f, f->state == State::kYes ? m_.format("{} is made for: {}", p.stack->name, name(p.target))
                                    : m_.format("{} serves in part: {}", p.stack->name, name(p.target)));
  }

  void route(const Part& p) {
    for (const Conversion* c : p.path) {
      const std::string from = facts_.format(c->from)->name, to = facts_.format(c->to)->name;
      const Side side = c->state == State::kYes ? Side::kFor : Side::kAgainst;
      const std::string text = m_.format("{} makes {} of {}", c->tool, m_(to), m_(from)) + note(c->note, c->zh);
      add(c->measured ? Reason::Kind::kMeasured : Reason::Kind::kCited, side, text, c->source);
    }
    if (p.path.empty() && !p.format.empty() && !p.stack->has_role("service"))
      cite(p.stack->fact("reads", p.format), m_.format("{} takes the model as it is, no conversion", p.stack->name));
  }

  void speed(const Part& p) {
    const Speed speed = measured_speed(*p.stack, p.hardware, scenario_.task, facts_);
    for (const Measurement* x : speed.of) {
      double fastest = x->ms;
      for (const Measurement& other : facts_.measurements)
        if (other.hardware == x->hardware && other.model == x->model) fastest = std::min(fastest, other.ms);
      add(Reason::Kind::kMeasured, x->ms <= 1.5 * fastest ? Side::kFor : Side::kAgainst,
          m_.format("{} took {} ms for {}; the fastest measured took {} ms", p.stack->name, x->ms, x->model, fastest),
          x->source);
    }
    if (speed.of.empty() && !p.hardware.empty())
      add(Reason::Kind::kNotMeasured, Side::kAgainst,
          m_.format("nobody measured {} on {} at such a task here: measure your model before you decide", p.stack->name,
                    name(p.hardware)));
  }

  void about(const Part& p) {
    const Stack& s = *p.stack;
    if (const Fact* f = s.fact("about", "licence"))
      add(Reason::Kind::kCited, is_open(f->value) ? Side::kFor : Side::kAgainst,
          is_open(f->value) ? m_.format("{} is open source ({})", s.name, f->value)
                            : m_.format("{} is not open source", s.name) + note(f->note, f->zh),
          f->source);
    if (const Fact* f = s.fact("about", "curve")) {
      const bool gentle = f->value == "gentle";
      if (f->value != "moderate")
        add(Reason::Kind::kCited, gentle ? Side::kFor : Side::kAgainst,
            (gentle ? m_.format("{} is easy to learn", s.name) : m_.format("{} takes long to learn", s.name)) +
                note(f->note, f->zh),
            f->source);
    }
    if (const Fact* f = s.fact("about", "support");
        f != nullptr && scenario_.support == "commercial" && f->value == "strong")
      add(Reason::Kind::kCited, Side::kFor, m_.format("{} has commercial support", s.name) + note(f->note, f->zh),
          f->source);
    if (const Fact* f = s.fact("about", "chinese");
        f != nullptr && scenario_.data_language == "zh" && f->state == State::kYes)
      cite(f, m_.format("{} has models for Chinese", s.name));
    for (const char* warning : {"paid", "telemetry", "privacy"})
      if (const Fact* f = s.fact("about", warning))
        add(Reason::Kind::kCited, Side::kAgainst, s.name + note(f->note, f->zh), f->source);
    const Fact* phase = s.fact("phase", scenario_.phase);
    if (phase != nullptr && phase->state == State::kPartial)
      add(Reason::Kind::kCited, Side::kAgainst,
          m_.format("{} is only partly for this phase", s.name) + note(phase->note, phase->zh), phase->source);
    if (const Fact* f = s.fact("task", scenario_.task)) {
      if (f->state == State::kPartial)
        add(Reason::Kind::kCited, Side::kAgainst,
            m_.format("{} covers this task in part", s.name) + note(f->note, f->zh), f->source);
      else if (!f->note.empty())
        add(Reason::Kind::kCited, Side::kFor, m_.format("{} fits this task", s.name) + note(f->note, f->zh), f->source);
    }
    if (!p.trains() && !s.has_role("service") && vendors(s) == 1)
      add(Reason::Kind::kCited, Side::kAgainst, m_.format("{} runs on one maker's hardware alone", s.name),
          s.facts.at("hardware").begin()->second.source);
  }

  void wishes(const Part& p) {
    const Stack& s = *p.stack;
    if (has(scenario_.knows, s.id)) add(Reason::Kind::kPreference, Side::kFor, m_.format("your team knows {}", s.name));
    if (p.trains() && scenario_.framework == s.id)
      add(Reason::Kind::kPreference, Side::kFor, m_.format("your code is in {} already", s.name));
    if (has(p.trains() ? scenario_.train_hardware : scenario_.serve_hardware, p.hardware))
      add(Reason::Kind::kPreference, Side::kFor, m_.format("you have this hardware: {}", name(p.hardware)));
    if (const bool known = std::any_of(scenario_.languages.begin(), scenario_.languages.end(),
                                       [&](const auto& l) { return s.state("language", l) != State::kNo; });
        !scenario_.languages.empty() && !known && !s.has_role("service"))
      add(Reason::Kind::kPreference, Side::kAgainst,
          m_.format("{} has no interface in a language that your team writes", s.name));
    if (!scenario_.knows.empty() && p.trains() && !has(scenario_.knows, s.id))
      add(Reason::Kind::kPreference, Side::kAgainst, m_.format("your team would have to learn {}", s.name));
  }

  const Scenario& scenario_;
  const Facts& facts_;
  const Messages& m_;
  std::vector<Reason> reasons_;
  std::set<std::string> said_;
};

}  // namespace

// Facts name the source of what we measured after the machine.
std::string Reason::machine() const {
  constexpr std::string_view kOn = "on ";
  return kind == Kind::kMeasured && source != nullptr && source->name.starts_with(kOn) ? source->name.substr(kOn.size())
                                                                                       : "";
}

std::string_view name(Reason::Kind kind) {
  constexpr std::string_view kKinds[] = {"measured", "cited", "preference", "not measured"};
  return kKinds[static_cast<size_t>(kind)];
}

std::string mark(const Reason& reason, const Messages& m) {
  switch (reason.kind) {
    case Reason::Kind::kMeasured: {
      const std::string machine = reason.machine();
      return m("measured") + (machine.empty() ? "" : m.format(" ({})", machine));
    }
    case Reason::Kind::kCited:
      return m("cited");
    case Reason::Kind::kPreference:
      return m("yours");
    case Reason::Kind::kNotMeasured:
      break;
  }
  return m("not measured");
}

std::vector<Reason> reasons(const Plan& plan, const Scenario& scenario, const Facts& facts, const Messages& m) {
  return Writer(scenario, facts, m).write(plan);
}

}  // namespace ecotone::engine
