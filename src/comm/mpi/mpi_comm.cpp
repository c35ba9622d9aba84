// The library libdvi_mpi.so: Comm by MPI. The only file that knows MPI.
#include <mpi.h>
#include <time.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "comm/comm.h"

namespace dvi {
namespace {

/// Sleeps longer the longer it has been waiting, so that a rank that waits leaves its processor to others.
/// MPI's own waits spin.
class Patience {
 public:
  void wait() {
    if (++tries_ < 20) return;
    const long nanoseconds = std::min<long>(1'000'000, 10'000L * (tries_ - 19));
    const timespec time{0, nanoseconds};
    nanosleep(&time, nullptr);
  }

 private:
  int tries_ = 0;
};

class MpiComm final : public Comm {
 public:
  MpiComm() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm machine;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, &ranks_of_machine_);
    MPI_Comm_free(&machine);
    MPI_Comm_dup(MPI_COMM_WORLD, &failures_);
    MPI_Comm_dup(MPI_COMM_WORLD, &letters_);
  }
  ~MpiComm() override {
    barrier();
    MPI_Finalize();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int ranks_of_machine() const override { return ranks_of_machine_; }

  void barrier() override {
    timed(0, [](MPI_Request* request) { MPI_Ibarrier(MPI_COMM_WORLD, request); });
  }
  void sum(std::span<int64_t> values) override {
    const double bytes = reduced_bytes(values.size_bytes());
    in_parts(values.size(), sizeof(int64_t), [&](size_t begin, int count, double share) {
      timed(bytes * share, [&](MPI_Request* request) {
        MPI_Iallreduce(MPI_IN_PLACE, values.data() + begin, count, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD,
                       request);
      });
    });
  }
  void least(std::span<float> values) override {
    timed(reduced_bytes(values.size_bytes()), [&](MPI_Request* request) {
      MPI_Iallreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_FLOAT, MPI_MIN,
                     MPI_COMM_WORLD, request);
    });
  }
  void gather(std::span<std::byte> all, std::span<const int64_t> begin) override {
    if (static_cast<int64_t>(all.size()) <= most_bytes) {
      const Blocks blocks(begin);
      timed(static_cast<double>(blocks.counts[static_cast<size_t>(rank_)]) * (size_ - 1),
            [&](MPI_Request* request) {
              MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_BYTE, all.data(), blocks.counts.data(),
                              blocks.places.data(), MPI_BYTE, MPI_COMM_WORLD, request);
            });
      return;
    }
    // Counts are ints: more bytes than those hold go a rank at a time.
    for (int r = 0; r < size_; ++r) {
      const auto first = static_cast<size_t>(begin[static_cast<size_t>(r)]);
      broadcast(all.subspan(first, static_cast<size_t>(begin[static_cast<size_t>(r) + 1]) - first), r);
    }
  }
  void exchange(std::span<const std::byte> to, std::span<const int64_t> to_begin, std::span<std::byte> from,
                std::span<const int64_t> from_begin) override {
    const auto size_of = [](std::span<const int64_t> begin, int r) {
      return begin[static_cast<size_t>(r) + 1] - begin[static_cast<size_t>(r)];
    };
    // Counts are ints: what is larger goes in parts. Both ends know how large it is.
    const auto in_letters = [&](int64_t size, const auto& letter) {
      for (int64_t at = 0; at < size; at += most_bytes)
        letter(at, static_cast<int>(std::min(most_bytes, size - at)));
    };
    std::vector<MPI_Request> letters;
    for (int r = 0; r < size_; ++r) {
      const std::byte* const source = to.data() + to_begin[static_cast<size_t>(r)];
      std::byte* const target = from.data() + from_begin[static_cast<size_t>(r)];
      if (r == rank_) {
        std::copy_n(source, size_of(to_begin, r), target);
        continue;
      }
      in_letters(size_of(from_begin, r), [&](int64_t at, int count) {
        MPI_Irecv(target + at, count, MPI_BYTE, r, 0, letters_, &letters.emplace_back());
      });
      in_letters(size_of(to_begin, r), [&](int64_t at, int count) {
        MPI_Isend(source + at, count, MPI_BYTE, r, 0, letters_, &letters.emplace_back());
      });
    }
    finish(letters, MPI_Wtime(),
           static_cast<double>(static_cast<int64_t>(to.size()) - size_of(to_begin, rank_)));
  }
  void broadcast(std::span<std::byte> values, int root) override {
    const double bytes = rank_ == root ? static_cast<double>(values.size()) * (size_ - 1) : 0;
    in_parts(values.size(), 1, [&](size_t begin, int count, double share) {
      timed(bytes * share, [&](MPI_Request* request) {
        MPI_Ibcast(values.data() + begin, count, MPI_BYTE, root, MPI_COMM_WORLD, request);
      });
    });
  }

