// Any text given as a condition finds samples or is an Error, within its time.
#include <chrono>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "query/query.h"
#include "run/testing/test_run.h"

namespace {

struct Place {
  dvi::TemporaryFolder folder;
  dvi::Run run = make();
  dvi::SampleTable table{run, dvi::View::open(run, "default")};
  dvi::Run make() {
    dvi::TestRunOptions options;
    options.train = 60;
    options.test = 20;
    options.images = false;
    options.noisy = 0.1;
    options.epochs = options.fitted = {1, 2, 3};
    options.territory_size = 8;
    return dvi::make_test_run(folder / "run", options);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Place place;
  const auto start = std::chrono::steady_clock::now();
  constexpr double most = 0.5;
  try {
    for (const int32_t id :
         dvi::find_samples(place.table, std::string(reinterpret_cast<const char*>(data), size), {}, most).ids)
      if (id < 0 || id >= place.table.samples()) __builtin_trap();
  } catch (const dvi::Error&) {
  }
  // Sanitizers and a busy machine take their part.
  if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > 10 * most)
    __builtin_trap();
  return 0;
}
