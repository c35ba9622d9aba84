// Which samples and places count as undecided (the delta-boundary of DVI, AAAI 2022, sec. 3.1).
#pragma once

namespace dvi {

/// A sample lies on the boundary where its margin, (top1 - top2) / (top1 - min) of its logits, is below this.
constexpr float sample_delta = 0.1f;
/// A place of the plane is painted white where its margin is below this.
constexpr float landscape_delta = 0.15f;

}  // namespace dvi
