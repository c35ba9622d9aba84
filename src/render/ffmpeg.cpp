#include "render/ffmpeg.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

extern char** environ;

namespace dvi {

Ffmpeg::Ffmpeg(int width, int height, int frames_a_second, const std::vector<std::string>& output) {
  std::vector<std::string> words = {"ffmpeg",      "-hide_banner",
                                    "-loglevel",   "error",
                                    "-nostdin",    "-y",
                                    "-f",          "rawvideo",
                                    "-pix_fmt",    "bgr0",
                                    "-video_size", fmt::format("{}x{}", width, height),
                                    "-framerate",  std::to_string(frames_a_second),
                                    "-i",          "pipe:0"};
  words.insert(words.end(), output.begin(), output.end());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  // A socket rather than a pipe: writing to one whose reader is gone is an error and no signal.
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    fail("ffmpeg: no pipe to it could be opened: {}", std::strerror(errno));
  frames_ = ends[0];
  complaints_ = memfd_create("ffmpeg", MFD_CLOEXEC);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, complaints_, STDERR_FILENO);
  const int error = posix_spawnp(&process_, "ffmpeg", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(frames_);
    close(complaints_);
    if (error == ENOENT)
      fail(
          "films are made with the program ffmpeg, which is not installed; install it (Debian: `apt install "
          "ffmpeg`), or write the epochs as PNG files");
    fail("ffmpeg: cannot be started: {}", std::strerror(error));
  }
}

Ffmpeg::~Ffmpeg() {
  if (frames_ >= 0) close(frames_);
  if (process_ > 0) {
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
  }
  if (complaints_ >= 0) close(complaints_);
}

void Ffmpeg::fail_with_its_words() {
  std::string words(400, '\0');
  const ssize_t got = pread(complaints_, words.data(), words.size(), 0);
  words.resize(got > 0 ? static_cast<size_t>(got) : 0);
  words = words.substr(0, words.find('\n'));
  fail("ffmpeg could not make the film{}{}", words.empty() ? "" : ": ", words);
}

void Ffmpeg::add_frame(std::span<const std::byte> pixels) {
  while (!pixels.empty()) {
    const ssize_t sent = send(frames_, pixels.data(), pixels.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      waitpid(process_, nullptr, 0);  // its words are complete only then
      process_ = -1;
      fail_with_its_words();
    }
    pixels = pixels.subspan(sent);
  }
}

void Ffmpeg::finish() {
  close(frames_);
  frames_ = -1;
  int status = 0;
  while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail_with_its_words();
}

}  // namespace dvi
