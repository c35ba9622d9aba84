// dvi demo: trains a classifier while recording it, fits the run, says how good the maps are and serves them.
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/results.h"
#include "cli/serving.h"
#include "core/error.h"
#include "core/file.h"
#include "core/progress.h"
#include "findings/findings.h"
#include "fit/fit.h"
#include "metrics/evaluation.h"
#include "run/run.h"
#include "scenarios/findings.h"
#include "scenarios/scenario.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

struct DemoOptions {
  std::string scenario = "standard";
  ScenarioOptions recording;
  uint16_t port = 8321;
  bool no_serve = false;
};

fs::path default_folder(const DemoOptions& options) {
  std::string name = "demo";
  if (options.scenario != "standard") name += "-" + options.scenario;
  if (options.scenario == "active-learning") name += "-" + options.recording.strategy;
  if (options.recording.quick) name += "-quick";
  return fs::path("runs") / name;
}

bool is_unused(const fs::path& folder) {
  return !fs::exists(folder) || (fs::is_directory(folder) && fs::is_empty(folder));
}

/// Records the demo's run unless it is there. A folder that this command did not make is left alone.
void record_unless_there(const DemoOptions& options) {
  const fs::path& out = options.recording.out;
  if (!is_unused(out)) {
    if (!fs::exists(out / "scenario.json"))
      fail(
          "{}: expected a new folder or one made by dvi demo, found something else; choose another with "
          "--out",
          out.string());
    if (read_json(out / "scenario.json") != to_json(options.scenario, options.recording))
      fail(
          "{}: expected a demo of the same options, found one of others; remove it or choose another folder "
          "with --out",
          out.string());
    if (fs::exists(out / "run.json") && Run::open(out).finished()) {
      say(fmt::format("{} is recorded already; going on with it", out.string()));
      return;
    }
    say(fmt::format("{} was not recorded to the end; recording it again", out.string()));
    fs::remove_all(out);
  }
  record_scenario(options.scenario, options.recording);
}

void demo(DemoOptions options) {
  if (options.recording.out.empty()) options.recording.out = default_folder(options);
  const fs::path& out = options.recording.out;
  record_unless_there(options);

  FitOptions fit;
  fit.seed = options.recording.seed;
  fit_run(out, fit);

  const Run run = Run::open(out);
  const View view = View::open(run, fit.view);
  Json result = evaluation(run, view);
  const auto findings = find_findings(options.scenario, run, view);
  if (json_results()) {
    if (findings) result["findings"] = to_json(*findings);
    fmt::print("{}\n", result.dump(1));
  } else {
    fmt::print("{}\n", evaluation_text(result));
    if (findings) fmt::print("What {} shows\n{}\n", options.scenario, to_text(*findings));
    constexpr size_t most_findings = 8;
    fmt::print("What happened\n{}\n", to_text(find_in_run(run, view), most_findings));
  }
  if (options.no_serve) return;
  ViewerServerOptions server;
  server.runs = {out};
  server.port = options.port;
  serve_until_told_to_end(server);
}

}  // namespace

void add_demo_command(CLI::App& app) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command = app.add_subcommand("demo", "Train and record a classifier, fit the run and show it");
  std::string list = "What to train:";
  std::vector<std::string> names;
  for (const auto& scenario : scenarios()) {
    list += fmt::format("\n  {}: {}", scenario.name, scenario.summary);
    names.emplace_back(scenario.name);
  }
  command->add_option("--scenario", options->scenario, list)
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  command
      ->add_option("--data", options->recording.data,
                   "Folder with IDX files (MNIST, Fashion-MNIST, EMNIST) or CIFAR-10's binary files")
      ->capture_default_str();
  command->add_flag("--quick", options->recording.quick, "Few samples: a first impression in about a minute");
  command->add_flag("--no-serve", options->no_serve, "Stop after fitting and evaluating");
  command->add_option("--out", options->recording.out, "Run directory to make (default: runs/demo...)");
  command->add_option("--port", options->port, "Port of the page; 0 takes any free one")
      ->capture_default_str();
  command
      ->add_option("--epochs", options->recording.epochs,
                   "Epochs to record (default: the scenario's, 8 to 12)")
      ->check(CLI::Range(1, 999));
  command->add_option("--samples", options->recording.samples, "Train samples (default: the scenario's)")
      ->check(CLI::Range(int64_t{60}, int64_t{1} << 24));
  command->add_option("--seed", options->recording.seed, "Seed of training and fitting")
      ->capture_default_str();
  command
      ->add_option("--strategy", options->recording.strategy,
                   "How active learning chooses samples: random, least-confidence, coreset or learning-loss")
      ->check(CLI::IsMember({"random", "least-confidence", "coreset", "learning-loss"}))
      ->capture_default_str();
  command->callback([options] { demo(*options); });
}

}  // namespace dvi
