#include "query/query.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/results.h"
#include "core/error.h"
#include "run/csv.h"
#include "run/epoch_names.h"

namespace dvi {
namespace {

struct QueryArguments {
  std::string run, condition, view, epoch;
  bool csv = false, columns = false;
};

void list_columns(const SampleTable& table) {
  static constexpr const char* types[] = {"integer", "real", "text"};
  for (const ColumnInfo& column : query_vocabulary(table))
    fmt::print("{:<20} {:<8} {}\n", column.name, types[static_cast<int>(column.type)], column.meaning);
}

void print_csv(const Run& run, const SampleTable& table, const QueryResult& result) {
  const auto epoch = table.view().epoch(result.epoch);
  const auto& classes = run.manifest().classes;
  fmt::print("id,group,label,prediction,confidence\n");
  for (const int32_t id : result.ids) {
    const auto i = static_cast<size_t>(id);
    const int32_t label = run.labels()[i];
    fmt::print("{},{},{},{},{}\n", id, csv_cell(run.manifest().group_of(id).name),
               label < 0 ? "" : csv_cell(classes[static_cast<size_t>(label)]),
               csv_cell(classes[static_cast<size_t>(epoch->predictions()[i])]), epoch->confidence()[i]);
  }
}

void query(const QueryArguments& arguments) {
  const Run run = Run::open(arguments.run);
  const View view = View::open(run, arguments.view.empty() ? default_view_name(run) : arguments.view);
  const SampleTable table(run, view);
  if (arguments.columns) return list_columns(table);
  if (arguments.condition.empty())
    fail(
        "dvi query: expected a condition, such as \"label = '{}' and correct = 0\"; --columns lists what it "
        "may use",
        run.manifest().classes.front());
  const std::optional<int> epoch =
      arguments.epoch.empty() ? std::nullopt : std::optional(epoch_called(run, arguments.epoch));
  const QueryResult result = find_samples(table, arguments.condition, epoch);
  if (arguments.csv)
    print_csv(run, table, result);
  else if (json_results())
    fmt::print("{}\n",
               Json{{"epoch", result.epoch}, {"count", result.ids.size()}, {"ids", result.ids}}.dump());
  else
    for (const int32_t id : result.ids) fmt::print("{}\n", id);
}

}  // namespace

void add_query_command(CLI::App& app) {
  auto* command = app.add_subcommand("query", "Print the ids of the samples that a condition fits");
  auto arguments = std::make_shared<QueryArguments>();
  command->add_option("RUN", arguments->run, "Run directory")->required();
  command->add_option(
      "CONDITION", arguments->condition,
      "For example: label = 'Shirt' and prediction = 'T-shirt/top' and confidence > 0.9 and epoch = 8");
  command->add_option("--view", arguments->view, "View to ask (default: \"default\", or the only one)");
  command->add_option("--epoch", arguments->epoch,
                      "Epoch, where the condition names none (default: the last)");
  auto* json = command->add_flag("--json")->description("Print {\"epoch\", \"count\", \"ids\"}");
  command->add_flag("--csv", arguments->csv, "Print id, group, label, prediction, confidence")
      ->excludes(json);
  command->add_flag("--columns", arguments->columns, "List what a condition may use");
  command->callback([=] { query(*arguments); });
}

}  // namespace dvi
