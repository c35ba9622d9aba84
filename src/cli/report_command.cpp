// dvi report RUN -o FILE.html: the viewer and a view's data in one file (docs/how-to/rendering.md).
#include "report/report.h"

#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "core/progress.h"
#include "run/epoch_names.h"

namespace dvi {

void add_report_command(CLI::App& app) {
  struct Arguments {
    std::string run, output, epochs;
    ReportOptions report;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("report", "Write one HTML file with the viewer and its data inside");
  command->add_option("RUN", arguments->run, "Run directory")->required();
  command->add_option("-o,--output", arguments->output, "HTML file to write")->required();
  command->add_option("--view", arguments->report.view,
                      "View to show (default: \"default\", or the only one)");
  command->add_option("--epochs", arguments->epochs,
                      "Epochs to hold, by number or name, e.g. 1,2,5-9 (default: all)");
  command
      ->add_option("--thumbnails", arguments->report.images,
                   "Hold at most so many samples' images; 0 for none")
      ->check(CLI::Range(int64_t{0}, int64_t{1000000}))
      ->capture_default_str();
  command->callback([arguments] {
    if (!arguments->epochs.empty())
      arguments->report.epochs = epochs_called(Run::open(arguments->run), arguments->epochs);
    const ReportSizes sizes = write_report(arguments->run, arguments->report, arguments->output);
    say(fmt::format("wrote {}: {:.1f} MB, {} epochs, {} images", arguments->output,
                    static_cast<double>(sizes.bytes) / 1e6, sizes.epochs, sizes.images));
  });
}

}  // namespace dvi
