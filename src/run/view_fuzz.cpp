// Any bytes given as view.json and view_epoch.json, with a zero byte between them, make either a view all of
// whose accessors can be called, or an Error.
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
    options.train = 40;
    options.test = 10;
    options.images = false;
    options.epochs = options.fitted = {1, 2};
    options.territory_size = 8;
    return dvi::make_test_run(folder / "run", options);
  }
};

void read_all(const dvi::Run& run) {
  const dvi::View view = dvi::View::open(run, "default");
  (void)view.events();
  for (const int number : view.epoch_numbers()) {
    (void)view.territory(number);
    const auto epoch = view.epoch(number);
    (void)epoch->metrics();
    (void)epoch->neighbors();
    (void)epoch->encoder_widths();
    (void)epoch->encoder_landmarks();
    (void)epoch->decoder_widths();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Place place;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(input.find('\0'), input.size());
  const auto folder = place.run.view_folder("default");
  dvi::write_file_atomically(folder / "view.json", input.substr(0, zero));
  dvi::write_file_atomically(folder / "epochs" / "000001" / "view_epoch.json",
                             input.substr(std::min(zero + 1, input.size())));
  try {
    read_all(place.run);
  } catch (const dvi::Error&) {
  }
  return 0;
}
