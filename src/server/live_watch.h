// Watches runs and views grow, for pages that are open: each growth becomes a server-sent event.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "server/served_runs.h"

namespace dvi {

class LiveWatch {
 public:
  /// Remembers what is on disk now.
  explicit LiveWatch(ServedRuns& runs);
  ~LiveWatch() { stop(); }
  LiveWatch(const LiveWatch&) = delete;
  LiveWatch& operator=(const LiveWatch&) = delete;

  /// From now on looks at the disk every `seconds` and calls `publish`, from a thread of its own, with the
  /// text of an event for each run and view that changed.
  void start(double seconds, std::function<void(const std::string& event)> publish);

  /// Publishes no more from here on.
  void stop();
  /// Tells pages to read a view again although its files are the same. Thread-safe.
  void announce(int run, const std::string& view);
  /// Tells those that are connected now of what is not on disk, and nobody later: who connects asks for it.
  /// Thread-safe.
  void tell(const std::string& kind, const Json& where);

  /// The events later than number `since`, as texts one after another: what a page missed that was connected
  /// then.
  std::string missed(uint64_t since) const;

 private:
  void look(bool tell);
  void note(bool tell, const std::string& kind, const Json& where, const std::string& state);
  void send(const std::string& kind, const std::string& data, bool remember);

  ServedRuns& runs_;
  std::mutex publish_mutex_;
  std::function<void(const std::string&)> publish_;  // empty before start() and after stop()
  uint64_t last_number_ = 0;
  std::map<std::string, std::string> states_;  // what was seen of each run and view, by its event's data
  struct Sent {
    uint64_t number;
    std::string text;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Sent> latest_;  // the last event of each run and view; earlier ones say nothing more
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace dvi
