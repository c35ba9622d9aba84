// dvi render RUN -o FILE: pictures and films of a fitted run, made without a browser
// (docs/how-to/rendering.md).
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "core/error.h"
#include "core/progress.h"
#include "render/film.h"
#include "render/picture_file.h"
#include "run/epoch_names.h"

namespace dvi {
namespace {

struct RenderArguments {
  std::string run, view, output, epoch, epochs, size, title;
  FigureOptions figure;
  FilmOptions film;
};

int pixels(const std::string& text, const std::string& whole) {
  const auto number =
      text.size() < 6 && !text.empty() && text.find_first_not_of("0123456789") == std::string::npos
          ? std::stoi(text)
          : 0;
  if (number < 64 || number > 16384)
    fail(
        "--size: expected a height such as 900, or a width and a height such as 1600x900, each from 64 to "
        "16384 "
        "pixels, found \"{}\"",
        whole);
  return number;
}

void read_size(const std::string& text, FigureOptions& figure) {
  const auto cross = text.find('x');
  if (cross != std::string::npos) figure.width = pixels(text.substr(0, cross), text);
  figure.height = pixels(cross == std::string::npos ? text : text.substr(cross + 1), text);
}

/// The fitted epochs out of `text`: "all", "3-9", "1,2,5-9".
std::vector<int> fitted_epochs(const Run& run, const View& view, const std::string& text) {
  const auto& fitted = view.epoch_numbers();
  if (text == "all") return fitted;
  std::vector<int> epochs;
  for (const int epoch : epochs_called(run, text))
    if (view.has_epoch(epoch)) epochs.push_back(epoch);
  std::sort(epochs.begin(), epochs.end());
  epochs.erase(std::unique(epochs.begin(), epochs.end()), epochs.end());
  if (epochs.empty())
    fail("--epochs: view \"{}\" has no fitted epoch among {}; it has {}", view.name(), text,
         fmt::join(fitted, ", "));
  return epochs;
}

void render(const RenderArguments& arguments) {
  const bool film = is_film_file(arguments.output);
  if (!film && !is_picture_file(arguments.output))
    fail(
        "-o {}: expected a file that ends in .png, .svg or .pdf (an epoch), or in .mp4, .webm or .gif (a "
        "film)",
        arguments.output);
  if (film && !arguments.epoch.empty())
    fail("--epoch: {} is a film of several epochs; say which with --epochs A-B, or leave it out for all",
         arguments.output);
  if (!film && !arguments.epochs.empty())
    fail("--epochs: {} is a picture of one epoch; say which with --epoch N", arguments.output);

  const Run run = Run::open(arguments.run);
  const View view = View::open(run, arguments.view.empty() ? default_view_name(run) : arguments.view);
  if (view.epoch_numbers().empty())
    fail("{}: view \"{}\" has no fitted epoch yet; run `dvi fit` first", arguments.run, view.name());
  size_t highlighted = 0;
  if (!film) {
    const int epoch =
        arguments.epoch.empty() ? view.epoch_numbers().back() : epoch_called(run, arguments.epoch);
    Figure figure(run, view, {epoch}, arguments.figure);
    write_picture(figure, 0, arguments.output);
    highlighted = figure.highlighted_count();
  } else {
    Figure figure(run, view, fitted_epochs(run, view, arguments.epochs.empty() ? "all" : arguments.epochs),
                  arguments.figure);
    Progress progress("film", 0, "frames");
    write_film(figure, arguments.film, arguments.output, [&](size_t, size_t total) {
      progress.set_total(static_cast<int64_t>(total));
      progress.advance();
    });
    highlighted = figure.highlighted_count();
  }
  if (!arguments.figure.highlight.empty()) say(fmt::format("{} samples are highlighted", highlighted));
  say(fmt::format("wrote {}", arguments.output));
}

}  // namespace

void add_render_command(CLI::App& app) {
  auto arguments = std::make_shared<RenderArguments>();
  auto* command = app.add_subcommand("render", "Draw an epoch (PNG, SVG, PDF) or a film (MP4, WebM, GIF)");
  command->add_option("RUN", arguments->run, "Run directory")->required();
  command->add_option("-o,--output", arguments->output, "File to write; its ending says what it is")
      ->required();
  command->add_option("--epoch", arguments->epoch, "Epoch of a picture (default: the last fitted)");
  command->add_option("--epochs", arguments->epochs, "Epochs of a film: A-B, 1,2,5-9 or all (the default)");
  command->add_option("--view", arguments->view, "View to draw (default: \"default\", or the only one)");
  command->add_option("--size", arguments->size,
                      "Pixels: HEIGHT, as wide as is needed, or WIDTHxHEIGHT (default: 900)");
  command->add_option("--fps", arguments->film.fps, "Frames a second of a film (default: 30; GIF 15)")
      ->check(CLI::Range(1, 120));
  command->add_option("--speed", arguments->film.epochs_a_second, "Epochs a second of a film")
      ->check(CLI::Range(0.01, 100.0))
      ->capture_default_str();
  FigureOptions& figure = arguments->figure;
  command->add_flag("--dark", figure.dark, "Light on dark");
  command
      ->add_option("--color", figure.color,
                   fmt::format("What colours tell: {}, or a column", fmt::join(SampleColoring::ways(), ", ")))
      ->capture_default_str();
  command->add_option("--groups", figure.groups, "Groups to draw, e.g. train,test (default: all)")
      ->delimiter(',');
  command->add_option("--highlight", figure.highlight,
                      "Make the samples that fit this condition stand out (as in `dvi query`)");
  command->add_flag("--trails", figure.trails, "Draw the paths of the highlighted samples");
  command->add_flag("--boundary", figure.boundary, "Draw the boundary samples");
  command->add_flag("--legend,!--no-legend", figure.legend, "Tell what colours and marks mean (the default)");
  command->add_flag("--names,!--no-names", figure.names, "Write class names on territories (the default)");
  auto* title = command->add_option("--title", arguments->title,
                                    "Line above the plot (default: the run's name; \"\" for none)");
  command->callback([=] {
    if (title->count() > 0) arguments->figure.title = arguments->title;
    if (!arguments->size.empty()) read_size(arguments->size, arguments->figure);
    render(*arguments);
  });
}

}  // namespace dvi
