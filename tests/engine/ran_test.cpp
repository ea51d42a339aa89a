#include "ecotone/engine/ran.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"

namespace ecotone::engine {
namespace {

namespace fs = std::filesystem;

class Records : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    setenv("XDG_DATA_HOME", folder_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("XDG_DATA_HOME");
    fs::remove_all(folder_);
  }
  fs::path folder_ = fs::temp_directory_path() / "ecotone_ran_test";
};

TEST_F(Records, TheNewestOfEachHardwareIsKept) {
  EXPECT_TRUE(read_ran().empty());
  record_ran({"openvino-f32", "2026.4.1", "x86-cpu", "a CPU", "a.onnx"}, {{"passed", true}});
  record_ran({"openvino-f32", "2026.4.1", "intel-gpu", "a GPU", "a.onnx"}, {{"passed", true}});
  record_ran({"openvino-f32", "2026.5.0", "x86-cpu", "a CPU", "b.onnx"}, {{"passed", false}});
  const std::vector<Ran> runs = read_ran();
  ASSERT_EQ(runs.size(), 2u);
  for (const Ran& r : runs) {
    EXPECT_EQ(r.engine, "openvino-f32");
    EXPECT_EQ(r.version, r.hardware == "x86-cpu" ? "2026.5.0" : "2026.4.1");
    EXPECT_EQ(r.model, r.hardware == "x86-cpu" ? "b.onnx" : "a.onnx");
    EXPECT_EQ(r.date.size(), 20u);
    std::ifstream log(r.log);
    EXPECT_EQ(nlohmann::json::parse(log)["passed"].get<bool>(), r.hardware == "intel-gpu");
  }
}

TEST_F(Records, WithoutTheReportThereIsNoProof) {
  record_ran({"jax", "0.10.2", "x86-cpu", "a CPU", "a.mlir"}, {});
  ASSERT_EQ(read_ran().size(), 1u);
  fs::remove(read_ran()[0].log);
  EXPECT_TRUE(read_ran().empty());
}

TEST_F(Records, DamagedFilesAreLeftOut) {
  record_ran({"jax", "0.10.2", "x86-cpu", "a CPU", "a.mlir"}, {});
  for (const char* text :
       {"", "{", "[]", "{\"runs\": 7}", "{\"runs\": {\"x\": 7}}", "{\"runs\": {\"x\": {\"log\": 7}}}"}) {
    std::ofstream(folder_ / "ecotone/ran/broken.json") << text;
    EXPECT_EQ(read_ran().size(), 1u) << text;
  }
}

TEST_F(Records, NamesStayInTheFolder) {
  for (const char* name : {"", "../x", "a/b", ".hidden"}) {
    EXPECT_THROW(record_ran({name, "1", "x86-cpu", "", ""}, {}), Error);
    EXPECT_THROW(record_ran({"jax", "1", name, "", ""}, {}), Error);
  }
}

}  // namespace
}  // namespace ecotone::engine
