#include "scenarios/scenario.h"

namespace dvi {

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"standard", "a convolutional classifier from its first steps to the end of training"},
      {"adversarial", "clean training, then adversarial training: robustness against accuracy"},
      {"active-learning", "samples are labelled in rounds, chosen by --strategy"},
      {"noisy-labels", "a fifth of the labels is wrong; the classifier memorises them in the end"},
      {"many-classes", "EMNIST (by --data), or 100 classes made of pairs of images"},
  };
  return all;
}

Json to_json(const std::string& scenario, const ScenarioOptions& options) {
  Json json{{"scenario", scenario},     {"data", options.data.string()}, {"quick", options.quick},
            {"epochs", options.epochs}, {"samples", options.samples},    {"seed", options.seed}};
  if (scenario == "active-learning") json["strategy"] = options.strategy;
  return json;
}

constinit PluginFunction<void(const std::string&, const ScenarioOptions&)> record_scenario(
    "train a classifier");

}  // namespace dvi
