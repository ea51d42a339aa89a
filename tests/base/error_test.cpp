#include "ecotone/base/error.h"

#include <string>

#include <gtest/gtest.h>

namespace ecotone {
namespace {

TEST(Error, FormatsAndKeepsItsKind) {
  try {
    fail("node '{}': axis {} of {}", "conv1", 5, 4);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "node 'conv1': axis 5 of 4");
    EXPECT_EQ(e.kind(), ErrorKind::kInvalidInput);
    EXPECT_EQ(e.exit_code(), 2);
  }
}

TEST(Error, OnlyMissingThingsExitWithThree) {
  try {
    fail_kind(ErrorKind::kMissing, "{} is not installed", "onnxruntime");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kMissing);
    EXPECT_EQ(e.exit_code(), 3);
  }
  EXPECT_EQ(Error(ErrorKind::kInternal, "x").exit_code(), 2);
  EXPECT_EQ(Error(ErrorKind::kUnsupported, "x").exit_code(), 2);
}

TEST(Error, ContextGoesInFrontAndKeepsTheKind) {
  Error error = Error(ErrorKind::kUnsupported, "no strings").with_context("node 'a'").with_context("m.onnx");
  EXPECT_STREQ(error.what(), "m.onnx: node 'a': no strings");
  EXPECT_EQ(error.kind(), ErrorKind::kUnsupported);
}

TEST(Error, BracesInAPlainMessageStay) {
  EXPECT_STREQ(Error("{0}").what(), "{0}");
}

}  // namespace
}  // namespace ecotone
