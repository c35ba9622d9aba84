#include "run/testing/test_run.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "core/parallel.h"
#include "core/random.h"
#include "run/run_writer.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

constexpr double radius = 4, pi = 3.14159265358979;
constexpr int64_t image_side = 28;

/// At most `count` records of `size` bytes of one IDX file of Debian's dataset-fashion-mnist; empty if not
/// installed.
std::vector<uint8_t> read_idx(const char* name, size_t header, size_t size, size_t count) {
  const std::string path = std::string("/usr/share/datasets/fashion-mnist/") + name;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return {};
  std::vector<uint8_t> bytes(header + size * count);
  const int got = gzread(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  if (got < static_cast<int>(header)) return {};
  bytes.resize(static_cast<size_t>(got));
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return bytes;
}

struct Images {
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
};

/// `n` images of the first `classes` classes.
Images make_images(int64_t n, int classes) {
  constexpr int64_t area = image_side * image_side;
  // Classes are equally frequent, in random order; some more are read than should be needed.
  const auto wanted = static_cast<size_t>(n * 10 / std::min(classes, 10) * 5 / 4 + 100);
  const auto labels = read_idx("train-labels-idx1-ubyte.gz", 8, 1, wanted);
  const auto pixels = read_idx("train-images-idx3-ubyte.gz", 16, area, labels.size());
  Images images;
  images.pixels.reserve(static_cast<size_t>(n * area));
  for (size_t i = 0; i < labels.size() && static_cast<int64_t>(images.labels.size()) < n; ++i) {
    if (labels[i] >= classes) continue;
    images.labels.push_back(labels[i]);
    const auto begin = pixels.begin() + static_cast<std::ptrdiff_t>(i) * area;
    images.pixels.insert(images.pixels.end(), begin, begin + area);
  }
  // Where the data set is missing or too small: squares whose size tells the class.
  for (auto i = static_cast<int64_t>(images.labels.size()); i < n; ++i) {
    const auto label = static_cast<int32_t>(i % classes);
    images.labels.push_back(label);
    const int64_t side = 4 + 20 * label / classes;
    for (int64_t p = 0; p < area; ++p)
      images.pixels.push_back(p / image_side < side && p % image_side < side ? 220 : 20);
  }
  return images;
}

double angle_of(int32_t c, int classes) { return 2 * pi * c / classes; }

/// How far a sample has gone towards its class at an epoch, from 0 to 1; samples differ, some oscillate.
double progress_of(const TestRunOptions& options, int epoch, Random& random) {
  const auto [first, last] = std::minmax_element(options.epochs.begin(), options.epochs.end());
  const double time = *last > *first ? std::min(1.0, double(epoch - *first) / (*last - *first)) : 1;
  const double speed = 0.5 + random.uniform(), wobble = random.uniform() < 0.1 ? 0.6 : 0;
  return std::clamp(0.1 + time * speed - wobble * (epoch % 2), 0.05, 1.0);
}

Matrix make_features(const Run& run, const TestRunOptions& options, int epoch) {
  const Manifest& manifest = run.manifest();
  const auto names = run.column_names();
  const bool noisy = std::find(names.begin(), names.end(), "original_label") != names.end();
  const auto truth = noisy ? run.column("original_label") : std::vector<float>();
  const bool late =
      static_cast<size_t>(std::lower_bound(options.epochs.begin(), options.epochs.end(), epoch) -
                          options.epochs.begin()) *
          3 >=
      options.epochs.size() * 2;
  Matrix features(manifest.sample_count(), manifest.feature_dim);
  parallel_for(features.rows(), 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      Random fixed(options.seed, static_cast<uint64_t>(i));  // what stays the same over the epochs
      Random fresh(options.seed, static_cast<uint64_t>(i), static_cast<uint64_t>(epoch) + 1);
      const auto s = static_cast<size_t>(i);
      int32_t target = std::max(0, run.labels()[s]);
      if (noisy && !late) target = static_cast<int32_t>(truth[s]);
      const double towards = progress_of(options, epoch, fixed);
      const double angle = angle_of(target, manifest.class_count());
      const double x = fixed.normal() * 0.7, y = fixed.normal() * 0.7;
      float* row = features.row(i);
      row[0] = static_cast<float>(towards * radius * std::cos(angle) + x + 0.05 * fresh.normal());
      row[1] = static_cast<float>(towards * radius * std::sin(angle) + y + 0.05 * fresh.normal());
      for (int64_t j = 2; j < features.cols(); ++j) row[j] = static_cast<float>(0.05 * fresh.normal());
    }
  });
  return features;
}

struct Judged {
  int32_t first = 0, second = 0;
  float confidence = 0, margin = 0;
};

