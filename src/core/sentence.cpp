#include "core/sentence.h"

#include <fmt/format.h>

#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>

namespace dvi {

std::string sentence_of(const std::exception& error) {
  if (const auto* of_files = dynamic_cast<const std::filesystem::filesystem_error*>(&error))
    return fmt::format("{}: {}; check the folder and its rights", of_files->path1().string(),
                       of_files->code().message());
  if (dynamic_cast<const nlohmann::json::exception*>(&error) != nullptr)
    return "a JSON file of the run holds a value of another kind than expected; 'dvi check' names the files "
           "of a run that "
           "break the format, 'dvi fit --force' makes a view anew";
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      dynamic_cast<const std::length_error*>(&error) != nullptr)
    return "out of memory; close other programs or use fewer samples";
  // An index that was right when its file was opened: the file was changed in place since.
  if (dynamic_cast<const std::out_of_range*>(&error) != nullptr)
    return "a file of the run was changed by another program while it was read; write files under another "
           "name and rename "
           "them, then try again";
  return error.what();
}

}  // namespace dvi
