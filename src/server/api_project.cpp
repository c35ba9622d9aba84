#include "server/api_project.h"

#include <cstring>
#include <list>

#include "project/projection.h"
#include "run/feature_scale.h"
#include "server/base64.h"
#include "vis/autoencoder.h"

namespace dvi {
namespace {

constexpr size_t most_pictures = 64, most_rows = 10'000, most_kept = 32;
constexpr uintmax_t most_model_bytes = uintmax_t{1} << 30;

/// The projectors used last, with their models; as many as are worth their memory. Thread-safe.
class Projectors {
 public:
  std::shared_ptr<Projector> of(ServedRun& run, const ServedView& served, int epoch) {
    const std::string identity = epoch_identity(run, served, *epoch_of(served, epoch));
    if (auto kept = find(identity)) return kept;
    // Opened without the lock, so that other epochs need not wait.
    auto opened = std::make_shared<Projector>(run.run(), served.view, epoch);
    std::error_code no_model;
    const auto bytes = std::filesystem::file_size(run.run().epoch(epoch).folder() / "subject.pt", no_model);
    const std::lock_guard lock(mutex_);
    kept_.push_front({identity, std::move(opened), no_model ? 0 : bytes});
    uintmax_t total = 0;
    size_t count = 0;
    for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
      total += kept->bytes;
      if (++count <= most_kept && (count == 1 || total <= most_model_bytes)) continue;
      kept_.erase(kept, kept_.end());
      break;
    }
    return kept_.front().projector;
  }

 private:
  std::shared_ptr<Projector> find(const std::string& identity) {
    const std::lock_guard lock(mutex_);
    for (auto kept = kept_.begin(); kept != kept_.end(); ++kept)
      if (kept->identity == identity) {
        kept_.splice(kept_.begin(), kept_, kept);
        return kept_.front().projector;
      }
    return nullptr;
  }

  struct Kept {
    std::string identity;
    std::shared_ptr<Projector> projector;
    uintmax_t bytes;  ///< of the model's file
  };
  std::mutex mutex_;
  std::list<Kept> kept_;
};

std::string bytes_of(const Json& item, const char* key) {
  const auto bytes =
      item.at(key).is_string() ? decode_base64(item.at(key).get_ref<const std::string&>()) : std::nullopt;
  if (!bytes) throw HttpError(400, fmt::format("expected \"{}\" to be base64", key));
  return *bytes;
}

/// What "kind" says; automatic where it is missing.
SampleKind kind_in(const Json& body) {
  const auto kind = body.value("kind", Json());
  if (kind.is_null()) return SampleKind::automatic;
  if (kind != "features" && kind != "inputs")
    throw HttpError(400, "expected \"kind\" to be \"features\" or \"inputs\"");
  return kind == "features" ? SampleKind::features : SampleKind::inputs;
}

/// {"values": base64 of float32, "count": n, "kind": "features" or "inputs"}
NewSamples samples_of_values(const Run& run, const Json& body) {
  const std::string bytes = bytes_of(body, "values");
  const auto& count = body.value("count", Json());
  const SampleKind kind = kind_in(body);
  if (!count.is_number_unsigned() || count < 1 || count > most_rows)
    throw HttpError(400, fmt::format("expected \"count\" from 1 to {}", most_rows));
  if (kind == SampleKind::automatic)
    throw HttpError(400, "expected \"kind\" to be \"features\" or \"inputs\"");
  const auto rows = count.get<int64_t>();
  const auto numbers = static_cast<int64_t>(bytes.size() / sizeof(float));
  if (bytes.size() % sizeof(float) != 0 || numbers % rows != 0)
    throw HttpError(400, "expected \"values\" to hold \"count\" rows of float32 numbers");
  Matrix values(rows, numbers / rows);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return new_samples_of(run, std::move(values), kind, "values");
}

/// {"pictures": [{"name", "png": base64}], "resize": bool}
NewSamples samples_of_pictures(ServedRun& run, const Json& body) {
  const Json& list = body.at("pictures");
  if (!list.is_array() || list.empty() || list.size() > most_pictures)
    throw HttpError(400, fmt::format("expected from 1 to {} \"pictures\"", most_pictures));
  const auto reader = run.inputs();
  NewSamples out{SampleKind::inputs, Matrix(std::ssize(list), reader->sample_size()), {}};
  for (const Json& item : list) {
    if (!item.is_object() || !item.contains("png"))
      throw HttpError(400, "expected every picture to have a \"png\"");
    const Json name = item.value("name", Json("picture"));
    out.names.push_back(name.is_string() ? name.get<std::string>() : "picture");
    const auto stored =
        input_of_png(*reader, bytes_of(item, "png"), out.names.back(), body.value("resize", Json()) == true);
    std::ranges::copy(stored, out.values.row(std::ssize(out.names) - 1));
  }
  return out;
}

}  // namespace

NewSamples samples_in(ServedRun& run, const Json& body) {
  if (body.contains("pictures")) return samples_of_pictures(run, body);
  if (body.contains("values")) return samples_of_values(run.run(), body);
  const Json text = body.value("text", Json());
  if (!text.is_string()) throw HttpError(400, "expected \"pictures\", \"text\" or \"values\"");
  Matrix numbers = numbers_of_text(text.get_ref<const std::string&>(), "the text");
  if (numbers.rows() > static_cast<int64_t>(most_rows))
    throw HttpError(400, fmt::format("expected at most {} samples, found {}", most_rows, numbers.rows()));
  return new_samples_of(run.run(), std::move(numbers), kind_in(body), "the text");
}

