#include "import/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/file.h"
#include "core/random.h"
#include "import/pickle.h"
#include "import/testing/torch_writer.h"

namespace dvi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Written by PyTorch 1.13 through testdata/make_fixtures.py.
std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(DVI_TESTDATA) / name;  // __FILE__ may be relative: CCACHE_BASEDIR makes it so
}

const TorchTensor& by_name(const std::vector<NamedTensor>& tensors, const std::string& name) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const NamedTensor& t) { return t.name == name; });
  if (found == tensors.end()) throw std::runtime_error("no tensor " + name);
  return found->tensor;
}

std::vector<NamedTensor> read(const std::string& bytes) {
  return read_torch_bytes(std::as_bytes(std::span(bytes)), "x.pth");
}

std::string complaint(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(TorchFile, ReadsATensorWrittenByPyTorch) {
  const TorchTensor tensor = read_torch_tensor(fixture("tensor.pth"));
  EXPECT_EQ(tensor.dtype, DType::u8);
  EXPECT_THAT(tensor.shape, ElementsAre(2, 3, 4));
  const auto values = tensor.to_ints();
  ASSERT_EQ(values.size(), 24u);
  for (size_t i = 0; i < 24; ++i) EXPECT_EQ(values[i], static_cast<int64_t>(i));
}

TEST(TorchFile, ReadsEveryDtypeAndStridesWrittenByPyTorch) {
  const auto tensors = read_torch_file(fixture("dtypes.pth"));
  EXPECT_EQ(tensors.size(), 12u);
  EXPECT_THAT(by_name(tensors, "transposed").shape, ElementsAre(4, 3));
  EXPECT_THAT(by_name(tensors, "transposed").to_floats(), ElementsAre(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
  EXPECT_THAT(by_name(tensors, "view").to_floats(), ElementsAre(5, 6, 9, 10));
  EXPECT_THAT(by_name(tensors, "expanded").to_floats(), ElementsAre(1, 1));
  EXPECT_THAT(by_name(tensors, "scalar").to_floats(), ElementsAre(2.5f));
  EXPECT_THAT(by_name(tensors, "empty").shape, ElementsAre(0, 3));
  EXPECT_THAT(by_name(tensors, "half").to_floats(), ElementsAre(0.5f, -2.f));
  EXPECT_THAT(by_name(tensors, "bfloat").to_floats(), ElementsAre(1.5f, -3.f));
  EXPECT_THAT(by_name(tensors, "long").to_ints(), ElementsAre(-1, int64_t{1} << 40));
  EXPECT_THAT(by_name(tensors, "bool").to_ints(), ElementsAre(1, 0));
  EXPECT_THAT(by_name(tensors, "char").to_ints(), ElementsAre(-7));
  EXPECT_THAT(by_name(tensors, "short").to_ints(), ElementsAre(-300));
  EXPECT_THAT(by_name(tensors, "int").to_ints(), ElementsAre(70000));
}

TEST(TorchFile, ReadsStateDictsAndCheckpointsWrittenByPyTorch) {
  for (const auto& [file, prefix] : {std::pair{"state_dict.pth", ""}, {"checkpoint.pth", "state_dict."}}) {
    const auto tensors = read_torch_file(fixture(file));
    const TorchTensor& weight = by_name(tensors, std::string(prefix) + "fc.weight");
    EXPECT_THAT(weight.shape, ElementsAre(3, 5));
    EXPECT_FLOAT_EQ(weight.to_floats()[7], 0.7f);
    EXPECT_THAT(by_name(tensors, std::string(prefix) + "fc.bias").to_floats(), ElementsAre(1, 2, 3));
    EXPECT_THAT(by_name(tensors, std::string(prefix) + "1.num_batches_tracked").to_ints(), ElementsAre(1));
  }
}

TEST(TorchFile, AWholeModuleIsReadWithoutItsClass) {
  // Attributes of an object are passed over: nothing of it is built.
  EXPECT_TRUE(read_torch_file(fixture("whole_module.pth")).empty());
  EXPECT_THAT(complaint([] { read_torch_tensor(fixture("whole_module.pth")); }),
              HasSubstr("expected one tensor, found none"));
}

TEST(TorchFile, TheFormatBeforePyTorch16IsRefusedWithTheMend) {
  EXPECT_THAT(complaint([] { read_torch_file(fixture("before_1_6.pth")); }),
              HasSubstr("Load it with torch.load and save it again"));
}

TEST(TorchFile, ReadsWhatTheTestWriterWrites) {
  const auto tensors =
      read(testing::torch_bytes({{"a", testing::tensor<float>("FloatStorage", {2, 2}, {1, 2, 3, 4})},
                                 {"b", testing::tensor<int64_t>("LongStorage", {1}, {5})}}));
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_THAT(tensors[0].tensor.to_floats(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(tensors[1].tensor.to_ints(), ElementsAre(5));
}

TEST(TorchFile, NothingIsCalled) {
  testing::ZipWriter zip;
  zip.add("archive/data.pkl",
          "\x80\x02"
          "cos\nsystem\n" +
              testing::pickled_text("touch /tmp/dvi-must-not-exist") + "\x85R.");
  EXPECT_TRUE(read(zip.finish()).empty());
  EXPECT_FALSE(std::filesystem::exists("/tmp/dvi-must-not-exist"));
}

TEST(TorchFile, ATensorBeyondItsStorageIsRefused) {
  auto tensor = testing::tensor<float>("FloatStorage", {2, 2}, {1, 2, 3});
  EXPECT_THAT(complaint([&] { read(testing::torch_bytes(tensor)); }), HasSubstr("found it beyond them"));
  tensor.shape = {int64_t{1} << 40, int64_t{1} << 40};
  EXPECT_THAT(complaint([&] { read(testing::torch_bytes(tensor)); }), HasSubstr("x.pth: expected"));
  tensor.shape = {-1};
  EXPECT_THAT(complaint([&] { read(testing::torch_bytes(tensor)); }), HasSubstr("x.pth: expected a shape"));
}

TEST(TorchFile, CompressedEntriesAndOtherDtypesAreRefusedWithTheMend) {
  testing::ZipWriter zip;
  zip.add("archive/data.pkl", "xx", 8);
  EXPECT_THAT(complaint([&] { read(zip.finish()); }), HasSubstr("compressed"));
  EXPECT_THAT(complaint([] {
                read(testing::torch_bytes(testing::tensor<float>("ComplexFloatStorage", {1}, {1, 2})));
              }),
              HasSubstr("ComplexFloatStorage; convert it"));
  testing::ZipWriter other;
  other.add("something.txt", "xx");
  EXPECT_THAT(complaint([&] { read(other.finish()); }), HasSubstr("without data.pkl"));
}

TEST(TorchFile, EveryCutOffFileIsRefused) {
  const std::string whole =
      testing::torch_bytes({{"a", testing::tensor<float>("FloatStorage", {4}, {1, 2, 3, 4})}});
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_THROW(read(whole.substr(0, size)), Error) << size;
}

TEST(TorchFile, DamagedBytesNeverDoMoreThanThrow) {
  Random random(1);
  for (const char* file : {"checkpoint.pth", "dtypes.pth"}) {
    const std::string whole = read_file(fixture(file));
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
      std::string bytes = whole;
      for (int i = 0; i < 3; ++i) bytes[random.below(bytes.size())] = static_cast<char>(random.next());
      try {
        read(bytes);
      } catch (const Error&) {
        ++refused;
      }
    }
    EXPECT_GT(refused, 30);
  }
}

TEST(TorchFile, ASmallFileCannotClaimToBeLarge) {
  // Entries that share their bytes: the second's offset is made the first's.
  testing::ZipWriter zip;
  zip.add("archive/data/0", std::string(4000, 'x'));
  zip.add("archive/data/1", std::string(4000, 'x'));
  std::string bytes = zip.finish();
  const size_t second = bytes.rfind("PK\1\2");
  std::memset(&bytes[second + 42], 0, 4);
  EXPECT_THAT(complaint([&] { read(bytes); }), HasSubstr("overlap"));
  testing::ZipWriter twice;
  twice.add("archive/data.pkl", "\x80\x02N.");
  twice.add("archive/data.pkl", "\x80\x02N.");
  EXPECT_THAT(complaint([&] { read(twice.finish()); }), HasSubstr("twice"));
  // One key of a megabyte under which thousands of shared dicts lie.
  std::string pickle =
      std::string("\x80\x02", 2) + testing::pickled_text(std::string(1 << 20, 'k')) + std::string("q\0", 2);
  pickle += "}";
  for (int i = 0; i < 1000; ++i)
    pickle += std::string("h\0", 2) + testing::pickled_tensor({"FloatStorage", {1}, ""}, "0") + "s";
  testing::ZipWriter keys;
  keys.add("archive/data.pkl", pickle + ".");
  keys.add("archive/data/0", std::string(4, '\0'));
  EXPECT_THAT(complaint([&] { read(keys.finish()); }), HasSubstr("a name of ordinary length"));
}

TEST(Pickle, SharedTextsAndManyObjectsAreBounded) {
  const auto pickle = [](const std::string& bytes) {
    return read_pickle(std::as_bytes(std::span(bytes)), "x");
  };
  std::string names =
      std::string("\x80\x04", 2) + testing::pickled_text(std::string(1 << 20, 'm')) + std::string("q\0", 2);
  for (int i = 0; i < 100000; ++i) names += std::string("h\0h\0\x93", 5);
  EXPECT_THAT(complaint([&] { pickle(names + "."); }), HasSubstr("damaged"));
  EXPECT_THAT(complaint([&] { pickle("\x80\x02" + std::string(5000000, 'N') + "."); }),
              HasSubstr("at most 4000000 objects"));
}

TEST(TorchTensor, OnlyWholeNumbersAreInts) {
  for (const double bad : {1e30, 0.5, -HUGE_VAL}) {
    TorchTensor tensor{DType::f64, {1}, std::vector<std::byte>(8)};
    std::memcpy(tensor.bytes.data(), &bad, 8);
    EXPECT_THAT(complaint([&] { tensor.to_ints(); }), HasSubstr("expected whole numbers")) << bad;
  }
}

TEST(Pickle, DeepAndCyclicObjectsNeitherRecurseNorGrow) {
  const auto pickle = [](const std::string& bytes) {
    return read_pickle(std::as_bytes(std::span(bytes)), "x");
  };
  EXPECT_EQ(pickle("\x80\x02]" + std::string(2000000, '\x85') + ".").nodes.size(), 2000001u);
  EXPECT_EQ(pickle(std::string("\x80\x02]q\0h\0a.", 9)).nodes.size(), 1u);  // a list that holds itself
  // A dict whose value is itself, walked as a state dict.
  testing::ZipWriter zip;
  zip.add("archive/data.pkl", std::string("\x80\x02}q\0", 5) + testing::pickled_text("a") +
                                  std::string("h\0", 2) + testing::pickled_text("b") +
                                  std::string("h\0u.", 4));
  EXPECT_THROW(read(zip.finish()), Error);  // no mark for 'u'
  testing::ZipWriter marked;
  marked.add("archive/data.pkl", std::string("\x80\x02}q\0(", 6) + testing::pickled_text("a") +
                                     std::string("h\0", 2) + testing::pickled_text("b") +
                                     std::string("h\0u.", 4));
  EXPECT_TRUE(read(marked.finish()).empty());
}

TEST(Pickle, NumbersTextsAndContainers) {
  using Kind = PickleNode::Kind;
  const std::string bytes = std::string("\x80\x04(K\x07M\x01\x02J\xff\xff\xff\xff\x8a\x02\x00\xff", 17) +
                            std::string("G\x3f\xf8\x00\x00\x00\x00\x00\x00", 9) + "\x8c\x02hi\x88N}X\x01" +
                            std::string(3, '\0') + "kK\x01st.";
  const Pickle pickle = read_pickle(std::as_bytes(std::span(bytes)), "x");
  const auto& items = pickle.root->items;
  ASSERT_EQ(items.size(), 9u);
  EXPECT_EQ(items[0]->integer, 7);
  EXPECT_EQ(items[1]->integer, 513);
  EXPECT_EQ(items[2]->integer, -1);
  EXPECT_EQ(items[3]->integer, -256);
  EXPECT_EQ(items[4]->real, 1.5);
  EXPECT_EQ(items[5]->text, "hi");
  EXPECT_EQ(items[6]->kind, Kind::boolean);
  EXPECT_EQ(items[7]->kind, Kind::none);
  ASSERT_EQ(items[8]->items.size(), 2u);
  EXPECT_EQ(items[8]->items[0]->text, "k");
}

}  // namespace
}  // namespace dvi
