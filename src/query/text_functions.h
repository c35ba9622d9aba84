// SQL's functions of texts whose own implementation in SQLite can take time without bound inside one step,
// where SQLite does not look at the clock: GLOB and LIKE try every way to split a text over several
// wildcards, instr() and trim() try every pair of positions. These give the same answers in time proportional
// to text x pattern (GLOB, LIKE) or text + pattern, and stop at the deadline.
#pragma once

#include <sqlite3.h>

#include <string_view>

#include "query/deadline.h"

namespace dvi {

/// Makes glob, like, instr, trim, ltrim and rtrim of `db` those of this file. `deadline` must outlive it.
/// Returns SQLite's status.
int register_text_functions(sqlite3* db, const Deadline& deadline);

/// Whether a text matches a pattern of GLOB (*, ?, [a-z], [^a-z]), case counting, or of LIKE (%, _), where
/// upper and lower case of ASCII letters are the same and `escape` (0: none) before a wildcard makes it a
/// plain character. Throws nothing; returns false once the deadline has passed.
bool glob_matches(std::string_view pattern, std::string_view text, const Deadline& deadline);
bool like_matches(std::string_view pattern, std::string_view text, char32_t escape, const Deadline& deadline);

}  // namespace dvi