/// What the circle's head says of a plane position: logit of class c = position . direction of c.
Judged judge_plane(double x, double y, int classes) {
  std::vector<double> logits(static_cast<size_t>(classes));
  for (int c = 0; c < classes; ++c)
    logits[static_cast<size_t>(c)] = x * std::cos(angle_of(c, classes)) + y * std::sin(angle_of(c, classes));
  Judged judged;
  double first = -1e9, second = -1e9, least = 1e9;
  for (int c = 0; c < classes; ++c) {
    const double v = logits[static_cast<size_t>(c)];
    least = std::min(least, v);
    if (v > first) {
      second = first, judged.second = judged.first;
      first = v, judged.first = c;
    } else if (v > second) {
      second = v, judged.second = c;
    }
  }
  double sum = 0;
  for (const double v : logits) sum += std::exp(v - first);
  judged.confidence = static_cast<float>(1 / sum);
  judged.margin = first > least ? static_cast<float>((first - second) / (first - least)) : 0.f;
  return judged;
}

/// [N, k] nearest samples: among train for train samples, among train and the own group for others.
std::vector<int32_t> nearest(const Run& run, MatrixView points, int64_t k) {
  const auto n = points.rows;
  std::vector<int32_t> result(static_cast<size_t>(n * k));
  if (n > 4000) {
    std::vector<int32_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return points(a, 0) < points(b, 0); });
    for (int64_t at = 0; at < n; ++at)
      for (int64_t j = 0; j < k; ++j)
        result[static_cast<size_t>(order[static_cast<size_t>(at)] * k + j)] =
            order[static_cast<size_t>((at + j + 1) % n)];
    return result;
  }
  parallel_for(n, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      std::vector<std::pair<float, int32_t>> candidates;
      const Group& own = run.manifest().group_of(i);
      for (int64_t other = 0; other < n; ++other) {
        const Group& group = run.manifest().group_of(other);
        if (other == i || (group.role != "train" && group.name != own.name)) continue;
        float distance = 0;
        for (int64_t d = 0; d < points.cols; ++d)
          distance += (points(i, d) - points(other, d)) * (points(i, d) - points(other, d));
        candidates.emplace_back(distance, static_cast<int32_t>(other));
      }
      std::partial_sort(candidates.begin(), candidates.begin() + k, candidates.end());
      for (int64_t j = 0; j < k; ++j)
        result[static_cast<size_t>(i * k + j)] = candidates[static_cast<size_t>(j)].second;
    }
  });
  return result;
}

template <typename T>
void write_grid(const fs::path& file, const std::vector<T>& values, int64_t rows, int64_t cols) {
  const int64_t shape[] = {rows, cols};
  write_npy<T>(file, shape, std::span<const T>(values));
}

