// What every answer passes through last: entity tags, "not modified", compression.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/http.h"

namespace dvi {

/// A gzip stream; level 1 (fast) to 9.
std::string gzip(std::string_view bytes, int level);
/// Throws Error if `bytes` is no whole gzip stream.
std::string gunzip(std::string_view bytes);

/// A strong entity tag of the content, with quotes.
std::string etag_of(std::string_view bytes);

/// Fills in what is missing of etag and gzipped. Bytes that would not shrink by a tenth are left as they are:
/// a sample of them tells.
void prepare(HttpResponse& response);

/// The answer as this client wants it: 304 where it has it already, compressed where it accepts that.
HttpResponse negotiate(HttpResponse response, const HttpRequest& request);

}  // namespace dvi
