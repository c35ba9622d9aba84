#include "subject/onnx_runtime.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/parallel.h"
#include "run/testing/test_run.h"
#include "subject/onnx_subject.h"

#if __has_include(<onnxruntime/core/session/onnxruntime_c_api.h>)
#include <onnxruntime/core/session/onnxruntime_c_api.h>

#define EXPECT_PLACE(name) \
  static_assert(offsetof(OrtApi, name) == static_cast<size_t>(dvi::OrtPlace::name) * sizeof(void*))
EXPECT_PLACE(GetErrorMessage);
EXPECT_PLACE(CreateEnv);
EXPECT_PLACE(CreateSession);
EXPECT_PLACE(Run);
EXPECT_PLACE(CreateSessionOptions);
EXPECT_PLACE(SetIntraOpNumThreads);
EXPECT_PLACE(SetInterOpNumThreads);
EXPECT_PLACE(SessionGetInputCount);
EXPECT_PLACE(SessionGetOutputCount);
EXPECT_PLACE(SessionGetInputName);
EXPECT_PLACE(SessionGetOutputName);
EXPECT_PLACE(CreateTensorWithDataAsOrtValue);
EXPECT_PLACE(GetTensorMutableData);
EXPECT_PLACE(GetTensorElementType);
EXPECT_PLACE(GetDimensionsCount);
EXPECT_PLACE(GetDimensions);
EXPECT_PLACE(GetTensorTypeAndShape);
EXPECT_PLACE(CreateCpuMemoryInfo);
EXPECT_PLACE(AllocatorFree);
EXPECT_PLACE(GetAllocatorWithDefaultOptions);
EXPECT_PLACE(ReleaseStatus);
EXPECT_PLACE(ReleaseSession);
EXPECT_PLACE(ReleaseValue);
EXPECT_PLACE(ReleaseTensorTypeAndShapeInfo);
EXPECT_PLACE(ReleaseSessionOptions);
#endif

namespace dvi {
namespace {

using ::testing::HasSubstr;

// By PyTorch: x W^T + b with W = [[1, 2, 3], [0, -1, 1]], b = [0.5, -0.5].
const std::filesystem::path linear = std::filesystem::path(__FILE__).parent_path() / "testdata/linear.onnx";

TEST(OnnxRuntime, WithoutOneTheMessageSaysWhatToInstall) {
  if (have_onnx_runtime()) GTEST_SKIP() << "there is an ONNX Runtime here";
  EXPECT_THAT(error_of([] { OnnxModel model(linear); }), HasSubstr("install libonnxruntime"));
}

TEST(OnnxRuntime, RunsAnyNumberOfSamplesInAnyThread) {
  if (!have_onnx_runtime()) GTEST_SKIP() << "there is no ONNX Runtime here";
  Matrix weight(3, 2);
  const auto subject = open_onnx_subject(linear, LinearHead{std::move(weight), {0, 1, 2}});
  EXPECT_EQ(subject->feature_dim(), 2);
  EXPECT_EQ(subject->class_count(), 3);
  constexpr int64_t n = 1000;
  Matrix x(n, 3), out(n, 2);
  for (int64_t i = 0; i < 3 * n; ++i) x.data()[i] = 0.01f * static_cast<float>(i % 101);
  const int64_t shape[] = {3};
  subject->features(x, shape, out.mut());
  for (int64_t i = 0; i < n; ++i) {
    EXPECT_NEAR(out(i, 0), x(i, 0) + 2 * x(i, 1) + 3 * x(i, 2) + 0.5f, 1e-4f);
    EXPECT_NEAR(out(i, 1), x(i, 2) - x(i, 1) - 0.5f, 1e-4f);
  }
}

TEST(OnnxRuntime, WhatIsNoModelIsOneSentence) {
  if (!have_onnx_runtime()) GTEST_SKIP() << "there is no ONNX Runtime here";
  const TemporaryFolder folder;
  const auto file = folder / "subject.onnx";
  write_file_atomically(file, "no model");
  const std::string said = error_of([&] { OnnxModel model(file); });
  EXPECT_THAT(said, HasSubstr("subject.onnx: ONNX Runtime says"));
  EXPECT_EQ(said.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace dvi