namespace {

std::vector<int> epochs_of(const ServedView& served, const Json& body) {
  const Json wanted = body.value("epochs", Json("all"));
  if (wanted == "all") return served.view.epoch_numbers();
  std::vector<int> epochs;
  if (wanted.is_array())
    for (const Json& epoch : wanted)
      if (epoch.is_number_unsigned() && epoch <= 999999) epochs.push_back(epoch.get<int>());
  if (epochs.empty() || epochs.size() != wanted.size())
    throw HttpError(400, "expected \"epochs\" to be \"all\" or a list of fitted epochs");
  for (const int epoch : epochs) epoch_of(served, epoch);
  return epochs;
}

/// {"session": name, "samples": number}: what a notebook has put into the session.
SharedSamples samples_of_session(const Sessions& sessions, const Call& call, const Json& body) {
  const Json name = body["session"], number = body.value("samples", Json());
  if (!name.is_string() || !number.is_number_unsigned())
    throw HttpError(400, "expected \"session\" to be a name and \"samples\" a number");
  return sessions.samples(call.place_number("run"), name.get<std::string>(), number.get<uint64_t>());
}

HttpResponse project(Projectors& projectors, const Sessions& sessions, ServedRun& run, const Call& call) {
  const auto served = view_of(run, call);
  if (served->view.epoch_numbers().empty())
    throw HttpError(404, "no epoch is fitted yet; samples can be placed once one is");
  const Json body = call.json();
  try {
    const SharedSamples shared =
        body.contains("session")
            ? samples_of_session(sessions, call, body)
            : SharedSamples{0, std::make_shared<const NewSamples>(samples_in(run, body)), {}, {}};
    const NewSamples& samples = *shared.samples;
    auto epochs = shared.epoch ? std::vector<int>{*shared.epoch} : epochs_of(*served, body);
    // Features are of one model.
    if (samples.kind == SampleKind::features && !body.contains("epochs")) epochs = {epochs.back()};
    return json_response(to_json(samples, project_at(run.run(), samples, epochs, [&](int epoch) {
                                   return projectors.of(run, *served, epoch);
                                 })));
  } catch (const HttpError&) {
    throw;
  } catch (const Error& error) {  // what was sent does not suit the run: the sender's to mend
    throw HttpError(400, error.what());
  }
}

/// What the decoder leads back to from a place: the training samples that are nearest to it in feature space.
HttpResponse back(Projectors& projectors, ServedRun& run, const Call& call) {
  const auto served = view_of(run, call);
  const auto epoch = epoch_of(*served, call.place_number("epoch"));
  const PlaneDecoder decoder = load_autoencoder(*epoch).decoder;
  Matrix place(1, 2), features(1, decoder.output_dim());
  place(0, 0) = static_cast<float>(call.real("x"));
  place(0, 1) = static_cast<float>(call.real("y"));
  decoder.apply(place, features.mut());
  scale_by(features, 1 / feature_scale(run.run().epoch(epoch->number())));
  const auto found = projectors.of(run, *served, epoch->number())->project(features);
  return json_response({{"nearest", found.nearest.row(0)},
                        {"distances", found.nearest.distances(0)},
                        {"familiarity", found.familiarity[0]}});
}

/// The straight line between two samples in feature space, as the classifier sees it.
HttpResponse between(Projectors& projectors, ServedRun& run, const Call& call) {
  constexpr int64_t steps = 64;
  const auto served = view_of(run, call);
  const auto fitted = epoch_of(*served, call.place_number("epoch"));
  const int64_t last = run.run().manifest().sample_count() - 1;
  const Epoch epoch = run.run().epoch(fitted->number());
  const auto a = epoch.feature_row(call.number("a", 0, last)),
             b = epoch.feature_row(call.number("b", 0, last));
  Matrix line(steps + 1, static_cast<int64_t>(a.size()));
  for (int64_t s = 0; s <= steps; ++s) {
    const float t = static_cast<float>(s) / steps;
    for (size_t d = 0; d < a.size(); ++d) line(s, static_cast<int64_t>(d)) = (1 - t) * a[d] + t * b[d];
  }
  const auto found = projectors.of(run, *served, fitted->number())->project(line);
  Json points = Json::array();
  for (int64_t s = 0; s <= steps; ++s) {
    const Verdict& verdict = found.verdicts[static_cast<size_t>(s)];
    points.push_back({{"place", {found.positions(s, 0), found.positions(s, 1)}},
                      {"prediction", verdict.prediction},
                      {"confidence", verdict.confidence},
                      {"margin", verdict.margin}});
  }
  return json_response({{"points", points}});
}

}  // namespace

void add_project_routes(Router& router, ApiState& state, const Sessions& sessions) {
  const auto projectors = std::make_shared<Projectors>();
  router.add("POST", "/api/runs/:run/views/:view/project", [&state, projectors, &sessions](const Call& call) {
    return project(*projectors, sessions, run_of(state, call), call);
  });
  router.add("GET", "/api/runs/:run/views/:view/epochs/:epoch/back",
             [&state, projectors](const Call& call) { return back(*projectors, run_of(state, call), call); });
  router.add(
      "GET", "/api/runs/:run/views/:view/epochs/:epoch/between",
      [&state, projectors](const Call& call) { return between(*projectors, run_of(state, call), call); });
}

}  // namespace dvi
