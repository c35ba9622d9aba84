#include "query/query.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cmath>
#include <ctime>

#include "core/random.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// One run for all tests: nothing here writes to it.
struct Shared {
  Shared() : run(make()), table(run, View::open(run, "default")) {}
  dvi::Run make() {
    TestRunOptions options;
    options.noisy = 0.1;
    options.epochs = {1, 2, 3, 5, 8, 9};
    options.fitted = {1, 2, 3, 5, 8};
    options.images = false;
    return make_test_run(folder / "run", options);
  }
  TemporaryFolder folder;
  dvi::Run run;
  SampleTable table;
};

class QueryTest : public ::testing::Test {
 protected:
  static Shared& shared() {
    static Shared instance;
    return instance;
  }
  static const SampleTable& table() { return shared().table; }
  static std::vector<int32_t> find(const std::string& condition, std::optional<int> epoch = {}) {
    return find_samples(table(), condition, epoch).ids;
  }
  static std::string error(const std::string& condition) {
    return error_of([&] { find_samples(table(), condition); });
  }
  /// What a plain loop finds.
  template <typename Fits>
  static std::vector<int32_t> loop(int epoch, Fits fits) {
    const auto at = table().view().epoch(epoch);
    std::vector<int32_t> ids;
    for (size_t i = 0; i < table().labels().size(); ++i)
      if (fits(*at, i)) ids.push_back(static_cast<int32_t>(i));
    return ids;
  }
};

TEST_F(QueryTest, TheExampleFindsWhatALoopFinds) {
  const auto expected = loop(3, [](const ViewEpoch& e, size_t i) {
    return table().labels()[i] == 1 && e.predictions()[i] == 0 && e.confidence()[i] > 0.5;
  });
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(find("label = 'Trouser' and prediction = 'T-shirt/top' and confidence > 0.5 and epoch = 3"),
            expected);
  EXPECT_EQ(find("label = 'Trouser' and prediction = 'T-shirt/top' and confidence > 0.5", 3), expected);
  EXPECT_EQ(find("label_id = 1 AND prediction_id = 0 AND NOT confidence <= 0.5 AND epoch = 3"), expected);
}

TEST_F(QueryTest, WithoutAnEpochItIsTheLastOne) {
  const auto wrong = [](const ViewEpoch& e, size_t i) { return e.predictions()[i] != table().labels()[i]; };
  EXPECT_EQ(find("correct = 0"), loop(8, wrong));
  EXPECT_EQ(find("correct = 0", 2), loop(2, wrong));
  EXPECT_EQ(find_samples(table(), "correct = 0 and epoch = 5").epoch, 5);
  EXPECT_EQ(find_samples(table(), "correct = 0").epoch, 8);
}

TEST_F(QueryTest, NamedEpochsMeanAnyThatFits) {
  auto either = find("correct = 0", 3);
  for (const int32_t id : find("correct = 0", 5)) either.push_back(id);
  std::sort(either.begin(), either.end());
  either.erase(std::unique(either.begin(), either.end()), either.end());
  EXPECT_EQ(find("correct = 0 and epoch in (3, 5)"), either);
  EXPECT_EQ(find("correct = 0 and (epoch = 3 or epoch = 5)"), either);
  EXPECT_EQ(find("correct = 0 and epoch > 2 and epoch < 8"), either);
  EXPECT_EQ(find("correct = 0 and epoch between 3 and 7"), either);
  EXPECT_THAT(find("correct = 0 and epoch = 4"), IsEmpty());
}

TEST_F(QueryTest, EachEpochByItself) {
  const auto each = find_samples_each(table(), "correct = 0");
  ASSERT_EQ(each.size(), 5u);
  for (const auto& matches : each) EXPECT_EQ(matches.ids, find("correct = 0", matches.epoch));
}

TEST_F(QueryTest, EveryColumnCanBeReadAndCompared) {
  for (const ColumnInfo& column : table().columns()) {
    const std::string name = "\"" + column.name + "\"";
    const auto present = find(name + " is not null"), missing = find(name + " is null");
    EXPECT_EQ(present.size() + missing.size(), 300u) << name;
    // Whether pushed down (= on the bare column) or not (+column), the result is the same.
    if (column.type != CellType::text) {
      EXPECT_EQ(find(name + " > 0.5"), find("+" + name + " > 0.5")) << name;
      EXPECT_EQ(find(name + " <= 1"), find("+" + name + " <= 1")) << name;
      EXPECT_EQ(find(name + " = 1"), find("+" + name + " = 1")) << name;
    }
  }
}

