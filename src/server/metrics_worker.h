// Computes the metrics over a whole run in the background: they take seconds, which no page should wait for.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "core/file.h"
#include "server/served_runs.h"

namespace dvi {

class MetricsWorker {
 public:
  using Ready = std::function<void(int run, const std::string& view)>;
  /// `ready` is called, in the worker's thread, when the metrics of a view have become available.
  explicit MetricsWorker(Ready ready);
  /// Waits for what is being computed.
  ~MetricsWorker();
  MetricsWorker(const MetricsWorker&) = delete;
  MetricsWorker& operator=(const MetricsWorker&) = delete;

  /// "run" of `dvi eval --json` for a view that is done being fitted, or {} while it is not known; asking
  /// starts it.
  Json get(ServedRun& run, const std::shared_ptr<const ServedView>& view);

 private:
  struct Job {
    std::shared_ptr<const Run> run;
    int id;
    std::shared_ptr<const ServedView> view;
    std::string key;
  };
  void work(const std::stop_token& stop);

  Ready ready_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Job> jobs_;
  std::map<std::string, Json> known_;  // null: under way
  std::jthread thread_;                // last: it uses all of the above
};

}  // namespace dvi
