// dvi eval RUN: how true the pictures of a view are.
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/results.h"
#include "metrics/evaluation.h"

namespace dvi {

void add_eval_command(CLI::App& app) {
  struct Options {
    std::string run, view;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("eval", "Tell how true the pictures of a fitted run are");
  command->add_option("RUN", options->run, "Run directory")->required();
  command->add_option("--view", options->view, "View to evaluate (default: \"default\", else the first)");
  command->add_flag("--json")->description(
      R"(Print {"epochs", "run"} instead of tables (docs/reference/metrics.md))");
  command->callback([options] {
    const auto run = Run::open(options->run);
    const auto view = View::open(run, options->view.empty() ? default_view_name(run) : options->view);
    const Json result = evaluation(run, view);
    if (json_results())
      fmt::print("{}\n", result.dump(1));
    else
      fmt::print("Run \"{}\", view \"{}\"\n\n{}", run.manifest().name, view.name(), evaluation_text(result));
  });
}

}  // namespace dvi
