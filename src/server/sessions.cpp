#include "server/sessions.h"

#include <algorithm>

#include "server/http.h"

namespace dvi {
namespace {

int64_t shown_of(const SharedSamples& shared) {
  return shared.samples->size() - std::ssize(shared.thrown_away);
}

int64_t bytes_of(const NewSamples& samples) {
  return samples.values.rows() * samples.values.cols() * static_cast<int64_t>(sizeof(float));
}

auto position_of(std::vector<SharedSamples>& all, uint64_t id) {
  const auto found = std::ranges::find(all, id, &SharedSamples::id);
  if (found == all.end()) throw HttpError(404, "the session does not hold these samples any more");
  return found;
}

}  // namespace

const Sessions::Session* Sessions::find(int64_t run, const std::string& name) const {
  const auto found = std::ranges::find_if(
      sessions_, [&](const Session& session) { return session.run == run && session.name == name; });
  if (found == sessions_.end()) return nullptr;
  sessions_.splice(sessions_.begin(), sessions_, found);
  return &sessions_.front();
}

uint64_t Sessions::change(int64_t run, const std::string& name, const std::function<void(Session&)>& act) {
  uint64_t version = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!find(run, name)) sessions_.push_front({run, name, {}});
    act(sessions_.front());
    version = ++sessions_.front().state.version;
    if (sessions_.size() > most_sessions) sessions_.pop_back();
  }
  changed_(run, name);
  return version;
}

SessionState Sessions::state(int64_t run, const std::string& session) const {
  const std::lock_guard lock(mutex_);
  const Session* found = find(run, session);
  return found ? found->state : SessionState{};
}

SharedSamples Sessions::samples(int64_t run, const std::string& session, uint64_t id) const {
  auto all = state(run, session).samples;
  return *position_of(all, id);
}

uint64_t Sessions::select(int64_t run, const std::string& session, std::vector<int32_t> ids) {
  return change(run, session, [&](Session& s) { s.state.selection = std::move(ids); });
}

uint64_t Sessions::add(int64_t run, const std::string& session, NewSamples samples,
                       std::optional<int> epoch) {
  return change(run, session, [&](Session& s) {
    int64_t shown = samples.size(), bytes = bytes_of(samples);
    for (const SharedSamples& other : s.state.samples) {
      shown += shown_of(other);
      bytes += bytes_of(*other.samples);
    }
    if (shown > most_samples || bytes > most_bytes)
      throw HttpError(409,
                      fmt::format("a page shows at most {} new samples of a notebook, of {} MB together, "
                                  "and these would be too many; throw others away",
                                  most_samples, most_bytes >> 20));
    s.state.samples.push_back(
        {++s.last_samples, std::make_shared<const NewSamples>(std::move(samples)), epoch, {}});
  });
}

uint64_t Sessions::throw_away(int64_t run, const std::string& session, uint64_t id, int64_t row) {
  return change(run, session, [&](Session& s) {
    const auto found = position_of(s.state.samples, id);
    if (row < 0 || row >= found->samples->size())
      throw HttpError(404, "the session does not hold this sample any more");
    found->thrown_away.insert(row);
    if (shown_of(*found) == 0) s.state.samples.erase(found);
  });
}

uint64_t Sessions::throw_all_away(int64_t run, const std::string& session) {
  return change(run, session, [](Session& s) { s.state.samples.clear(); });
}

}  // namespace dvi
