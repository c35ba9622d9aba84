#include <algorithm>
#include <cmath>
#include <numeric>

#include "run/feature_scale.h"
#include "server/api.h"
#include "server/painter.h"
#include "subject/logits.h"

namespace dvi {
namespace {

/// The five most likely classes.
Json top_classes(std::span<const float> logits) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto top = std::min<size_t>(5, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(),
      [&](int32_t a, int32_t b) { return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)]; });
  Json list = Json::array();
  for (size_t i = 0; i < top; ++i)
    list.push_back({{"class", order[i]}, {"probability", probability(logits, order[i])}});
  return list;
}

/// The subject model's logits of a sample: recorded, or its head's.
std::vector<float> logits_of(ServedRun& run, const Epoch& epoch, int64_t id) {
  if (auto recorded = epoch.logit_row(id)) return *recorded;
  auto row = epoch.feature_row(id);
  const float scale = feature_scale(epoch);
  for (float& value : row) value *= scale;
  Matrix logits(1, run.run().manifest().class_count());
  run.with_subject(epoch.number(), [&](SubjectModel& subject) {
    subject.head({row.data(), 1, static_cast<int64_t>(row.size())}, logits.mut());
  });
  return {logits.data(), logits.data() + logits.cols()};
}

Json plane_neighbors(const ViewEpoch& epoch, size_t id) {
  Json list = Json::array();
  const auto k = static_cast<size_t>(epoch.neighbor_count());
  const auto positions = epoch.positions();
  for (const int32_t other : epoch.plane_neighbors().subspan(id * k, k)) {
    const auto o = static_cast<size_t>(other);
    list.push_back({{"id", other},
                    {"distance", std::hypot(positions[2 * id] - positions[2 * o],
                                            positions[2 * id + 1] - positions[2 * o + 1])}});
  }
  return list;
}

Json feature_neighbors(const Epoch& recorded, const ViewEpoch& epoch, size_t id) {
  Json list = Json::array();
  const auto k = static_cast<size_t>(epoch.neighbor_count());
  const auto own = recorded.feature_row(static_cast<int64_t>(id));
  for (const int32_t other : epoch.neighbors().subspan(id * k, k)) {
    const auto row = recorded.feature_row(other);
    double square = 0;
    for (size_t d = 0; d < own.size(); ++d) square += (double{own[d]} - row[d]) * (double{own[d]} - row[d]);
    list.push_back({{"id", other}, {"distance", std::sqrt(square)}});
  }
  return list;
}

Json columns_of(const Run& run, const Epoch& epoch, size_t id) {
  Json columns = Json::object();
  const auto put = [&](const std::string& name, float value) {
    columns[name] = std::isfinite(value) ? Json(value) : Json();
  };
  for (const auto& name : run.column_names()) put(name, run.column(name)[id]);
  // Between the two calls the run may have been replaced.
  for (const auto& name : epoch.column_names())
    if (const auto values = epoch.column(name)) put(name, (*values)[id]);
  return columns;
}

/// Of a series, one list a channel: at most 8 channels, of 400 steps at most, evenly taken.
Json series_of(ServedRun& served, int64_t id) {
  constexpr int64_t most_channels = 8, most_steps = 400;
  const auto reader = served.inputs();
  const auto& shape = reader->sample_shape();
  std::vector<float> values(static_cast<size_t>(reader->sample_size()));
  reader->read(id, values.data());
  const bool time_first = served.run().manifest().inputs->layout == "NTC";
  const int64_t steps = shape[time_first ? 0 : 1], channels = shape[time_first ? 1 : 0];
  Json series = Json::array();
  for (int64_t c = 0; c < std::min(channels, most_channels); ++c) {
    Json curve = Json::array();
    const int64_t shown = std::min(steps, most_steps);
    for (int64_t k = 0; k < shown; ++k) {
      const int64_t t = k * steps / shown;
      const float value = values[static_cast<size_t>(time_first ? t * channels + c : c * steps + t)];
      curve.push_back(std::isfinite(value) ? Json(value) : Json());
    }
    series.push_back(std::move(curve));
  }
  return series;
}

