// The processes that fit one view together, on one machine or many. MPI calls each of them a rank.
//
// All ranks run the same program on the same run. Each works out its share of the rows (comm/shared_for.h)
// and hands the results to the others, so that all have the same data after every step. A program that was
// started alone is a job of one rank, whose functions have nothing to do.
//
// Functions are called by all ranks of the job, in the same order, each from its main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dvi {

/// What a rank handed to the network, as the textbook algorithms count it: a ring for gather(), a reduction
/// that scatters and one that gathers for sum(), the root's copies for broadcast().
struct Traffic {
  double bytes = 0;    ///< sent by this rank
  double seconds = 0;  ///< until the calls returned: sending, and waiting for ranks that were still at work
  int64_t calls = 0;
};

/// How the failure of a rank stands to the other ranks.
struct Failure {
  bool together = true;  ///< all ranks failed at the same place
  bool speaks = true;    ///< this rank is the one that tells the user
};

class Comm {
 public:
  virtual ~Comm() = default;
  virtual int rank() const { return 0; }
  virtual int size() const { return 1; }
  virtual int ranks_of_machine() const { return 1; }  ///< on the same machine as this one, with itself

  /// Returns when all ranks have called it.
  virtual void barrier() {}
  /// Each number becomes its sum over the ranks. Whole numbers, so that the order of ranks does not matter.
  virtual void sum(std::span<int64_t>) {}
  /// Each number becomes its smallest over the ranks.
  virtual void least(std::span<float>) {}
  /// Rank r has filled bytes [begin[r], begin[r + 1]) of `all`; all ranks get the rest from the others.
  /// begin [size + 1]
  virtual void gather(std::span<std::byte> /*all*/, std::span<const int64_t> /*begin*/) {}
  /// Sends block s of `to`, bytes [to_begin[s], to_begin[s + 1]), to rank s; block r of `from` comes from
  /// rank r.
  virtual void exchange(std::span<const std::byte> /*to*/, std::span<const int64_t> /*to_begin*/,
                        std::span<std::byte> /*from*/, std::span<const int64_t> /*from_begin*/) {}
  /// All ranks get what `root` has.
  virtual void broadcast(std::span<std::byte>, int /*root*/) {}

  /// Called by a rank that has failed at `place`, a number that tells the places of the program apart. Waits
  /// some seconds for the others. Ranks that failed together may go on together; after any other failure the
  /// job has to end, because the others wait for this rank for ever.
  virtual Failure failed(int64_t /*place*/) { return {}; }
  /// Ends all ranks at once.
  virtual void abort() {}

  const Traffic& traffic() const { return traffic_; }

 protected:
  Traffic traffic_;
};

/// The job of this process, or a job of one inside Alone.
Comm& comm();

/// While it lives, comm() is a job of one rank: for what one rank does without the others.
class Alone {
 public:
  Alone();
  ~Alone();
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;

 private:
  Comm* before_;
};

/// Whether the job has one rank, which may use a CUDA device (core/device.h). Several ranks work on their
/// processors, also Alone, but for the training of networks.
bool one_process_with_cuda();

template <typename T>
std::span<std::byte> bytes_of(std::vector<T>& values) {
  return std::as_writable_bytes(std::span<T>(values));
}

/// `values`, of any length on the other ranks, become those of `root`.
template <typename T>
void broadcast(std::vector<T>& values, int root) {
  if (comm().size() == 1) return;
  int64_t count = static_cast<int64_t>(values.size());
  comm().broadcast(std::as_writable_bytes(std::span(&count, 1)), root);
  values.resize(static_cast<size_t>(count));
  comm().broadcast(bytes_of(values), root);
}

/// The same of a single number.
template <typename T>
void broadcast_value(T& value, int root) {
  comm().broadcast(std::as_writable_bytes(std::span(&value, 1)), root);
}

}  // namespace dvi
