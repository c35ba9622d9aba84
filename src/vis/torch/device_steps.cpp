#include "vis/torch/device_steps.h"

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

struct DeviceSteps::Streams {
  // Capture needs a stream that is not the default one.
  c10::cuda::CUDAStream main = c10::cuda::getStreamFromPool(), side = c10::cuda::getStreamFromPool();
  at::cuda::CUDAEvent begin, fork, join;
};

DeviceSteps::DeviceSteps(How how)
    : how_(how), streams_(how == How::host ? nullptr : std::make_unique<Streams>()) {}

void DeviceSteps::run(int64_t count, const std::function<void()>& step,
                      const std::function<void(int64_t)>& after) {
  if (how_ == How::host) {
    for (int64_t i = 0; i < count; ++i) {
      step();
      after(i + 1);
    }
    return;
  }
  streams_->begin.record();  // what was enqueued before on the caller's stream
  streams_->begin.block(streams_->main);
  const c10::cuda::CUDAStreamGuard on_main(streams_->main);
  at::cuda::CUDAGraph graph;
  for (int64_t i = 0; i < count; ++i) {
    if (how_ == How::captured && i == eager_steps) {
      graph.capture_begin();
      step();
      graph.capture_end();
    }
    if (how_ == How::captured && i >= eager_steps)
      graph.replay();
    else
      step();
    after(i + 1);
  }
  streams_->main.synchronize();  // before the graph goes
}

void DeviceSteps::beside(const std::function<void()>& one, const std::function<void()>& other) {
  if (how_ == How::host) {
    one();
    other();
    return;
  }
  // Memory is safe without more ado: what a stream frees only that stream gets again, and by then fork or
  // join lies between.
  streams_->fork.record(streams_->main);
  streams_->fork.block(streams_->side);
  {
    const c10::cuda::CUDAStreamGuard on_side(streams_->side);
    other();
  }
  streams_->join.record(streams_->side);
  one();
  streams_->join.block(streams_->main);
}

#else

struct DeviceSteps::Streams {};

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

void DeviceSteps::beside(const std::function<void()>& one, const std::function<void()>& other) {
  one();
  other();
}

#endif

DeviceSteps::~DeviceSteps() = default;

}  // namespace dvi
