#include "server/confine.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "run/testing/test_run.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

/// Runs `check` in a process of its own, since confinement cannot be undone; it returns a bit for each thing
/// that failed.
template <typename Check>
int in_a_process(Check check) {
  const pid_t child = fork();
  if (child == 0) _exit(check());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

bool can_write(const fs::path& file) { return static_cast<bool>(std::ofstream(file) << "x" << std::flush); }

TEST(Confine, WhatTheServerNeedsStaysAndTheRestGoes) {
  TemporaryFolder folder;
  fs::create_directories(folder / "runs" / fs::path("mine"));
  fs::create_directories(folder / "elsewhere");
  std::ofstream(folder / "elsewhere" / fs::path("text")) << "text";
  const int failed = in_a_process([&] {
    const Confinement got = confine({folder / "runs" / fs::path("mine")});
    int bits = 0;
    // In a thread made later, as those of the server are.
    std::thread([&] {
      if (!can_write(folder / "runs" / fs::path("mine/selection"))) bits |= 1;
      fs::rename(folder / "runs" / fs::path("mine"), folder / "runs" / fs::path("old"));
      if (!fs::create_directory(folder / "runs" / fs::path("mine"))) bits |= 2;  // a run that takes its place
      std::string text;
      std::ifstream(folder / "elsewhere" / fs::path("text")) >> text;
      if (text != "text") bits |= 4;
      if (got.files && can_write(folder / "elsewhere" / fs::path("made"))) bits |= 8;
      if (got.files && unlink((folder / "elsewhere" / fs::path("text")).c_str()) == 0) bits |= 16;
      if (got.system_calls) {
        const int s = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(9);
        if (connect(s, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 || errno != EPERM)
          bits |= 32;
        execl("/bin/true", "true", nullptr);  // would end the process with 0
        if (errno != EPERM) bits |= 64;
      }
    }).join();
    return bits | (got.whole() ? 0 : 128);
  });
  if (failed & 128) GTEST_SKIP() << "this kernel confines only in part";
  EXPECT_EQ(failed, 0);
  EXPECT_TRUE(fs::exists(folder / "elsewhere" / fs::path("text")));
}

TEST(Confine, SaysWhatIsLacking) {
  Confinement none;
  EXPECT_EQ(none.lacking(),
            "this system does not confine the server (no new privileges, Landlock, seccomp), so serve only "
            "runs whose "
            "models you trust");
  EXPECT_EQ((Confinement{true, true, true}.lacking()), "");
}

}  // namespace
}  // namespace dvi
