#include "run/events.h"

#include <charconv>
#include <cstring>

#include "core/error.h"
#include "core/file.h"
#include "core/npy.h"

namespace dvi {
namespace {

constexpr const char* descr =
    "[('sample', '<i4'), ('epoch', '<i4'), ('kind', '<i4'), ('from', '<i4'), ('to', '<i4'), ('value', "
    "'<f4')]";

}  // namespace

const char* event_kind_name(int32_t kind) {
  static constexpr const char* names[] = {"flip", "forgetting", "learned", "confidence jump", "big move"};
  if (kind < 0 || kind >= event_kind_count)
    fail("event kind: expected a number from 0 to {}, found {}", event_kind_count - 1, kind);
  return names[kind];
}

std::vector<Event> read_events(const std::filesystem::path& path) {
  const auto mapping = MappedFile::open(path);
  const std::string_view bytes(reinterpret_cast<const char*>(mapping->bytes().data()),
                               mapping->bytes().size());
  // Only the header that write_events and NumPy write for this dtype is accepted.
  const std::string front = "{'descr': " + std::string(descr) + ", 'fortran_order': False, 'shape': (";
  constexpr size_t prefix = 10;
  int64_t count = -1;
  size_t data = 0;
  if (bytes.size() > prefix + front.size() && bytes.compare(0, 7, "\x93NUMPY\x01") == 0 &&
      bytes.compare(prefix, front.size(), front) == 0) {
    data = prefix + (static_cast<unsigned char>(bytes[8]) |
                     static_cast<size_t>(static_cast<unsigned char>(bytes[9])) << 8);
    const char* begin = bytes.data() + prefix + front.size();
    std::from_chars(begin, bytes.data() + bytes.size(), count);
  }
  if (count < 0)
    fail("{}: expected rows {} in .npy format, found something else; run 'dvi fit' again", path.string(),
         descr);
  if (data > bytes.size() || (bytes.size() - data) / sizeof(Event) != static_cast<size_t>(count) ||
      (bytes.size() - data) % sizeof(Event) != 0)
    fail("{}: expected {} events, found {} bytes of data; the file is cut off, run 'dvi fit' again",
         path.string(), count, bytes.size() - std::min(data, bytes.size()));
  std::vector<Event> events(static_cast<size_t>(count));
  if (count > 0) std::memcpy(events.data(), bytes.data() + data, events.size() * sizeof(Event));
  mapping->expect_whole();
  return events;
}

void write_events(const std::filesystem::path& path, std::span<const Event> events) {
  const int64_t shape[] = {static_cast<int64_t>(events.size())};
  const std::string header = npy_header_text(descr, shape);
  write_file_atomically(path, {std::as_bytes(std::span(header)), std::as_bytes(events)});
}

}  // namespace dvi