TEST_F(QueryTest, GroupsAndRoles) {
  EXPECT_EQ(find("group = 'test'").size(), 60u);
  EXPECT_EQ(find("\"group\" = 'test'").size(), 60u);
  EXPECT_EQ(find("role = 'train' and id < 10").size(), 10u);
  EXPECT_EQ(find("in_training_set = 1").size(), 240u);
  EXPECT_THAT(find("newly_selected"), IsEmpty());
}

TEST_F(QueryTest, DerivedColumns) {
  EXPECT_EQ(find("boundary"), loop(8, [](const ViewEpoch& e, size_t i) { return e.margin()[i] < 0.1f; }));
  EXPECT_EQ(find("x > 1 and y < 0"), loop(8, [](const ViewEpoch& e, size_t i) {
              return e.positions()[2 * i] > 1 && e.positions()[2 * i + 1] < 0;
            }));
  EXPECT_EQ(find("kept >= 14"),
            loop(8, [](const ViewEpoch& e, size_t i) { return e.neighbors_kept()[i] >= 14; }));
  EXPECT_EQ(find("moved > 0.05"), loop(8, [](const ViewEpoch& e, size_t i) { return e.moved()[i] > 0.05; }));
  EXPECT_EQ(find("round_trip_ok = 1").size(), 300u);
}

TEST_F(QueryTest, RecordedColumns) {
  const auto noisy = shared().run.column("is_noisy");
  EXPECT_EQ(find("is_noisy = 1"), loop(8, [&](const ViewEpoch&, size_t i) { return noisy[i] == 1; }));
  const auto original = shared().run.column("original_label");
  EXPECT_EQ(find("original_label = 'Trouser'"),
            loop(8, [&](const ViewEpoch&, size_t i) { return original[i] == 1; }));
  EXPECT_EQ(find("original_label_id = 1"), find("original_label = 'Trouser'"));
  EXPECT_EQ(find("original_label <> label"), find("is_noisy = 1"));
  EXPECT_EQ(find("feature_length > 4", 3), loop(3, [&](const ViewEpoch& e, size_t i) {
              return std::hypot(e.positions()[2 * i], e.positions()[2 * i + 1]) > 4;
            }));
}

TEST_F(QueryTest, TrajectoriesAgreeWithALoop) {
  const auto& epochs = table().epochs();
  const auto prediction = [&](int epoch, size_t i) { return table().view().epoch(epoch)->predictions()[i]; };
  EXPECT_EQ(find("flips >= 2"), loop(8, [&](const ViewEpoch&, size_t i) {
              int flips = 0;
              for (size_t e = 1; e < epochs.size(); ++e)
                flips += prediction(epochs[e], i) != prediction(epochs[e - 1], i);
              return flips >= 2;
            }));
  EXPECT_EQ(find("first_learned = 3"), loop(8, [&](const ViewEpoch&, size_t i) {
              const int label = table().labels()[i];
              return prediction(1, i) != label && prediction(2, i) != label && prediction(3, i) == label;
            }));
  EXPECT_EQ(find("last_forgotten = 8"), loop(8, [&](const ViewEpoch&, size_t i) {
              return prediction(5, i) == table().labels()[i] && prediction(8, i) != table().labels()[i];
            }));
  EXPECT_EQ(find("crossed(1, 8)"),
            loop(8, [&](const ViewEpoch&, size_t i) { return prediction(1, i) != prediction(8, i); }));
  EXPECT_FALSE(find("crossed(1, 8)").empty());
  EXPECT_EQ(
      find("prediction_at(2) = 'Trouser' and prediction_at( 8 ) = 'Pullover'"),
      loop(8, [&](const ViewEpoch&, size_t i) { return prediction(2, i) == 1 && prediction(8, i) == 2; }));
  EXPECT_EQ(find("correct_at(2) and not correct_at(3)"), loop(8, [&](const ViewEpoch&, size_t i) {
              return prediction(2, i) == table().labels()[i] && prediction(3, i) != table().labels()[i];
            }));
  EXPECT_EQ(find("confidence_at(2) > 0.8"), find("confidence > 0.8", 2));
  EXPECT_EQ(find("moved(1, 2) > 1"), loop(8, [&](const ViewEpoch&, size_t i) {
              const auto a = table().view().epoch(1)->positions(), b = table().view().epoch(2)->positions();
              return std::hypot(a[2 * i] - b[2 * i], a[2 * i + 1] - b[2 * i + 1]) > 1;
            }));
  EXPECT_FALSE(find("distance_moved > 3").empty());
  // Pushes come from train samples alone, in both directions.
  const auto pushers = find("pushed(0, 1, 8) > 0"), against = find("pushed(0, 1, 8) < 0");
  EXPECT_FALSE(pushers.empty());
  EXPECT_FALSE(against.empty());
  EXPECT_TRUE(find("pushed(0, 1, 8) <> 0 and role <> 'train'").empty());
  EXPECT_THAT(error("pushed(0, 8, 1) > 0"), HasSubstr("expected an earlier and a later epoch"));
}

