// The binary answers of a fitted epoch (docs/reference/http-api.md).
#pragma once

#include <array>
#include <string>

#include "run/view.h"
#include "server/served_runs.h"

namespace dvi {

/// uint16 [N, 2]: positions over `extent`.
std::string position_bytes(const ViewEpoch&, const std::array<double, 4>& extent);
/// predictions, runner_up, round_trip uint16 [N]; confidence, margin, neighbors_kept uint8 [N].
std::string sample_bytes(const ViewEpoch&);
/// uint16 [N]: how far each sample was moved after the fit, 65535 = the extent's side; empty where the view
/// does not store it.
std::string moved_bytes(const ViewEpoch&);
/// uint16 [M, 2] positions over `extent`, uint16 [M, 2] classes.
std::string boundary_bytes(const ViewEpoch&, const std::array<double, 4>& extent);
/// class uint16, confidence uint8, margin uint8, fade uint8 (landscape/fade.h), each [S, S]: the stored
/// territory if it is of this size (or `size` is 0), else painted now.
std::string territory_bytes(ServedRun&, const View&, const ViewEpoch&, int size);
/// uint8 [S, S]: distance of each cell's centre to the nearest sample, in 1/255 of a quarter of the extent's
/// side.
std::string trust_bytes(const ViewEpoch&, const std::array<double, 4>& extent, int size);

}  // namespace dvi
