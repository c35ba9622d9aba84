#include "metrics/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "metrics/run_metrics.h"

namespace dvi {
namespace {

/// One column: what is measured, on which samples.
struct Column {
  const char* group;
  const char* key;
  int decimals;
};

/// Columns under one heading, e.g. nn_15 of train and test.
struct Block {
  const char* heading;
  std::vector<Column> columns;
};

struct Table {
  const char* title;
  std::vector<Block> blocks;
};

Block train_and_test(const char* key, int decimals) {
  return {key, {{"train", key, decimals}, {"test", key, decimals}}};
}
Block train_test_and_boundary(const char* key, int decimals) {
  return {key, {{"train", key, decimals}, {"test", key, decimals}, {"boundary", key, decimals}}};
}

const std::vector<Table>& tables() {
  static const std::vector<Table> all = {
      {"Neighbourhoods: neighbours in feature space that are neighbours in the picture too",
       {train_and_test("nn_10", 2),
        train_and_test("nn_15", 2),
        train_and_test("nn_20", 2),
        {"nn_15_with_self",
         {{"train", "nn_15_with_self", 2}, {"test", "nn_15_with_self", 2}, {"all", "nn_15_with_self", 2}}}}},
      {"Nearness to the decision boundary, and ranks",
       {train_and_test("boundary_15", 2), train_and_test("boundary_15_chance", 2),
        train_and_test("trustworthiness_15", 3), train_and_test("continuity_15", 3)}},
      {"Round trip: project to the plane and back",
       {train_test_and_boundary("ppr_fitted", 3),
        train_test_and_boundary("ppr", 3),
        train_test_and_boundary("ccr", 3),
        train_test_and_boundary("mse", 4),
        {"keep_boundary", {{"boundary", "keep_boundary", 3}}}}},
      {"The last step: points moved to where the ground says what the classifier says of them",
       {train_test_and_boundary("moved_share", 3), train_test_and_boundary("moved_mean", 3)}},
      {"Distance to the decision boundary: a sample's own margin and the one that its place shows",
       {train_test_and_boundary("margin_rank_fitted", 3), train_test_and_boundary("margin_rank", 3)}},
      {"New samples: test and boundary samples placed by train samples alone, as 'dvi project' does",
       {{"nn_15", {{"new_test", "nn_15", 2}, {"test_among_train", "nn_15", 2}}},
        {"boundary_15", {{"new_test", "boundary_15", 2}}},
        {"ppr_fitted", {{"new_test", "ppr_fitted", 3}, {"new_boundary", "ppr_fitted", 3}}},
        {"ppr", {{"new_test", "ppr", 3}, {"new_boundary", "ppr", 3}}},
        {"mse", {{"new_test", "mse", 4}, {"new_boundary", "mse", 4}}},
        {"keep_boundary", {{"new_boundary", "keep_boundary", 3}}}}},
      {"The encoder alone, without the positions stored for recorded samples",
       {{"nn_15", {{"encoder_train", "nn_15", 2}, {"encoder_test", "nn_15", 2}}},
        {"boundary_15", {{"encoder_train", "boundary_15", 2}, {"encoder_test", "boundary_15", 2}}},
        {"ppr", {{"encoder_train", "ppr", 3}, {"encoder_test", "ppr", 3}}},
        {"ccr", {{"encoder_train", "ccr", 3}, {"encoder_test", "ccr", 3}}},
        {"mse", {{"encoder_train", "mse", 4}, {"encoder_test", "mse", 4}}}}}};
  return all;
}

std::string number(const Json& epoch, const Column& column) {
  const auto group = epoch.find(column.group);
  if (group == epoch.end() || !group->is_object() || !group->contains(column.key)) return "-";
  const Json& value = (*group)[column.key];
  return value.is_number() ? fmt::format("{:.{}f}", value.get<double>(), column.decimals) : "-";
}

bool measured(const Table& table, const Json& epochs) {
  return std::any_of(table.blocks.begin(), table.blocks.end(), [&](const Block& block) {
    return std::any_of(block.columns.begin(), block.columns.end(), [&](const Column& column) {
      return std::any_of(epochs.begin(), epochs.end(),
                         [&](const Json& e) { return number(e, column) != "-"; });
    });
  });
}

/// Widths fit the numbers; a heading stands over its columns.
std::string text_of(const Table& table, const Json& epochs) {
  struct Width {
    std::vector<size_t> columns;
    size_t block = 0;
  };
  std::vector<Width> widths;
  for (const Block& block : table.blocks) {
    Width& width = widths.emplace_back();
    for (const Column& column : block.columns) {
      size_t widest = std::string(column.group).size();
      for (const Json& epoch : epochs) widest = std::max(widest, number(epoch, column).size());
      width.columns.push_back(widest);
      width.block += widest + (width.columns.size() > 1);
    }
    const size_t heading = std::string(block.heading).size();
    if (heading > width.block) {
      width.columns.front() += heading - width.block;
      width.block = heading;
    }
  }
  std::string headings = "      ", groups = " epoch", rows;
  for (size_t b = 0; b < table.blocks.size(); ++b) {
    headings += fmt::format("  {:>{}}", table.blocks[b].heading, widths[b].block);
    for (size_t c = 0; c < widths[b].columns.size(); ++c)
      groups += fmt::format("{}{:>{}}", c == 0 ? "  " : " ", table.blocks[b].columns[c].group,
                            widths[b].columns[c]);
  }
  for (const Json& epoch : epochs) {
    rows += fmt::format("{:>6}", epoch.value("epoch", 0));
    for (size_t b = 0; b < table.blocks.size(); ++b)
      for (size_t c = 0; c < widths[b].columns.size(); ++c)
        rows += fmt::format("{}{:>{}}", c == 0 ? "  " : " ", number(epoch, table.blocks[b].columns[c]),
                            widths[b].columns[c]);
    rows += "\n";
  }
  return fmt::format("{}\n{}\n{}\n{}", table.title, headings, groups, rows);
}

std::string seconds_text(const Json& epochs) {
  std::vector<std::string> stages;
  for (const Json& epoch : epochs)
    for (const auto& [stage, value] : epoch["seconds"].items())
      if (value.is_number() && std::find(stages.begin(), stages.end(), stage) == stages.end())
        stages.push_back(stage);
  if (stages.empty()) return "";
  std::string text = "Seconds by stage\n epoch";
  for (const auto& stage : stages) text += fmt::format("  {:>{}}", stage, std::max<size_t>(6, stage.size()));
  text += "\n";
  for (const Json& epoch : epochs) {
    text += fmt::format("{:>6}", epoch.value("epoch", 0));
    for (const auto& stage : stages) {
      const Json value = epoch["seconds"].value(stage, Json());
      text += fmt::format("  {:>{}}", value.is_number() ? fmt::format("{:.2f}", value.get<double>()) : "-",
                          std::max<size_t>(6, stage.size()));
    }
    text += "\n";
  }
  return text + "\n";
}

std::string run_text(const Json& run) {
  constexpr const char* absent =
      "Over the run: temporal_pearson needs 3 fitted epochs, tnn_3 needs 5, tlr needs 3 in a third of the "
      "run.\n";
  std::string rows;
  for (const char* key :
       {"temporal_pearson", "tlr", "tlr_early", "tlr_middle", "tlr_late", "tnn_3", "tnn_3_chance"}) {
    std::string values;
    bool any = false;
    for (const char* role : {"train", "test"}) {
      const Json value = run.value(role, Json::object()).value(key, Json());
      any = any || value.is_number();
      values += fmt::format("  {:>7}", value.is_number() ? fmt::format("{:.3f}", value.get<double>()) : "-");
    }
    if (any) rows += fmt::format("{:>18}{}\n", key, values);
  }
  if (rows.empty()) return std::string(absent) + "\n";
  return fmt::format("Over the run\n{:>18}  {:>7}  {:>7}\n{}\n", "", "train", "test", rows);
}

std::string legend(const Json& references) {
  const auto chance = [&](const char* role) {
    const auto n = references.value(role, int64_t{0});
    return n > 1 ? fmt::format("{:.3f} {}", 225.0 / static_cast<double>(n - 1), role)
                 : fmt::format("- {}", role);
  };
  return fmt::format(
      "nn_k             of a sample's k nearest in feature space, how many are among its k nearest in the "
      "picture;\n"
      "                 itself not counted, test samples among train and test; more is better, chance gives "
      "for\n"
      "                 nn_15 {}, {}\n"
      "nn_15_with_self  the same as published tables count it: the sample is its own first neighbour (1 "
      "comes free);\n"
      "                 'all' is train and test together, which those tables call test\n"
      "boundary_15      the same towards the 15 nearest boundary samples (train: those of the fit, test: a "
      "fresh set);\n"
      "                 read it against boundary_15_chance\n"
      "trustworthiness, whether near in the picture means near in feature space, and the reverse; 1 is best, "
      "and both\n"
      "continuity       come close to 1 for poor pictures too: never judge by them alone\n"
      "ppr              share of predictions that survive the way to the plane and back; 1 is best\n"
      "ccr, mse         how much the confidence and the features change on that way; less is better\n"
      "keep_boundary    share of boundary samples shown on the white boundary; more is better\n"
      "temporal_pearson do samples move when their neighbours change? -1 is best, 0 is no relation\n"
      "tlr, tnn_3       are a sample's steps in the picture as long, compared with each other, as in feature "
      "space? 1\n"
      "                 is best; and which 3 epochs are nearest to an epoch? 3 is best\n"
      "Formulas and traps: docs/reference/metrics.md\n",
      chance("train"), chance("test"));
}

}  // namespace

Json evaluation(const Run& run, const View& view) {
  if (view.epoch_numbers().empty())
    fail("{}: expected at least one fitted epoch, found none; run 'dvi fit {}' first", view.folder().string(),
         run.folder().string());
  Json epochs = Json::array();
  for (const int number : view.epoch_numbers()) {
    const auto epoch = view.epoch(number);
    Json entry = {{"epoch", number}, {"seconds", epoch->json().value("seconds", Json::object())}};
    if (const Json metrics = epoch->metrics(); metrics.is_object()) entry.update(metrics);
    epochs.push_back(std::move(entry));
  }
  const auto& manifest = run.manifest();
  const auto train = static_cast<int64_t>(manifest.ids_of_role("train").size());
  const auto test = static_cast<int64_t>(manifest.ids_of_role("test").size());
  return {{"view", view.name()},
          {"references", {{"train", train > 0 ? train : manifest.sample_count()}, {"test", train + test}}},
          {"epochs", std::move(epochs)},
          {"run", to_json(run_metrics(run, view))}};
}

std::string evaluation_text(const Json& evaluation) {
  const Json& epochs = evaluation.at("epochs");
  std::string text;
  for (const Table& table : tables())
    if (measured(table, epochs)) text += text_of(table, epochs) + "\n";
  return text + run_text(evaluation.at("run")) + seconds_text(epochs) +
         legend(evaluation.value("references", Json::object()));
}

}  // namespace dvi
