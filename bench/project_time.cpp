// How long `dvi project` takes: features of the run's test samples placed among its train samples.
//   project_time RUN [VIEW]
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "core/stopwatch.h"
#include "project/projector.h"

int main(int argc, char** argv) {
  using namespace dvi;
  if (argc < 2) {
    fmt::print(stderr, "usage: project_time RUN [VIEW]\n");
    return 2;
  }
  const Run run = Run::open(argv[1]);
  const View view = View::open(run, argc > 2 ? argv[2] : default_view_name(run));
  const int epoch = view.epoch_numbers().back();
  const std::vector<int32_t> ids = run.manifest().ids_of_role("test");
  const Matrix features = gather_rows(run.epoch(epoch).features(), ids);
  Stopwatch watch;
  Projector projector(run, view, epoch);
  const double opened = watch.lap();
  projector.project(features.view().slice(0, 1));
  const double one = watch.lap();
  projector.project(features);
  const double first = watch.lap();
  constexpr int rounds = 5;
  double best = 1e9;
  const std::clock_t before = std::clock();
  for (int i = 0; i < rounds; ++i) {
    projector.project(features);
    best = std::min(best, watch.lap());
  }
  const double processor = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC / rounds;
  fmt::print(
      "epoch {}: opening {:.3f} s, one sample {:.3f} s, {} samples first {:.3f} s (with the index), then "
      "{:.3f} s ({:.3f} processor seconds)\n",
      epoch, opened, one, features.rows(), first, best, processor);
}
