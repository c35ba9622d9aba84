// Arrays that are not needed any more.
#pragma once

namespace dvi {

/// Gives the memory of an array back. A vector that is assigned {} keeps it: the braces are a list of no
/// numbers.
template <typename Array>
void release(Array& array) {
  array = Array();
}

}  // namespace dvi
