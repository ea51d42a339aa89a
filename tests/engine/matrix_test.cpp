#include "ecotone/engine/matrix.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "ecotone/engine/page_tables.h"

namespace ecotone::engine {
namespace {

const MatrixCell& cell(const Matrix& m, const std::string& row, const std::string& column) {
  const auto r = std::find(m.rows.begin(), m.rows.end(), row) - m.rows.begin();
  const auto c = std::find_if(m.columns.begin(), m.columns.end(), [&](const auto& x) { return x.title == column; }) -
                 m.columns.begin();
  return m.cells.at(static_cast<size_t>(r)).at(static_cast<size_t>(c));
}

Matrix matrix_of(std::vector<std::string> gpus, const std::vector<std::string>& engines, const std::vector<Ran>& runs) {
  Machine machine;
  machine.gpus = std::move(gpus);
  return support_matrix(installed_facts(), machine, engines, runs);
}

TEST(SupportMatrix, DeclaredInstalledRan) {
  if (this_processor() != "x86-cpu") GTEST_SKIP() << "SKIP: written for x86";
  Matrix m = matrix_of({}, {}, {});
  EXPECT_EQ(cell(m, "nvidia-gpu", "ONNX Runtime").support, Support::kDeclared);
  EXPECT_EQ(cell(m, "google-tpu", "PyTorch").support, Support::kPartly);
  EXPECT_EQ(cell(m, "google-tpu", "Core ML").support, Support::kNo);
  EXPECT_EQ(cell(m, "x86-cpu", "oneAPI").support, Support::kDeclared);

  m = matrix_of({}, {"onnxruntime", "openvino-f32", "openvino-f32:intel-gpu"}, {});
  EXPECT_EQ(cell(m, "x86-cpu", "ONNX Runtime").support, Support::kNotRun);
  EXPECT_EQ(cell(m, "x86-cpu", "oneAPI").support, Support::kNotRun);
  EXPECT_EQ(cell(m, "intel-gpu", "oneAPI").support, Support::kNoDevice);
  EXPECT_EQ(cell(m, "x86-cpu", "PyTorch").support, Support::kDeclared);
  EXPECT_EQ(cell(m, "ios", "ONNX Runtime").support, Support::kDeclared);  // the package here is not the phone's

  m = matrix_of({"NVIDIA H100"}, {"onnxruntime", "onnxruntime:nvidia-gpu", "onnxruntime:amd-gpu"}, {});
  EXPECT_EQ(cell(m, "nvidia-gpu", "ONNX Runtime").support, Support::kNotRun);
  EXPECT_EQ(cell(m, "amd-gpu", "ONNX Runtime").support, Support::kNoDevice);

  const Ran cuda{"onnxruntime:CUDAExecutionProvider",
                 "1.32.0",
                 "nvidia-gpu",
                 "NVIDIA H100",
                 "a.onnx",
                 "2026-11-25T00:00:00Z",
                 "log"};
  m = matrix_of({"NVIDIA H100"}, {"onnxruntime"}, {cuda});
  EXPECT_EQ(cell(m, "nvidia-gpu", "ONNX Runtime").support, Support::kRanHere);
  ASSERT_EQ(cell(m, "nvidia-gpu", "ONNX Runtime").runs.size(), 1u);
  EXPECT_EQ(cell(m, "nvidia-gpu", "JAX").support, Support::kDeclared);
}

// A package for this processor has nothing for another's, nor for a GPU: those cells say what the facts say.
TEST(SupportMatrix, InstalledMeansThatThePackageHasIt) {
  if (this_processor() != "x86-cpu") GTEST_SKIP() << "SKIP: written for x86";
  const std::vector<std::string> engines = {"onnxruntime", "jax", "torch", "tensorflow", "openvino", "paddle"};
  const Matrix m = matrix_of({}, engines, {}), none = matrix_of({}, {}, {});
  for (size_t r = 0; r < m.rows.size(); ++r)
    for (size_t c = 0; c < m.columns.size(); ++c)
      if (m.rows[r] != "x86-cpu") {
        EXPECT_EQ(m.cells[r][c].support, none.cells[r][c].support) << m.rows[r] << ", " << m.columns[c].title;
      }
  for (const char* column : {"ONNX Runtime", "JAX", "PyTorch", "TensorFlow", "oneAPI", "PaddlePaddle"})
    EXPECT_EQ(cell(m, "x86-cpu", column).support, Support::kNotRun) << column;
}

std::string label_of(const Matrix& m, const std::string& row, const std::string& column) {
  const auto c = std::find_if(m.columns.begin(), m.columns.end(), [&](const auto& x) { return x.title == column; });
  return label(cell(m, row, column), *c, Messages(Language::kEnglish));
}

TEST(SupportMatrix, LabelsSayWhoseAndWhetherInPart) {
  if (this_processor() != "x86-cpu") GTEST_SKIP() << "SKIP: written for x86";
  Matrix m = matrix_of({}, {}, {});
  EXPECT_EQ(label_of(m, "apple-silicon", "PyTorch"), "in part");
  EXPECT_EQ(label_of(m, "nvidia-gpu", "Core ML"), "in part (MLX)");
  EXPECT_EQ(label_of(m, "apple-silicon", "oneAPI"), "in part (OpenVINO)");
  EXPECT_EQ(label_of(m, "ios", "PyTorch"), "declared (ExecuTorch)");
  EXPECT_EQ(label_of(m, "google-tpu", "Core ML"), "no");
  m = matrix_of({}, {"jax", "jax:intel-gpu", "reference"}, {});
  EXPECT_EQ(label_of(m, "intel-gpu", "JAX"), "installed, no device (in part)");
  EXPECT_EQ(label_of(m, "x86-cpu", "Ecotone"), "installed, not run (in part)");
  const Ran run{"reference", "0.1.0", "x86-cpu", "a CPU", "a.onnx", "2026-11-25T00:00:00Z", "log"};
  EXPECT_EQ(label_of(matrix_of({}, {}, {run}), "x86-cpu", "Ecotone"), "ran here (in part)");
}

TEST(Hardware, OfExecutionProviders) {
  const std::vector<std::string> none, amd = {"AMD GPU (renderD128)"}, two = {"NVIDIA H100", "Intel GPU (renderD129)"};
  auto of = [&](const std::string& provider, const std::vector<std::string>& gpus) {
    return hardware_of("onnxruntime:" + provider + "ExecutionProvider", "arm-cpu", gpus);
  };
  EXPECT_EQ(hardware_of("onnxruntime", "arm-cpu", none), "arm-cpu");
  EXPECT_EQ(hardware_of("fake:crash", "arm-cpu", none), "arm-cpu");
  // Devices of PyTorch, JAX and OpenVINO.
  for (const auto& [engine, hardware] : std::initializer_list<std::pair<std::string, std::string>>{
           {"torch:cuda", "nvidia-gpu"},
           {"torch-compile:cuda-f32", "nvidia-gpu"},
           {"jax:rocm", "amd-gpu"},
           {"torch:mps", "apple-silicon"},
           {"openvino:GPU", "intel-gpu"},
           {"openvino:GPU.1", "intel-gpu"},
           {"openvino-f32:NPU", "intel-npu"},
           {"onnxruntime:CUDAExecutionProvider-f32", "nvidia-gpu"},
           {"pjrt:/somewhere/plugin.so", std::string(kUnknownHardware)}})
    EXPECT_EQ(hardware_of(engine, "x86-cpu", none), hardware) << engine;
  for (const char* p : {"CPU", "Xnnpack", "XNNPACK", "ACL", "ArmNN", "Dnnl", "OpenVINO", "Azure"})
    EXPECT_EQ(of(p, two), "arm-cpu") << p;
  for (const auto& [p, hardware] : std::vector<std::pair<const char*, const char*>>{{"CUDA", "nvidia-gpu"},
                                                                                    {"Tensorrt", "nvidia-gpu"},
                                                                                    {"NvTensorRTRTX", "nvidia-gpu"},
                                                                                    {"ROCM", "amd-gpu"},
                                                                                    {"MIGraphX", "amd-gpu"},
                                                                                    {"CoreML", "apple-silicon"},
                                                                                    {"QNN", "qualcomm-npu"},
                                                                                    {"CANN", "ascend-npu"},
                                                                                    {"VitisAI", "amd-fpga"}})
    EXPECT_EQ(of(p, none), hardware) << p;
  for (const char* p : {"Dml", "WebGPU", "WebGpu"}) {
    EXPECT_EQ(of(p, amd), "amd-gpu") << p;
    EXPECT_EQ(of(p, two), kUnknownHardware) << p;
    EXPECT_EQ(of(p, none), kUnknownHardware) << p;
  }
  EXPECT_EQ(of("Abacus", two), kUnknownHardware);
}

// A report tells of the machine that it comes from, not of the one that reads it.
TEST(Hardware, OfAReportIsItsMachines) {
  auto report = [](const char* architecture, const char* cpu) {
    const auto gpus = nlohmann::json::array({"NVIDIA GH200"});
    return nlohmann::json{{"model", "net.onnx"},
                          {"machine", {{"cpu", cpu}, {"architecture", architecture}, {"gpus", gpus}}},
                          {"rows",
                           {{{"engine", "onnxruntime"}, {"version", "1"}, {"status", "timed"}},
                            {{"engine", "onnxruntime:CUDAExecutionProvider"}, {"version", "1"}, {"status", "timed"}},
                            {{"engine", "torch"}, {"version", "1"}, {"status", "failed"}}}}};
  };
  const std::vector<nlohmann::json> reports = {report("aarch64", "Neoverse V2"), report("riscv64", "C920")};
  const PageTable table = page_tables(reports, Messages(Language::kEnglish)).at(0);
  auto text = [&](const std::string& hardware, const std::string& column) {
    const auto c = std::find(table.header.begin(), table.header.end(), column) - table.header.begin();
    for (const auto& row : table.rows)
      if (row[0] == hardware) return row.at(static_cast<size_t>(c));
    return std::string("no row");
  };
  EXPECT_EQ(text("Arm CPU", "ONNX Runtime"), "ran on Neoverse V2");
  EXPECT_EQ(text("x86 CPU", "ONNX Runtime"), "declared");
  EXPECT_EQ(text("NVIDIA GPU", "ONNX Runtime"), "ran on NVIDIA GH200");
  EXPECT_EQ(text("Arm CPU", "PyTorch"), "declared");
}

TEST(Hardware, RecordsHaveAFolderOfTheirOwn) {
  const auto folder = std::filesystem::temp_directory_path() / "ecotone_matrix_test_ran";
  std::filesystem::remove_all(folder);
  setenv("ECOTONE_RAN", folder.c_str(), 1);
  record_ran({"jax", "0.10.2", "x86-cpu", "a CPU", "a.mlir", "", ""}, {});
  EXPECT_EQ(read_ran().size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(folder / "jax.json"));
  unsetenv("ECOTONE_RAN");
  std::filesystem::remove_all(folder);
}

// The survey's tables 4 and 5 have no hole: each of their cells has a fact.
TEST(SupportMatrix, EveryCellOfTheSurveyHasAFact) {
  const Matrix m = matrix_of({}, {}, {});
  for (const char* row : {"nvidia-gpu", "amd-gpu", "intel-gpu", "google-tpu", "apple-silicon", "amd-fpga", "edge-tpu",
                          "android", "ios", "browser"})
    for (const char* column : {"PyTorch", "TensorFlow", "JAX", "ONNX Runtime", "oneAPI", "Core ML"})
      EXPECT_NE(cell(m, row, column).support, Support::kUnknown) << row << ", " << column;
}

}  // namespace
}  // namespace ecotone::engine
