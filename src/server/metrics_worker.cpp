#include "server/metrics_worker.h"

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/sentence.h"
#include "metrics/run_metrics.h"

namespace dvi {

MetricsWorker::MetricsWorker(Ready ready)
    : ready_(std::move(ready)), thread_([this](const std::stop_token& stop) { work(stop); }) {}

MetricsWorker::~MetricsWorker() {
  thread_.request_stop();
  thread_.join();
}

Json MetricsWorker::get(ServedRun& run, const std::shared_ptr<const ServedView>& served) {
  const View& view = served->view;
  if (view.state() != "done" || view.epoch_numbers().empty()) return Json::object();
  const std::string key = fmt::format("{}/{}/{}/{}/{}", run.id(), run.run().key(), view.name(), view.key(),
                                      view.epoch_numbers().size());
  const std::lock_guard lock(mutex_);
  const auto [known, fresh] = known_.emplace(key, Json());
  if (fresh) {
    jobs_.push_back({run.shared(), run.id(), served, key});
    wake_.notify_one();
  }
  return known->second.is_null() ? Json::object() : known->second;
}

void MetricsWorker::work(const std::stop_token& stop) {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [&] { return !jobs_.empty(); })) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    Json metrics = Json::object();
    try {
      const uint64_t before = damaged_mappings();
      metrics = to_json(run_metrics(*job.run, job.view->view));
      expect_whole_mappings(before);
    } catch (const std::exception& error) {
      metrics["error"] = sentence_of(error);
    }
    {
      const std::lock_guard lock(mutex_);
      known_[job.key] = std::move(metrics);
    }
    if (!stop.stop_requested()) ready_(job.id, job.view->view.name());
  }
}

}  // namespace dvi
