// Bytes in JSON (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dvi {

/// Nothing where `text` is no base64 with its padding.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace dvi
