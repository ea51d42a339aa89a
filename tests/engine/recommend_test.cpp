// Recommendations and checks on races that are made up: which orders are proven, which decisions hold.
#include "ecotone/engine/recommend.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "ecotone/base/error.h"

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;

const Messages kEnglish(Language::kEnglish);

// An engine that agrees; its turns take these times in ms, over and over.
Row timed(const std::string& engine, std::vector<double> turns_ms, double peak_mb = 100) {
  Row r;
  r.engine = engine;
  r.status = Row::Status::kTimed;
  r.agreement.emplace();
  r.agreement->agrees = r.agreement->within_rounding = true;
  for (size_t i = 0; i < 20; ++i) r.timing.turns.push_back(turns_ms[i % turns_ms.size()] / 1e3);
  r.timing.seconds = r.timing.turns;
  r.peak_bytes = static_cast<int64_t>(peak_mb * 1e6);
  r.load_seconds = 0.1;
  r.first_seconds = turns_ms[0] / 1e3;
  r.artifact_bytes = 2'000'000;
  return r;
}

CompareReport race(std::vector<Row> rows) {
  CompareReport report;
  report.cases.resize(1);
  report.cases[0].shapes = "x=1,3";
  report.cases[0].rows = std::move(rows);
  return report;
}

void make_noisy(CaseReport& c) {
  c.noise.others_cores = 3, c.noise.limit_cores = 0.1;
}

bool has(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}

nlohmann::json machine_of(const std::string& cpu, const std::string& gpu = "") {
  nlohmann::json machine{{"architecture", "x86_64"}, {"cpu", cpu}, {"gpus", nlohmann::json::array()}};
  if (!gpu.empty()) machine["gpus"].push_back(gpu);
  return machine;
}

std::string doubt(const CompareReport& report, Goal goal) {
  return recommend(report, goal, 1, kEnglish)->doubt;
}

std::string best(const CompareReport& report, Goal goal) {
  return recommend(report, goal, 1, kEnglish)->ranking[0].row->engine;
}

TEST(Recommend, TimesAreProvenUndecidedOrTied) {
  for (const Goal goal : {Goal::kLatency, Goal::kThroughput, Goal::kCost}) {
    EXPECT_EQ(doubt(race({timed("onnxruntime", {1}), timed("opencv", {1.5})}), goal), "");
    EXPECT_TRUE(
        has(doubt(race({timed("onnxruntime", {1}), timed("opencv", {0.9, 1.2})}), goal), "opencv stays unclear"));
    // The second may be plain and the third not.
    const CompareReport three =
        race({timed("onnxruntime", {1}), timed("opencv", {1.08}), timed("openvino", {0.9, 1.4})});
    EXPECT_TRUE(has(doubt(three, goal), "openvino stays unclear"));
    // A tie is no doubt: the one that takes less memory is preferred, and that is said.
    const CompareReport tie = race({timed("onnxruntime", {1}, 300), timed("opencv", {1.01}, 200)});
    EXPECT_EQ(doubt(tie, goal), "");
    EXPECT_EQ(best(tie, goal), "opencv");
    EXPECT_TRUE(
        has(recommend(tie, goal, 1, kEnglish)->reasons[2].text, "ties with onnxruntime, and takes less memory"));
  }
}

TEST(Recommend, OneThatIsFarBehindNeedsFewTurns) {
  Row slow = timed("reference", {900});
  for (size_t i = 2; i < slow.timing.turns.size(); ++i) slow.timing.turns[i] = std::nan("");
  slow.timing.seconds.resize(2);
  EXPECT_EQ(doubt(race({timed("onnxruntime", {1}), slow}), Goal::kLatency), "");
  Row near = timed("opencv", {1.1});
  for (size_t i = 2; i < near.timing.turns.size(); ++i) near.timing.turns[i] = std::nan("");
  Row wavers = timed("onnxruntime", {1, 1.2});
  wavers.timing.seconds = {1e-3};
  EXPECT_TRUE(has(doubt(race({wavers, near}), Goal::kLatency), "too few turns"));
}

TEST(Recommend, ABusyMachineOrAnEarlyEndProvesNothing) {
  CompareReport report = race({timed("onnxruntime", {1}), timed("opencv", {2}, 200)});
  report.cases[0].rows[1].load_seconds = 1;
  make_noisy(report.cases[0]);
  EXPECT_TRUE(has(doubt(report, Goal::kLatency), "other processes"));
  EXPECT_TRUE(has(doubt(report, Goal::kStartup), "other processes"));
  EXPECT_EQ(doubt(report, Goal::kMemory), "");
  report.interrupted = true;
  EXPECT_EQ(doubt(report, Goal::kMemory), "interrupted");
}

