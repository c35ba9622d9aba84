// dvi mcp RUN: the run for agents, by the Model Context Protocol on standard input and output
// (docs/how-to/agents.md).
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "core/error.h"
#include "mcp/mcp_server.h"

namespace dvi {

void add_mcp_command(CLI::App& app) {
  auto* command = app.add_subcommand(
      "mcp", "Answer an agent's questions (Model Context Protocol on standard input and output)");
  auto run = std::make_shared<std::string>(), view = std::make_shared<std::string>();
  command->add_option("RUN", *run, "Run directory")->required();
  command->add_option("--view", *view, "View to ask (default: \"default\", or the only one)");
  command->callback([=] {
    McpServer server(*run, *view);
    for (std::string line; std::getline(std::cin, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line.empty()) continue;
      if (const auto answer = server.answer(line)) {
        std::puts(answer->c_str());
        if (std::fflush(stdout) != 0) fail("standard output: the client has gone");
      }
    }
  });
}

}  // namespace dvi