TEST_F(QueryTest, MistakesAreExplained) {
  EXPECT_EQ(error("labell = 'Shirt'"),
            "condition: no column is named labell at character 1; did you mean label?");
  EXPECT_THAT(error("confidence > 0.9 and predictoin = 'Dress'"),
              AllOf(HasSubstr("character 22"), HasSubstr("prediction?")));
  EXPECT_THAT(error("label = 'Trousr'"), HasSubstr("no label 'Trousr'; did you mean 'Trouser'?"));
  EXPECT_THAT(error("group = 'xyzzy'"), HasSubstr("it can be 'train', 'test'"));
  EXPECT_THAT(error("label = Trouser"), HasSubstr("single quotes, 'Trouser'"));
  EXPECT_THAT(error("label = \"Trouser\""), HasSubstr("single quotes, 'Trouser'"));
  EXPECT_THAT(error("flipz(1) > 2"), HasSubstr("no function is named flipz"));
  EXPECT_THAT(error("crosed(1, 2)"), HasSubstr("did you mean crossed?"));
  EXPECT_THAT(error("crossed(1)"), HasSubstr("wrong number of arguments"));
  EXPECT_THAT(error("crossed(1, 4)"), HasSubstr("epoch 4 is not fitted"));
  EXPECT_THAT(error("crossed(1, 'x')"), HasSubstr("whole numbers"));
  EXPECT_THAT(error("label ="), HasSubstr("ends too early"));
  EXPECT_THAT(error("label = = 'Dress'"), HasSubstr("not understood at \"=\" at character 9"));
  EXPECT_THAT(error(""), HasSubstr("found nothing"));
  EXPECT_THAT(error("label = 'Dress"), HasSubstr("quote at character 9"));
  EXPECT_THAT(error_of([&] { find_samples(table(), "correct", 4); }), HasSubstr("(1, 2, 3, 5, 8)"));
}

class Attacks : public QueryTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(Attacks, AreRefused) {
  const std::string message = error(GetParam());
  EXPECT_THAT(message, HasSubstr("condition:")) << GetParam();
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Query, Attacks,
    ::testing::Values(
        "1); DROP TABLE samples; --", "1) UNION SELECT 1, 2 --",
        "1) UNION SELECT id, epoch FROM samples WHERE (1", "id IN (SELECT 1)",
        "id IN (SELECT id FROM samples)", "EXISTS (SELECT 1 FROM sqlite_master)",
        "(SELECT count(*) FROM sqlite_schema) = 0", "load_extension('x') = 1", "readfile('/etc/passwd') = ''",
        "writefile('/tmp/x', 'y') = 1", "randomblob(1000000000) = ''", "zeroblob(1000000000) = ''",
        "printf('%1000000000d', 1) = ''", "replace(hex(zeroblob(100000)), '00', 'aaaaaaaaaaaaaaa') = ''",
        "sqlite_version() = ''", "id = ?1", "count(*) > 1", "row_number() over () = 1", "id = 1 ORDER BY 1",
        "id = 1 LIMIT 5", "id = 1 GROUP BY 1", "id = 1 /* hidden", "id = 1 -- hidden",
        "WITH x AS (SELECT 1) SELECT 1", "id = 1) OR (SELECT 1", "pragma_table_info('samples')",
        "id IN pragma_table_info('samples')", "id IN sqlite_master", "PRAGMA writable_schema = 1",
        "ATTACH '/tmp/x' AS y", "fts3_tokenizer('x') = 1", "json_each('[1]')", "id MATCH 'x'",
        "id REGEXP 'x'", "changes() = 0", "last_insert_rowid() = 0"));