TEST(Recommend, SingleSamplesThatAreCloseProveNothing) {
  EXPECT_TRUE(has(doubt(race({timed("onnxruntime", {1}, 100), timed("opencv", {1}, 103)}), Goal::kMemory),
                  "opencv is only 3.0%"));
  EXPECT_EQ(doubt(race({timed("onnxruntime", {1}, 100), timed("opencv", {1}, 120)}), Goal::kMemory), "");
  CompareReport report = race({timed("onnxruntime", {1}), timed("opencv", {1})});
  report.cases[0].rows[1].load_seconds = 0.11;
  EXPECT_TRUE(has(doubt(report, Goal::kStartup), "measured once"));
  report.cases[0].rows[1].load_seconds = 0.2;
  EXPECT_EQ(doubt(report, Goal::kStartup), "");
  // Both are in one environment.
  EXPECT_TRUE(has(doubt(race({timed("openvino", {1}), timed("openvino-f32", {1})}), Goal::kSize), "from a list"));
}

TEST(Recommend, SizesSayWhatTheyAre) {
  const auto r = recommend(race({timed("onnxruntime", {1}), timed("opencv", {1})}), Goal::kSize, 1, kEnglish);
  bool has_files = false, has_engine = false;
  for (const auto& reason : r->reasons) {
    has_files = has_files || (reason.kind == "measured here" && has(reason.text, "files are 2 MB"));
    has_engine = has_engine || (reason.kind == "cited" && has(reason.text, "installed it takes"));
    EXPECT_FALSE(reason.kind == "measured here" && has(reason.text, "worse")) << reason.text;
  }
  EXPECT_TRUE(has_files && has_engine);
}

TEST(Recommend, OtherSizesWereNotTimedInTurns) {
  CompareReport report = race({timed("onnxruntime", {1})});
  report.cases.push_back(report.cases[0]);
  report.cases[1].shapes = "x=2,3";
  report.cases[1].rows = {timed("onnxruntime", {1.05})};
  EXPECT_TRUE(has(doubt(report, Goal::kThroughput), "x=2,3"));
  report.cases[1].rows = {timed("onnxruntime", {1.3})};
  EXPECT_EQ(doubt(report, Goal::kThroughput), "");
}

SavedDecision decided(Goal goal = Goal::kLatency) {
  SavedDecision d;
  d.engine = "onnxruntime", d.runner_up = "opencv", d.shapes = "x=1,3", d.device = "this";
  d.goal = goal;
  d.value = 1;
  return d;
}

TEST(CheckDecision, HoldsOrNot) {
  const auto check = [](const CompareReport& report, const SavedDecision& d = decided(), const char* cpu = "this") {
    return check_decision(d, report, machine_of(cpu), 0.1, kEnglish);
  };
  EXPECT_TRUE(check(race({timed("onnxruntime", {1}), timed("opencv", {2})})).holds());
  EXPECT_TRUE(check(race({timed("onnxruntime", {1}), timed("opencv", {1.01})})).holds());
  EXPECT_FALSE(check(race({timed("onnxruntime", {1.2}), timed("opencv", {2})})).worse.empty());
  const CheckResult overtaken = check(race({timed("opencv", {0.5}), timed("onnxruntime", {1})}));
  ASSERT_EQ(overtaken.worse.size(), 1U);
  EXPECT_TRUE(has(overtaken.worse[0], "opencv is now faster than onnxruntime"));
  const CheckResult unclear = check(race({timed("onnxruntime", {1}), timed("opencv", {0.9, 1.2})}));
  EXPECT_TRUE(unclear.holds());
  EXPECT_EQ(unclear.notes.size(), 1U);

  CompareReport failed = race({timed("onnxruntime", {1}), timed("opencv", {2})});
  make_noisy(failed.cases[0]);
  const CheckResult noisy = check(failed);
  EXPECT_TRUE(!noisy.holds() && noisy.worse.empty() && has(noisy.not_checked, "other processes"));
  failed.cases[0].rows[0].status = Row::Status::kFailed;
  failed.cases[0].rows[0].verdict = {Verdict::Kind::kFailed, "", {}, "crashed"};
  const CheckResult crashed = check(failed);  // shown, whatever else went on
  EXPECT_TRUE(crashed.not_checked.empty() && has(crashed.worse.at(0), "onnxruntime: failed: crashed"));

  CompareReport other_sizes = race({timed("onnxruntime", {1})});
  other_sizes.cases[0].shapes = "x=8,3";
  EXPECT_TRUE(has(check(other_sizes).not_checked, "x=8,3"));
  CompareReport interrupted = race({timed("onnxruntime", {1})});
  interrupted.interrupted = true;
  EXPECT_EQ(check(interrupted).not_checked, "interrupted");
  EXPECT_FALSE(check(CompareReport{}).holds());
}

// What a GPU holds is not in a process's memory.
TEST(Recommend, MemoryOfSeveralDevicesIsNotCompared) {
  const CompareReport tie = race({timed("onnxruntime", {1}, 300), timed("torch:cuda", {1.01}, 200)});
  EXPECT_EQ(best(tie, Goal::kLatency), "onnxruntime");
  EXPECT_TRUE(
      has(doubt(race({timed("onnxruntime", {1}, 300), timed("torch:cuda", {1.01}, 100)}), Goal::kMemory), "GPU"));
  EXPECT_EQ(doubt(race({timed("jax:cuda", {1}, 300), timed("torch:cuda", {1.01}, 100)}), Goal::kMemory), "");
}

