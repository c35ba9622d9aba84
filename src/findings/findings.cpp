#include "findings/findings.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "findings/detectors.h"
#include "findings/history.h"

namespace dvi {
namespace {

/// "1-3,7", at most about `longest` characters; the first, which matter most, are kept.
std::string pack(std::vector<int32_t> ids, size_t longest) {
  ids.resize(std::min<size_t>(ids.size(), longest / 6));
  std::sort(ids.begin(), ids.end());
  std::string text;
  for (size_t i = 0; i < ids.size();) {
    size_t j = i;
    while (j + 1 < ids.size() && ids[j + 1] == ids[j] + 1) ++j;
    text += fmt::format("{}{}", text.empty() ? "" : ",", ids[i]);
    if (j > i) text += fmt::format("-{}", ids[j]);
    i = j + 1;
  }
  return text;
}

}  // namespace

const std::vector<FindingKind>& finding_kinds() {
  static const std::vector<FindingKind> kinds = {
      {"memorisation", "wrong labels are being learned by heart", 1.0, true},
      {"label_noise", "training labels contradict their neighbours more than held-out labels do", 0.9, true},
      {"trade_off", "one group gains what another loses", 0.85, true},
      {"forgetting", "many samples turn wrong at once", 0.8, true},
      {"label_conflict", "the same input under different labels", 0.75, true},
      {"overfitting", "the held-out loss rises while the training loss falls", 0.7, true},
      {"moved_boundary", "newly selected samples changed predictions around them", 0.6, false},
      {"outlier", "held-out samples far from everything that was trained on", 0.55, true},
      {"collapse", "training samples collapse onto their classes' means", 0.5, false},
      {"late_class", "a class separates late or never", 0.45, false},
      {"confusion", "two classes are still confused", 0.4, false},
      {"territory_shift", "a class wins or loses territory at once", 0.35, false},
      {"unstable", "samples whose prediction changes again and again", 0.3, false},
  };
  return kinds;
}

std::vector<int32_t> frequent_labels(const RunHistory& history, std::span<const int32_t> ids, size_t most) {
  std::map<int32_t, int64_t> counts;
  for (const int32_t id : ids)
    if (history.label(id) >= 0) ++counts[history.label(id)];
  std::vector<std::pair<int64_t, int32_t>> order;
  for (const auto& [label, count] : counts) order.emplace_back(-count, label);
  std::sort(order.begin(), order.end());
  std::vector<int32_t> labels;
  for (size_t i = 0; i < std::min(most, order.size()); ++i) labels.push_back(order[i].second);
  return labels;
}

std::string counted(size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string class_list(const RunHistory& history, std::span<const int32_t> classes) {
  std::string text;
  for (size_t i = 0; i < classes.size(); ++i)
    text += (i == 0 ? "" : i + 1 == classes.size() ? " or " : ", ") + history.name(classes[i]);
  return text.empty() ? "of no class" : text;
}

std::vector<Finding> find_in_run(const Run& run, const View& view, int until) {
  const RunHistory history(run, view, until);
  if (history.size() == 0)
    fail("view \"{}\": expected a fitted epoch to look at, found none yet; wait for 'dvi fit'", view.name());
  std::vector<Finding> all;
  for (const auto detector : {find_wrong_labels, find_overfitting, find_turns, find_class_findings,
                              find_unstable, find_moved_boundaries, find_geometry, find_label_conflicts})
    for (Finding& finding : detector(history)) all.push_back(std::move(finding));
  for (Finding& finding : all) {
    const auto& kinds = finding_kinds();
    const auto kind =
        std::find_if(kinds.begin(), kinds.end(), [&](auto& k) { return k.name == finding.kind; });
    // The kind decides mostly; within a kind, and between close ones, the size of the effect does.
    finding.score = kind->weight * (0.8 + 0.2 * std::clamp(finding.score, 0.0, 1.0));
  }
  std::stable_sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.score > b.score; });
  return all;
}

std::string scene_link(const Finding& finding) {
  std::string link = fmt::format("epoch={}&color={}", finding.scene, finding.color);
  if (!finding.samples.empty()) link += "&selected=" + pack(finding.samples, 3000);
  return link + "&panel=findings";
}

Json to_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& f : findings)
    list.push_back({{"kind", f.kind},
                    {"from", f.from},
                    {"to", f.to},
                    {"classes", f.classes},
                    {"samples", f.samples},
                    {"score", f.score},
                    {"text", f.text},
                    {"link", "#" + scene_link(f)}});
  return {{"findings", list}};
}

std::string to_text(const std::vector<Finding>& findings, size_t most) {
  std::string text;
  for (size_t i = 0; i < std::min(most, findings.size()); ++i)
    text += fmt::format("{:>2}. {}\n", i + 1, findings[i].text);
  if (findings.empty()) text = "Nothing that stands out.\n";
  if (findings.size() > most) text += fmt::format("    ... and {} more\n", findings.size() - most);
  return text;
}

std::vector<Finding> write_findings(const Run& run, const View& view) {
  auto findings = find_in_run(run, view);
  write_json(view.folder() / "findings.json", to_json(findings));
  return findings;
}

}  // namespace dvi
