#include "import/importer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/progress.h"
#include "import/source.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

/// Beyond this the recorded head is not what made the recorded logits.
constexpr double most_residual = 0.01;

void expect_new(const fs::path& target) {
  if (fs::exists(target) && (!fs::is_directory(target) || !fs::is_empty(target)))
    fail("{}: expected a new or empty folder to import into, found {}; choose another name or remove it",
         target.string(), fs::is_directory(target) ? "files in it" : "a file");
}

double accuracy(MatrixView logits, std::span<const int32_t> labels, const Group& group) {
  int64_t right = 0, known = 0;
  for (int64_t i = group.begin; i < group.end(); ++i) {
    if (labels[static_cast<size_t>(i)] < 0) continue;
    const float* row = logits.row(i);
    ++known;
    right += std::max_element(row, row + logits.cols) - row == labels[static_cast<size_t>(i)];
  }
  return known > 0 ? static_cast<double>(right) / static_cast<double>(known) : 0.0;
}

/// The head of an epoch (and its residual, if it was solved): by name, checked against the logits (or, where
/// there are none, the candidate that is right most often); else solved from the logits; else nothing.
std::optional<ImportedHead> find_head(const SourceEpoch& epoch, const Source& source,
                                      const SourceFolder& folder, EpochNotes& taken, EpochNotes& solved,
                                      EpochNotes& missing, std::optional<double>& residual) {
  const auto classes = static_cast<int64_t>(source.classes.size());
  std::vector<ImportedHead> candidates;
  std::string why_not = "no state dict";
  if (epoch.state) {
    const fs::path state =
        folder.at(*epoch.state);  // a link out of the source is no reason to go on without a head
    try {
      candidates = heads_by_name(read_torch_file(state), classes, epoch.features.cols());
      why_not = fmt::format("no weight of shape ({}, {}) in {}", classes, epoch.features.cols(),
                            epoch.state->filename().string());
    } catch (const Error& error) {
      why_not = error.what();
    }
  }
  if (epoch.logits) {
    for (ImportedHead& head : candidates) {
      if (head_residual(head, epoch.features, *epoch.logits) > most_residual) {
        why_not = fmt::format("{} does not make the recorded logits", head.name);
        continue;
      }
      taken.add(fmt::format("head from {}, which makes the recorded logits", head.name), epoch.number);
      return std::move(head);
    }
    ImportedHead head = solve_head(epoch.features, *epoch.logits);
    residual = head_residual(head, epoch.features, *epoch.logits);
    solved.add(fmt::format("head by least squares from features and logits ({})", why_not), epoch.number);
    return head;
  }
  if (candidates.empty()) {
    missing.add(
        fmt::format("the head, without which the epoch is left out ({}, and no logits to solve it from)",
                    why_not),
        epoch.number);
    return std::nullopt;
  }
  const auto right = [&](const ImportedHead& head) {
    return accuracy(apply_head(head, epoch.features), source.labels, source.groups.front());
  };
  // Named like a head beats the others unless clearly worse, which tells a hidden layer of the same shape.
  ImportedHead* best = &candidates.front();
  double best_accuracy = right(*best);
  for (size_t i = 1; i < candidates.size(); ++i)
    if (const double a = right(candidates[i]); a > best_accuracy + 0.05) {
      best = &candidates[i];
      best_accuracy = a;
    }
  taken.add(fmt::format("head from {} of the state dict", best->name), epoch.number);
  return std::move(*best);
}

/// Boundary inputs in the form a run has them: float32, samples like those of inputs.npy.
bool take_boundary_inputs(const fs::path& file, const Source& source, int64_t count, const fs::path& out) {
  const NpyArray array = NpyArray::open(file);
  if (source.inputs.empty() || array.rows() != count || array.shape().size() != source.input_shape.size() ||
      !std::equal(array.shape().begin() + 1, array.shape().end(), source.input_shape.begin() + 1))
    return false;
  const auto values = array.to_floats();
  write_npy(out, DType::f32, array.shape(), values.data());
  return true;
}

