// Finished answers, kept in memory up to a number of bytes; those unused for longest go first.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "server/http.h"

namespace dvi {

class ResponseCache {
 public:
  explicit ResponseCache(size_t most_bytes) : most_bytes_(most_bytes) {}
  /// The answer under `key`, made by `make` where there is none yet, with etag and compression prepared.
  /// Thread-safe; an answer asked for twice at once may be made twice. What `make` throws passes through.
  HttpResponse get(const std::string& key, const std::function<HttpResponse()>& make);
  size_t bytes() const;

 private:
  struct Entry {
    std::string key;
    HttpResponse response;
  };
  static size_t size_of(const Entry&);

  mutable std::mutex mutex_;
  size_t most_bytes_, bytes_ = 0;
  std::list<Entry> entries_;  // latest first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace dvi
