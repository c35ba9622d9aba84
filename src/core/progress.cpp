#include "core/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/file.h"

namespace dvi {
namespace {

Output chosen = Output::automatic;

constexpr auto bar_pause = std::chrono::milliseconds(100);
constexpr auto line_pause = std::chrono::milliseconds(5000);
constexpr const char* clear_line = "\r\033[K";

bool draws_bar() { return chosen == Output::automatic && isatty(STDERR_FILENO) != 0; }

/// The first `columns` characters of UTF-8 text.
std::string cut(const std::string& text, int columns) {
  size_t end = 0;
  for (int column = 0; end < text.size(); ++end) {
    const bool starts_character = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
    if (starts_character && column++ == columns) break;
  }
  return text.substr(0, end);
}

std::string duration_text(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto s = static_cast<int64_t>(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}:{:02} min", s / 60, s % 60);
  return fmt::format("{}:{:02} h", s / 3600, s / 60 % 60);
}

std::string rate_text(double per_second) {
  if (per_second >= 1e6) return fmt::format("{:.1f}M", per_second / 1e6);
  if (per_second >= 1e4) return fmt::format("{:.0f}k", per_second / 1e3);
  return fmt::format("{:.{}f}", per_second, per_second < 10 ? 1 : 0);
}

}  // namespace

void set_output(Output output) { chosen = output; }

void say(const std::string& line) {
  if (chosen == Output::quiet) return;
  if (chosen == Output::json)
    fmt::print(stderr, "{}\n", Json{{"message", line}}.dump());
  else
    fmt::print(stderr, "{}{}\n", draws_bar() ? clear_line : "", line);
}

Progress::Progress(std::string stage, int64_t total, std::string unit)
    : stage_(std::move(stage)),
      unit_(std::move(unit)),
      total_(total),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_),
      bar_(draws_bar()) {
  if (bar_) draw(false);
}

Progress::~Progress() { finish(); }

void Progress::advance(int64_t steps) {
  done_ += steps;
  const auto now = std::chrono::steady_clock::now();
  if (now - drawn_ < (bar_ ? bar_pause : line_pause)) return;
  drawn_ = now;
  draw(false);
}

void Progress::note(std::string text) { note_ = std::move(text); }

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  draw(true);
}

void Progress::draw(bool last) {
  if (chosen == Output::quiet) return;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  const double share =
      total_ > 0 ? std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) : 0;
  if (chosen == Output::json) {
    fmt::print(stderr, "{}\n",
               Json{{"stage", stage_},
                    {"done", done_},
                    {"total", total_},
                    {"seconds", seconds},
                    {"finished", last},
                    {"note", note_}}
                   .dump());
    return;
  }
  std::string tail;
  if (total_ > 0) tail += fmt::format("{:>3.0f} %", share * 100);
  if (last)
    tail += "  " + duration_text(seconds);
  else if (share > 0.01)
    tail += "  " + duration_text(seconds * (1 - share) / share) + " left";
  if (done_ > 1 && !unit_.empty()) tail += fmt::format("  {} {}/s", rate_text(rate), unit_);
  if (!note_.empty()) tail += "  " + note_;
  if (!bar_) {
    fmt::print(stderr, "{}: {}\n", stage_, tail.substr(std::min(tail.size(), tail.find_first_not_of(' '))));
    return;
  }
  constexpr int width = 24;
  const int filled = static_cast<int>(share * width);
  std::string bar;
  for (int i = 0; i < width; ++i) bar += i < filled ? "━" : "─";
  std::string line = fmt::format("{:<28} {} {}", stage_, bar, tail);
  winsize window{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1)
    line = cut(line, window.ws_col - 1);
  fmt::print(stderr, "{}{}{}", clear_line, line, last ? "\n" : "");
  std::fflush(stderr);
}

}  // namespace dvi
