// Who may ask: the checks that stand between other web sites, other machines and the run.
//
// - Host: a page of another site that makes its name point at this machine (DNS rebinding) still sends
//   its own name, so only names of this machine and bare addresses are answered.
// - Origin: what changes something needs "Content-Type: application/json", which a form of another site
//   cannot send, and an Origin, if any, that is the Host.
// - Token: a server that other machines can reach answers only those who know the token in its address;
//   the address sets a cookie, so it is needed once.
// - Behind a proxy (JupyterHub's, VS Code's) the Host is the proxy's, any name. There the token alone
// decides.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "server/http.h"

namespace dvi {

struct Access {
  std::set<std::string> names;  ///< host names answered besides addresses, in lower case
  std::string token;            ///< "" = none needed
  bool proxied = false;         ///< behind a proxy
  std::string base_path;        ///< where the proxy shows the server: "/user/ann/proxy/8321"; "" for "/"
  bool frames = false;          ///< pages of this machine (notebooks) may show the viewer in a frame

  /// For a server bound to `address`: a new random token unless it is a loopback address and there is no
  /// proxy. `base_path`: nothing without a proxy. Throws Error for a path that is none.
  static Access for_address(const std::string& address, bool frames,
                            const std::optional<std::string>& base_path = std::nullopt);
};

/// The request as it would be without a proxy: some leave the base path in it, others take it out.
HttpRequest without_base_path(const Access& access, HttpRequest request);

/// The answer to a request that is not let through, or the one that sets the token's cookie; nothing if it
/// may pass.
std::optional<HttpResponse> refuse(const Access& access, const HttpRequest& request);

/// Content-Security-Policy and its like, on every answer.
void add_security_headers(const Access& access, HttpResponse& response);

}  // namespace dvi
