#include "core/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "core/error.h"
#include "core/sentence.h"

namespace dvi {
namespace {

TEST(FileVersion, ChangesWithEveryWriteAndIsEmptyWithoutAFile) {
  const auto path = std::filesystem::temp_directory_path() / "dvi-file-version-test";
  EXPECT_EQ(file_version(path), "");
  std::string last;
  for (int i = 0; i < 50; ++i) {  // within one tick of the file system's clock
    write_file_atomically(path, "x");
    const std::string now = file_version(path);
    EXPECT_NE(now, last);
    EXPECT_EQ(file_version(path), now);
    last = now;
  }
  std::filesystem::remove(path);
}

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "dvi-files-XXXXXX").string();
    folder = mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder); }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  fs::path folder;
};

template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_F(Files, OnlyRegularFilesAreRead) {
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_symlink("/dev/zero", folder / "zero");
  EXPECT_THAT(error_of([&] { read_file(folder / "pipe"); }),
              AllOf(HasSubstr("pipe"), HasSubstr("found a pipe")));
  EXPECT_THAT(error_of([&] { read_file(folder / "zero"); }), HasSubstr("found a device"));
  EXPECT_THAT(error_of([&] { read_file(folder); }), HasSubstr("found a folder"));
  EXPECT_THAT(error_of([&] { copy_regular_file(folder / "zero", folder / "copy"); }),
              HasSubstr("found a device"));
  EXPECT_FALSE(fs::exists(folder / "copy"));
  write("plain", "text");
  fs::create_symlink("plain", folder / "link");
  EXPECT_EQ(read_file(folder / "link"), "text");
}

TEST_F(Files, SizesAreLookedAtBeforeReading) {
  write("sparse", "");
  fs::resize_file(folder / "sparse", uint64_t{1} << 40);
  EXPECT_THAT(error_of([&] { read_file(folder / "sparse"); }), HasSubstr("expected at most 1024 MB"));
  EXPECT_THAT(error_of([&] { read_json(folder / "sparse"); }), HasSubstr("expected at most 64 MB"));
}

TEST_F(Files, JsonIsNestedOnlySoDeep) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(parse_json(nested(64), "a.json").size(), 1u);
  EXPECT_THAT(error_of([&] { parse_json(nested(65), "a.json"); }),
              AllOf(HasSubstr("a.json"), HasSubstr("64 deep")));
  EXPECT_THAT(error_of([&] { parse_json(std::string(100000, '['), "a.json"); }), HasSubstr("64 deep"));
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_THAT(error_of([&] { parse_json(objects, "a.json"); }), HasSubstr("64 deep"));
  // Brackets in texts nest nothing, whatever is escaped there.
  EXPECT_EQ(parse_json("[\"\\\"" + std::string(100, '[') + "\\\\\"]", "a.json").size(), 1u);
}

TEST_F(Files, JsonErrorsAreSentencesOfOurs) {
  for (const char* text : {"1e999", "[1e999]", "{", "\"\xff\"", "", "nul"}) {
    const std::string said = error_of([&] { parse_json(text, "a.json"); });
    EXPECT_THAT(said, HasSubstr("a.json: expected")) << text;
    EXPECT_THAT(said, ::testing::Not(HasSubstr("json.exception"))) << text;
  }
  try {
    Json(1).at("x");
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_THAT(sentence_of(error), ::testing::Not(HasSubstr("json.exception")));
  }
  try {
    fs::rename(folder / "nothing", folder / "something");
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_EQ(sentence_of(error),
              (folder / "nothing").string() + ": No such file or directory; check the folder and its rights");
  }
}

TEST_F(Files, AFolderIsReplacedWhole) {
  write("to/old", "old");
  write("from/new", "new");
  replace_folder(folder / "from", folder / "to");
  EXPECT_TRUE(fs::exists(folder / "to" / "new"));
  EXPECT_FALSE(fs::exists(folder / "to" / "old"));
  EXPECT_FALSE(fs::exists(folder / "from"));
  EXPECT_NE(error_of([&] { replace_folder(folder / "from", folder / "to"); }), "");
  EXPECT_TRUE(fs::exists(folder / "to" / "new"));
}

TEST_F(Files, LeftoversOfTheDeadAreRemovedAndNothingElse) {
  for (const char* name : {"a.npy.tmp-12-3", "view.json.tmp-99-0", ".run.unfinished/epochs/x", "kept.npy",
                           "notes.tmp-of-mine", ".tmp-1-1", ".hidden/x"})
    write(name, "x");
  write(".lost.replaced/x", "x");      // a replacement that was killed in between
  write(".kept.npy.replaced/x", "x");  // one that was killed after
  write("b.npy.tmp-7-7", "x");
  const int writer = open((folder / "b.npy.tmp-7-7").c_str(), O_RDONLY);
  ASSERT_EQ(flock(writer, LOCK_EX), 0);
  UnfinishedFolder alive(folder / "alive");
  remove_leftovers(folder);
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder)) left.insert(entry.path().filename());
  EXPECT_THAT(left, ::testing::ElementsAre(".alive.unfinished", ".hidden", ".tmp-1-1", "b.npy.tmp-7-7",
                                           "kept.npy", "lost", "notes.tmp-of-mine"));
  close(writer);
}

TEST_F(Files, AnUnfinishedFolderAppearsWholeOrNotAtAll) {
  write(".run.unfinished/left", "by a killed process");
  {
    const UnfinishedFolder given_up(folder / "run");
    EXPECT_FALSE(fs::exists(given_up.path() / "left"));
    EXPECT_THAT(error_of([&] { UnfinishedFolder another(folder / "run"); }), HasSubstr("another process"));
  }
  EXPECT_TRUE(fs::is_empty(folder));
  UnfinishedFolder done(folder / "run");
  write(".run.unfinished/file", "x");
  done.finish();
  EXPECT_TRUE(fs::exists(folder / "run" / "file"));
  EXPECT_FALSE(fs::exists(folder / ".run.unfinished"));
}

}  // namespace
}  // namespace dvi
