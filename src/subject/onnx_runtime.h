// ONNX Runtime, loaded while the program runs, where there is one: the library of the system (Debian 13:
// libonnxruntime1.21), or the file that the environment variable DVI_ONNXRUNTIME names (the one inside a
// user's Python package onnxruntime).
//
// Its C interface is a table of functions that only ever grows at its end, so the places below hold for every
// version from 1.4 on (onnx_runtime_test.cpp compares them with the header, where that is installed).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dvi {

/// Places in ONNX Runtime's table of functions.
enum class OrtPlace : size_t {
  GetErrorMessage = 2,
  CreateEnv = 3,
  CreateSession = 7,
  Run = 9,
  CreateSessionOptions = 10,
  SetIntraOpNumThreads = 24,
  SetInterOpNumThreads = 25,
  SessionGetInputCount = 30,
  SessionGetOutputCount = 31,
  SessionGetInputName = 36,
  SessionGetOutputName = 37,
  CreateTensorWithDataAsOrtValue = 49,
  GetTensorMutableData = 51,
  GetTensorElementType = 60,
  GetDimensionsCount = 61,
  GetDimensions = 62,
  GetTensorTypeAndShape = 65,
  CreateCpuMemoryInfo = 69,
  AllocatorFree = 76,
  GetAllocatorWithDefaultOptions = 78,
  ReleaseStatus = 93,
  ReleaseSession = 95,
  ReleaseValue = 96,
  ReleaseTensorTypeAndShapeInfo = 99,
  ReleaseSessionOptions = 100,
};

/// Whether there is one that can be loaded.
bool have_onnx_runtime();

/// A model of one float input and one float output, on the processor, in one thread; run() may be called by
/// several threads at once.
class OnnxModel {
 public:
  /// Throws Error if there is no ONNX Runtime, or `file` is no model of this kind that it can read.
  explicit OnnxModel(const std::filesystem::path& file);
  ~OnnxModel();
  OnnxModel(OnnxModel&&) noexcept;

  struct Output {
    std::vector<int64_t> shape;
    std::vector<float> values;
  };
  /// `input` of `shape`. Throws Error naming the file.
  Output run(std::span<const float> input, std::span<const int64_t> shape) const;

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace dvi
