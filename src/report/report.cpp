#include "report/report.h"

#include <algorithm>
#include <semaphore>

#include "core/error.h"
#include "core/file.h"
#include "report/base64.h"
#include "server/api.h"
#include "server/api_causes.h"
#include "server/encoding.h"
#include "server/page.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

/// The API without a network.
class Answers {
 public:
  explicit Answers(const fs::path& run) : runs_(std::vector<fs::path>{run}), state_{runs_, metrics_} {
    add_run_routes(router_, state_);
    add_view_routes(router_, state_);
    add_epoch_routes(router_, state_);
    add_image_routes(router_, state_);
    add_selection_routes(router_, state_);
    add_query_routes(router_, state_);
    add_cause_routes(router_, state_);
  }
  const Run& run() { return run_->run(); }
  std::string get(const std::string& path) {
    HttpRequest request;
    request.method = "GET";
    request.target = path;
    if (!parse_target("/" + path, request)) fail("{}: cannot be asked for", path);
    const HttpResponse response = router_.route(request);
    if (!response.body) fail("{}: has no answer", path);
    return *response.body;
  }
  Json json(const std::string& path) { return parse_json(get(path), path); }
  /// The view with the metrics over all its epochs, which the server computes in the background.
  Json view(const std::string& path) {
    Json view = json(path);
    while (view["state"] == "done" && view["run_metrics"].empty()) {
      computed_.acquire();
      view = json(path);
    }
    return view;
  }

 private:
  ServedRuns runs_;
  std::shared_ptr<ServedRun> run_ = runs_.at(0);
  std::counting_semaphore<> computed_{0};
  MetricsWorker metrics_{[this](int, const std::string&) { computed_.release(); }};
  ApiState state_;
  Router router_;
};

/// A name as one segment of a path.
std::string segment(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       std::string_view("-_.!~*'()").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return out;
}

/// The answers that the page will ask for, by path.
class Packer {
 public:
  Packer(const fs::path& run, const ReportOptions& options) : answers_(run), options_(options) {
    name_ = options.view.empty() ? default_view_name(answers_.run()) : options.view;
    View::open(answers_.run(), name_);  // says what is wrong with it better than a 404
    view_path_ = run_path_ + "/views/" + segment(name_);
    view_ = answers_.view(view_path_);
    choose_epochs();
    pack_run();
    pack_view();
    for (const int epoch : epochs_) pack_epoch(epoch);
    if (run_["inputs"].is_object() && run_["inputs"].value("kind", "") == "image") pack_images();
  }
  Json copy() && { return {{"answers", std::move(packed_)}, {"atlases", std::move(atlases_)}}; }
  size_t epochs() const { return epochs_.size(); }
  size_t images() const { return images_; }
  const std::string& run_name() const { return answers_run_name_; }

 private:
  void put(const std::string& path, const Json& json) { packed_[path] = {{"json", json.dump()}}; }
  void put_bytes(const std::string& path) { packed_[path] = {{"bytes", base64(answers_.get(path))}}; }

  void choose_epochs() {
    const auto fitted = view_["epochs"].get<std::vector<int>>();
    if (fitted.empty()) fail("view \"{}\" has no fitted epoch yet; run `dvi fit` first", name_);
    for (const int epoch : fitted)
      if (options_.epochs.empty() ||
          std::find(options_.epochs.begin(), options_.epochs.end(), epoch) != options_.epochs.end())
        epochs_.push_back(epoch);
    if (epochs_.empty())
      fail("--epochs: view \"{}\" has none of these fitted; it has {}", name_, fmt::join(fitted, ", "));
  }

  void pack_run() {
    run_ = answers_.json(run_path_);
    run_["views"] = {name_};
    answers_run_name_ = run_["name"];
    put(run_path_, run_);
    put("api/runs",
        {{"runs", {{{"id", 0}, {"name", run_["name"]}, {"views", {name_}}}}}, {"version", DVI_VERSION}});
    put_bytes(run_path_ + "/labels");
    put(run_path_ + "/selections", answers_.json(run_path_ + "/selections"));
    for (const Json& column : run_["columns"])
      if (!column["per_epoch"]) put_bytes(column_path(column));
  }

  void pack_view() {
    Json events = Json::array();
    for (const int epoch : epochs_) {
      Json found = answers_.json(fmt::format("{}/events?from={}&to={}", view_path_, epoch, epoch));
      for (Json& event : found["events"]) events.push_back(std::move(event));
    }
    put(fmt::format("{}/events?from={}&to={}", view_path_, epochs_.front(), epochs_.back()),
        {{"count", events.size()}, {"events", std::move(events)}});
    const std::string suspects = view_path_ + "/suspects?limit=100";
    put(suspects, answers_.json(suspects));
    put(view_path_ + "/findings", answers_.json(view_path_ + "/findings"));
    view_["epochs"] = epochs_;
    view_["pending"] = Json::array();
    Json metrics = Json::array();
    for (Json& epoch : view_["metrics"])
      if (std::find(epochs_.begin(), epochs_.end(), epoch["epoch"].get<int>()) != epochs_.end())
        metrics.push_back(std::move(epoch));
    view_["metrics"] = std::move(metrics);
    put(view_path_, view_);
  }

