// dvi why: the train samples behind a change.
#include <fmt/format.h>

#include "causes/causes.h"
#include "cli/commands.h"
#include "cli/results.h"
#include "core/error.h"
#include "query/query.h"
#include "run/epoch_names.h"

namespace dvi {
namespace {

struct WhyArguments {
  std::string run, condition, view;
  std::optional<int32_t> sample;
  std::string from, to;
  size_t limit = 20;
  bool each = false;
};

/// How far answers can be believed at each step, beside what TracIn from the earlier epoch alone reaches.
void print_hit_rates(const Run& run, const Causes& causes) {
  const Causes plain(run, GainModel::start_only);
  Json steps = Json::array();
  for (size_t i = 0; i + 1 < causes.epochs().size(); ++i) {
    const int from = causes.epochs()[i], to = causes.epochs()[i + 1];
    const HitRate ours = causes.hit_rate(from, to), tracin = plain.hit_rate(from, to);
    steps.push_back({{"from", from}, {"to", to}, {"flips", ours.flips}});
    steps.back()["hit_rate"] = ours.rate() ? Json(*ours.rate()) : Json();
    steps.back()["tracin"] = tracin.rate() ? Json(*tracin.rate()) : Json();
  }
  if (json_results()) {
    fmt::print("{}\n", Json{{"steps", steps}}.dump());
    return;
  }
  fmt::print(
      "Of the held-out samples that flipped at a step: for how many do the pushes name the direction?\n");
  fmt::print("{:>6} {:>6} {:>8} {:>10} {:>10}\n", "from", "to", "flipped", "hit rate", "TracIn");
  const auto rate = [](const Json& value) {
    return value.is_null() ? std::string() : fmt::format("{:.3f}", value.get<double>());
  };
  for (const Json& step : steps)
    fmt::print("{:>6} {:>6} {:>8} {:>10} {:>10}\n", step["from"].get<int>(), step["to"].get<int>(),
               step["flips"].get<int>(), rate(step["hit_rate"]), rate(step["tracin"]));
  fmt::print("TracIn: from the earlier epoch alone (Pruthi et al., NeurIPS 2020, last layer).\n");
}

std::optional<int> epoch_in(const Run& run, const std::string& name) {
  return name.empty() ? std::nullopt : std::optional(epoch_called(run, name));
}

/// Every sample that changed, by itself.
void print_each(const Run& run, const Causes& causes, const std::vector<int32_t>& ids, int from, int to,
                size_t limit) {
  std::vector<Change> changes;
  for (const int32_t id : causes.changed(ids, from, to)) changes.push_back(causes.change_of(id, from, to));
  Json list = Json::array();
  for (const Explanation& e : causes.explain(changes, limit))
    if (json_results())
      list.push_back(to_json(e));
    else
      fmt::print("{}\n", to_text(e, run));
  if (json_results()) fmt::print("{}\n", Json{{"explanations", list}}.dump());
}

void why_many(const WhyArguments& arguments, const Run& run, const Causes& causes) {
  const View view = View::open(run, arguments.view.empty() ? default_view_name(run) : arguments.view);
  const SampleTable table(run, view);
  const auto& epochs = causes.epochs();
  const auto first = epoch_in(run, arguments.from);
  const int to = epoch_in(run, arguments.to).value_or(epochs.back());
  const auto at = std::lower_bound(epochs.begin(), epochs.end(), to);
  if (!first && (at == epochs.begin() || at == epochs.end()))
    fail("--to {}: expected a recorded epoch with an earlier one before it", to);
  const int from = first.value_or(*(at - (at == epochs.begin() ? 0 : 1)));
  const QueryResult found =
      find_samples(table, arguments.condition, view.has_epoch(to) ? std::optional(to) : std::nullopt);
  if (arguments.each) return print_each(run, causes, found.ids, from, to, arguments.limit);
  const CommonCauses common = causes.common(found.ids, from, to, arguments.limit);
  if (json_results())
    fmt::print("{}\n", to_json(common).dump());
  else
    fmt::print("{}", to_text(common, run));
}

void why(const WhyArguments& arguments) {
  const Run run = Run::open(arguments.run);
  const Causes causes(run);
  if (arguments.sample && !arguments.condition.empty())
    fail("dvi why: expected either --sample or --where, found both");
  if (!arguments.condition.empty()) return why_many(arguments, run, causes);
  if (!arguments.sample) return print_hit_rates(run, causes);
  const Explanation explanation = causes.explain(
      causes.change_of(*arguments.sample, epoch_in(run, arguments.from), epoch_in(run, arguments.to)),
      arguments.limit);
  if (json_results())
    fmt::print("{}\n", to_json(explanation).dump());
  else
    fmt::print("{}", to_text(explanation, run));
}

}  // namespace

void add_why_command(CLI::App& app) {
  auto* command = app.add_subcommand("why", "Name the train samples behind a change of prediction");
  auto arguments = std::make_shared<WhyArguments>();
  command->add_option("RUN", arguments->run, "Run directory")->required();
  command->add_option(
      "--sample", arguments->sample,
      "Sample to explain; without it and --where, how far answers can be believed at each step");
  command->add_option("--where", arguments->condition,
                      "Explain together all samples that a condition holds for at the later epoch");
  command->add_flag("--each", arguments->each, "With --where: explain each sample by itself");
  command->add_option("--from", arguments->from, "Earlier epoch (default: of the sample's last flip)");
  command->add_option("--to", arguments->to, "Later epoch");
  command->add_option("--limit", arguments->limit, "Train samples to name in each direction")
      ->check(CLI::Range(size_t{1}, size_t{100000}))
      ->capture_default_str();
  command->add_option("--view", arguments->view,
                      "View that --where asks (default: \"default\", or the only one)");
  command->add_flag("--json")->description("Print the answer as JSON");
  command->callback([=] { why(*arguments); });
}

}  // namespace dvi
