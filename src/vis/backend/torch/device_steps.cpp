#include "vis/backend/torch/device_steps.h"

#include <exception>

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

/// Waits for the stream before what the steps use goes, also where a step throws.
struct Waiting {
  const c10::cuda::CUDAStream& stream;
  ~Waiting() {
    try {
      stream.synchronize();
    } catch (const std::exception&) {
      // It has been told where the step failed.
    }
  }
};

}  // namespace

struct DeviceSteps::Device {
  // Capture needs a stream that is not the default one. It is the same for all: memory belongs to a stream.
  c10::cuda::CUDAStream stream = stream_of_steps();
  at::cuda::CUDAEvent begin;
  at::cuda::CUDAGraph graph;
  int64_t handed_out = 0;

  static c10::cuda::CUDAStream stream_of_steps() {
    static const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
    return stream;
  }

  /// Whether the step could be captured: another version of LibTorch may do a piece of it in a way that a
  /// capture forbids, or memory may be short. A refusal is remembered, since each may leave some memory
  /// behind.
  bool capture(const std::function<void()>& step) {
    static bool refused = false;
    const auto done = [](const auto& work) {
      try {
        work();
      } catch (const std::exception&) {
        refused = true;
      }
      return !refused;
    };
    if (refused || !done([&] { graph.capture_begin(); })) return false;
    done(step);
    return done([&] { graph.capture_end(); });
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
  const Waiting waiting{device_->stream};
  for (int64_t i = 0; i < count; ++i, ++device_->handed_out) {
    if (how_ == How::captured && device_->handed_out == eager_steps && !device_->capture(step))
      how_ = How::eager;
    if (how_ == How::captured && device_->handed_out >= eager_steps)
      device_->graph.replay();
    else
      step();
    after(i + 1);
  }
  device_->stream.synchronize();
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
