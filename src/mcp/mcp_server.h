// A run for agents and scripts, through the Model Context Protocol (revision 2025-06-18,
// modelcontextprotocol.io): JSON-RPC 2.0, one message a line. The tools are summary, findings, query, sample,
// why and render; all of them only read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/file.h"
#include "query/sample_table.h"
#include "run/run.h"
#include "run/view.h"

namespace dvi {

class McpServer {
 public:
  /// Throws Error if `folder` is no run, or the view is not there or has no fitted epoch. `view` "": the
  /// default one. Epochs fitted later are seen too.
  McpServer(const std::filesystem::path& folder, const std::string& view);

  /// The answer to one message, without its newline; nothing to a notification. Never throws: a message that
  /// is none gets JSON-RPC's error, a tool that fails one sentence with "isError".
  std::optional<std::string> answer(std::string_view message);

 private:
  Json call(const std::string& method, const Json& parameters);
  Json call_tool(const std::string& tool, const Json& arguments);
  Json summary() const;
  Json findings(const Json& arguments) const;
  Json query(const Json& arguments) const;
  Json why(const Json& arguments) const;
  Json sample(const Json& arguments) const;
  Json render(const Json& arguments) const;
  /// The fitted epoch that the arguments name, else the last one.
  std::shared_ptr<const ViewEpoch> epoch_of(const Json& arguments) const;
  void look_again();

  Run run_;
  std::string view_name_;
  std::optional<View> view_;
};

}  // namespace dvi
