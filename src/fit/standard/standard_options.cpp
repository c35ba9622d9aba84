#include "fit/standard/standard_options.h"

namespace dvi {

Json to_json(const StandardOptions& o) {
  return {{"k", fit_k},
          {"class_weight", o.class_weight},
          {"usual_disagreement", o.usual_disagreement},
          {"margin_rank_weight", o.margin_rank_weight},
          {"cross_class_weight", o.cross_class_weight},
          {"boundary_weight", o.boundary_weight},
          {"boundary_enough", o.boundary_enough},
          {"boundary_to_sample_weight", o.boundary_to_sample_weight},
          {"boundary_visits", o.boundary_visits},
          {"exaggeration", o.exaggeration},
          {"early_iterations", o.early_iterations},
          {"free_iterations", o.free_iterations},
          {"iterations", o.iterations},
          {"following_iterations", o.following_iterations},
          {"anchor", o.anchor},
          {"spring", o.spring},
          {"changed_class_spring", o.changed_class_spring},
          {"settle_sweeps", o.settle_sweeps},
          {"settle_iterations", o.settle_iterations},
          {"other_spring", o.other_spring},
          {"other_sweeps", o.other_sweeps},
          {"first_encoder_steps", o.first_encoder_steps},
          {"following_encoder_steps", o.following_encoder_steps},
          {"new_decoder_steps", o.new_decoder_steps},
          {"following_decoder_steps", o.following_decoder_steps},
          {"reconstruction_weight", o.reconstruction_weight},
          {"margin_weight", o.margin_weight},
          {"margin_tolerance", o.margin_tolerance},
          {"relocation_reach", o.relocation_reach}};
}

}  // namespace dvi
