// When a query is to end, whoever is working on it at the moment.
#pragma once

#include <chrono>
#include <stop_token>

namespace dvi {

/// The time that a query may take is over, or nobody waits for its answer any more.
class Deadline {
 public:
  Deadline(double seconds, std::stop_token stop)
      : end_(Clock::now() +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))),
        stop_(std::move(stop)) {}
  bool passed() const { return stop_.stop_requested() || Clock::now() > end_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point end_;
  std::stop_token stop_;
};

}  // namespace dvi
