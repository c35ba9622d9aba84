// The training of each scenario, in the file of its name.
#pragma once

#include "scenarios/scenario.h"

namespace dvi {

void record_standard(const ScenarioOptions&);
void record_adversarial(const ScenarioOptions&);
void record_active_learning(const ScenarioOptions&);
void record_noisy_labels(const ScenarioOptions&);
void record_many_classes(const ScenarioOptions&);

}  // namespace dvi