TEST_F(QueryTest, LongAndDeepConditionsAreRefusedQuickly) {
  std::string deep = "id = 1", wide = "id = 1";
  for (int i = 0; i < 2000; ++i) deep = "(" + deep + ")";
  for (int i = 0; i < 1500; ++i) wide += " or id = 1";
  std::string negated;
  for (int i = 0; i < 5000; ++i) negated += "not ";
  for (const std::string& condition : {deep, wide, negated + "id = 1", std::string(100000, 'a')})
    EXPECT_THAT(error(condition), HasSubstr("condition:"));
  EXPECT_THAT(error(std::string("id = 1\0 or 1", 12)), HasSubstr("zero byte"));
}

TEST_F(QueryTest, AConditionThatTakesTooLongIsStopped) {
  const auto start = std::chrono::steady_clock::now();
  const std::string message =
      error_of([&] { find_samples(table(), "label like '%a%' or epoch > 0 or x > 0", {}, 0); });
  EXPECT_THAT(message, HasSubstr("stopped after 0 seconds"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

// Whatever is thrown at it, the answer is ids or one sentence.
// Each would run for minutes or years without the clock being looked at.
TEST_F(QueryTest, NoConditionOutlastsItsTime) {
  std::string classes = "label glob '", stars = "label like '", long_text = "'";
  for (int i = 0; i < 190; ++i) classes += "*[ab]";
  for (int i = 0; i < 400; ++i) stars += "%_";
  classes += "!'";
  stars += "!'";
  for (int i = 0; i < 9000; ++i) long_text += 'a';
  long_text += "'";
  std::vector<std::string> nasty = {
      classes + " and epoch > 0",
      stars + " and epoch > 0",
      "(" + long_text + " || x) glob '*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab' and epoch > 0",
      "(" + long_text + " || x) like '%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%ab' and epoch > 0",
      "(" + long_text + " || x) glob '" + "*[" + std::string(900, 'b') + "]*[bc]' and epoch > 0",
      "instr(" + long_text + " || x, " + long_text.substr(0, 5000) + "b') > 0 and epoch > 0",
      "rtrim(" + long_text + " || x, " + long_text.substr(0, 5000) + "b') = 'c' and epoch > 0",
  };
  std::string many = "epoch > 0";
  for (int i = 0; i < 190; ++i) many += " and moved(1, 8) <> " + std::to_string(i);
  nasty.push_back(many);
  for (const std::string& condition : nasty) {
    constexpr double most = 0.5;
    const std::clock_t start = std::clock();  // the processor's time: the machine may be busy with others
    const std::string said = error_of([&] { find_samples(table(), condition, {}, most); });
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_LT(seconds, most * 1.1) << condition.substr(0, 80);
    if (!said.empty()) {
      EXPECT_THAT(said, HasSubstr("stopped after")) << condition.substr(0, 80);
    }
  }
}

TEST_F(QueryTest, AConditionEndsWhenNobodyWaits) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(
      error_of([&] { find_samples(table(), "moved(1, 8) >= 0 and epoch > 0", {}, 10, stop.get_token()); }),
      HasSubstr("stopped"));
}

TEST_F(QueryTest, CategoriesAreNamesOrNothing) {
  TemporaryFolder folder;
  TestRunOptions options;
  options.images = false;
  options.epochs = options.fitted = {1, 2};
  make_test_run(folder / "run", options);
  Json manifest = read_json(folder / "run" / std::string("run.json"));
  manifest["columns"]["kind"] = {{"categories", {"a", "b", "c"}}};
  write_json(folder / "run" / std::string("run.json"), manifest);
  const auto file = folder.path() / "run" / "columns" / "kind.npy";
  std::filesystem::create_directories(file.parent_path());
  const auto ask = [&](const std::string& condition) {
    const dvi::Run run = dvi::Run::open(folder / "run");
    const SampleTable samples(run, View::open(run, "default"));
    return find_samples(samples, condition).ids;
  };
  const size_t n = static_cast<size_t>(options.train + options.test);
  std::vector<float> values(n, NAN);
  values[1] = 1, values[2] = 2, values[3] = -1;
  write_npy(file, values);
  EXPECT_THAT(ask("kind = 'b'"), ElementsAre(1));
  EXPECT_THAT(ask("kind is not null"), ElementsAre(1, 2));
  EXPECT_THAT(ask("kind_id = 2"), ElementsAre(2));
  for (const double bad : {-HUGE_VAL, 1e30, -2.0, 3.0, 0.5, HUGE_VAL}) {
    values[5] = static_cast<float>(bad);
    write_npy(file, values);
    for (const char* condition : {"kind = 'b'", "kind <> 'b'", "kind is null", "kind_id > 0"})
      EXPECT_THAT(error_of([&] { ask(condition); }), AllOf(HasSubstr("kind.npy"), HasSubstr("for sample 5")))
          << bad;
    EXPECT_THAT(error_of([&] { dvi::Run::open(folder / "run").column("kind"); }), HasSubstr("for sample 5"));
  }
  // Of integers too, and of a column of numbers anything goes.
  std::vector<int32_t> whole(n, 0);
  whole[7] = INT32_MIN;
  write_npy(file, whole);
  EXPECT_THAT(error_of([&] { ask("kind = 'b'"); }), HasSubstr("for sample 7"));
  manifest["columns"].erase("kind");
  write_json(folder / "run" / std::string("run.json"), manifest);
  values[5] = 1e30f;
  write_npy(file, values);
  EXPECT_THAT(ask("kind > 1e20"), ElementsAre(5));
}

TEST_F(QueryTest, RandomConditionsNeverDoHarm) {
  static constexpr const char* pieces[] = {"label",      "=",
                                           "'Dress'",    "and",
                                           "or",         "not",
                                           "(",          ")",
                                           "confidence", ">",
                                           "0.5",        "epoch",
                                           "8",          "in",
                                           ",",          "like",
                                           "'%a%'",      "is",
                                           "null",       "crossed",
                                           "(1, 8)",     "flips",
                                           "+",          "-",
                                           "between",    "case",
                                           "when",       "then",
                                           "else",       "end",
                                           "group",      "\"",
                                           "'",          "collate nocase",
                                           "id",         "prediction_at",
                                           "(",          "9223372036854775807",
                                           "1e308",      "||",
                                           "cast",       "as",
                                           "text",       "x'00'",
                                           "[x]",        "`y`",
                                           "exists",     "select",
                                           "<>",         "<=",
                                           "glob",       "escape",
                                           "isnull",     "%",
                                           "*",          "/",
                                           "~",          "&",
                                           "|",          "<<",
                                           "\xc3\xa4",   "\x80",
                                           "null"};
  Random random(7);
  int good = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string condition;
    const auto length = 1 + random.below(9);
    for (uint64_t j = 0; j < length; ++j)
      condition += std::string(pieces[random.below(std::size(pieces))]) + " ";
    try {
      for (const int32_t id : find(condition)) ASSERT_TRUE(id >= 0 && id < 300) << condition;
      ++good;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << condition;
    }
  }
  EXPECT_GT(good, 20);  // the pieces do make conditions
}

TEST_F(QueryTest, ASingleEpochIsNotSearchedThroughAllOfThem) {
  TestRunOptions options;
  options.train = 60000, options.test = 10000, options.classes = 10, options.images = false;
  options.epochs = {1, 2, 3, 4}, options.fitted = {1, 2, 3, 4}, options.territory_size = 32;
  TemporaryFolder folder;
  const dvi::Run run = make_test_run(folder / "run", options);
  const SampleTable large(run, View::open(run, "default"));
  const auto result = find_samples(
      large, "label = 'Shirt' and prediction = 'T-shirt/top' and confidence > 0.2 and epoch = 2");
  std::cout << "70,000 samples, one epoch: " << result.seconds * 1000 << " ms, " << result.ids.size()
            << " found\n";
  EXPECT_LT(result.seconds, 0.25);
}

}  // namespace
}  // namespace dvi
