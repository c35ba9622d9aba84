// The server behind `dvi serve`: the page, the API and live events of some runs.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/http.h"

namespace dvi {

struct ViewerServerOptions {
  std::vector<std::filesystem::path> runs;
  std::string address = "127.0.0.1";     ///< numeric; other machines can reach any but a loopback address
  uint16_t port = 0;                     ///< 0: any free one
  std::optional<std::string> base_path;  ///< where a proxy shows the server; there a token is always needed
  bool frames = false;                   ///< pages of this machine (notebooks) may show the viewer in a frame
  double look_seconds = 1;               ///< how often the disk is looked at for new epochs
};

class ViewerServer {
 public:
  /// Serves from now on, in threads of its own, until destroyed. Throws Error for a folder that is no run and
  /// a port that cannot be had.
  explicit ViewerServer(const ViewerServerOptions& options);
  ~ViewerServer();
  uint16_t port() const;
  /// What to open in a browser, with the token if one is needed.
  std::string url() const;
  /// The answer to a request, as the server gives it: security checks, routes, compression.
  HttpResponse answer(const HttpRequest&) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace dvi
