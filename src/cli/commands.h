// The commands of `dvi`, one file each: NAME_command.cpp adds its subcommand, its options and what it does.
#pragma once

#include <CLI/CLI.hpp>

namespace dvi {

void add_add_command(CLI::App&);
void add_check_command(CLI::App&);
void add_demo_command(CLI::App&);
void add_eval_command(CLI::App&);
void add_export_model_command(CLI::App&);
void add_findings_command(CLI::App&);
void add_fit_command(CLI::App&);
void add_import_command(CLI::App&);
void add_mcp_command(CLI::App&);
void add_project_command(CLI::App&);
void add_query_command(CLI::App&);
void add_remove_command(CLI::App&);
void add_render_command(CLI::App&);
void add_report_command(CLI::App&);
void add_serve_command(CLI::App&);
void add_why_command(CLI::App&);

/// Exit status of a command that ran but has something to complain about (dvi check on a bad run), thrown
/// from its callback.
struct ExitStatus {
  int status;
};

}  // namespace dvi
