#include "import/torch_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>

#include "core/mapped_file.h"
#include "import/pickle.h"
#include "import/zip_file.h"

namespace dvi {
namespace {

using Kind = PickleNode::Kind;

struct StorageType {
  const char* global;
  DType dtype;
  bool bfloat;
};
constexpr StorageType storage_types[] = {
    {"torch FloatStorage", DType::f32, false},    {"torch DoubleStorage", DType::f64, false},
    {"torch HalfStorage", DType::f16, false},     {"torch LongStorage", DType::i64, false},
    {"torch IntStorage", DType::i32, false},      {"torch ShortStorage", DType::i16, false},
    {"torch CharStorage", DType::i8, false},      {"torch ByteStorage", DType::u8, false},
    {"torch BoolStorage", DType::boolean, false}, {"torch BFloat16Storage", DType::u16, true},
};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& name)
      : name_(name), entries_(read_zip(bytes, name)) {
    const auto pickle = std::find_if(entries_.begin(), entries_.end(), [](const auto& e) {
      return e.first == "data.pkl" || e.first.ends_with("/data.pkl");
    });
    if (pickle == entries_.end())
      fail(
          "{}: expected a file from torch.save, found a zip archive without data.pkl; save the tensors with "
          "torch.save",
          name);
    prefix_ = pickle->first.substr(0, pickle->first.size() - std::strlen("data.pkl"));
    const auto order = entries_.find(prefix_ + "byteorder");
    if (order != entries_.end() && std::string_view(reinterpret_cast<const char*>(order->second.data()),
                                                    order->second.size()) != "little")
      fail(
          "{}: expected little-endian tensors, found another byte order; save it again on the machine that "
          "imports",
          name);
    for (const auto& [entry, data] : entries_) bytes_in_archive_ += data.size();
    pickle_ = read_pickle(pickle->second, name);
  }

  std::vector<NamedTensor> run() {
    walk(*pickle_.root, "", 0);
    return std::move(found_);
  }

 private:
  /// Shared and cyclic nodes make a small file large when walked, hence the limits.
  static constexpr int most_depth = 8;
  static constexpr size_t most_nodes = 1000000, most_bytes = size_t{64} << 30, most_name = 1000;

  void walk(const PickleNode& node, const std::string& path, int depth) {
    if (depth > most_depth || ++visited_ > most_nodes) return;
    if (const auto tensor = as_tensor(node, 0)) {
      name_bytes_ += path.size();
      if (name_bytes_ > bytes_in_archive_) bad(path.substr(0, 40), "names of ordinary length");
      found_.push_back({path, load(*tensor, path)});
      return;
    }
    const size_t first = node.kind == Kind::call ? 2 : 0;
    if (node.kind != Kind::dict && node.kind != Kind::call) return;
    for (size_t i = first; i + 1 < node.items.size(); i += 2) {
      const PickleNode& key = *node.items[i];
      std::string name;
      if (key.kind == Kind::text)
        name = key.text;
      else if (key.kind == Kind::integer)
        name = std::to_string(key.integer);
      else
        continue;
      if (name.size() > most_name) bad(name.substr(0, 40), "a name of ordinary length");
      walk(*node.items[i + 1], path.empty() ? name : path + "." + name, depth + 1);
    }
  }

  /// The arguments of torch._utils._rebuild_tensor_v2: storage, offset, size, stride, ...
  std::optional<const PickleNode*> as_tensor(const PickleNode& node, int depth) const {
    if (node.kind != Kind::call || depth > 2) return std::nullopt;
    const PickleNode &callee = *node.items[0], &arguments = *node.items[1];
    if (callee.kind != Kind::global || arguments.kind != Kind::sequence || arguments.items.empty())
      return std::nullopt;
    if (callee.text == "torch._utils _rebuild_tensor_v2" || callee.text == "torch._utils _rebuild_tensor")
      return &arguments;
    if (callee.text == "torch._utils _rebuild_parameter") return as_tensor(*arguments.items[0], depth + 1);
    return std::nullopt;
  }

