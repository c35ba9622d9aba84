#include "core/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <functional>
#include <sstream>
#include <thread>

#include "core/file.h"

namespace dvi {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class ProgressTest : public testing::Test {
 protected:
  ~ProgressTest() override { set_output(Output::automatic); }

  std::string stderr_of(Output output, const std::function<void()>& job) {
    set_output(output);
    testing::internal::CaptureStderr();
    job();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(ProgressTest, WritesOnePlainLineForAShortJobWhereThereIsNoTerminal) {
  const std::string text = stderr_of(Output::automatic, [] {
    Progress progress("read", 200, "files");
    for (int i = 0; i < 200; ++i) progress.advance();
    progress.note("two were empty");
  });
  ASSERT_EQ(lines_of(text).size(), 1u) << text;
  EXPECT_THAT(text, StartsWith("read: 100 %  "));
  EXPECT_THAT(text, HasSubstr(" files/s  two were empty\n"));
  EXPECT_THAT(text, Not(HasSubstr("\033")));
}

TEST_F(ProgressTest, TellsHowFarAnInterruptedJobCame) {
  const std::string text = stderr_of(Output::automatic, [] {
    try {
      Progress progress("fit", 4);
      progress.advance();
      throw std::runtime_error("interrupted");
    } catch (const std::runtime_error&) {
    }
  });
  EXPECT_THAT(text, StartsWith("fit: 25 %  "));
}

TEST_F(ProgressTest, GivesNoShareWhereTheEndIsUnknown) {
  const std::string text = stderr_of(Output::automatic, [] { Progress("wait", 0).advance(3); });
  EXPECT_THAT(text, Not(HasSubstr("%")));
  EXPECT_THAT(text, StartsWith("wait: 0.0 s"));
}

TEST_F(ProgressTest, WritesJsonLines) {
  const std::string text = stderr_of(Output::json, [] {
    say("hello \"you\"");
    Progress progress("read", 4, "files");
    progress.advance(3);
    progress.note("slow");
  });
  const auto lines = lines_of(text);
  ASSERT_EQ(lines.size(), 2u) << text;
  EXPECT_EQ(Json::parse(lines[0]), Json({{"message", "hello \"you\""}}));
  Json state = Json::parse(lines[1]);
  EXPECT_GE(state.at("seconds").get<double>(), 0);
  state.erase("seconds");
  EXPECT_EQ(state,
            Json({{"stage", "read"}, {"done", 3}, {"total", 4}, {"finished", true}, {"note", "slow"}}));
}

TEST_F(ProgressTest, SaysNothingWhenQuiet) {
  EXPECT_EQ(stderr_of(Output::quiet,
                      [] {
                        say("hello");
                        Progress("read", 4).advance(4);
                      }),
            "");
}

// Standard error of the test program becomes a terminal of 60 columns for as long as this lives.
class Terminal {
 public:
  Terminal() : saved_(dup(STDERR_FILENO)) {
    winsize size{.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
    int slave = -1;
    if (openpty(&master_, &slave, nullptr, nullptr, &size) != 0) return;
    fcntl(master_, F_SETFL, O_NONBLOCK);
    dup2(slave, STDERR_FILENO);
    close(slave);
  }
  ~Terminal() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    close(master_);
  }
  bool works() const { return master_ >= 0; }
  std::string drain() {
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = read(master_, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<size_t>(got));
    return text;
  }

 private:
  int saved_, master_ = -1;
};

TEST_F(ProgressTest, DrawsABarOnATerminal) {
  Terminal terminal;
  if (!terminal.works()) GTEST_SKIP() << "no pseudo-terminals here";
  Progress progress("train", 10, "samples");
  EXPECT_THAT(terminal.drain(), HasSubstr("train"));
  progress.advance(5);
  EXPECT_EQ(terminal.drain(), "") << "redrawn at once, which makes short steps slow";
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  progress.advance(0);
  const std::string half = terminal.drain();
  EXPECT_THAT(half, StartsWith("\r\033[K"));
  EXPECT_THAT(half, HasSubstr("━━━━━━━━━━━━────────────  50 %"));
  EXPECT_THAT(half, Not(HasSubstr("\n")));
  say("in between");
  EXPECT_EQ(terminal.drain(), "\r\033[Kin between\r\n");
  progress.finish();
  EXPECT_THAT(terminal.drain(), HasSubstr("\r\n"));
}

TEST_F(ProgressTest, CutsTheBarToTheWindow) {
  Terminal terminal;
  if (!terminal.works()) GTEST_SKIP() << "no pseudo-terminals here";
  Progress progress("train", 10);
  progress.note(std::string(100, 'x'));
  progress.finish();
  const auto lines = lines_of(terminal.drain());
  ASSERT_EQ(lines.size(), 1u);
  const std::string last = lines[0].substr(lines[0].rfind("\033[K") + 3);
  int columns = 0;
  for (const char c : last) columns += (static_cast<unsigned char>(c) & 0xc0) != 0x80 && c != '\r';
  EXPECT_EQ(columns, 59);
}

}  // namespace
}  // namespace dvi
