// Steps of one kind, many times over, without the host in the way. On a CUDA device a step is captured once
// as a graph and replayed: handing out its hundred small pieces of work again would take longer than they do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace dvi {

/// A step must do the same work each time, on tensors that stay where they are, and read nothing from the
/// host: what changes from step to step it finds on the device, by a counter that it keeps there. No memory
/// of the device may be copied to the host in it.
class DeviceSteps {
 public:
  enum class How {
    host,      ///< `step` is called each time; without CUDA the only one
    eager,     ///< likewise, on a stream of the current CUDA device
    captured,  ///< captured on the device after a few eager steps; goes on eagerly where that is refused
  };
  explicit DeviceSteps(How);
  DeviceSteps(const DeviceSteps&) = delete;
  DeviceSteps& operator=(const DeviceSteps&) = delete;
  ~DeviceSteps();

  /// Runs `step` `count` times; returns when all are done. `after(i)` is called in between, when i steps have
  /// been handed out (the device may be behind). A later call must bring the same step: it goes on with what
  /// is captured.
  void run(int64_t count, const std::function<void()>& step, const std::function<void(int64_t)>& after);

 private:
  struct Device;
  How how_;
  std::unique_ptr<Device> device_;  // null on the host
};

}  // namespace dvi