/// Copies a file of the source to the same place in RUN/imported.
void keep(const fs::path& file, const SourceFolder& source, const fs::path& run, ImportReport& report,
          bool say_so) {
  const fs::path target = run / "imported" / file;
  make_folder(target.parent_path());
  copy_regular_file(source.at(file), target);
  if (say_so) report.kept.push_back(file.string());
}

}  // namespace

SourceConfig read_config(const SourceFolder& folder, ImportReport& report) {
  SourceConfig config;
  if (!folder.has("config.json")) return config;
  config.file = "config.json";
  const fs::path file = folder.at("config.json");
  Json json;
  try {
    json = read_json(file);
  } catch (const Error& error) {
    report.missing.push_back(fmt::format("what config.json says, which cannot be read: {}", error.what()));
    return config;
  }
  std::vector<const Json*> places{&json};
  if (json.is_object())
    for (const auto& [key, value] : json.items())
      if (value.is_object()) places.push_back(&value);
  for (const Json* place : places) {
    if (!place->is_object()) continue;
    if (const auto name = place->find("EPOCH_NAME"); config.epoch_name.empty() && name != place->end() &&
                                                     name->is_string() &&
                                                     is_plain_name(name->get_ref<const std::string&>()))
      config.epoch_name = name->get<std::string>();
    if (const auto names = place->find("CLASSES");
        config.classes.empty() && names != place->end() && names->is_array())
      for (const Json& name : *names)
        config.classes.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  }
  return config;
}

std::vector<std::string> class_names(std::vector<std::string> named, const std::string& from, int32_t most,
                                     const fs::path& labels, ImportReport& report) {
  constexpr int32_t most_classes = 65535;
  if (most >= most_classes)
    fail("{}: expected class numbers from 0 to {}, found {}; number the classes from 0", labels.string(),
         most_classes - 1, most);
  const size_t wanted = static_cast<size_t>(std::max(most, 1)) + 1;
  const std::set<std::string> distinct(named.begin(), named.end());
  if (named.size() >= wanted && distinct.size() == named.size() && !distinct.contains("")) {
    report.taken.push_back(fmt::format("names of {} classes from {}", named.size(), from));
    return named;
  }
  std::vector<std::string> numbers;
  for (size_t c = 0; c < wanted; ++c) numbers.push_back(std::to_string(c));
  std::string why;
  if (!named.empty())
    why = named.size() < wanted ? fmt::format(" ({} has {})", from, named.size())
                                : fmt::format(" (those of {} are not distinct)", from);
  report.missing.push_back(fmt::format(
      "names of the {} classes{}: they are numbered; write them into \"classes\" of run.json", wanted, why));
  return numbers;
}

std::map<int, fs::path> epochs_with(std::map<int, fs::path> epochs, const SourceFolder& folder,
                                    const std::string& file, ImportReport& report) {
  EpochNotes missing;
  const size_t all = epochs.size();
  std::erase_if(epochs, [&](const auto& epoch) {
    if (folder.has(epoch.second / file)) return false;
    missing.add(fmt::format("{}, without which the epoch is left out", file), epoch.first);
    return true;
  });
  for (std::string& line : missing.sentences(all)) report.missing.push_back(std::move(line));
  return epochs;
}

std::map<int, fs::path> numbered_folders(const SourceFolder& folder, const fs::path& parent,
                                         const std::string& prefix) {
  std::map<int, fs::path> numbered;
  for (const auto& entry : fs::directory_iterator(folder.at(parent))) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory() || !name.starts_with(prefix)) continue;
    int number = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, number);
    if (error != std::errc() || stop != end || number < 0 || number > 999999) continue;
    const auto [known, fresh] = numbered.emplace(number, parent / name);
    if (!fresh)
      fail("{}: expected one folder of epoch {}, found {} and {}; remove one of them",
           folder.at(parent).string(), number, std::min(known->second.filename().string(), name),
           std::max(known->second.filename().string(), name));
  }
  return numbered;
}

