#include "run/check.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/results.h"
#include "core/error.h"
#include "subject/check_subject.h"

namespace dvi {
namespace {

void check(const std::string& folder) {
  CheckReport report = check_run(folder);
  if (report.problems.empty()) check_subjects(Run::open(folder), report);
  if (json_results()) {
    fmt::print("{}\n", Json{{"ok", report.problems.empty()},
                            {"problems", report.problems},
                            {"notes", report.notes},
                            {"samples", report.samples},
                            {"epochs", report.epochs}}
                           .dump(1, ' ', false, Json::error_handler_t::replace));
  } else {
    for (const auto& problem : report.problems) fmt::print("problem: {}\n", problem);
    for (const auto& note : report.notes) fmt::print("note: {}\n", note);
    if (report.problems.empty())
      fmt::print("{}: a good run of {} samples and {} epochs\n", folder, report.samples,
                 report.epochs.size());
  }
  if (!report.problems.empty()) throw ExitStatus{1};
}

}  // namespace

void add_check_command(CLI::App& app) {
  auto* command = app.add_subcommand("check", "Tell whether a run directory is in order");
  auto folder = std::make_shared<std::string>();
  command->add_option("RUN", *folder, "Run directory")->required();
  command->add_flag("--json")->description("Print the report as JSON");
  command->callback([=] { check(*folder); });
}

}  // namespace dvi