TEST(CheckDecision, OfADeviceIsHeldToThatDevice) {
  SavedDecision d = decided();
  d.engine = "torch:cuda", d.device = "NVIDIA H100";
  const CompareReport slower = race({timed("torch:cuda", {1.5})});
  EXPECT_FALSE(check_decision(d, slower, machine_of("that", "NVIDIA H100"), 0.1, kEnglish).worse.empty());
  const CheckResult other = check_decision(d, slower, machine_of("this", "NVIDIA L4"), 0.1, kEnglish);
  EXPECT_TRUE(other.worse.empty() && has(other.not_checked, "decided on NVIDIA H100, checked on NVIDIA L4"));
}

TEST(CheckDecision, ElsewhereTheOrderIsAllThatCounts) {
  const auto check = [](std::vector<Row> rows) {
    return check_decision(decided(), race(std::move(rows)), machine_of("that"), 0.1, kEnglish);
  };
  EXPECT_TRUE(check({timed("onnxruntime", {5}), timed("opencv", {9})}).holds());
  EXPECT_FALSE(check({timed("onnxruntime", {5}), timed("opencv", {2})}).worse.empty());
  for (const auto& rows :
       {std::vector{timed("onnxruntime", {1})}, std::vector{timed("onnxruntime", {1}), timed("opencv", {0.9, 1.2})}}) {
    const CheckResult r = check(rows);
    EXPECT_TRUE(r.worse.empty() && has(r.not_checked, "this") && has(r.not_checked, "that"));
  }
}

class DecisionFile : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(place_);
    fs::create_directories(place_ / "repository/choice");
    std::ofstream(place_ / "repository/model.mlir") << "module {}\n";
  }
  void TearDown() override { fs::remove_all(place_); }
  void save(const nlohmann::ordered_json& j) { std::ofstream(place_ / "repository/choice/decision.json") << j.dump(); }

  const fs::path place_ = fs::temp_directory_path() / ("ecotone_recommend_test." + std::to_string(getpid()));
};

TEST_F(DecisionFile, FindsModelAndInputsWhereverItLies) {
  const CompareReport report = race({timed("onnxruntime", {1}), timed("opencv", {2})});
  const auto r = recommend(report, Goal::kLatency, 0, kEnglish);
  DecidedOn on;
  on.model = place_ / "repository/model.mlir";
  on.folder = place_ / "repository/choice";
  on.seed = 7;
  on.machine = {{"cpu", "this"}};
  const auto j = decision(*r, on);
  EXPECT_EQ(j["model"], "../model.mlir");
  EXPECT_EQ(j["inputs"], "inputs.npz");
  EXPECT_EQ(j["proven"], true);
  save(j);
  fs::rename(place_ / "repository", place_ / "checkout");
  SavedDecision d = read_decision(place_ / "checkout/choice/decision.json");
  EXPECT_TRUE(fs::equivalent(d.model, place_ / "checkout/model.mlir"));
  EXPECT_EQ(model_hash(d.model), d.model_hash);
  EXPECT_EQ(d.inputs.string(), (place_ / "checkout/choice/inputs.npz").string());
  EXPECT_EQ(d.seed, 7U);
  EXPECT_EQ(d.runner_up, "opencv");
  std::ofstream(place_ / "checkout/model.mlir") << "module { }\n";
  EXPECT_NE(model_hash(d.model), d.model_hash);
  // Where the model does not lie beside it: where it lay.
  fs::create_directories(place_ / "repository");
  fs::rename(place_ / "checkout/choice", place_ / "choice");
  fs::rename(place_ / "checkout/model.mlir", place_ / "repository/model.mlir");
  d = read_decision(place_ / "choice/decision.json");
  EXPECT_TRUE(fs::equivalent(d.model, place_ / "repository/model.mlir"));
}

TEST_F(DecisionFile, WithoutAFolderNamesNoInputs) {
  const CompareReport report = race({timed("onnxruntime", {1}), timed("opencv", {0.9, 1.2})});
  const auto r = recommend(report, Goal::kLatency, 0, kEnglish);
  DecidedOn on;
  on.model = place_ / "repository/model.mlir";
  on.machine = {{"cpu", "this"}};
  const auto j = decision(*r, on);
  EXPECT_EQ(j["model"], (place_ / "repository/model.mlir").string());
  EXPECT_TRUE(j["inputs"].is_null() && j["seed"].is_null());
  EXPECT_EQ(j["proven"], false);
  EXPECT_TRUE(has(j["doubt"].get<std::string>(), "unclear"));
  save(j);
  EXPECT_TRUE(read_decision(place_ / "repository/choice/decision.json").inputs.empty());
}

}  // namespace
}  // namespace ecotone::engine
