#include "scenarios/record_scenario.h"

#include "core/error.h"

namespace dvi {
namespace {

void record(const std::string& name, const ScenarioOptions& options) {
  if (name == "standard") return record_standard(options);
  if (name == "adversarial") return record_adversarial(options);
  if (name == "active-learning") return record_active_learning(options);
  if (name == "noisy-labels") return record_noisy_labels(options);
  if (name == "many-classes") return record_many_classes(options);
  std::string known;
  for (const auto& scenario : scenarios()) known += (known.empty() ? "" : ", ") + std::string(scenario.name);
  fail("--scenario: expected one of {}, found \"{}\"", known, name);
}

const decltype(record_scenario)::Implementation implementation(record_scenario, record);

}  // namespace
}  // namespace dvi
