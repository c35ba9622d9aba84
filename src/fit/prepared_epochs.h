// Boundary samples and neighbours of epochs, stored ahead of the fit (`dvi fit --prepare`).
//
// They depend on the epoch alone, so that the epochs of a run can be prepared on as many machines, in any
// order, while or before the fit goes through them one after the other. They take the better part of an
// epoch's time. An epoch's files lie in views/NAME/prepared/EPOCH, appear together or not at all, and are
// removed when the epoch is fitted.
#pragma once

#include <cstdint>
#include <filesystem>

#include "fit/epoch_data.h"

namespace dvi {

class PreparedEpochs {
 public:
  /// Of the view in `view_folder`, which need not be there yet. `seed`: of the fit.
  PreparedEpochs(std::filesystem::path view_folder, uint64_t seed);

  /// Stores what find() will give back, on rank 0; called by all ranks. Throws Error if it cannot be written,
  /// or if another process stores the same epoch.
  void store(const EpochData&) const;
  /// Boundary samples and neighbour lists of an epoch whose features and logits are loaded; false where none
  /// were stored, or of other features, logits or seed, or by another version of this program.
  bool find(EpochData&) const;
  void remove(int epoch) const;

 private:
  std::filesystem::path folder_of(int epoch) const;
  Json key(const EpochData&) const;

  std::filesystem::path folder_;
  uint64_t seed_;
};

}  // namespace dvi
