#include "report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "report/base64.h"
#include "run/testing/test_run.h"
#include "server/encoding.h"
#include "server/page.h"

namespace dvi {
namespace {

using testing::HasSubstr;

std::string unbase64(const std::string& text) {
  std::string bytes;
  uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    const uint32_t value = c >= 'a'   ? static_cast<uint32_t>(c - 'a' + 26)
                           : c >= 'A' ? static_cast<uint32_t>(c - 'A')
                           : c >= '0' ? static_cast<uint32_t>(c - '0' + 52)
                           : c == '+' ? 62u
                                      : 63u;
    group = group << 6 | value;
    if ((bits += 6) >= 8) bytes += static_cast<char>(group >> (bits -= 8) & 255);
  }
  return bytes;
}

TEST(Base64, GivesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64(bytes), text);
    EXPECT_EQ(unbase64(text), bytes);
  }
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

class ReportTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const PageFile& file : page_files())
      if (file.path.starts_with("/assets/")) return;
    GTEST_SKIP() << "this build has no page";
  }
  Json copy_in(const std::filesystem::path& file) {
    const std::string html = read_file(file), mark = "id=\"dvi-copy\">";
    const auto begin = html.find(mark) + mark.size();
    return Json::parse(gunzip(unbase64(html.substr(begin, html.find("</script>", begin) - begin))));
  }
  TemporaryFolder folder_;
};

TEST_F(ReportTest, HoldsThePageAndWhatItWillAskFor) {
  const dvi::Run run = make_test_run(folder_ / "run", {.noisy = 0.1});
  const auto sizes = write_report(folder_ / "run", {.epochs = {2, 4}, .images = 100}, folder_ / "r.html");
  EXPECT_EQ(sizes.epochs, 2u);
  EXPECT_EQ(sizes.images, 100u);
  EXPECT_EQ(sizes.bytes, std::filesystem::file_size(folder_ / "r.html"));
  const std::string html = read_file(folder_ / "r.html");
  const size_t program = html.find("<script type=\"module\">");
  ASSERT_NE(program, std::string::npos);
  EXPECT_NE(html.find("dvi-copy", program), std::string::npos)
      << "not the part of the page that reads the data";
  EXPECT_THAT(html, testing::Not(HasSubstr("src=\"./")));  // nothing is left to load

  const Json copy = copy_in(folder_ / "r.html");
  const Json& answers = copy["answers"];
  const auto stored = [&](const std::string& path) { return unbase64(answers.at(path).at("bytes")); };
  const std::string view = "api/runs/0/views/default";
  EXPECT_EQ(Json::parse(answers.at(view).at("json").get<std::string>())["epochs"], Json({2, 4}));
  EXPECT_EQ(stored("api/runs/0/labels"),
            std::string(reinterpret_cast<const char*>(run.labels().data()), run.labels().size() * 4));
  EXPECT_EQ(stored(view + "/epochs/2/positions").size(), 300u * 4);
  EXPECT_EQ(stored(view + "/epochs/4/samples").size(), 300u * 9);
  EXPECT_EQ(stored(view + "/epochs/4/territory?size=64").size(),
            64u * 64 * 5);  // class (2 bytes), confidence, margin, fade
  EXPECT_EQ(stored("api/runs/0/columns/is_noisy").size(), 300u * 4);
  EXPECT_FALSE(answers.contains(view + "/epochs/3/positions"));
  const Json events = Json::parse(answers.at(view + "/events?from=2&to=4").at("json").get<std::string>());
  EXPECT_GT(events["events"].size(), 0u);
  EXPECT_EQ(events["count"], events["events"].size());
  size_t images = 0;
  for (const Json& atlas : copy["atlases"]) {
    images += atlas["ids"].size();
    EXPECT_EQ(unbase64(atlas["png"]).substr(1, 3), "PNG");
  }
  EXPECT_EQ(images, 100u);
}

TEST_F(ReportTest, MistakesAreOneSentenceAndLeaveNoFile) {
  make_test_run(folder_ / "run", {.images = false});
  EXPECT_THAT(error_of([&] { write_report(folder_ / "run", {.epochs = {9}}, folder_ / "r.html"); }),
              HasSubstr("--epochs: view \"default\" has none of these fitted; it has 1, 2, 3, 4"));
  EXPECT_THAT(error_of([&] { write_report(folder_ / "run", {.view = "other"}, folder_ / "r.html"); }),
              HasSubstr("other"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "r.html"));
}

}  // namespace
}  // namespace dvi