  /// Every rank that fails writes to all others, which read it when they fail themselves.
  Failure failed(int64_t place) override {
    if (apart_) return *apart_;
    const int round = rounds_of_failure_++;
    places_.assign(static_cast<size_t>(size_), nowhere);
    places_[static_cast<size_t>(rank_)] = own_place_ = place;
    std::vector<MPI_Request> letters;
    for (int r = 0; r < size_; ++r) {
      if (r == rank_) continue;
      MPI_Isend(&own_place_, 1, MPI_INT64_T, r, round, failures_, &letters.emplace_back());
      MPI_Irecv(&places_[static_cast<size_t>(r)], 1, MPI_INT64_T, r, round, failures_,
                &letters.emplace_back());
    }
    constexpr double most_seconds = 10;
    const double begin = MPI_Wtime();
    int done = 0;
    for (Patience patience; done == 0 && MPI_Wtime() < begin + most_seconds; patience.wait())
      MPI_Testall(static_cast<int>(letters.size()), letters.data(), &done, MPI_STATUSES_IGNORE);
    if (done != 0 && std::ranges::count(places_, place) == size_) return {true, rank_ == 0};
    const auto first = std::ranges::find_if(places_, [](int64_t p) { return p != nowhere; });
    apart_ = Failure{false, first - places_.begin() == rank_};
    return *apart_;
  }
  void abort() override { MPI_Abort(MPI_COMM_WORLD, 1); }

 private:
  static constexpr int64_t most_bytes = int64_t{1} << 30, nowhere = INT64_MIN;

  /// Blocks as MPI wants them.
  struct Blocks {
    explicit Blocks(std::span<const int64_t> begin) {
      for (size_t r = 0; r + 1 < begin.size(); ++r) {
        places.push_back(static_cast<int>(begin[r]));
        counts.push_back(static_cast<int>(begin[r + 1] - begin[r]));
      }
    }
    std::vector<int> counts, places;
  };

  double reduced_bytes(size_t bytes) const { return 2 * static_cast<double>(bytes) * (size_ - 1) / size_; }

  template <typename Call>
  static void in_parts(size_t count, size_t size, const Call& call) {
    const size_t most = static_cast<size_t>(most_bytes) / size;
    for (size_t begin = 0; begin < count; begin += most) {
      const size_t part = std::min(most, count - begin);
      call(begin, static_cast<int>(part), static_cast<double>(part) / static_cast<double>(count));
    }
  }

  /// `start` begins one of MPI's calls that return at once.
  template <typename Start>
  void timed(double bytes, const Start& start) {
    const double begin = MPI_Wtime();
    std::vector<MPI_Request> request(1);
    start(request.data());
    finish(request, begin, bytes);
  }

  void finish(std::vector<MPI_Request>& requests, double begin, double bytes) {
    int done = 0;
    for (Patience patience;
         MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
         done == 0;)
      patience.wait();
    traffic_.seconds += MPI_Wtime() - begin;
    traffic_.bytes += bytes;
    ++traffic_.calls;
  }

  int rank_ = 0, size_ = 1, ranks_of_machine_ = 1;
  MPI_Comm failures_ = MPI_COMM_NULL, letters_ = MPI_COMM_NULL;
  int rounds_of_failure_ = 0;
  int64_t own_place_ = 0;         // as it was sent
  std::vector<int64_t> places_;   // where each rank failed; what is on its way may still come in
  std::optional<Failure> apart_;  // once it is known that ranks did not fail together
};

}  // namespace
}  // namespace dvi

/// Called once by join_job() (comm/job.cpp).
extern "C" dvi::Comm* dvi_open_job() { return new dvi::MpiComm; }