  void pack_epoch(int epoch) {
    const std::string at = fmt::format("{}/epochs/{}/", view_path_, epoch);
    for (const char* array : {"positions", "samples", "boundary", "trust?size=128"}) put_bytes(at + array);
    if (view_.value("moved", false)) put_bytes(at + "moved");
    put_bytes(fmt::format("{}territory?size={}", at, view_["territory"]["size"].get<int>()));
    if (run_.value("training_sets", false))
      put_bytes(fmt::format("{}/training_set?epoch={}", run_path_, epoch));
    for (const Json& column : run_["columns"])
      if (column["per_epoch"]) put_bytes(fmt::format("{}?epoch={}", column_path(column), epoch));
  }

  void pack_images() {
    const int64_t samples = run_["sample_count"], count = std::min(samples, options_.images);
    constexpr int64_t at_once = 250;
    constexpr int side = 32;
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < count; ++i) {
      ids.push_back(i * samples / count);
      if (static_cast<int64_t>(ids.size()) < at_once && i + 1 < count) continue;
      const std::string path =
          fmt::format("{}/thumbnails.png?ids={}&size={}", run_path_, fmt::join(ids, ","), side);
      atlases_.push_back({{"ids", ids}, {"size", side}, {"png", base64(answers_.get(path))}});
      ids.clear();
    }
    images_ = static_cast<size_t>(count);
  }

  std::string column_path(const Json& column) const {
    return run_path_ + "/columns/" + segment(column["name"].get<std::string>());
  }

  Answers answers_;
  const ReportOptions& options_;
  std::string name_, view_path_, answers_run_name_;
  const std::string run_path_ = "api/runs/0";
  Json run_, view_, packed_ = Json::object(), atlases_ = Json::array();
  std::vector<int> epochs_;
  size_t images_ = 0;
};

std::string page_text(const PageFile& file) {
  return gunzip({reinterpret_cast<const char*>(file.gzipped.data()), file.gzipped.size()});
}

[[noreturn]] void fail_without_page() {
  fail("dvi report: this program was built without its page; build it again with `./run build`");
}

/// The page's file whose path starts and ends like this.
std::string page_file(std::string_view start, std::string_view end) {
  for (const PageFile& file : page_files())
    if (file.path.starts_with(start) && file.path.ends_with(end)) return page_text(file);
  fail_without_page();
}

/// The page's file that index.html names as `attribute` of the element that has `mark`: the page's program is
/// in several files, and only the index tells which of them begins.
std::string page_part(std::string_view mark, std::string_view attribute) {
  const std::string index = page_file("/index.html", "");
  const std::string before = fmt::format("{}=\"./", attribute);
  const size_t at = index.find(before, std::min(index.find(mark), index.size()));
  if (at == std::string::npos) fail_without_page();
  const size_t begin = at + before.size();
  return page_file("/" + index.substr(begin, index.find('"', begin) - begin), "");
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

/// JavaScript that can stand inside a script element.
std::string in_script(std::string code) {
  replace_all(code, "</script", "<\\/script");
  replace_all(code, "<!--", "<\\!--");
  return code;
}

std::string in_html(std::string text) {
  replace_all(text, "&", "&amp;");
  replace_all(text, "<", "&lt;");
  return text;
}

}  // namespace

ReportSizes write_report(const fs::path& run, const ReportOptions& options, const fs::path& file) {
  const std::string style = page_part("rel=\"stylesheet\"", "href"),
                    program = page_part("type=\"module\"", "src"),
                    worker = page_file("/assets/spatial-worker", ".js"), icon = page_file("/icon", ".svg");
  Packer packer(run, options);
  ReportSizes sizes{packer.epochs(), packer.images(), 0};
  const std::string title = packer.run_name();
  const std::string data = base64(gzip(std::move(packer).copy().dump(), 6));
  const std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"dvi {}\">\n"
      "<title>{}</title>\n<link rel=\"icon\" href=\"data:image/svg+xml;base64,{}\">\n<style>\n{}\n</style>\n"
      "</head>\n<body>\n<div id=\"app\"></div>\n"
      "<noscript>This page draws the run with WebGL and needs JavaScript.</noscript>\n"
      "<script type=\"text/plain\" id=\"dvi-copy\">{}</script>\n"
      "<script type=\"text/plain\" id=\"dvi-worker\">{}</script>\n"
      "<script type=\"module\">\n{}\n</script>\n</body>\n</html>\n",
      DVI_VERSION, in_html(title), base64(icon), style, data, in_script(worker), in_script(program));
  write_file_atomically(file, html);
  sizes.bytes = html.size();
  return sizes;
}

}  // namespace dvi
