#include "server/api.h"
#include "server/epoch_arrays.h"

namespace dvi {

void add_epoch_routes(Router& router, ApiState& state) {
  // An array is made when first asked for and kept; what it depends on is in the cache's key.
  const auto add = [&](const std::string& name, auto key_of, auto make) {
    router.add("GET", "/api/runs/:run/views/:view/epochs/:epoch/" + name,
               [&state, name, key_of, make](const Call& call) {
                 ServedRun& run = run_of(state, call);
                 const auto served = view_of(run, call);
                 const auto epoch = epoch_of(*served, call.place_number("epoch"));
                 const int size = key_of(call);
                 const std::string key =
                     fmt::format("{}/{}/{}", epoch_identity(run, *served, *epoch), name, size);
                 HttpResponse response = state.cache.get(
                     key, [&] { return binary_response(make(run, served->view, *epoch, size)); });
                 response.caching = caching_for(call, *served);
                 return response;
               });
  };
  const auto no_size = [](const Call&) { return 0; };
  add("positions", no_size, [](ServedRun&, const View& view, const ViewEpoch& epoch, int) {
    return position_bytes(epoch, view.extent());
  });
  add("samples", no_size,
      [](ServedRun&, const View&, const ViewEpoch& epoch, int) { return sample_bytes(epoch); });
  add("moved", no_size,
      [](ServedRun&, const View&, const ViewEpoch& epoch, int) { return moved_bytes(epoch); });
  add("boundary", no_size, [](ServedRun&, const View& view, const ViewEpoch& epoch, int) {
    return boundary_bytes(epoch, view.extent());
  });
  add(
      "territory",
      [](const Call& call) {
        return call.query("size") ? static_cast<int>(call.number("size", 32, 1024)) : 0;
      },
      [](ServedRun& run, const View& view, const ViewEpoch& epoch, int size) {
        return territory_bytes(run, view, epoch, size);
      });
  add(
      "trust", [](const Call& call) { return static_cast<int>(call.number("size", 32, 1024, 128)); },
      [](ServedRun&, const View& view, const ViewEpoch& epoch, int size) {
        return trust_bytes(epoch, view.extent(), size);
      });
}

}  // namespace dvi
