// What a notebook and the pages that it opened share. A session has a name, which a page's address holds; it
// lives in the server's memory.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "project/new_samples.h"

namespace dvi {

/// Samples that were never recorded, put in together.
struct SharedSamples {
  uint64_t id = 0;  ///< counts up from 1 in a session
  std::shared_ptr<const NewSamples> samples;
  std::optional<int> epoch;       ///< of features, the one whose model made them
  std::set<int64_t> thrown_away;  ///< rows that are not to be shown any more
};

struct SessionState {
  uint64_t version = 0;  ///< counts changes; 0 = nothing was shared yet
  std::vector<int32_t> selection;
  std::vector<SharedSamples> samples;
};

/// The sessions of a server. Thread-safe.
class Sessions {
 public:
  /// Samples that a session shows at most, and the memory of their numbers.
  static constexpr int64_t most_samples = 256, most_bytes = int64_t{64} << 20;
  static constexpr size_t most_sessions = 64;  ///< the one not used for longest makes room for another

  /// `changed` is told of every change, of whatever thread, once the change can be asked for.
  explicit Sessions(std::function<void(int64_t run, const std::string& session)> changed)
      : changed_(std::move(changed)) {}

  /// Of a session that nobody has put anything into: version 0.
  SessionState state(int64_t run, const std::string& session) const;
  /// Throws HttpError (404) where the session does not hold them.
  SharedSamples samples(int64_t run, const std::string& session, uint64_t id) const;

  /// These return the session's new version.
  uint64_t select(int64_t run, const std::string& session, std::vector<int32_t> ids);
  /// Throws HttpError (409) where the session has no room for them.
  uint64_t add(int64_t run, const std::string& session, NewSamples samples, std::optional<int> epoch);
  /// `row` of the samples `id`. Throws HttpError (404).
  uint64_t throw_away(int64_t run, const std::string& session, uint64_t id, int64_t row);
  uint64_t throw_all_away(int64_t run, const std::string& session);

 private:
  struct Session {
    int64_t run;
    std::string name;
    SessionState state;
    uint64_t last_samples = 0;
  };
  const Session* find(int64_t run, const std::string& name) const;
  /// Changes a session, made where it is not there, and tells of it.
  uint64_t change(int64_t run, const std::string& name, const std::function<void(Session&)>& act);

  std::function<void(int64_t, const std::string&)> changed_;
  mutable std::mutex mutex_;
  mutable std::list<Session> sessions_;  // the one used last first
};

}  // namespace dvi