  [[noreturn]] void bad(const std::string& path, const char* what) const {
    fail("{}: expected {} of the tensor \"{}\", found something else; save it again with torch.save", name_,
         what, path);
  }

  std::vector<int64_t> integers(const PickleNode& node, const std::string& path) const {
    if (node.kind != Kind::sequence || node.items.size() > 16) bad(path, "a shape");
    std::vector<int64_t> values;
    for (const PickleNode* item : node.items) {
      if (item->kind != Kind::integer || item->integer < 0) bad(path, "a shape");
      values.push_back(item->integer);
    }
    return values;
  }

  TorchTensor load(const PickleNode* arguments, const std::string& path) {
    if (arguments->items.size() < 4) bad(path, "storage, offset, shape and strides");
    const PickleNode& storage = *arguments->items[0];
    if (storage.kind != Kind::persistent || storage.items[0]->kind != Kind::sequence ||
        storage.items[0]->items.size() < 3)
      bad(path, "the storage");
    const auto& id = storage.items[0]->items;  // "storage", type, key, location, elements
    const auto type = std::find_if(std::begin(storage_types), std::end(storage_types),
                                   [&](const StorageType& t) { return id[1]->text == t.global; });
    if (type == std::end(storage_types))
      fail(
          "{}: expected a tensor of real numbers or integers in \"{}\", found {}; convert it with .float() "
          "and save it again",
          name_, path, id[1]->text);
    const auto data = entries_.find(prefix_ + "data/" + id[2]->text);
    if (data == entries_.end())
      fail("{}: expected the data \"{}\" of the tensor \"{}\", found none; copy the file again", name_,
           id[2]->text, path);

    TorchTensor tensor;
    tensor.shape = integers(*arguments->items[2], path);
    const auto strides = integers(*arguments->items[3], path);
    if (strides.size() != tensor.shape.size() || arguments->items[1]->kind != Kind::integer ||
        arguments->items[1]->integer < 0)
      bad(path, "as many strides as dimensions");
    const size_t element = dtype_size(type->dtype);
    const auto capacity = static_cast<uint64_t>(data->second.size() / element);
    uint64_t count = 1, last = static_cast<uint64_t>(arguments->items[1]->integer);
    for (size_t i = 0; i < strides.size(); ++i) {
      uint64_t reach = 0;
      const auto size = static_cast<uint64_t>(tensor.shape[i]);
      if (__builtin_mul_overflow(count, size, &count) || count > most_bytes / element ||
          (size > 0 && __builtin_mul_overflow(size - 1, static_cast<uint64_t>(strides[i]), &reach)) ||
          __builtin_add_overflow(last, reach, &last))
        bad(path, "a possible shape");
    }
    if (count > 0 && last >= capacity)
      fail(
          "{}: expected the tensor \"{}\" of shape {} to lie within its {} stored elements, found it beyond "
          "them; copy the "
          "file again",
          name_, path, shape_text(tensor.shape), capacity);
    total_bytes_ += count * element;
    // Strides of 0 and shared storages let a few bytes claim to be much; no training saves more than a little
    // of that.
    if (total_bytes_ > 4 * bytes_in_archive_) bad(path, "data of its own");

    tensor.dtype = type->dtype;
    tensor.bytes.resize(count * element);
    if (count > 0)
      copy(data->second.data() + static_cast<size_t>(arguments->items[1]->integer) * element, strides,
           element, tensor);
    if (type->bfloat) widen(tensor);
    return tensor;
  }

  static void copy(const std::byte* from, const std::vector<int64_t>& strides, size_t element,
                   TorchTensor& tensor) {
    std::vector<int64_t> index(strides.size(), 0);
    std::byte* out = tensor.bytes.data();
    const std::byte* const end = out + tensor.bytes.size();
    int64_t contiguous = 1;
    bool plain = true;
    for (size_t i = strides.size(); i-- > 0;) {
      plain = plain && (tensor.shape[i] == 1 || strides[i] == contiguous);
      contiguous *= tensor.shape[i];
    }
    if (plain) {
      std::memcpy(out, from, tensor.bytes.size());
      return;
    }
    for (int64_t offset = 0; out < end; out += element) {
      std::memcpy(out, from + static_cast<size_t>(offset) * element, element);
      for (size_t i = strides.size(); i-- > 0;) {
        offset += strides[i];
        if (++index[i] < tensor.shape[i]) break;
        offset -= strides[i] * tensor.shape[i];
        index[i] = 0;
      }
    }
  }

