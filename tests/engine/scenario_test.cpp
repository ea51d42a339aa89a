#include "ecotone/engine/scenario.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "ecotone/base/error.h"
#include "ecotone/engine/facts.h"
#include "ecotone/engine/plan.h"

namespace ecotone::engine {
namespace {

using Words = std::vector<std::string>;

std::string message_of(std::string_view toml) {
  try {
    parse_scenario(toml, "team.toml");
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

bool says(const std::string& message, const Words& words) {
  return std::all_of(words.begin(), words.end(), [&](const auto& w) { return message.find(w) != std::string::npos; });
}

TEST(Scenarios, ErrorsTellWhereAndWhatIsAllowed) {
  EXPECT_EQ(message_of("phase = \"production\"\n"), "no error");
  EXPECT_TRUE(says(message_of("phase = \"soon\"\n"), {"team.toml:1:9", "phase", "'soon'", "prototype", "production"}));
  EXPECT_TRUE(
      says(message_of("\n[hardware]\ntrains = [\"x\"]\n"), {"team.toml:3:10", "hardware.trains", "hardware.train"}));
  EXPECT_TRUE(says(message_of("[hardware]\ntrain = \"amd-gpu\"\n"), {"team.toml:2:9", "list"}));
  EXPECT_TRUE(says(message_of("[hardware]\ntrain = [\"amd\"]\n"), {"team.toml:2:10", "'amd'", "amd-gpu"}));
  EXPECT_TRUE(says(message_of("[hardware]\ntrain = [\"amd-gpu\", \"amd-gpu\"]\n"), {"twice"}));
  EXPECT_TRUE(says(message_of("[model]\nsize_mb = -1\n"), {"team.toml:2:11", "above 0"}));
  EXPECT_TRUE(says(message_of("[model]\nsize_mb = \"big\"\n"), {"above 0"}));
  EXPECT_TRUE(says(message_of("[model]\nsize_mb = nan\n"), {"above 0"}));
  EXPECT_TRUE(says(message_of("task = 7\n"), {"task", "text"}));
  EXPECT_TRUE(says(message_of("team = 7\n"), {"'team'", "team"}));
  EXPECT_TRUE(says(message_of("[weights]\nspeed = 1\n"), {"'speed'", "performance"}));
  EXPECT_TRUE(says(message_of("[weights]\nease = -1\n"), {"weights.ease", "0 to 100"}));
  EXPECT_TRUE(says(message_of("[wishes]\nsoft = [\"all\"]\n"), {"wishes.soft", "'all'", "limits.licence"}));
  EXPECT_TRUE(says(message_of("[wishes]\nhard = []\n"), {"wishes.hard"}));
  EXPECT_TRUE(says(message_of("phase = \"prod\nuction\"\n"), {"team.toml:1"}));
}

bool equal(const Scenario& a, const Scenario& b) {
  return write_scenario(a) == write_scenario(b);
}

// A scenario of random musts; what is soft and the weights stay as they are.
Scenario random_scenario(std::mt19937& random, double share) {
  Scenario s;
  auto chance = [&] { return std::uniform_real_distribution<>(0, 1)(random) < share; };
  auto one_of = [&](const Words& words) { return words[random() % words.size()]; };
  for (const ScenarioKey& k : scenario_keys()) {
    if (!chance()) continue;
    if (k.word != nullptr) s.*k.word = k.allowed.empty() ? "a \"title\"\\\n" : one_of(k.allowed);
    if (k.number != nullptr) s.*k.number = std::pow(10.0, static_cast<double>(random() % 6));
    if (k.words == nullptr) continue;
    const Words from = k.allowed.empty() ? Words{"CN", "US"} : k.allowed;
    for (int i = 0; i < 2; ++i)
      if (const std::string w = one_of(from);
          std::find((s.*k.words).begin(), (s.*k.words).end(), w) == (s.*k.words).end())
        (s.*k.words).push_back(w);
  }
  return s;
}

TEST(Scenarios, WhatIsWrittenReadsBack) {
  std::mt19937 random(1);
  for (int i = 0; i < 50; ++i) {
    Scenario s = random_scenario(random, 0.5);
    s.weights["ease"] = 2.5;
    s.soft = {"limits.licence"};
    EXPECT_TRUE(equal(parse_scenario(write_scenario(s), "x"), s)) << write_scenario(s);
  }
}

// The scenario with only these of its musts; what is no must stays.
Scenario restricted(const Scenario& s, const std::vector<Constraint>& musts, const std::vector<Constraint>& keep) {
  Scenario out = s;
  auto kept = [&](const std::string& key) {
    return std::any_of(keep.begin(), keep.end(), [&](const auto& c) { return c.key == key; });
  };
  for (const ScenarioKey& k : scenario_keys()) {
    const bool must = std::any_of(musts.begin(), musts.end(), [&](const auto& c) { return c.key == k.name; });
    if (!must || kept(k.name)) continue;
    if (k.word != nullptr) (out.*k.word).clear();
    if (k.words != nullptr) (out.*k.words).clear();
    if (k.number != nullptr) out.*k.number = 0;
  }
  if (!out.targets.empty()) {
    out.targets.clear();
    for (const Constraint& c : keep)
      if (c.key == "deploy.targets") out.targets.push_back(c.value);
  }
  return out;
}

// No plan under the conflict alone; a plan as soon as any member is left out. A phase that serves without a target is
// served by servers, so that leaving out a target says something else then: those are left out.
TEST(Conflicts, AreSmallest) {
  std::mt19937 random(2);
  const Facts& facts = installed_facts();
  int conflicts = 0;
  for (int i = 0; i < 150; ++i) {
    Scenario s = random_scenario(random, 0.35);
    s.format.clear(), s.training.clear();
    const Choice choice = choose(s, facts);
    if (!choice.plans.empty()) {
      EXPECT_TRUE(choice.conflict.empty());
      continue;
    }
    ++conflicts;
    ASSERT_FALSE(choice.conflict.empty()) << write_scenario(s);
    size_t members = 0;
    for (const auto& conflict : choice.conflicts) {
      members += conflict.size();
      const bool names_target =
          std::any_of(conflict.begin(), conflict.end(), [](const auto& c) { return c.key == "deploy.targets"; });
      if (!names_target && !s.targets.empty()) continue;
      EXPECT_TRUE(choose(restricted(s, choice.constraints, conflict), facts).plans.empty()) << write_scenario(s);
      for (size_t k = 0; k < conflict.size(); ++k) {
        std::vector<Constraint> fewer = conflict;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(k));
        const Scenario less = restricted(s, choice.constraints, fewer);
        if (less.targets.empty() && !s.targets.empty()) continue;
        EXPECT_FALSE(choose(less, facts).plans.empty()) << conflict[k].key << "\n" << write_scenario(s);
      }
    }
    EXPECT_EQ(members, choice.conflict.size());  // none is in two conflicts
  }
  EXPECT_GT(conflicts, 30);
}

TEST(Conflicts, RelaxationsGiveWhatTheyPromise) {
  std::mt19937 random(3);
  const Facts& facts = installed_facts();
  int checked = 0;
  for (int i = 0; i < 150; ++i) {
    const Scenario s = random_scenario(random, 0.3);
    const Choice choice = choose(s, facts);
    for (const auto& [without, plan] : choice.relaxations) {
      if (without.key == "deploy.targets") continue;  // it goes elsewhere
      std::vector<Constraint> rest;
      for (const Constraint& c : choice.constraints)
        if (c.key != without.key) rest.push_back(c);
      EXPECT_FALSE(choose(restricted(s, {without}, rest), facts).plans.empty()) << without.key << "\n"
                                                                                << write_scenario(s);
      ++checked;
    }
  }
  EXPECT_GT(checked, 15);
}

// Two conflicts that have nothing in common: both are told, and that one of each must go.
TEST(Conflicts, AllAreTold) {
  const Scenario s = parse_scenario(
      "task = \"text\"\n[deploy]\ntargets = [\"browser\", \"cloud\"]\n[model]\nsize_mb = 16000\n"
      "[limits]\nprivacy = \"device\"\n",
      "x");
  const Choice choice = choose(s, installed_facts());
  EXPECT_TRUE(choice.plans.empty());
  const auto keys = [](const std::vector<Constraint>& musts) {
    Words words;
    for (const Constraint& c : musts) words.push_back(c.key + " = " + c.value);
    std::sort(words.begin(), words.end());
    return words;
  };
  ASSERT_EQ(choice.conflicts.size(), 2u);
  std::vector<Words> found = {keys(choice.conflicts[0]), keys(choice.conflicts[1])};
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found[0], (Words{"deploy.targets = browser", "model.size_mb = 16000"}));
  EXPECT_EQ(found[1], (Words{"deploy.targets = cloud", "limits.privacy = device"}));
  EXPECT_TRUE(choice.relaxations.empty());
  ASSERT_FALSE(choice.give_up.empty());
  for (const auto& [musts, plan] : choice.give_up) {
    EXPECT_EQ(musts.size(), 2u);
    EXPECT_FALSE(plan.parts.empty());
  }
}

TEST(Scenarios, AnswersOfTheInterview) {
  const Messages m(Language::kEnglish);
  Scenario s;
  auto answer = [&](const std::string& name, const std::string& text) {
    for (const ScenarioKey& k : scenario_keys())
      if (k.name == name) {
        EXPECT_FALSE(k.question.empty()) << name;
        return take_answer(s, k, text, m);
      }
    return "there is no key " + name;
  };
  EXPECT_EQ(answer("data.size", "large"), "");
  EXPECT_EQ(answer("data.language", " zh "), "");
  EXPECT_EQ(answer("team.size", "4"), "");
  EXPECT_EQ(answer("deploy.targets", "ios, android,ios"), "");
  EXPECT_EQ(answer("phase", ""), "");
  EXPECT_EQ(s.data_size + s.data_language + s.phase, "largezh");
  EXPECT_EQ(s.team_size, 4);
  EXPECT_EQ(s.targets, (Words{"ios", "android"}));
  for (const char* wrong : {"-1", "0", "four", "4 people", "1,2", "nan", "inf"})
    EXPECT_NE(answer("team.size", wrong), "") << wrong;
  EXPECT_TRUE(says(answer("task", "painting"), {"'painting'"}));
  EXPECT_NE(answer("task", "vision, text"), "");
  EXPECT_EQ(s.team_size, 4);
}

// Every plan keeps the musts, by the facts themselves.
TEST(Plans, KeepTheMusts) {
  std::mt19937 random(4);
  const Facts& facts = installed_facts();
  auto in = [](const Words& words, const std::string& w) {
    return std::find(words.begin(), words.end(), w) != words.end();
  };
  auto works = [](const Stack& s, const char* group, const std::string& key) {
    return s.state(group, key) >= State::kPartial;
  };
  int plans = 0;
  for (int i = 0; i < 200; ++i) {
    const Scenario s = random_scenario(random, 0.25);
    for (const Plan& plan : choose(s, facts).plans) {
      ++plans;
      SCOPED_TRACE(title(plan) + "\n" + write_scenario(s));
      ASSERT_FALSE(plan.parts.empty());
      EXPECT_GE(plan.score, 0);
      EXPECT_LE(plan.score, 1);
      Words served;
      for (const Part& p : plan.parts) {
        if (!p.trains()) served.push_back(p.target);
        if (!s.task.empty()) {
          EXPECT_TRUE(works(*p.stack, "task", s.task));
        }
        if (s.licence == "open") {
          EXPECT_TRUE(is_open(p.stack->value("about", "licence")));
        }
        if (!s.makers.empty()) {
          EXPECT_TRUE(in(s.makers, p.stack->value("about", "country")));
        }
        if (p.trains() && !s.train_hardware.empty()) {
          EXPECT_TRUE(in(s.train_hardware, p.hardware));
        }
        if (p.trains() && !s.framework.empty()) {
          EXPECT_EQ(p.stack->id, s.framework);
        }
        if (!p.trains() && !s.app_language.empty()) {
          EXPECT_TRUE(works(*p.stack, "language", s.app_language));
        }
        if (!p.trains()) {
          EXPECT_TRUE(works(*p.stack, "target", p.target));
        }
        if (!p.hardware.empty()) {
          EXPECT_TRUE(works(*p.stack, "hardware", p.hardware));
        }
        if (s.privacy == "device") {
          EXPECT_NE(p.target, "cloud");
        }
        // The path leads from what the training stack writes to what the serving one reads, step by step.
        std::string at = p.path.empty() ? p.format : p.path.front()->from;
        if (!p.trains() && plan.parts[0].trains()) {
          EXPECT_TRUE(works(*plan.parts[0].stack, "writes", at));
        }
        for (const Conversion* c : p.path) {
          EXPECT_EQ(c->from, at);
          at = c->to;
          if (s.licence == "open") {
            EXPECT_TRUE(is_open(c->licence));
          }
        }
        if (!p.trains() && !p.stack->has_role("service")) {
          EXPECT_TRUE(works(*p.stack, "reads", at));
        }
      }
      if (!s.targets.empty()) {
        EXPECT_EQ(served, s.targets);
      }
    }
  }
  EXPECT_GT(plans, 100);
}

// What rules parts out, and changes no weight, never makes the best plan better.
TEST(Plans, AMustNeverHelps) {
  std::mt19937 random(5);
  const Facts& facts = installed_facts();
  int compared = 0;
  for (int i = 0; i < 80; ++i) {
    Scenario with = random_scenario(random, 0.2);
    with.licence = "open";
    Scenario without = with;
    without.licence.clear();
    const Choice a = choose(with, facts), b = choose(without, facts);
    if (a.plans.empty()) continue;
    ASSERT_FALSE(b.plans.empty());
    EXPECT_LE(a.plans[0].score, b.plans[0].score + 1e-12) << write_scenario(with);
    ++compared;
  }
  EXPECT_GT(compared, 20);
}

std::string best(const std::string& toml) {
  const Choice choice = choose(parse_scenario(toml, "x"), installed_facts());
  return choice.plans.empty() ? "none" : title(choice.plans[0]);
}
std::string serving(const std::string& toml) {
  const Choice choice = choose(parse_scenario(toml, "x"), installed_facts());
  return choice.plans.empty() ? "none" : choice.plans[0].parts.back().stack->id;
}

// Pairs that differ in one line, and must differ in the answer.
TEST(Plans, OneConstraintChangesTheAnswer) {
  // Stacks made in China.
  EXPECT_EQ(best("phase = \"prototype\"\ntask = \"vision\"\n"), "PyTorch");
  EXPECT_EQ(best("phase = \"prototype\"\ntask = \"vision\"\n[limits]\nmakers = [\"CN\"]\n"), "PaddlePaddle");
  // Derivatives of any order rather than pictures.
  const std::string experts = "phase = \"prototype\"\n[team]\nexperience = \"expert\"\n";
  EXPECT_EQ(best("task = \"vision\"\n" + experts), "PyTorch");
  EXPECT_EQ(best("task = \"scientific\"\n" + experts), "JAX");
  // The language of the application.
  const std::string edge = "[model]\nformat = \"onnx\"\n[deploy]\ntargets = [\"edge\"]\nlanguage = ";
  EXPECT_EQ(serving(edge + "\"rust\"\n"), "tract");
  EXPECT_EQ(serving(edge + "\"c#\"\n"), "onnxruntime");
  // What fits a microcontroller.
  const std::string tiny =
      "phase = \"production\"\ntask = \"speech\"\n[deploy]\ntargets = [\"mcu\"]\n[model]\nsize_mb = ";
  EXPECT_EQ(serving(tiny + "0.2\n"), "litert-micro");
  EXPECT_EQ(serving(tiny + "3\n"), "executorch");
  EXPECT_EQ(serving(tiny + "100\n"), "none");
  // A page has no room for 16 GB.
  const std::string page = "task = \"text\"\n[deploy]\ntargets = [\"browser\"]\n[model]\nsize_mb = ";
  EXPECT_NE(best(page + "100\n"), "none");
  EXPECT_EQ(best(page + "16000\n"), "none");
  // CUDA is not open source: what stays on an NVIDIA GPU goes through Vulkan.
  const std::string gpu =
      "phase = \"production\"\ntask = \"vision\"\n[model]\nformat = \"onnx\"\n[hardware]\nserve = "
      "[\"nvidia-gpu\"]\n[deploy]\ntargets = [\"cloud\"]\n";
  EXPECT_EQ(serving(gpu), "onnxruntime");
  EXPECT_EQ(serving(gpu + "[limits]\nlicence = \"open\"\n"), "ncnn");
  // Intel's stack where Intel's processor serves.
  const std::string fast =
      "phase = \"optimize\"\n[model]\nformat = \"onnx\"\n[deploy]\ntargets = [\"cloud\"]\n[hardware]\nserve = ";
  EXPECT_EQ(serving(fast + "[\"x86-cpu\"]\n"), "openvino");
  EXPECT_EQ(serving(fast + "[\"nvidia-gpu\"]\n"), "onnxruntime");
  // A service may have the data, or not.
  const std::string hosted =
      "task = \"llm\"\n[model]\ntraining = \"none\"\n[deploy]\ntargets = [\"cloud\"]\n[weights]\nsupport = 50\nease = "
      "50\n";
  EXPECT_EQ(serving(hosted), "hosted-api");
  EXPECT_NE(serving(hosted + "[limits]\nprivacy = \"own\"\n"), "hosted-api");
}

// What we measured was measured on another machine; what nobody measured is no wish of the user's.
TEST(Reasons, SayWhereTheyComeFrom) {
  const Messages m(Language::kEnglish);
  auto marks = [&](const std::string& toml) {
    const Scenario s = parse_scenario(toml, "x");
    const Choice choice = choose(s, installed_facts());
    Words found;
    for (const Plan& p : choice.plans)
      for (const Reason& r : reasons(p, s, installed_facts(), m)) {
        found.push_back(mark(r, m));
        EXPECT_EQ(r.text.starts_with("nobody measured"), r.kind == Reason::Kind::kNotMeasured) << r.text;
        EXPECT_EQ(r.source != nullptr, r.kind == Reason::Kind::kMeasured || r.kind == Reason::Kind::kCited) << r.text;
      }
    return found;
  };
  auto in = [](const Words& words, const char* w) { return std::find(words.begin(), words.end(), w) != words.end(); };
  const std::string server = "phase = \"production\"\ntask = \"vision\"\n[deploy]\ntargets = [\"cloud\"]\n";
  Words found = marks(server + "[hardware]\nserve = [\"x86-cpu\"]\n[model]\nformat = \"onnx\"\n");
  EXPECT_TRUE(in(found, "measured (Zen 4)"));
  EXPECT_TRUE(in(found, "yours"));
  found = marks(server + "[hardware]\nserve = [\"nvidia-gpu\"]\n[model]\nformat = \"onnx\"\n");
  EXPECT_TRUE(in(found, "not measured"));
}

TEST(Plans, WishesAreWeighedNotRequired) {
  const std::string must = "phase = \"prototype\"\ntask = \"vision\"\n[limits]\nmakers = [\"FR\"]\n";
  EXPECT_EQ(best(must), "none");
  EXPECT_EQ(best(must + "[wishes]\nsoft = [\"limits.makers\"]\n"), "PyTorch");
  // A wish that can be had is had, if it weighs enough.
  const std::string wish =
      "phase = \"prototype\"\ntask = \"vision\"\n[limits]\nmakers = [\"CN\"]\n[wishes]\nsoft = [\"limits.makers\"]\n";
  EXPECT_EQ(best(wish + "[weights]\nwishes = 0\n"), "PyTorch");
  EXPECT_EQ(best(wish + "[weights]\nwishes = 20\n"), "PaddlePaddle");
}

// We are the referee: nothing makes our own stack win that its facts don't say.
TEST(Plans, OurselvesOnlyWhereTheFactsSaySo) {
  std::mt19937 random(6);
  for (int i = 0; i < 100; ++i) {
    Scenario s = random_scenario(random, 0.3);
    s.phase = "production";
    for (const Plan& plan : choose(s, installed_facts()).plans)
      for (const Part& p : plan.parts) EXPECT_NE(p.stack->id, "ecotone");
  }
}

}  // namespace
}  // namespace ecotone::engine
