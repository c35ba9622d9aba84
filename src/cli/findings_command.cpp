// dvi findings: what happened in a run that is worth knowing.
#include "findings/findings.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/results.h"
#include "core/error.h"
#include "run/epoch_names.h"

namespace dvi {
namespace {

struct FindingsArguments {
  std::string run, view, until;
  size_t limit = 1000;
};

void findings(const FindingsArguments& arguments) {
  const Run run = Run::open(arguments.run);
  const View view = View::open(run, arguments.view.empty() ? default_view_name(run) : arguments.view);
  auto found =
      find_in_run(run, view, arguments.until.empty() ? 1'000'000 : epoch_called(run, arguments.until));
  if (json_results()) {
    if (found.size() > arguments.limit) found.resize(arguments.limit);
    fmt::print("{}\n", to_json(found).dump());
  } else {
    fmt::print("{}", to_text(found, arguments.limit));
  }
}

}  // namespace

void add_findings_command(CLI::App& app) {
  auto* command = app.add_subcommand("findings", "Tell what happened in a run that is worth knowing");
  auto arguments = std::make_shared<FindingsArguments>();
  command->add_option("RUN", arguments->run, "Run directory")->required();
  command->add_option("--view", arguments->view, "View to look at (default: \"default\", or the only one)");
  command->add_option("--until", arguments->until,
                      "As if training had ended at this epoch (default: the last)");
  command->add_option("--limit", arguments->limit, "Findings to tell at most")->capture_default_str();
  command->add_flag("--json")->description(
      "Print {\"findings\": [{\"kind\", \"from\", \"to\", \"classes\", \"samples\", \"score\", \"text\", "
      "\"link\"}]}");
  command->callback([=] { findings(*arguments); });
}

}  // namespace dvi
