// What all of the plugin's code for devices shares. Includes LibTorch: only for files of the plugin.
#pragma once

#include <ATen/ATen.h>
#include <torch/cuda.h>

#include <exception>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/matrix.h"

namespace dvi {

/// A copy on the device. LibTorch has no read-only tensors; ours is not written to.
template <typename T>
at::Tensor upload(const T* data, at::IntArrayRef shape, at::ScalarType type, at::Device device) {
  constexpr bool non_blocking = false, copies = true;
  return at::from_blob(const_cast<T*>(data), shape, type).to(device, type, non_blocking, copies);
}
inline at::Tensor upload(MatrixView m, at::Device device) {
  return upload(m.data, {m.rows, m.cols}, at::kFloat, device);
}

/// LibTorch's messages carry a stack trace; users need the first line.
inline std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// What work(device) returns, on the CUDA device where there is one. Throws Error, which says that `what`
/// failed and what to do `instead`, where LibTorch throws.
template <typename Work>
auto on_device(std::string_view what, std::string_view instead, const Work& work) {
  const at::Device device(torch::cuda::is_available() ? at::kCUDA : at::kCPU);
  std::string found;
  try {
    return work(device);
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    found = first_line(error.what_without_backtrace());
  } catch (const std::exception& error) {
    found = first_line(error.what());
  }
  fail("{} through LibTorch on \"{}\" failed: \"{}\"; if it is memory, free some on the device, or {}", what,
       device.is_cuda() ? "cuda" : "cpu", found, instead);
}

}  // namespace dvi
