#include "server/live_watch.h"

#include <chrono>

namespace dvi {
namespace {

/// On one line, as an event needs it.
std::string text_of(const Json& where) { return where.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

LiveWatch::LiveWatch(ServedRuns& runs) : runs_(runs) { look(false); }

void LiveWatch::start(double seconds, std::function<void(const std::string&)> publish) {
  publish_ = std::move(publish);
  thread_ = std::jthread([this, seconds](const std::stop_token& stop) {
    std::mutex unused;
    std::unique_lock lock(unused);
    while (!stop.stop_requested()) {
      wake_.wait_for(lock, stop, std::chrono::duration<double>(seconds), [] { return false; });
      try {
        if (!stop.stop_requested()) look(true);
      } catch (const std::exception&) {
        // A folder that cannot be listed at the moment: the next look tells.
      }
    }
  });
}

void LiveWatch::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(publish_mutex_);
  publish_ = nullptr;
}

void LiveWatch::look(bool tell) {
  for (size_t id = 0; id < runs_.size(); ++id) {
    std::shared_ptr<ServedRun> served;
    try {
      served = runs_.at(id);
    } catch (const std::exception&) {
      // Gone, or half of it is there yet: pages that ask are told what is wrong.
      note(tell, "run", {{"run", id}}, "");
      continue;
    }
    const Run& run = served->run();
    std::string epochs;
    for (const int number : run.epoch_numbers()) epochs += std::to_string(number) + " ";
    note(tell, "run", {{"run", id}},
         run.key() + epochs + file_version(run.folder() / "run.json") + file_version(run.folder() / "views"));
    for (const auto& view : run.view_names()) {
      const auto folder = run.view_folder(view);
      note(tell, "view", {{"run", id}, {"view", view}},
           file_version(folder / "view.json") + file_version(folder / "events.npy"));
    }
  }
}

void LiveWatch::note(bool tell, const std::string& kind, const Json& where, const std::string& state) {
  const std::string data = text_of(where);
  std::string& known = states_[kind + data];
  if (known == state) return;
  known = state;
  if (tell) send(kind, data, true);
}

void LiveWatch::send(const std::string& kind, const std::string& data, bool remember) {
  std::string event;
  {
    const std::lock_guard lock(mutex_);
    event = fmt::format("id: {}\nevent: {}\ndata: {}\n\n", ++last_number_, kind, data);
    if (remember) latest_[kind + data] = {last_number_, event};
  }
  const std::lock_guard lock(publish_mutex_);
  if (publish_) publish_(event);
}

void LiveWatch::announce(int run, const std::string& view) {
  send("view", text_of({{"run", run}, {"view", view}}), true);
}

void LiveWatch::tell(const std::string& kind, const Json& where) { send(kind, text_of(where), false); }

std::string LiveWatch::missed(uint64_t since) const {
  const std::lock_guard lock(mutex_);
  std::map<uint64_t, std::string> in_order;
  for (const auto& [key, sent] : latest_)
    if (sent.number > since) in_order[sent.number] = sent.text;
  std::string texts;
  for (const auto& [number, text] : in_order) texts += text;
  return texts;
}

}  // namespace dvi
