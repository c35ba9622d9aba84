// Conditions over samples and their history, in SQL.
//
//   label = 'Shirt' and prediction = 'T-shirt/top' and confidence > 0.9 and epoch = 8
//   crossed(3, 8) and flips > 2
//
// A condition is evaluated for each sample at one epoch; if it names `epoch` itself, at every fitted epoch
// that fits. It can read and nothing else: one expression over the columns of SampleTable, SQL's scalar
// functions and those of condition.h; no subqueries, no other tables, no writing, no more than the given
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "query/sample_table.h"

namespace dvi {

struct QueryResult {
  int epoch = 0;             ///< the only epoch of what was found, else the one that was asked about
  std::vector<int32_t> ids;  ///< ascending, each once
  double seconds = 0;
};

/// Samples for which `condition` holds at `epoch` (default: the last fitted one), or, where the condition
/// names epochs, at any epoch that fits. Throws Error with one sentence that says what is wrong with the
/// condition, and where; it ends after `most_seconds`, whatever the condition, or soon after `stop` was
/// requested.
QueryResult find_samples(const SampleTable& table, const std::string& condition,
                         std::optional<int> epoch = {}, double most_seconds = 10, std::stop_token stop = {});

struct EpochMatches {
  int epoch;
  std::vector<int32_t> ids;  ///< ascending
};
/// The same evaluated anew at each fitted epoch.
std::vector<EpochMatches> find_samples_each(const SampleTable& table, const std::string& condition,
                                            double most_seconds = 10, std::stop_token stop = {});

/// Everything a condition can use: the table's columns, then the functions of a sample's history.
std::vector<ColumnInfo> query_vocabulary(const SampleTable& table);

}  // namespace dvi
