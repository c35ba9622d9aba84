// dvi import SRC RUN: folders of earlier DeepVisualInsight tools, as a run directory.
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/results.h"
#include "import/importer.h"

namespace dvi {

void add_import_command(CLI::App& app) {
  struct Options {
    std::string source, run;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("import", "Import the folder of DVI or time-travelling-visualizer as a run");
  command
      ->add_option("SRC", options->source, "Folder with Training_data and Model, or with dataset and epochs")
      ->required();
  command->add_option("RUN", options->run, "Run directory to write (new)")->required();
  command->callback([options] {
    const ImportReport report = import_run(options->source, options->run);
    fmt::print("{}", json_results() ? report.to_json().dump() + "\n" : report.to_text());
  });
}

}  // namespace dvi
