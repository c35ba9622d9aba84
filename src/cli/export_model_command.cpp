// dvi export-model: a view's visualization model as an ONNX file.
#include "cli/commands.h"
#include "core/error.h"
#include "run/epoch_names.h"
#include "run/feature_scale.h"
#include "vis/onnx_export.h"

namespace dvi {
namespace {

struct ExportArguments {
  std::string run, epoch, out, view, part = "both";
};

void export_model(const ExportArguments& arguments) {
  const Run run = Run::open(arguments.run);
  const View view = View::open(run, arguments.view.empty() ? default_view_name(run) : arguments.view);
  const int epoch = epoch_called(run, arguments.epoch);
  if (!view.has_epoch(epoch))
    fail("view \"{}\": expected epoch {} to be fitted, found it is not; run 'dvi fit {}' first", view.name(),
         epoch, arguments.run);
  const OnnxPart part = arguments.part == "encoder"   ? OnnxPart::encoder
                        : arguments.part == "decoder" ? OnnxPart::decoder
                                                      : OnnxPart::both;
  write_file_atomically(
      arguments.out, onnx_model(load_autoencoder(*view.epoch(epoch)), feature_scale(run.epoch(epoch)), part));
}

}  // namespace

void add_export_model_command(CLI::App& app) {
  auto* command = app.add_subcommand("export-model", "Write an epoch's encoder and decoder as an ONNX file");
  auto arguments = std::make_shared<ExportArguments>();
  command->add_option("RUN", arguments->run, "Run directory")->required();
  command->add_option("--epoch", arguments->epoch, "Epoch")->required();
  command->add_option("-o,--out", arguments->out, "File to write")->required();
  command
      ->add_option(
          "--part", arguments->part,
          "encoder (features to places), decoder (places to features), or both (one after the other)")
      ->check(CLI::IsMember({"encoder", "decoder", "both"}))
      ->capture_default_str();
  command->add_option("--view", arguments->view, "View (default: \"default\", or the only one)");
  command->callback([=] { export_model(*arguments); });
}

}  // namespace dvi
