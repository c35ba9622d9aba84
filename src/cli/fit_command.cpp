// dvi fit: a visualization model for every recorded epoch.
#include <memory>

#include "cli/commands.h"
#include "fit/fit.h"
#include "fit/presets.h"
#include "run/epoch_names.h"

namespace dvi {

void add_fit_command(CLI::App& app) {
  struct Options {
    std::string run, epochs;
    FitOptions fit;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("fit", "Fit a visualization model to every recorded epoch");
  command->add_option("RUN", options->run, "Run directory")->required();
  command->add_option("--view", options->fit.view, "Name of the view")->capture_default_str();
  command
      ->add_option("--preset", options->fit.preset, "default, or paper: the published method to the letter")
      ->check(CLI::IsMember(preset_names()))
      ->capture_default_str();
  command->add_option("--epochs", options->epochs,
                      "Epochs to fit, by number or name, e.g. 1,2,5-9 (default: all)");
  command->add_option("--seed", options->fit.seed, "Same seed and threads, same result")
      ->capture_default_str();
  command->add_flag("--follow", options->fit.follow,
                    "Wait for the epochs of a run that is still being recorded");
  command->add_flag("--force", options->fit.force, "Remove the view and fit it anew");
  command->callback([options] {
    if (!options->epochs.empty())
      options->fit.epochs = epochs_called(Run::open(options->run), options->epochs);
    fit_run(options->run, options->fit);
  });
}

}  // namespace dvi
