#include "fit/standard/standard_options.h"

namespace dvi {

Json to_json(const StandardOptions& o) {
  return {{"k", fit_k},
          {"cross_class_weight", o.cross_class_weight},
          {"boundary_weight", o.boundary_weight},
          {"boundary_enough", o.boundary_enough},
          {"boundary_to_sample_weight", o.boundary_to_sample_weight},
          {"boundary_visits", o.boundary_visits},
          {"exaggeration", o.exaggeration},
          {"early_iterations", o.early_iterations},
          {"iterations", o.iterations},
          {"following_iterations", o.following_iterations},
          {"anchor", o.anchor},
          {"spring", o.spring},
          {"settle_rounds", o.settle_rounds},
          {"settle_iterations", o.settle_iterations},
          {"first_steps", o.first_steps},
          {"following_steps", o.following_steps},
          {"reconstruction_weight", o.reconstruction_weight},
          {"relocation_reach", o.relocation_reach}};
}

}  // namespace dvi
