// Writes tensors as torch.save does, for tests: a zip archive of stored entries with a pickle of protocol 2.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace dvi::testing {

class ZipWriter {
 public:
  void add(const std::string& name, const std::string& data, uint16_t method = 0) {
    const auto crc = static_cast<uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
    const auto offset = static_cast<uint32_t>(out_.size());
    const std::string common =
        number<uint16_t>(20) + number<uint16_t>(0) + number(method) + number<uint32_t>(0) + number(crc) +
        number(static_cast<uint32_t>(data.size())) + number(static_cast<uint32_t>(data.size())) +
        number(static_cast<uint16_t>(name.size()));
    out_ += "PK\3\4" + common + number<uint16_t>(0) + name + data;
    directory_ += "PK\1\2" + number<uint16_t>(20) + common + number<uint16_t>(0) + number<uint16_t>(0) +
                  number<uint16_t>(0) + number<uint16_t>(0) + number<uint32_t>(0) + number(offset) + name;
    ++entries_;
  }
  std::string finish() const {
    return out_ + directory_ + "PK\5\6" + std::string(4, '\0') + number(entries_) + number(entries_) +
           number(static_cast<uint32_t>(directory_.size())) + number(static_cast<uint32_t>(out_.size())) +
           std::string(2, '\0');
  }
  template <typename T>
  static std::string number(T value) {
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
  }

 private:
  std::string out_, directory_;
  uint16_t entries_ = 0;
};

struct Tensor {
  std::string storage;  ///< "FloatStorage", "LongStorage", "ByteStorage", ...
  std::vector<int64_t> shape;
  std::string data;
};

template <typename T>
Tensor tensor(const std::string& storage, std::vector<int64_t> shape, const std::vector<T>& values) {
  return {storage, std::move(shape),
          std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T))};
}

inline std::string pickled_text(const std::string& text) {
  return "X" + ZipWriter::number(static_cast<uint32_t>(text.size())) + text;
}
inline std::string pickled_integer(int64_t value) { return "\x8a\x08" + ZipWriter::number(value); }
inline std::string pickled_tuple(const std::vector<int64_t>& values) {
  std::string out = "(";
  for (const int64_t value : values) out += pickled_integer(value);
  return out + "t";
}

/// What rebuilds a tensor whose data is the entry `key`.
inline std::string pickled_tensor(const Tensor& t, const std::string& key) {
  std::vector<int64_t> strides(t.shape.size(), 1);
  uint64_t count = 1;  // wraps around where a test asks for an impossible shape
  for (size_t i = t.shape.size(); i-- > 0;) {
    strides[i] = static_cast<int64_t>(count);
    count *= static_cast<uint64_t>(t.shape[i]);
  }
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + pickled_text("storage") + "ctorch\n" + t.storage + "\n" +
         pickled_text(key) + pickled_text("cpu") + pickled_integer(static_cast<int64_t>(count)) + "tQ" +
         pickled_integer(0) + pickled_tuple(t.shape) + pickled_tuple(strides) + "\x89" +
         "ccollections\nOrderedDict\n)RtR";
}

/// The bytes of torch.save(tensor).
inline std::string torch_bytes(const Tensor& t) {
  ZipWriter zip;
  zip.add("archive/data.pkl", "\x80\x02" + pickled_tensor(t, "0") + ".");
  zip.add("archive/data/0", t.data);
  zip.add("archive/version", "3\n");
  return zip.finish();
}

/// The bytes of torch.save(OrderedDict(...)).
inline std::string torch_bytes(const std::vector<std::pair<std::string, Tensor>>& state) {
  ZipWriter zip;
  std::string pickle =
      "\x80\x02"
      "ccollections\nOrderedDict\n)R(";
  for (size_t i = 0; i < state.size(); ++i)
    pickle += pickled_text(state[i].first) + pickled_tensor(state[i].second, std::to_string(i));
  zip.add("archive/data.pkl", pickle + "u.");
  for (size_t i = 0; i < state.size(); ++i)
    zip.add("archive/data/" + std::to_string(i), state[i].second.data);
  return zip.finish();
}

}  // namespace dvi::testing
