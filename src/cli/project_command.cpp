// dvi project: where samples that were never recorded lie.
#include <fmt/format.h>

#include <memory>
#include <mutex>

#include "cli/commands.h"
#include "cli/results.h"
#include "core/error.h"
#include "core/progress.h"
#include "project/projection.h"
#include "run/epoch_names.h"

namespace dvi {
namespace {

struct ProjectArguments {
  std::string run, file, epochs, out, view, kind = "automatic";
  bool resize = false;
};

std::vector<int> chosen_epochs(const Run& run, const View& view, const std::string& text) {
  if (view.epoch_numbers().empty())
    fail("view \"{}\": expected at least one fitted epoch, found none; run 'dvi fit {}' first", view.name(),
         run.folder().string());
  if (text.empty()) return {view.epoch_numbers().back()};
  return text == "all" ? view.epoch_numbers() : epochs_called(run, text);
}

void print_table(const Run& run, const NewSamples& samples, const std::vector<EpochProjection>& epochs) {
  const auto& classes = run.manifest().classes;
  size_t widest = 6;
  for (const auto& name : samples.names) widest = std::max(widest, name.size());
  fmt::print("{:>8}  {:<{}}  {:>8} {:>8}  {:>10}  {:>12}  {}\n", "epoch", "sample", widest, "x", "y",
             "confidence", "familiarity", "prediction");
  for (const auto& [epoch, at] : epochs)
    for (int64_t i = 0; i < samples.size(); ++i) {
      const auto s = static_cast<size_t>(i);
      fmt::print("{:>8}  {:<{}}  {:>8.3f} {:>8.3f}  {:>10.3f}  {:>12.3f}  {}\n", epoch_name(run.epoch(epoch)),
                 samples.names[s], widest, at.positions(i, 0), at.positions(i, 1), at.verdicts[s].confidence,
                 at.familiarity[s], classes[static_cast<size_t>(at.verdicts[s].prediction)]);
    }
  fmt::print(
      "familiarity: share of the train samples that lie farther from their nearest than the sample does\n");
}

void project(const ProjectArguments& arguments) {
  if (!arguments.out.empty()) expect_projection_file(arguments.out);
  const Run run = Run::open(arguments.run);
  const View view = View::open(run, arguments.view.empty() ? default_view_name(run) : arguments.view);
  const auto epochs = chosen_epochs(run, view, arguments.epochs);
  const ReadOptions options{arguments.kind == "features" ? SampleKind::features
                            : arguments.kind == "inputs" ? SampleKind::inputs
                                                         : SampleKind::automatic,
                            arguments.resize};
  const NewSamples samples = read_new_samples(run, arguments.file, options);
  Progress progress("project", std::ssize(epochs));
  std::mutex one_at_a_time;
  const auto projected = project_at(run, samples, epochs, [&](int epoch) {
    auto projector = std::make_shared<Projector>(run, view, epoch);
    const std::lock_guard lock(one_at_a_time);
    progress.advance();
    return projector;
  });
  progress.finish();
  if (!arguments.out.empty())
    write_projection(arguments.out, run, samples, projected);
  else if (json_results())
    fmt::print("{}\n", to_json(samples, projected).dump());
  else
    print_table(run, samples, projected);
}

}  // namespace

void add_project_command(CLI::App& app) {
  auto* command = app.add_subcommand("project", "Place samples that were never recorded");
  auto arguments = std::make_shared<ProjectArguments>();
  command->add_option("RUN", arguments->run, "Run directory")->required();
  command
      ->add_option(
          "FILE", arguments->file,
          "Features of one epoch (.npy [M, D] or .csv), or inputs: .npy as inputs.npy holds them, .csv, a "
          ".png picture or a folder of them")
      ->required();
  command->add_option("--epochs", arguments->epochs, "Epochs, such as 1,5-9 or all (default: the last)");
  command->add_option("-o,--out", arguments->out,
                      "Write here instead of printing: .npy places only, .json or .csv everything");
  command->add_option("--as", arguments->kind, "What FILE holds, where its shape does not tell")
      ->check(CLI::IsMember({"features", "inputs"}));
  command->add_flag("--resize", arguments->resize, "Fit pictures to the size and the channels of the run's");
  command->add_option("--view", arguments->view,
                      "View to project into (default: \"default\", or the only one)");
  command->add_flag("--json")->description("Print everything as JSON");
  command->callback([=] { project(*arguments); });
}

}  // namespace dvi
