#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "cli/commands.h"
#include "cli/results.h"
#include "comm/job.h"
#include "core/error.h"
#include "core/large_arrays.h"
#include "core/mapped_file.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/sentence.h"

namespace {

// Libraries below (LibTorch) use OpenMP, whose threads spin while they wait, which slows every neighbour on a
// shared machine. The setting is read before main() begins, hence the second start.
void make_openmp_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", 1);
  // By its own name, by which `ps` and `pkill` then know it; where that is not possible, go on as we are.
  std::error_code unknown;
  if (const auto program = std::filesystem::read_symlink("/proc/self/exe", unknown); !unknown)
    execv(program.c_str(), argv);
}

}  // namespace

int main(int argc, char** argv) {
  make_openmp_threads_sleep(argv);
  dvi::flush_subnormals();
  dvi::return_freed_arrays();

  CLI::App app{"DeepVisualInsight: time-travelling visualization of classifier training", "dvi"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "dvi " DVI_VERSION);
  app.fallthrough();
  bool quiet = false, json = false;
  app.add_flag("-q,--quiet", quiet, "No progress, errors only");
  app.add_flag("--json", json,
               "Progress as JSON lines on standard error, results as JSON on standard output");
  int threads = 0;
  app.add_option("--threads", threads, "Threads to use (default: all processors)")
      ->check(CLI::Range(1, 1024));
  app.footer(
      "`dvi COMMAND --help` tells more of a command. Exit status: 0 done; 1 failed, with one sentence on "
      "standard\n"
      "error that says why; 2 the command line was not understood.");
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return fmt::format("dvi: {}; `dvi --help` and `dvi COMMAND --help` list what there is\n", error.what());
  });
  app.parse_complete_callback([&] {
    for (const CLI::App* command : app.get_subcommands()) {
      // A command that prints results has a --json of its own, which the one above does not see.
      const CLI::Option* own = command->get_option_no_throw("--json");
      json = json || (own != nullptr && own->count() > 0);
    }
    dvi::set_output(quiet ? dvi::Output::quiet : json ? dvi::Output::json : dvi::Output::automatic);
    dvi::set_json_results(json);
    dvi::set_threads(threads);
  });

  dvi::add_demo_command(app);
  dvi::add_fit_command(app);
  dvi::add_eval_command(app);
  dvi::add_serve_command(app);
  dvi::add_project_command(app);
  dvi::add_add_command(app);
  dvi::add_remove_command(app);
  dvi::add_query_command(app);
  dvi::add_findings_command(app);
  dvi::add_why_command(app);
  dvi::add_render_command(app);
  dvi::add_report_command(app);
  dvi::add_import_command(app);
  dvi::add_export_model_command(app);
  dvi::add_check_command(app);
  dvi::add_mcp_command(app);

  try {
    app.parse(argc, argv);
    dvi::expect_whole_mappings(0);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      dvi::fail("standard output: cannot be written: {}", std::strerror(errno));
    dvi::leave_job();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const dvi::ExitStatus& exit) {
    return exit.status;
  } catch (const std::exception& error) {
    // Of several ranks that fail together one tells why.
    if (dvi::speaks_of_failure()) fmt::print(stderr, "dvi: {}\n", dvi::sentence_of(error));
    dvi::leave_failed_job();
    return 1;
  }
}
