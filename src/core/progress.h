// Progress of long jobs: a bar with stage, rate and time left on a terminal, plain lines elsewhere, JSON
// lines on request.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace dvi {

enum class Output { automatic, quiet, json };

/// Chosen once by the command line (--quiet, --json); `automatic` draws a bar if standard error is a
/// terminal.
void set_output(Output);

/// A line for the user on standard error; nothing when quiet; {"message": ...} in JSON mode. A bar being
/// drawn gives way to it and is drawn again below.
void say(const std::string& line);

/// One job of `total` steps. Shown on standard error; finished (with its time) by the destructor or finish().
///
/// On a terminal a bar that is redrawn ten times a second and cut to the window's width. Elsewhere (a log
/// file) a line every five seconds and one at the end: "epoch 3/10: train: 40 %  12 s left  81k samples/s
/// loss 0.31". In JSON mode an object as often as that: {"stage", "done", "total", "seconds", "finished",
/// "note"}.
class Progress {
 public:
  /// `stage` is a short phrase ("epoch 3/10: train"), `unit` what is counted ("samples"); `total` 0 where the
  /// end is not known.
  Progress(std::string stage, int64_t total, std::string unit = "");
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Thread-safe is not promised: call from the thread that owns it.
  void advance(int64_t steps = 1);
  /// Where the number of steps shows only once the job runs.
  void set_total(int64_t total) { total_ = total; }
  /// A few words behind the bar, e.g. "loss 0.31".
  void note(std::string text);
  void finish();

 private:
  void draw(bool last);
  std::string stage_, unit_, note_;
  int64_t total_, done_ = 0;
  std::chrono::steady_clock::time_point start_, drawn_;
  bool bar_, finished_ = false;
};

}  // namespace dvi
