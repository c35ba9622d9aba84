#include "landscape/landscape_parts.h"

#include <vector>

namespace dvi {

int64_t landscape_parts(const Landscape& landscape, double least_share) {
  const int64_t size = landscape.size, cells = size * size;
  std::vector<uint8_t> seen(static_cast<size_t>(cells), 0);
  std::vector<int64_t> open;
  int64_t parts = 0;
  for (int64_t start = 0; start < cells; ++start) {
    if (seen[static_cast<size_t>(start)]) continue;
    const uint16_t own = landscape.classes[static_cast<size_t>(start)];
    int64_t count = 0;
    const auto visit = [&](int64_t cell) {
      if (seen[static_cast<size_t>(cell)] || landscape.classes[static_cast<size_t>(cell)] != own) return;
      seen[static_cast<size_t>(cell)] = 1;
      open.push_back(cell);
    };
    visit(start);
    while (!open.empty()) {
      const int64_t cell = open.back(), x = cell % size, y = cell / size;
      open.pop_back();
      ++count;
      if (x > 0) visit(cell - 1);
      if (x + 1 < size) visit(cell + 1);
      if (y > 0) visit(cell - size);
      if (y + 1 < size) visit(cell + size);
    }
    if (static_cast<double>(count) >= least_share * static_cast<double>(cells)) ++parts;
  }
  return parts;
}

}  // namespace dvi
