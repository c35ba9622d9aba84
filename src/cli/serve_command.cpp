#include <fmt/format.h>
#include <semaphore.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "cli/commands.h"
#include "cli/serving.h"
#include "server/confine.h"

namespace dvi {
namespace {

sem_t ended;

}  // namespace

void serve_until_told_to_end(const ViewerServerOptions& options) {
  sem_init(&ended, 0, 0);
  struct sigaction action {};
  action.sa_handler = [](int) { sem_post(&ended); };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  // Before any thread of the server is made.
  if (const std::string lacking = confine(options.runs).lacking(); !lacking.empty())
    fmt::print(stderr, "dvi: note: {}\n", lacking);
  const ViewerServer server(options);
  fmt::print("Serving {} at {}\n", options.runs.size() == 1 ? options.runs.front().string() : "the runs",
             server.url());
  std::fflush(stdout);
  while (sem_wait(&ended) != 0 && errno == EINTR) {
  }
}

void add_serve_command(CLI::App& app) {
  auto* command = app.add_subcommand("serve", "Show runs in the browser; Ctrl-C ends it");
  auto options = std::make_shared<ViewerServerOptions>();
  auto folders = std::make_shared<std::vector<std::string>>();
  options->port = 8321;
  command->add_option("RUN", *folders, "Run directories")->required();
  command->add_option("--port", options->port, "Port; 0 takes any free one")->capture_default_str();
  command
      ->add_option("--host", options->address,
                   "Address to listen on; other machines can reach any but 127.0.0.1 and need the token that "
                   "is printed")
      ->capture_default_str();
  command
      ->add_option("--base-path", options->base_path,
                   "Path where a proxy (JupyterHub's, VS Code's) shows this server; the token is then needed "
                   "and any host name answered")
      ->envname("DVI_BASE_PATH");
  command->add_flag("--frames", options->frames,
                    "Let pages of this machine (notebooks) show the viewer in a frame");
  command->callback([=] {
    options->runs.assign(folders->begin(), folders->end());
    if (options->address == "localhost") options->address = "127.0.0.1";
    serve_until_told_to_end(*options);
  });
}

}  // namespace dvi
