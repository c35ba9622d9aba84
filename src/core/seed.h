// Seeds for pieces of work, from that of the user.
#pragma once

#include <cstdint>

namespace dvi {

/// `purpose` is an odd constant that no other purpose shares; `number` tells the pieces of one purpose apart
/// (an epoch, say).
constexpr uint64_t derived_seed(uint64_t seed, uint64_t purpose, uint64_t number) {
  return seed * purpose + number;
}

}  // namespace dvi
