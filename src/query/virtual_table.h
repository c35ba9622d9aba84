// SampleTable as the SQLite table "samples", and the functions of a sample's history. Comparisons of a column
// with a value are answered by the table itself, so that SQLite sees only rows that may fit: "epoch = 8"
// visits one epoch.
#pragma once

#include <sqlite3.h>

#include <string>

#include "query/deadline.h"
#include "query/sample_table.h"

namespace dvi {

/// Makes both known to `db`; a statement ends with SQLITE_INTERRUPT once the deadline has passed. `table` and
/// `deadline` must outlive it. Throws Error if SQLite refuses.
void register_samples(sqlite3* db, const SampleTable& table, const Deadline& deadline);

}  // namespace dvi