void write_view_epoch(const Run& run, const fs::path& folder, int number) {
  const Matrix features = run.epoch(number).features();
  const int64_t n = features.rows(), d = features.cols();
  const int classes = run.manifest().class_count();
  fs::create_directories(folder);
  Matrix positions(n, 2);
  std::vector<int32_t> predictions, runner_up;
  std::vector<float> confidence, margin;
  for (int64_t i = 0; i < n; ++i) {
    positions(i, 0) = features(i, 0);
    positions(i, 1) = features(i, 1);
    const Judged judged = judge_plane(features(i, 0), features(i, 1), classes);
    predictions.push_back(judged.first);
    runner_up.push_back(judged.second);
    confidence.push_back(judged.confidence);
    margin.push_back(judged.margin);
  }
  const int64_t k =
      std::min<int64_t>(15, static_cast<int64_t>(run.manifest().ids_of_role("train").size()) - 1);
  const auto in_features = nearest(run, features, k), in_plane = nearest(run, positions, k);
  std::vector<uint8_t> kept;
  for (int64_t i = 0; i < n; ++i) {
    const auto row = in_features.begin() + i * k;
    kept.push_back(static_cast<uint8_t>(
        std::count_if(in_plane.begin() + i * k, in_plane.begin() + (i + 1) * k,
                      [&](int32_t id) { return std::find(row, row + k, id) != row + k; })));
  }
  // Boundary samples: on the rays between neighbouring classes.
  const int64_t m = std::max<int64_t>(1, n / classes);
  Matrix boundary(m, 2);
  std::vector<int32_t> between;
  for (int64_t i = 0; i < m; ++i) {
    const auto a = static_cast<int32_t>(i % classes), b = (a + 1) % classes;
    const double angle = angle_of(a, classes) + pi / classes, length = radius * double(i + 1) / double(m);
    boundary(i, 0) = static_cast<float>(length * std::cos(angle));
    boundary(i, 1) = static_cast<float>(length * std::sin(angle));
    between.insert(between.end(), {a, b});
  }
  std::vector<float> weights(static_cast<size_t>(2 * d + 2 + 2 * d + d), 0.f);
  weights[0] = weights[static_cast<size_t>(d + 1)] = 1;                                   // encoder [2, D]
  weights[static_cast<size_t>(2 * d + 2)] = weights[static_cast<size_t>(2 * d + 5)] = 1;  // decoder [D, 2]

  write_npy(folder / "positions.npy", positions.view());
  write_npy(folder / "predictions.npy", predictions);
  write_npy(folder / "runner_up.npy", runner_up);
  write_npy(folder / "round_trip.npy", predictions);
  write_npy(folder / "confidence.npy", confidence);
  write_npy(folder / "margin.npy", margin);
  write_grid(folder / "neighbors.npy", in_features, n, k);
  write_grid(folder / "plane_neighbors.npy", in_plane, n, k);
  write_npy(folder / "neighbors_kept.npy", kept);
  std::vector<float> moved(kept.size());
  for (size_t i = 0; i < moved.size(); ++i) moved[i] = i % 8 == 0 ? static_cast<float>(i % 5) * 0.02f : 0;
  write_npy(folder / "moved.npy", moved);
  write_npy(folder / "boundary_positions.npy", boundary.view());
  write_grid(folder / "boundary_classes.npy", between, m, 2);
  write_npy(folder / "weights.npy", weights);
  const double nn = std::accumulate(kept.begin(), kept.end(), 0.0) / double(n);
  write_json(folder / "metrics.json", {{"epoch", number},
                                       {"train", {{"nn_15", nn}, {"ppr", 1.0}}},
                                       {"test", {{"nn_15", nn}, {"ppr", 1.0}}},
                                       {"boundary", Json::object()}});
  write_json(folder / "view_epoch.json", {{"epoch", number},
                                          {"encoder", {d, 2}},
                                          {"decoder", {2, d}},
                                          {"seconds", {{"train", 0.1}}},
                                          {"bounds", {-8.0, -8.0, 8.0, 8.0}}});
}

void write_territory(const fs::path& folder, int64_t size, int classes) {
  fs::create_directories(folder);
  std::vector<uint16_t> classes_grid;
  std::vector<uint8_t> confidence, margin;
  for (int64_t row = 0; row < size; ++row)
    for (int64_t col = 0; col < size; ++col) {
      const double step = 16.0 / double(size);
      const Judged judged =
          judge_plane(-8 + (double(col) + 0.5) * step, -8 + (double(row) + 0.5) * step, classes);
      classes_grid.push_back(static_cast<uint16_t>(judged.first));
      confidence.push_back(static_cast<uint8_t>(std::lround(judged.confidence * 255)));
      margin.push_back(static_cast<uint8_t>(std::lround(judged.margin * 255)));
    }
  write_grid(folder / "class.npy", classes_grid, size, size);
  write_grid(folder / "confidence.npy", confidence, size, size);
  write_grid(folder / "margin.npy", margin, size, size);
}

/// Flips, forgetting, learning and big moves; confidence jumps are left to the real thing.
std::vector<Event> make_events(const Run& run, const View& view) {
  std::vector<Event> events;
  const auto& epochs = view.epoch_numbers();
  const auto n = run.manifest().sample_count();
  for (size_t e = 1; e < epochs.size(); ++e) {
    const auto before = view.epoch(epochs[e - 1]), after = view.epoch(epochs[e]);
    std::vector<double> moves;
    for (size_t i = 0; i < static_cast<size_t>(n); ++i)
      moves.push_back(std::hypot(after->positions()[2 * i] - before->positions()[2 * i],
                                 after->positions()[2 * i + 1] - before->positions()[2 * i + 1]));
    const double mean = std::accumulate(moves.begin(), moves.end(), 0.0) / double(n);
    double variance = 0;
    for (const double move : moves) variance += (move - mean) * (move - mean) / double(n);
    for (int32_t kind = 0; kind < event_kind_count; ++kind)
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
        const int32_t from = before->predictions()[i], to = after->predictions()[i], label = run.labels()[i];
        const bool happened[] = {from != to, from == label && to != label, from != label && to == label,
                                 false, moves[i] > mean + 2 * std::sqrt(variance)};
        const double value[] = {after->confidence()[i] - before->confidence()[i], 0, 0, 0, moves[i]};
        if (happened[kind])
          events.push_back(
              {static_cast<int32_t>(i), epochs[e], kind, from, to, static_cast<float>(value[kind])});
      }
  }
  return events;
}

}  // namespace

