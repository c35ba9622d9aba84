// Samples to project, as users have them: arrays, tables and pictures.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "run/inputs.h"

namespace dvi {

/// What the numbers of a file are. `automatic`: features where they have the features' shape and could not be
/// inputs as well.
enum class SampleKind { automatic, features, inputs };

struct NewSamples {
  SampleKind kind = SampleKind::features;  ///< never automatic
  /// Features [n, D], or inputs [n, InputReader::sample_size()] as they would be stored.
  Matrix values;
  std::vector<std::string> names;  ///< [n] files of pictures, else "0", "1", ...
  int64_t size() const { return values.rows(); }
};

struct ReadOptions {
  SampleKind kind = SampleKind::automatic;
  /// Pictures of another size or with other channels than the recorded ones are fitted to them
  /// (image/resize.h); without it they are refused.
  bool resize = false;
};

/// `file`: a .npy of features [n, D] or of inputs [n, ...] as inputs.npy holds them; a .csv of numbers, a
/// sample a line; a PNG picture; or a folder of them, in the order of their names. Throws Error for anything
/// else, for numbers that are not finite, and where the run has no inputs of that kind.
NewSamples read_new_samples(const Run& run, const std::filesystem::path& file, const ReadOptions& options);

/// The bytes of a PNG picture as an input is stored, [InputReader::sample_size()]. Throws Error, naming
/// `name`.
std::vector<float> input_of_png(const InputReader& reader, const std::string& bytes, const std::string& name,
                                bool resize);

/// Numbers separated by commas, semicolons, tabs or spaces, a sample a line; empty lines are left out. Throws
/// Error naming `name` and the line where something is no number or lines have different lengths.
Matrix numbers_of_text(std::string_view text, const std::string& name);

/// numbers_of_text() as samples of the run, features or inputs.
NewSamples new_samples_of(const Run& run, Matrix numbers, SampleKind kind, const std::string& name);

/// Inputs as the model sees them, [n, sample_size()].
Matrix prepared(const InputReader& reader, MatrixView stored);

}  // namespace dvi
