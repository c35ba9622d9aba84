#include "vis/backend/torch/device_steps.h"

#include "core/error.h"

#if DVI_WITH_CUDA
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace dvi {

#if DVI_WITH_CUDA

namespace {

// Libraries load their kernels and take their scratch memory at first use, which a capture forbids.
constexpr int64_t eager_steps = 3;

}  // namespace

struct DeviceSteps::Device {
  // Capture needs a stream that is not the default one.
  c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
  at::cuda::CUDAEvent begin;
  at::cuda::CUDAGraph graph;
  int64_t handed_out = 0;

  /// Whether the step could be captured: another version of LibTorch may do a piece of it otherwise.
  bool capture(const std::function<void()>& step) {
    bool whole = true;
    graph.capture_begin();
    for (const auto& part : {step, std::function<void()>([this] { graph.capture_end(); })}) try {
        part();
      } catch (const c10::Error&) {
        whole = false;
      }
    return whole;
  }
};

DeviceSteps::DeviceSteps(How how)
    : how_(how), device_(how == How::host ? nullptr : std::make_unique<Device>()) {}

void DeviceSteps::run(int64_t count, const std::function<void()>& step,
                      const std::function<void(int64_t)>& after) {
  if (how_ == How::host) {
    for (int64_t i = 0; i < count; ++i) {
      step();
      after(i + 1);
    }
    return;
  }
  device_->begin.record();  // what was enqueued before on the caller's stream
  device_->begin.block(device_->stream);
  const c10::cuda::CUDAStreamGuard on_own(device_->stream);
  for (int64_t i = 0; i < count; ++i, ++device_->handed_out) {
    if (how_ == How::captured && device_->handed_out == eager_steps && !device_->capture(step))
      how_ = How::eager;
    if (how_ == How::captured && device_->handed_out >= eager_steps)
      device_->graph.replay();
    else
      step();
    after(i + 1);
  }
  device_->stream.synchronize();  // before what the steps use goes
}

#else

struct DeviceSteps::Device {};

DeviceSteps::DeviceSteps(How how) : how_(how) {
  if (how_ != How::host) fail("this program was built without CUDA; run on the processor");
}

void DeviceSteps::run(int64_t count, const std::function<void()>& step,
                      const std::function<void(int64_t)>& after) {
  for (int64_t i = 0; i < count; ++i) {
    step();
    after(i + 1);
  }
}

#endif

DeviceSteps::~DeviceSteps() = default;

}  // namespace dvi