Run make_test_run(const fs::path& folder, const TestRunOptions& options) {
  const int64_t n = options.train + options.test;
  Manifest manifest;
  manifest.name = "test run";
  static constexpr const char* fashion[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                            "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  for (int c = 0; c < options.classes; ++c)
    manifest.classes.push_back(c < 10 ? fashion[c] : "class " + std::to_string(c));
  manifest.feature_dim = options.feature_dim;
  manifest.groups = {{"train", "train", 0, options.train}, {"test", "test", options.train, options.test}};
  manifest.subject = SubjectKind::linear_head;
  if (options.images) manifest.inputs = InputSpec{"image", "NHW", {}, {}, {}};
  if (options.noisy > 0) manifest.columns = {{"original_label", {{"categories", manifest.classes}}}};

  RunWriter writer(folder, manifest);
  Images images = make_images(options.images ? n : 0, options.classes);
  for (auto i = static_cast<int64_t>(images.labels.size()); i < n; ++i)
    images.labels.push_back(static_cast<int32_t>(i % options.classes));
  if (options.noisy > 0) {
    std::vector<float> original(images.labels.begin(), images.labels.end()),
        is_noisy(static_cast<size_t>(n), 0.f);
    Random random(options.seed, 77);
    for (size_t i = 0; i < static_cast<size_t>(options.train); ++i) {
      if (random.uniform() >= options.noisy) continue;
      const auto step = 1 + random.below(static_cast<uint64_t>(options.classes - 1));
      images.labels[i] = static_cast<int32_t>((static_cast<uint64_t>(images.labels[i]) + step) %
                                              static_cast<uint64_t>(options.classes));
      is_noisy[i] = 1;
    }
    writer.column("original_label", original);
    writer.column("is_noisy", is_noisy);
  }
  writer.labels(images.labels);
  if (options.images) {
    const int64_t shape[] = {n, image_side, image_side};
    writer.inputs(DType::u8, shape, images.pixels.data());
  }
  writer.begin();
  const Run run = Run::open(folder);
  for (const int epoch : options.epochs) record_test_epoch(run, options, epoch);
  if (!options.fitted.empty()) make_test_view(run, options.fitted, options.territory_size);
  return run;
}

void record_test_epoch(const Run& run, const TestRunOptions& options, int epoch) {
  const int classes = run.manifest().class_count();
  EpochWriter writer(run.folder(), epoch);
  const Matrix features = make_features(run, options, epoch);
  writer.features(features);
  Matrix weight(classes, features.cols());
  for (int c = 0; c < classes; ++c) {
    weight(c, 0) = static_cast<float>(std::cos(angle_of(c, classes)));
    weight(c, 1) = static_cast<float>(std::sin(angle_of(c, classes)));
  }
  writer.linear_head(weight, std::vector<float>(static_cast<size_t>(classes), 0.f));
  int64_t right = 0;
  std::vector<float> length;
  for (int64_t i = 0; i < features.rows(); ++i) {
    right +=
        judge_plane(features(i, 0), features(i, 1), classes).first == run.labels()[static_cast<size_t>(i)];
    length.push_back(std::hypot(features(i, 0), features(i, 1)));
  }
  writer.column("feature_length", length);
  writer.commit(
      {{"train_accuracy", double(right) / double(features.rows())}, {"train_loss", 1.0 / (1 + epoch)}});
}

void make_test_view(const Run& run, const std::vector<int>& fitted, int64_t territory_size) {
  const fs::path folder = run.view_folder("default");
  for (const int epoch : fitted) {
    const auto epoch_folder = folder / "epochs" / epoch_folder_name(epoch);
    if (!fs::exists(epoch_folder / "view_epoch.json")) write_view_epoch(run, epoch_folder, epoch);
    write_territory(folder / "territories" / "1" / epoch_folder_name(epoch), territory_size,
                    run.manifest().class_count());
  }
  write_json(folder / "view.json", {{"format", "dvi-view"},
                                    {"version", 1},
                                    {"name", "default"},
                                    {"preset", "default"},
                                    {"seed", 1},
                                    {"threads", 1},
                                    {"settings", {{"k", 15}}},
                                    {"versions", Json::object()},
                                    {"epochs", fitted},
                                    {"extent", {-8.0, -8.0, 8.0, 8.0}},
                                    {"territory", {{"revision", 1}, {"size", territory_size}}},
                                    {"state", "done"},
                                    {"boundary_from", "features"}});
  write_events(folder / "events.npy", make_events(run, View::open(run, "default")));
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "dvi-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) fail("{}: cannot be made", name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace dvi
