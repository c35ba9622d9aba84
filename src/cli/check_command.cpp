// dvi check RUN: what a run directory breaks of docs/run-format.md, and what is worth knowing of it.
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "core/file.h"
#include "core/progress.h"
#include "run/check.h"

namespace dvi {
namespace {

std::string text_of(const CheckReport& report, const std::string& run) {
  std::string text;
  for (const std::string& problem : report.problems) text += "problem: " + problem + "\n";
  for (const std::string& note : report.notes) text += "note: " + note + "\n";
  text += fmt::format("{}: {} samples, {} epochs; {}\n", run, report.samples, report.epochs.size(),
                      report.problems.empty()       ? "a good run"
                      : report.problems.size() == 1 ? "1 problem"
                                                    : fmt::format("{} problems", report.problems.size()));
  return text;
}

}  // namespace

void add_check_command(CLI::App& app) {
  struct Options {
    std::string run;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "check", "Tell whether a run directory is good, and what to mend where it is not (exit status 1)");
  command->add_option("RUN", options->run, "Run directory")->required();
  command->add_flag("--json", options->json,
                    R"(Print {"problems", "notes", "samples", "epochs"} instead of lines)");
  command->callback([options] {
    const CheckReport report = check_run(options->run);
    if (options->json)
      fmt::print("{}\n", Json{{"problems", report.problems},
                              {"notes", report.notes},
                              {"samples", report.samples},
                              {"epochs", report.epochs}}
                             .dump(1));
    else
      fmt::print("{}", text_of(report, options->run));
    if (!report.problems.empty()) throw ExitStatus{1};
  });
}

}  // namespace dvi
