// Records the training of a classifier from C++, and reads what `dvi fit` made of it.
//
// record_and_read record RUN
//     trains a softmax regression on two noisy spirals and writes the run RUN
// record_and_read read RUN
//     tells, for every fitted epoch, how many samples the classifier gets right, and how many lie in the map
//     where their prediction is shown
//
// Between the two: dvi fit RUN
#include <run/run.h>
#include <run/run_writer.h>
#include <run/view.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr int samples = 600, feature_dim = 16, classes = 2, epochs = 4;

/// Points of two spirals, and sixteen random cosine features of each: what a hidden layer would give.
struct Data {
  dvi::Matrix features{samples, feature_dim};
  std::vector<int32_t> labels;
};

Data make_data() {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> along(0.5f, 3.5f);
  std::vector<float> direction(2 * feature_dim), phase(feature_dim);
  for (float& x : direction) x = 1.5f * normal(random);
  for (float& x : phase) x = 3.f * normal(random);
  Data data;
  for (int i = 0; i < samples; ++i) {
    const int label = i % classes;
    const float t = along(random), angle = t * 2 + static_cast<float>(label) * 3.14159f;
    const float x = t * std::cos(angle) + 0.1f * normal(random);
    const float y = t * std::sin(angle) + 0.1f * normal(random);
    for (int l = 0; l < feature_dim; ++l)
      data.features(i, l) = 1 + std::cos(direction[2 * l] * x + direction[2 * l + 1] * y + phase[l]);
    data.labels.push_back(label);
  }
  return data;
}

/// One pass of gradient descent over all samples.
void train(const Data& data, dvi::Matrix& weight, std::vector<float>& bias) {
  constexpr float rate = 0.2f;
  for (int i = 0; i < samples; ++i) {
    float logit = bias[1] - bias[0];
    for (int l = 0; l < feature_dim; ++l) logit += (weight(1, l) - weight(0, l)) * data.features(i, l);
    const float error = 1 / (1 + std::exp(-logit)) - static_cast<float>(data.labels[i]);
    for (int c = 0; c < classes; ++c) {
      const float step = rate * error * (c == 1 ? 1 : -1);
      for (int l = 0; l < feature_dim; ++l) weight(c, l) -= step * data.features(i, l);
      bias[c] -= step;
    }
  }
}

void record(const std::string& folder) {
  const Data data = make_data();
  dvi::Manifest manifest;
  manifest.name = "two spirals";
  manifest.classes = {"left", "right"};
  manifest.feature_dim = feature_dim;
  manifest.groups = {{"train", "train", 0, samples / 2}, {"test", "test", samples / 2, samples / 2}};
  manifest.subject = dvi::SubjectKind::linear_head;

  dvi::RunWriter run(folder, manifest);
  run.labels(data.labels);
  run.begin();
  dvi::Matrix weight(classes, feature_dim);
  std::vector<float> bias(classes, 0.f);
  for (int number = 1; number <= epochs; ++number) {
    for (int pass = 0; pass < number; ++pass) train(data, weight, bias);
    dvi::EpochWriter epoch = run.epoch(number);
    epoch.features(data.features);
    epoch.linear_head(weight, bias);
    epoch.commit({{"passes", number}});
  }
  run.finish();
  std::printf("recorded %d epochs in %s; now: dvi fit %s\n", epochs, folder.c_str(), folder.c_str());
}

void read(const std::string& folder) {
  const dvi::Run run = dvi::Run::open(folder);
  const dvi::View view = dvi::View::open(run, dvi::default_view_name(run));
  for (const int number : view.epoch_numbers()) {
    const auto epoch = view.epoch(number);
    int right = 0, shown_right = 0;
    for (int64_t i = 0; i < run.manifest().sample_count(); ++i) {
      right += epoch->predictions()[i] == run.labels()[i];
      shown_right += epoch->predictions()[i] == epoch->round_trip()[i];
    }
    std::printf("epoch %d: %d of %d predicted right, %d shown on ground of their prediction\n", number, right,
                samples, shown_right);
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::string what = count == 3 ? arguments[1] : "";
    if (what == "record")
      record(arguments[2]);
    else if (what == "read")
      read(arguments[2]);
    else
      return std::fprintf(stderr, "usage: record_and_read record|read RUN\n"), 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "record_and_read: %s\n", error.what());
    return 1;
  }
}
