// dvi add and dvi remove: groups of samples that join a fitted run, and leave it again.
#include <optional>

#include "cli/commands.h"
#include "core/progress.h"
#include "groups/edit_group.h"

namespace dvi {
namespace {

struct AddArguments {
  std::string run, group, file, labels, role = "added";
  bool resize = false;
};

void add(const AddArguments& arguments) {
  const Run run = Run::open(arguments.run);
  NewGroup group{arguments.group,
                 arguments.role,
                 read_new_samples(run, arguments.file, {SampleKind::automatic, arguments.resize}),
                 {}};
  if (!arguments.labels.empty()) group.labels = read_labels(run, arguments.labels, group.samples.size());
  std::optional<Progress> progress;
  add_group(arguments.run, group, [&](int64_t epochs) {
    if (!progress) progress.emplace("add", epochs);
    progress->advance();
  });
}

}  // namespace

void add_add_command(CLI::App& app) {
  auto* command = app.add_subcommand("add", "Add a group of new samples to a fitted run");
  auto arguments = std::make_shared<AddArguments>();
  command->add_option("RUN", arguments->run, "Run directory")->required();
  command->add_option("GROUP", arguments->group, "Name of the new group")->required();
  command
      ->add_option("FILE", arguments->file,
                   "Inputs: .npy as inputs.npy holds them, .csv, a .png picture or a folder of them")
      ->required();
  command->add_option(
      "--labels", arguments->labels,
      "Labels, one a sample: .npy of class numbers, or a text with a class or its number a line");
  command->add_option("--role", arguments->role, "Role of the group: test, adversarial or any other word")
      ->capture_default_str();
  command->add_flag("--resize", arguments->resize, "Fit pictures to the size and the channels of the run's");
  command->callback([=] { add(*arguments); });
}

void add_remove_command(CLI::App& app) {
  auto* command = app.add_subcommand("remove", "Remove a group that dvi add added");
  struct Arguments {
    std::string run, group;
  };
  auto arguments = std::make_shared<Arguments>();
  command->add_option("RUN", arguments->run, "Run directory")->required();
  command->add_option("GROUP", arguments->group, "Name of the group")->required();
  command->callback([=] { remove_group(arguments->run, arguments->group); });
}

}  // namespace dvi