HttpResponse card(ServedRun& served, const View& view, const ViewEpoch& epoch, const Call& call) {
  const Run& run = served.run();
  const int64_t id = call.number("id", 0, run.manifest().sample_count() - 1);
  const auto i = static_cast<size_t>(id);
  const Group& group = run.manifest().group_of(id);
  const Epoch recorded = run.epoch(epoch.number());
  Json json = {{"id", id},
               {"group", group.name},
               {"role", group.role},
               {"label", run.labels()[i]},
               {"prediction", epoch.predictions()[i]},
               {"confidence", epoch.confidence()[i]},
               {"margin", epoch.margin()[i]},
               {"kept", epoch.neighbors_kept()[i]},
               {"round_trip", epoch.round_trip()[i]},
               {"neighbors",
                {{"features", feature_neighbors(recorded, epoch, i)}, {"plane", plane_neighbors(epoch, i)}}},
               {"columns", columns_of(run, recorded, i)}};
  if (const auto& original = json["columns"].value("original_label", Json()); original.is_number())
    json["original_label"] = static_cast<int>(original.get<double>());
  try {
    json["top"] = top_classes(logits_of(served, recorded, id));
  } catch (const Error&) {
    // Without logits and a head that this program can run, the view still knows the winner.
    json["top"] = {{{"class", epoch.predictions()[i]}, {"probability", epoch.confidence()[i]}}};
  }
  Json predictions = Json::array(), confidence = Json::array();
  for (const int number : view.epoch_numbers()) {
    const auto at = view.epoch(number);
    predictions.push_back(at->predictions()[i]);
    confidence.push_back(at->confidence()[i]);
  }
  json["history"] = {
      {"epochs", view.epoch_numbers()}, {"predictions", predictions}, {"confidence", confidence}};
  if (run.inputs() && run.manifest().inputs && run.manifest().inputs->kind == "series")
    json["series"] = series_of(served, id);
  if (const auto text = served.text(id)) json["text"] = *text;
  if (const auto row = served.row(id); !row.empty()) json["row"] = row;
  return json_response(json);
}

HttpResponse neighbors(const ServedRun& run, const ViewEpoch& epoch, const Call& call) {
  const auto id = static_cast<size_t>(call.number("id", 0, run.run().manifest().sample_count() - 1));
  const auto k = static_cast<size_t>(epoch.neighbor_count());
  const auto features = epoch.neighbors().subspan(id * k, k),
             plane = epoch.plane_neighbors().subspan(id * k, k);
  return json_response({{"features", std::vector<int32_t>(features.begin(), features.end())},
                        {"plane", std::vector<int32_t>(plane.begin(), plane.end())}});
}

/// The samples nearest to a point, nearest first.
Json nearest_samples(const ViewEpoch& epoch, float x, float y) {
  const auto positions = epoch.positions();
  std::vector<std::pair<float, int32_t>> nearest;  // a heap, the farthest of the best on top
  constexpr size_t k = 5;
  for (size_t i = 0; i < positions.size() / 2; ++i) {
    const float dx = positions[2 * i] - x, dy = positions[2 * i + 1] - y, square = dx * dx + dy * dy;
    if (nearest.size() == k && square >= nearest.front().first) continue;
    nearest.emplace_back(square, static_cast<int32_t>(i));
    std::push_heap(nearest.begin(), nearest.end());
    if (nearest.size() <= k) continue;
    std::pop_heap(nearest.begin(), nearest.end());
    nearest.pop_back();
  }
  std::sort_heap(nearest.begin(), nearest.end());
  Json list = Json::array();
  for (const auto& [square, id] : nearest) list.push_back({{"id", id}, {"distance", std::sqrt(square)}});
  return list;
}

HttpResponse decode(ServedRun& run, const ViewEpoch& epoch, const Call& call) {
  const auto x = static_cast<float>(call.real("x")), y = static_cast<float>(call.real("y"));
  const auto logits = decode_point(run, epoch, x, y);
  const Verdict verdict = judge(logits);
  return json_response({{"prediction", verdict.prediction},
                        {"confidence", verdict.confidence},
                        {"runner_up", verdict.runner_up},
                        {"margin", verdict.margin},
                        {"boundary", verdict.margin < landscape_delta},
                        {"top", top_classes(logits)},
                        {"nearest", nearest_samples(epoch, x, y)}});
}

}  // namespace

void add_sample_routes(Router& router, ApiState& state) {
  const auto add = [&](const std::string& name, auto answer) {
    router.add("GET", "/api/runs/:run/views/:view/epochs/:epoch/" + name, [&state, answer](const Call& call) {
      ServedRun& run = run_of(state, call);
      const auto served = view_of(run, call);
      return answer(run, served->view, *epoch_of(*served, call.place_number("epoch")), call);
    });
  };
  add("card", card);
  add("neighbors", [](ServedRun& run, const View&, const ViewEpoch& epoch, const Call& call) {
    return neighbors(run, epoch, call);
  });
  add("decode", [](ServedRun& run, const View&, const ViewEpoch& epoch, const Call& call) {
    return decode(run, epoch, call);
  });
}

}  // namespace dvi
