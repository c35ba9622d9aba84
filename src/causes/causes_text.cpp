#include "causes/causes.h"
#include "run/epoch_names.h"

namespace dvi {
namespace {

Json to_json(const std::vector<Pusher>& pushers) {
  Json list = Json::array();
  for (const Pusher& p : pushers)
    list.push_back({{"id", p.id},
                    {"share", p.share},
                    {"label", p.label < 0 ? Json() : Json(p.label)},
                    {"prediction", p.prediction}});
  return list;
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

std::string table(const std::vector<Pusher>& pushers, const std::vector<std::string>& classes) {
  std::string text;
  for (const Pusher& p : pushers)
    text += fmt::format("  {:>8}  {:>6.1f} %  {:<16} {}\n", p.id, 100 * p.share,
                        p.label < 0 ? "" : classes[static_cast<size_t>(p.label)],
                        classes[static_cast<size_t>(p.prediction)]);
  return text;
}

std::string called(const Run& run, int epoch) { return epoch_name(run.epoch(epoch)); }

std::string heading(const std::string& what) {
  return fmt::format("{}\n  {:>8}  {:>8}  {:<16} {}\n", what, "sample", "share", "label", "predicted then");
}

std::string believe(const HitRate& rate) {
  if (rate.flips == 0) return "No held-out sample flipped here, so nothing tells how good this is.\n";
  return fmt::format(
      "How far to believe it: the pushes name the right direction for {} of the {} held-out samples that "
      "flipped here ({:.2f}).\n",
      rate.hits, rate.flips, *rate.rate());
}

}  // namespace

Json to_json(const Explanation& e) {
  return {{"sample", e.change.sample},
          {"from", e.change.from},
          {"to", e.change.to},
          {"from_class", e.change.from_class},
          {"to_class", e.change.to_class},
          {"hit_rate", or_null(e.hit_rate.rate())},
          {"flips", e.hit_rate.flips},
          {"explained", or_null(e.explained)},
          {"margin_change", e.margin_change},
          {"predicted_change", e.predicted_change},
          {"known", e.known()},
          {"doubt", e.doubt.empty() ? Json() : Json(e.doubt)},
          {"pushers", to_json(e.pushers)},
          {"against", to_json(e.against)}};
}

Json to_json(const CommonCauses& c) {
  return {{"from", c.from},
          {"to", c.to},
          {"samples", c.samples},
          {"changed", c.changed},
          {"hit_rate", or_null(c.hit_rate.rate())},
          {"flips", c.hit_rate.flips},
          {"known", c.hit_rate.lower_bound() > 0.5},
          {"pushers", to_json(c.pushers)},
          {"against", to_json(c.against)}};
}

std::string to_text(const Explanation& e, const Run& run) {
  const auto& classes = run.manifest().classes;
  const std::string &was = classes[static_cast<size_t>(e.change.from_class)],
                    &is = classes[static_cast<size_t>(e.change.to_class)];
  std::string text = fmt::format("Sample {}, from {} (epoch {}) towards {} (epoch {})\n", e.change.sample,
                                 was, called(run, e.change.from), is, called(run, e.change.to));
  if (!e.known()) text += fmt::format("Not known: {}.\n", e.doubt);
  text += heading("Pushed towards " + is) + table(e.pushers, classes);
  text += heading("Held back, towards " + was) + table(e.against, classes);
  text += believe(e.hit_rate);
  if (e.explained)
    text += fmt::format(
        "The classifier's last layer accounts for {:.0f} % of the change, the sample's own features for the "
        "rest.\n",
        100 * *e.explained);
  return text;
}

std::string to_text(const CommonCauses& c, const Run& run) {
  const auto& classes = run.manifest().classes;
  std::string text = fmt::format("{} samples changed their prediction from epoch {} to {}", c.changed,
                                 called(run, c.from), called(run, c.to));
  if (c.samples < c.changed) text += fmt::format("; {} of them, evenly spread, were looked at", c.samples);
  text += "\n";
  if (c.samples == 0) return text;
  text += heading("Pushed them over") + table(c.pushers, classes);
  text += heading("Held them back") + table(c.against, classes);
  return text + believe(c.hit_rate);
}

}  // namespace dvi
