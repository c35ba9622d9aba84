#include "core/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#ifdef __SSE__
#include <xmmintrin.h>
#endif

// Libraries underneath may use OpenMP; inside our threads they are to run alone. Weak: there may be no OpenMP
// at all.
extern "C" void omp_set_num_threads(int) __attribute__((weak));

namespace dvi {
namespace {

thread_local bool inside_pool = false;

void enter_worker() {
  inside_pool = true;
  flush_subnormals();
  if (omp_set_num_threads) omp_set_num_threads(1);
}

int processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

/// Worker 0 is the caller; the others wait for their next job. Only as many are woken as a job has work for:
/// on a machine of 64 processors waking all takes longer than many a job.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; ++i) helpers_.push_back(std::make_unique<Helper>());
    for (int i = 1; i < threads; ++i) {
      auto& helper = *helpers_[static_cast<size_t>(i - 1)];
      helper.thread = std::jthread([this, i, &helper](std::stop_token stop) { serve(i, helper, stop); });
    }
  }
  int size() const { return static_cast<int>(helpers_.size()) + 1; }

  /// job(worker) for the workers below `count`.
  void run(int count, const std::function<void(int)>& job) {
    const std::scoped_lock one_job_at_a_time(caller_);
    error_ = nullptr;
    running_ = count - 1;
    for (int i = 1; i < count; ++i) {
      auto& helper = *helpers_[static_cast<size_t>(i - 1)];
      {
        const std::scoped_lock lock(helper.mutex);
        helper.job = &job;
      }
      helper.wake.notify_one();
    }
    enter_worker();
    call(job, 0);
    inside_pool = false;
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return running_ == 0; });
    if (error_) std::rethrow_exception(error_);
  }

 private:
  struct Helper {
    std::mutex mutex;
    std::condition_variable_any wake;
    const std::function<void(int)>* job = nullptr;
    std::jthread thread;  // last, so that it is destroyed (stopped and joined) first
  };

  void call(const std::function<void(int)>& job, int worker) {
    try {
      job(worker);
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
  void serve(int worker, Helper& helper, const std::stop_token& stop) {
    enter_worker();
    while (true) {
      const std::function<void(int)>* job;
      {
        std::unique_lock lock(helper.mutex);
        if (!helper.wake.wait(lock, stop, [&] { return helper.job != nullptr; })) return;
        job = std::exchange(helper.job, nullptr);
      }
      call(*job, worker);
      const std::scoped_lock lock(mutex_);
      if (--running_ == 0) done_.notify_one();
    }
  }

  std::mutex caller_, mutex_;
  std::condition_variable done_;
  int running_ = 0;  // helpers that are at the job
  std::exception_ptr error_;
  std::vector<std::unique_ptr<Helper>> helpers_;  // last, so that they are gone before what they use
};

std::mutex pool_mutex;
std::unique_ptr<Pool> pool_instance;

Pool& pool() {
  const std::scoped_lock lock(pool_mutex);
  if (!pool_instance) pool_instance = std::make_unique<Pool>(processors());
  return *pool_instance;
}

}  // namespace

void set_threads(int count) {
  const std::scoped_lock lock(pool_mutex);
  pool_instance = std::make_unique<Pool>(count > 0 ? count : processors());
}

int threads() { return pool().size(); }

void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t, int)>& body) {
  grain = std::max<int64_t>(1, grain);
  if (n <= 0) return;
  const int64_t pieces = (n + grain - 1) / grain;
  if (inside_pool || pieces == 1) {
    for (int64_t piece = 0; piece < pieces; ++piece) body(piece * grain, std::min(n, (piece + 1) * grain), 0);
    return;
  }
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  const auto workers = static_cast<int>(std::min<int64_t>(pieces, threads()));
  pool().run(workers, [&](int worker) {
    for (int64_t piece; !failed && (piece = next++) < pieces;) {
      try {
        body(piece * grain, std::min(n, (piece + 1) * grain), worker);
      } catch (...) {
        failed = true;
        throw;
      }
    }
  });
}

void parallel_workers(int count, const std::function<void(int)>& body) {
  if (inside_pool) {
    for (int worker = 0; worker < count; ++worker) body(worker);
    return;
  }
  pool().run(count, body);
}

void flush_subnormals() {
#ifdef __SSE__
  _mm_setcsr(_mm_getcsr() | 0x8040);  // flush to zero, denormals are zero
#endif
}

}  // namespace dvi
