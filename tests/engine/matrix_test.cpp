#include "ecotone/engine/matrix.h"

#include <algorithm>

#include <gtest/gtest.h>

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

  m = matrix_of({}, {"onnxruntime", "openvino-f32"}, {});
  EXPECT_EQ(cell(m, "nvidia-gpu", "ONNX Runtime").support, Support::kNoDevice);
  EXPECT_EQ(cell(m, "x86-cpu", "ONNX Runtime").support, Support::kNotRun);
  EXPECT_EQ(cell(m, "x86-cpu", "oneAPI").support, Support::kNotRun);
  EXPECT_EQ(cell(m, "x86-cpu", "PyTorch").support, Support::kDeclared);
  EXPECT_EQ(cell(m, "ios", "ONNX Runtime").support, Support::kDeclared);  // the package here is not the phone's

  m = matrix_of({"NVIDIA H100"}, {"onnxruntime"}, {});
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
  EXPECT_EQ(cell(m, "amd-gpu", "ONNX Runtime").support, Support::kNoDevice);
  EXPECT_EQ(cell(m, "nvidia-gpu", "JAX").support, Support::kDeclared);
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
