// Seconds by stage.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace dvi {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  /// Seconds since construction or the last lap().
  double lap() {
    const auto now = Clock::now();
    const double s = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return s;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

using StageSeconds = std::map<std::string, double>;

}  // namespace dvi