  static void widen(TorchTensor& tensor) {
    std::vector<std::byte> wide(tensor.bytes.size() * 2);
    for (size_t i = 0; i < tensor.bytes.size() / 2; ++i)
      std::memcpy(&wide[4 * i + 2], &tensor.bytes[2 * i], 2);
    tensor.bytes = std::move(wide);
    tensor.dtype = DType::f32;
  }

  const std::string& name_;
  std::map<std::string, std::span<const std::byte>> entries_;
  std::string prefix_;
  Pickle pickle_;
  std::vector<NamedTensor> found_;
  size_t visited_ = 0;
  uint64_t bytes_in_archive_ = 0, total_bytes_ = 0, name_bytes_ = 0;
};

template <typename To, typename From>
std::vector<To> converted(const TorchTensor& tensor) {
  std::vector<To> out(static_cast<size_t>(tensor.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    From value;
    std::memcpy(&value, &tensor.bytes[i * sizeof(From)], sizeof(From));
    if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
      constexpr double beyond = 9.2e18;  // of 64 bits; NaN is refused too
      if (!(std::abs(static_cast<double>(value)) < beyond) || std::trunc(value) != value)
        fail("a tensor of dtype {}: expected whole numbers, found {} at element {}; save it as integers",
             dtype_name(tensor.dtype), value, i);
    }
    out[i] = static_cast<To>(value);
  }
  return out;
}

template <typename To>
std::vector<To> converted(const TorchTensor& tensor) {
  switch (tensor.dtype) {
    case DType::boolean:
    case DType::u8:
      return converted<To, uint8_t>(tensor);
    case DType::i8:
      return converted<To, int8_t>(tensor);
    case DType::i16:
      return converted<To, int16_t>(tensor);
    case DType::i32:
      return converted<To, int32_t>(tensor);
    case DType::i64:
      return converted<To, int64_t>(tensor);
    case DType::f32:
      return converted<To, float>(tensor);
    case DType::f64:
      return converted<To, double>(tensor);
    case DType::f16: {
      const auto halves = converted<uint16_t, uint16_t>(tensor);
      TorchTensor floats{DType::f32, tensor.shape, std::vector<std::byte>(halves.size() * sizeof(float))};
      for (size_t i = 0; i < halves.size(); ++i) {
        const float value = half_to_float(halves[i]);
        std::memcpy(&floats.bytes[i * sizeof(float)], &value, sizeof value);
      }
      return converted<To, float>(floats);
    }
    default:
      fail("a tensor of dtype {}: expected one that torch.save writes", dtype_name(tensor.dtype));
  }
}

}  // namespace

std::vector<float> TorchTensor::to_floats() const { return converted<float>(*this); }
std::vector<int64_t> TorchTensor::to_ints() const { return converted<int64_t>(*this); }

std::vector<NamedTensor> read_torch_bytes(std::span<const std::byte> bytes, const std::string& name) {
  return Reader(bytes, name).run();
}

std::vector<NamedTensor> read_torch_file(const std::filesystem::path& file) {
  const auto mapping = MappedFile::open(file);
  auto tensors = read_torch_bytes(mapping->bytes(), file.string());
  mapping->expect_whole();
  return tensors;
}

TorchTensor read_torch_tensor(const std::filesystem::path& file) {
  auto tensors = read_torch_file(file);
  if (tensors.size() != 1 || !tensors[0].name.empty())
    fail("{}: expected one tensor, found {}; save the tensor alone with torch.save", file.string(),
         tensors.empty() ? std::string("none") : fmt::format("{} under names", tensors.size()));
  return std::move(tensors[0].tensor);
}

}  // namespace dvi
