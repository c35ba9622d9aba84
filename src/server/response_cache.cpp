#include "server/response_cache.h"

#include "core/mapped_file.h"
#include "server/encoding.h"

namespace dvi {

size_t ResponseCache::size_of(const Entry& entry) {
  size_t bytes = entry.key.size() + sizeof(Entry);
  if (entry.response.body) bytes += entry.response.body->size();
  if (entry.response.gzipped) bytes += entry.response.gzipped->size();
  return bytes;
}

size_t ResponseCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

HttpResponse ResponseCache::get(const std::string& key, const std::function<HttpResponse()>& make) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->response;
    }
  }
  const uint64_t before = damaged_mappings();
  HttpResponse response = make();
  expect_whole_mappings(before);  // or zeros would be kept
  prepare(response);
  const std::lock_guard lock(mutex_);
  if (by_key_.contains(key)) return response;
  entries_.push_front({key, response});
  by_key_[key] = entries_.begin();
  bytes_ += size_of(entries_.front());
  while (bytes_ > most_bytes_ && !entries_.empty()) {
    bytes_ -= size_of(entries_.back());
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  return response;
}

}  // namespace dvi
