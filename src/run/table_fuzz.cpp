// Any bytes given as texts.txt and as rows.csv are either one text or row a sample, or an Error.
#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "core/file.h"
#include "run/testing/test_run.h"

namespace {

struct Place {
  dvi::TemporaryFolder folder;
  dvi::Run run = make();
  dvi::Run make() {
    dvi::TestRunOptions options;
    options.train = 4;
    options.test = 2;
    options.images = false;
    options.epochs = {1};
    options.fitted = {};
    return dvi::make_test_run(folder / "run", options);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Place place;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"texts.txt", "rows.csv"})
    dvi::write_file_atomically(place.run.folder() / name, input);
  try {
    if (place.run.texts().size() != 6) __builtin_trap();
  } catch (const dvi::Error&) {
  }
  try {
    const auto rows = place.run.rows();
    if (rows.size() != 7) __builtin_trap();
    for (const auto& row : rows)
      if (row.size() != rows[0].size()) __builtin_trap();
  } catch (const dvi::Error&) {
  }
  return 0;
}