std::vector<int32_t> read_ids(const fs::path& file, int64_t below) {
  const Json json = read_json(file);
  if (!json.is_array())
    fail("{}: expected a list of whole numbers, found {}", file.string(), json.type_name());
  std::vector<int32_t> ids;
  for (const Json& id : json) {
    if (!id.is_number_integer() || id < 0 || id >= below)
      fail("{}: expected whole numbers from 0 to {}, found {}", file.string(), below - 1,
           id.dump().substr(0, 40));
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

Matrix read_features(const fs::path& file, int64_t rows) {
  const NpyArray array = NpyArray::open(file);
  array.expect_dtype({DType::f32, DType::f16, DType::f64});
  array.expect_shape({rows, -1});
  Matrix matrix = array.to_matrix();
  for (int64_t i = 0; i < matrix.rows() * matrix.cols(); ++i)
    if (!std::isfinite(matrix.data()[i]))
      fail(
          "{}: expected finite numbers, found {} in row {}; the training may have diverged: remove this "
          "epoch",
          file.string(), matrix.data()[i], i / matrix.cols());
  return matrix;
}

std::vector<std::string> EpochNotes::sentences(size_t all) const {
  std::vector<std::string> lines;
  for (const auto& [what, epochs] : epochs_) {
    std::string list;
    for (size_t i = 0; i < epochs.size();) {
      size_t j = i;
      while (j + 1 < epochs.size() && epochs[j + 1] == epochs[j] + 1) ++j;
      list += fmt::format("{}{}", list.empty() ? "" : ", ", epochs[i]);
      if (j > i) list += fmt::format("-{}", epochs[j]);
      i = j + 1;
    }
    lines.push_back(epochs.size() == all && all > 1
                        ? fmt::format("{} (all {} epochs)", what, all)
                        : fmt::format("{} (epoch{} {})", what, epochs.size() > 1 ? "s" : "", list));
  }
  return lines;
}

std::string ImportReport::to_text() const {
  std::string text = fmt::format("layout {}: {} samples, {} epochs\n", layout, samples, epochs.size());
  for (const auto& [title, lines] : {std::pair{"taken", &taken},
                                     {"solved for", &solved},
                                     {"kept in imported/", &kept},
                                     {"missing", &missing}})
    for (const std::string& line : *lines) text += fmt::format("  {}: {}\n", title, line);
  return text;
}

Json ImportReport::to_json() const {
  return {{"layout", layout}, {"samples", samples}, {"epochs", epochs},  {"taken", taken},
          {"solved", solved}, {"kept", kept},       {"missing", missing}};
}

ImportReport import_run(const fs::path& root, const fs::path& run) {
  ImportReport report;
  if (!fs::is_directory(root))
    fail("{}: expected a folder of DVI or time-travelling-visualizer, found {}", root.string(),
         fs::exists(root) ? "a file" : "nothing of that name");
  const SourceFolder folder(root);
  const bool v1 = is_v1(folder);
  if (!v1 && !is_ttv(folder))
    fail(
        "{}: expected Training_data and Model (DVI) or dataset and epochs (time-travelling-visualizer) in "
        "it, found neither; "
        "give the folder that holds them",
        root.string());
  Source source = v1 ? open_v1(folder, report) : open_ttv(folder, report);
  report.layout = source.layout;
  report.samples = static_cast<int64_t>(source.labels.size());
  if (source.epochs.empty())
    fail("{}: expected recorded epochs, {}, found none{}", (root / (v1 ? "Model" : "epochs")).string(),
         v1 ? "Epoch_N/train_data.npy (or another word and a number)" : "epoch_N/embeddings.npy",
         report.missing.empty() ? "" : ": " + report.missing.back());

  expect_new(run);
  UnfinishedFolder unfinished(run);
  remove_leftovers(unfinished.path().parent_path());
  std::optional<RunWriter> writer;
  EpochNotes taken, solved, kept, missing;
  double worst_residual = 0;
  Progress progress("import", static_cast<int64_t>(source.epochs.size()), "epochs");
  for (const auto& [number, epoch_folder] : source.epochs) {
    SourceEpoch epoch = source.read_epoch(number, epoch_folder);
    std::optional<double> residual;
    auto head = find_head(epoch, source, folder, taken, solved, missing, residual);
    progress.advance();
    if (!head) continue;
    if (!writer) {
      Manifest manifest;
      const fs::path named = fs::absolute(root).lexically_normal();
      manifest.name = (named.has_filename() ? named : named.parent_path()).filename().string();
      manifest.classes = source.classes;
      manifest.feature_dim = epoch.features.cols();
      manifest.groups = source.groups;
      manifest.inputs = source.input_spec;
      manifest.subject = SubjectKind::linear_head;
      if (source.columns.contains("original_label"))
        manifest.columns["original_label"] = {{"title", "Original label"}, {"categories", source.classes}};
      if (source.columns.contains("is_noisy"))
        manifest.columns["is_noisy"] = {{"title", "Label is noisy"}, {"categories", {"no", "yes"}}};
      writer.emplace(unfinished.path(), std::move(manifest));
      writer->labels(source.labels);
      if (!source.inputs.empty())
        writer->inputs(source.input_dtype, source.input_shape, source.inputs.data());
      if (!source.texts.empty()) write_file_atomically(unfinished.path() / "texts.txt", source.texts);
      for (const auto& [name, values] : source.columns) writer->column(name, values);
      for (const fs::path& file : source.keep) keep(file, folder, unfinished.path(), report, true);
    }
    const Manifest& manifest = writer->manifest();
    if (epoch.features.cols() != manifest.feature_dim)
      fail(
          "{}, epoch {}: expected features of {} dimensions as at the first epoch, found {}; remove this "
          "epoch",
          root.string(), number, manifest.feature_dim, epoch.features.cols());

    EpochWriter out = writer->epoch(number);
    out.features(epoch.features);
    out.linear_head(head->weight, head->bias);
    taken.add("features", number);
    if (epoch.logits) {
      out.logits(*epoch.logits);
      taken.add("logits", number);
    }
    if (epoch.training_set) {
      out.training_set(*epoch.training_set);
      taken.add("training set", number);
    }
    if (epoch.boundary_features && epoch.boundary_features->cols() == manifest.feature_dim) {
      write_npy(out.folder() / "boundary_features.npy", epoch.boundary_features->view());
      taken.add("boundary samples (border_centers.npy)", number);
      if (epoch.boundary_inputs &&
          take_boundary_inputs(folder.at(*epoch.boundary_inputs), source, epoch.boundary_features->rows(),
                               out.folder() / "boundary_inputs.npy"))
        taken.add("inputs of the boundary samples", number);
      else if (epoch.boundary_inputs)
        epoch.keep.push_back(*epoch.boundary_inputs);
    }
    for (const auto& [name, values] : epoch.columns) {
      out.column(name, values);
      taken.add("column " + name, number);
    }
    for (const fs::path& file : epoch.keep) {
      keep(file, folder, unfinished.path(), report, false);
      kept.add(file.filename().string(), number);
    }
    const Matrix logits = epoch.logits ? std::move(*epoch.logits) : apply_head(*head, epoch.features);
    Json scalars = Json::object();
    for (const Group& group : manifest.groups)
      scalars[group.name + "_accuracy"] = accuracy(logits, source.labels, group);
    if (residual) {
      scalars["head_residual"] = *residual;
      worst_residual = std::max(worst_residual, *residual);
    }
    out.commit(scalars);
    report.epochs.push_back(number);
  }
  progress.finish();
  for (const auto& [notes, lines] : {std::pair{&taken, &report.taken},
                                     {&solved, &report.solved},
                                     {&kept, &report.kept},
                                     {&missing, &report.missing}})
    for (std::string& line : notes->sentences(source.epochs.size())) lines->push_back(std::move(line));
  if (!report.solved.empty())
    report.solved.push_back(
        fmt::format("solved heads are off by at most {:.2g} of the logits' spread (root mean square; "
                    "head_residual of each epoch.json)",
                    worst_residual));
  if (!writer)
    fail("{}: expected the head of at least one epoch, found none: {}", root.string(), report.missing.back());
  writer->begin();
  writer->finish();
  expect_new(run);
  unfinished.finish();
  return report;
}

}  // namespace dvi
