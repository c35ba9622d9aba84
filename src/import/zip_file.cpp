#include "import/zip_file.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "core/error.h"

namespace dvi {
namespace {

/// Little-endian numbers at offsets that the file itself states, so every access is checked.
class Bytes {
 public:
  Bytes(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}
  std::span<const std::byte> at(uint64_t offset, uint64_t count) const {
    if (offset > bytes_.size() || count > bytes_.size() - offset)
      fail("{}: expected a whole zip archive, found one that is cut off or damaged; copy it again", name_);
    return bytes_.subspan(offset, count);
  }
  template <typename T>
  T number(uint64_t offset) const {
    T value;
    std::memcpy(&value, at(offset, sizeof(T)).data(), sizeof(T));
    return value;
  }
  uint64_t size() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  const std::string& name_;
};

struct Directory {
  uint64_t entries, offset;
};

/// The end record is the last thing in the file but for a comment of up to 65535 bytes.
Directory find_directory(const Bytes& bytes, const std::string& name) {
  constexpr uint64_t end_size = 22, most_comment = 65535;
  if (bytes.size() >= end_size) {
    const uint64_t last = bytes.size() - end_size, first = last > most_comment ? last - most_comment : 0;
    for (uint64_t at = last + 1; at-- > first;) {
      if (bytes.number<uint32_t>(at) != 0x06054b50) continue;
      const Directory plain{bytes.number<uint16_t>(at + 10), bytes.number<uint32_t>(at + 16)};
      const bool zip64 = plain.entries == 0xffff || plain.offset == 0xffffffff;
      if (!zip64 || at < 20 || bytes.number<uint32_t>(at - 20) != 0x07064b50) return plain;
      const auto record = bytes.number<uint64_t>(at - 12);
      if (bytes.number<uint32_t>(record) != 0x06064b50) return plain;
      return {bytes.number<uint64_t>(record + 32), bytes.number<uint64_t>(record + 48)};
    }
  }
  fail(
      "{}: expected a zip archive, found none; was it written by torch.save of PyTorch 1.6 or later? Load it "
      "with "
      "torch.load and save it again",
      name);
}

/// Sizes and offset of an entry that do not fit in 32 bits are in its extra field with id 1, in this order.
void read_zip64_extra(const Bytes& bytes, uint64_t at, uint64_t length,
                      std::initializer_list<uint64_t*> fields) {
  for (const uint64_t end = at + length; at + 4 <= end;) {
    const auto id = bytes.number<uint16_t>(at), size = bytes.number<uint16_t>(at + 2);
    if (id == 1) {
      uint64_t value = at + 4;
      for (uint64_t* field : fields)
        if (*field == 0xffffffff && value + 8 <= at + 4 + size) {
          *field = bytes.number<uint64_t>(value);
          value += 8;
        }
    }
    at += 4u + size;
  }
}

}  // namespace

std::map<std::string, std::span<const std::byte>> read_zip(std::span<const std::byte> archive,
                                                           const std::string& name) {
  const Bytes bytes(archive, name);
  const Directory directory = find_directory(bytes, name);
  std::map<std::string, std::span<const std::byte>> entries;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;  // of the entries' data
  uint64_t at = directory.offset;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    if (bytes.number<uint32_t>(at) != 0x02014b50)
      fail("{}: expected entry {} of the zip archive, found other bytes; copy the file again", name, i);
    const auto flags = bytes.number<uint16_t>(at + 8), method = bytes.number<uint16_t>(at + 10);
    const auto name_length = bytes.number<uint16_t>(at + 28), extra_length = bytes.number<uint16_t>(at + 30),
               comment_length = bytes.number<uint16_t>(at + 32);
    uint64_t stored = bytes.number<uint32_t>(at + 20), size = bytes.number<uint32_t>(at + 24),
             header = bytes.number<uint32_t>(at + 42);
    const auto text = bytes.at(at + 46, name_length);
    std::string entry(reinterpret_cast<const char*>(text.data()), text.size());
    read_zip64_extra(bytes, at + 46 + name_length, extra_length, {&size, &stored, &header});
    if (method != 0 || (flags & 1) != 0 || stored != size)
      fail(
          "{}: expected entries stored as they are, as torch.save writes them, found \"{}\" compressed or "
          "encrypted; "
          "load it with torch.load and save it again",
          name, entry);
    if (bytes.number<uint32_t>(header) != 0x04034b50)
      fail("{}: expected the data of \"{}\" where the archive says, found other bytes; copy the file again",
           name, entry);
    const uint64_t data =
        header + 30 + bytes.number<uint16_t>(header + 26) + bytes.number<uint16_t>(header + 28);
    if (!entries.emplace(entry, bytes.at(data, size)).second)
      fail("{}: expected every name once in the zip archive, found \"{}\" twice; copy the file again", name,
           entry);
    if (size > 0) ranges.emplace_back(data, data + size);
    at += 46u + name_length + extra_length + comment_length;
  }
  // Entries that share their bytes let a small file claim to be as large as one likes.
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].first < ranges[i - 1].second)
      fail(
          "{}: expected entries of a zip archive that lie side by side, found two that overlap; load it with "
          "torch.load "
          "and save it again",
          name);
  return entries;
}

}  // namespace dvi
