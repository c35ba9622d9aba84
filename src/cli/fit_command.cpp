// dvi fit: a visualization model for every recorded epoch.
#include <memory>

#include "cli/commands.h"
#include "comm/comm.h"
#include "comm/job.h"
#include "core/device.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "fit/fit.h"
#include "fit/presets.h"
#include "run/epoch_names.h"

namespace dvi {

void add_fit_command(CLI::App& app) {
  struct Options {
    std::string run, epochs, prepare, device = "auto";
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
  CLI::Option* const epochs = command->add_option(
      "--epochs", options->epochs, "Epochs to fit, by number or name, e.g. 1,2,5-9 (default: all)");
  command
      ->add_option(
          "--prepare", options->prepare,
          "Only find boundary samples and neighbours of these epochs, for a later fit that is quicker")
      ->excludes(epochs);
  command->add_option("--seed", options->fit.seed, "Same seed and threads, same result")
      ->capture_default_str();
  command
      ->add_option("--device", options->device,
                   "auto: on a CUDA device where LibTorch finds one; cpu or cuda: there and nowhere else")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command->add_flag("--follow", options->fit.follow,
                    "Wait for the epochs of a run that is still being recorded");
  command->add_flag("--force", options->fit.force, "Remove the view and fit it anew");
  const CLI::Option* const threads = app.get_option("--threads");
  command->callback([options, threads] {
    join_job();
    if (options->device != "auto")
      choose_device(options->device == "cuda" ? DeviceChoice::cuda : DeviceChoice::processor);
    if (comm().rank() > 0) set_output(Output::quiet);
    if (comm().size() > 1 && threads->count() == 0) set_threads(threads_of_rank());
    options->fit.prepare = !options->prepare.empty();
    if (const std::string& wanted = options->fit.prepare ? options->prepare : options->epochs;
        !wanted.empty())
      options->fit.epochs = epochs_called(Run::open(options->run), wanted);
    fit_run(options->run, options->fit);
  });
}

}  // namespace dvi
