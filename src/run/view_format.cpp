#include "run/view_format.h"

#include <initializer_list>
#include <utility>

namespace dvi {
namespace {

void rename_keys(Json& json, std::initializer_list<std::pair<const char*, const char*>> names) {
  for (const auto& [old, now] : names)
    if (const auto at = json.find(old); at != json.end()) {
      Json value = std::move(*at);
      json.erase(at);
      json[now] = std::move(value);
    }
}

}  // namespace

Json with_current_view_keys(Json view) {
  if (const auto settings = view.find("settings"); settings != view.end())
    rename_keys(*settings, {{"home_reach", "relocation_reach"}});
  return view;
}

Json with_current_epoch_keys(Json view_epoch) {
  rename_keys(view_epoch,
              {{"astray", "misplaced"}, {"brought_home", "relocated"}, {"mean_way_home", "mean_relocation"}});
  return view_epoch;
}

}  // namespace dvi
