// Tensors of a file written by torch.save (PyTorch 1.6 and later): a tensor, or dicts of tensors such as a
// state dict. Needs no LibTorch and runs nothing that the file says.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/matrix.h"
#include "core/npy.h"

namespace dvi {

/// A tensor, C-ordered. bfloat16 is widened to float32.
struct TorchTensor {
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  int64_t size() const { return static_cast<int64_t>(bytes.size() / dtype_size(dtype)); }
  std::vector<float> to_floats() const;
  std::vector<int64_t> to_ints() const;
};

struct NamedTensor {
  std::string name;  ///< keys joined by dots ("state_dict.fc.weight"); empty for a file that is one tensor
  TorchTensor tensor;
};

/// The tensors of the file in the order saved; whatever else is in it is passed over. Throws Error naming the
/// file if it is not from torch.save, is damaged, or a tensor does not fit into its storage.
std::vector<NamedTensor> read_torch_file(const std::filesystem::path& file);

/// The same from bytes, for messages as `name`.
std::vector<NamedTensor> read_torch_bytes(std::span<const std::byte> bytes, const std::string& name);

/// A file that is one tensor; throws Error if it is something else.
TorchTensor read_torch_tensor(const std::filesystem::path& file);

}  // namespace dvi
