// The program ffmpeg, fed with frames through a pipe.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace dvi {

/// One run of ffmpeg that reads raw frames (4 bytes a pixel: blue, green, red, unused) from its standard
/// input.
class Ffmpeg {
 public:
  /// Starts `ffmpeg INPUT... OUTPUT...` where the input is the pipe and `output` are the arguments after it,
  /// the output file last. Throws Error if there is no such program.
  Ffmpeg(int width, int height, int frames_a_second, const std::vector<std::string>& output);
  /// Ends ffmpeg if finish() was not reached.
  ~Ffmpeg();
  Ffmpeg(const Ffmpeg&) = delete;
  Ffmpeg& operator=(const Ffmpeg&) = delete;

  /// Throws Error with ffmpeg's own words if it has given up.
  void add_frame(std::span<const std::byte> pixels);
  /// Waits until the file is complete. Throws Error with ffmpeg's own words if it failed.
  void finish();

 private:
  [[noreturn]] void fail_with_its_words();
  pid_t process_ = -1;
  int frames_ = -1;      // socket that it reads
  int complaints_ = -1;  // file that its standard error goes to
};

}  // namespace dvi
