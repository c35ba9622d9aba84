#include "subject/torch_subject.h"

#include <gmock/gmock.h>
#include <torch/script.h>
#include <torch/version.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>

#include "core/parallel.h"
#include "core/random.h"
#include "run/testing/test_run.h"

namespace dvi {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t classes = 4, dim = 24;

const char* const linear_source = R"(
def features(self, x):
    return torch.relu(torch.linear(torch.flatten(x, 1), self.w1, self.b1))
def head(self, f):
    return torch.linear(f, self.w2, self.b2)
)";
// The same under the names that earlier DVI tools use, with a head that is not linear.
const char* const curved_source = R"(
def feature(self, x):
    return torch.relu(torch.linear(torch.flatten(x, 1), self.w1, self.b1))
def prediction(self, f):
    return torch.linear(torch.tanh(f), self.w2, self.b2)
)";

/// A module for inputs of 1 x 6 x 5, saved to `file`.
torch::jit::Module save_module(const std::filesystem::path& file, const char* source) {
  torch::manual_seed(3);
  torch::jit::Module module("Net");
  module.register_parameter("w1", torch::randn({dim, 30}) * 0.2, false);
  module.register_parameter("b1", torch::randn({dim}), false);
  module.register_parameter("w2", torch::randn({classes, dim}), false);
  module.register_parameter("b2", torch::randn({classes}), false);
  module.define(source);
  module.save(file.string());
  return module;
}

std::unique_ptr<SubjectModel> opened(const std::filesystem::path& file, int64_t features = dim,
                                     int64_t outputs = classes, ModelPlace place = ModelPlace::threads) {
  return open_torch_subject(file, features, outputs, place);
}

Matrix random_matrix(int64_t rows, int64_t cols) {
  Random random(11);
  Matrix m(rows, cols);
  for (int64_t i = 0; i < rows * cols; ++i) m.data()[i] = static_cast<float>(random.normal());
  return m;
}

const std::vector<int64_t> shape{1, 6, 5};

/// Of n random inputs, by a model that is opened for them.
Matrix features_of(const std::filesystem::path& file, int64_t n, ModelPlace place) {
  Matrix features(n, dim);
  opened(file, dim, classes, place)->features(random_matrix(n, 30), shape, features.mut());
  return features;
}

TEST(TorchSubject, FeaturesAreThoseOfTheModule) {
  const TemporaryFolder folder;
  auto module = save_module(folder / "subject.pt", linear_source);
  const auto subject = opened(folder / "subject.pt");
  EXPECT_TRUE(subject->has_features());
  Matrix inputs = random_matrix(700, 30), features(700, dim);  // several batches, the last one smaller
  subject->features(inputs, shape, features.mut());
  const auto expected = module.get_method("features")({torch::from_blob(inputs.data(), {700, 1, 6, 5})})
                            .toTensor()
                            .contiguous();
  for (int64_t i = 0; i < 700 * dim; ++i)
    ASSERT_NEAR(features.data()[i], expected.data_ptr<float>()[i], 1e-5);
}

TEST(TorchSubject, FeaturesDoNotDependOnTheNumberOfThreads) {
  const TemporaryFolder folder;
  save_module(folder / "subject.pt", linear_source);
  const auto subject = opened(folder / "subject.pt");
  const Matrix inputs = random_matrix(700, 30);
  Matrix one(700, dim), many(700, dim);
  set_threads(1);
  subject->features(inputs, shape, one.mut());
  set_threads(3);
  subject->features(inputs, shape, many.mut());
  set_threads(0);
  EXPECT_TRUE(std::equal(one.data(), one.data() + 700 * dim, many.data()));
}

TEST(TorchSubject, FindsALinearHead) {
  const TemporaryFolder folder;
  auto module = save_module(folder / "subject.pt", linear_source);
  const auto subject = opened(folder / "subject.pt");
  ASSERT_NE(subject->linear_head(), nullptr);
  const auto weight = module.attr("w2").toTensor();
  for (int64_t c = 0; c < classes; ++c) {
    EXPECT_NEAR(subject->linear_head()->bias[static_cast<size_t>(c)],
                module.attr("b2").toTensor()[c].item<float>(), 1e-6);
    for (int64_t j = 0; j < dim; ++j)
      EXPECT_NEAR(subject->linear_head()->weight(c, j), weight[c][j].item<float>(), 1e-5);
  }
}

TEST(TorchSubject, AHeadThatCurvesIsNotTakenForALinearOne) {
  const TemporaryFolder folder;
  save_module(folder / "subject.pt", curved_source);
  EXPECT_EQ(opened(folder / "subject.pt")->linear_head(), nullptr);
}

TEST(TorchSubject, AHeadThatIsLinearForPositiveFeaturesOnlyIsNotTakenForALinearOne) {
  const TemporaryFolder folder;
  save_module(folder / "subject.pt", R"(
def features(self, x):
    return torch.relu(torch.linear(torch.flatten(x, 1), self.w1, self.b1))
def head(self, f):
    return torch.linear(torch.relu(f), self.w2, self.b2)
)");
  EXPECT_EQ(opened(folder / "subject.pt")->linear_head(), nullptr);
}

/// Directional derivative along random directions, so that every feature takes part.
void expect_vjp_matches_finite_differences(SubjectModel& subject, double tolerance) {
  const int64_t n = 300;  // more than one piece
  const Matrix features = random_matrix(n, dim), cotangent = random_matrix(n, classes);
  Matrix vjp(n, dim);
  subject.head_vjp(features, cotangent, vjp.mut());
  Random random(21);
  Matrix direction(n, dim), ahead = features, behind = features;
  const float step = 1e-2f;
  for (int64_t i = 0; i < n * dim; ++i) {
    direction.data()[i] = static_cast<float>(random.normal());
    ahead.data()[i] += step * direction.data()[i];
    behind.data()[i] -= step * direction.data()[i];
  }
  Matrix high(n, classes), low(n, classes);
  subject.head(ahead, high.mut());
  subject.head(behind, low.mut());
  for (int64_t i = 0; i < n; ++i) {
    double slope = 0, expected = 0, size = 1;
    for (int64_t c = 0; c < classes; ++c)
      slope += double(cotangent(i, c)) * (high(i, c) - low(i, c)) / (2 * step);
    for (int64_t j = 0; j < dim; ++j) {
      expected += double(vjp(i, j)) * direction(i, j);
      size += std::abs(double(vjp(i, j)) * direction(i, j));
    }
    EXPECT_NEAR(slope, expected, tolerance * size) << "sample " << i;
  }
}

TEST(TorchSubject, VjpOfALinearHeadMatchesFiniteDifferences) {
  const TemporaryFolder folder;
  save_module(folder / "subject.pt", linear_source);
  expect_vjp_matches_finite_differences(*opened(folder / "subject.pt"), 1e-4);
}

TEST(TorchSubject, VjpOfACurvedHeadMatchesFiniteDifferences) {
  const TemporaryFolder folder;
  save_module(folder / "subject.pt", curved_source);
  expect_vjp_matches_finite_differences(*opened(folder / "subject.pt"), 1e-3);
}

TEST(TorchSubject, OnTheDeviceSaysWhatItSaysOnTheProcessor) {
  const TemporaryFolder folder;
  save_module(folder / "subject.pt", curved_source);
  const auto own = opened(folder / "subject.pt"),
             device = opened(folder / "subject.pt", dim, classes, ModelPlace::device);
  constexpr int64_t n = 2500;  // several batches on either
  const Matrix inputs = random_matrix(n, 30), cotangent = random_matrix(n, classes);
  const auto outputs = [&](SubjectModel& subject) {
    std::array<Matrix, 3> out{Matrix(n, dim), Matrix(n, classes), Matrix(n, dim)};
    subject.features(inputs, shape, out[0].mut());
    subject.head(out[0], out[1].mut());
    subject.head_vjp(out[0], cotangent, out[2].mut());
    return out;
  };
  const auto expected = outputs(*own), found = outputs(*device);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_THAT(found[i].view().span(),
                testing::Pointwise(testing::FloatNear(1e-5f), expected[i].view().span()));
}

TEST(TorchSubject, ABatchThatFailsOnTheDeviceIsMadeSmaller) {
  const TemporaryFolder folder;
  // As one that needs much memory.
  save_module(folder / "subject.pt", R"(
def features(self, x):
    assert x.size(0) <= 500, "out of memory"
    return torch.relu(torch.linear(torch.flatten(x, 1), self.w1, self.b1))
def head(self, f):
    return torch.linear(f, self.w2, self.b2)
)");
  const Matrix found = features_of(folder / "subject.pt", 700, ModelPlace::device),
               expected = features_of(folder / "subject.pt", 700, ModelPlace::threads);
  EXPECT_THAT(found.view().span(), testing::Pointwise(testing::FloatNear(1e-5f), expected.view().span()));
}

TEST(TorchSubject, AModelThatFailsOnTheDeviceRunsOnTheProcessor) {
  const TemporaryFolder folder;
  // Takes the processor's batches only.
  save_module(folder / "subject.pt", R"(
def features(self, x):
    assert x.size(0) == 128, "tensors are expected to be on the same device"
    return torch.relu(torch.linear(torch.flatten(x, 1), self.w1, self.b1))
def head(self, f):
    return torch.linear(f, self.w2, self.b2)
)");
  const Matrix found = features_of(folder / "subject.pt", 640, ModelPlace::device),
               expected = features_of(folder / "subject.pt", 640, ModelPlace::threads);
  EXPECT_TRUE(std::ranges::equal(found.view().span(), expected.view().span()));
}

TEST(TorchSubject, AFileWithoutTheMethodsNamesThoseItHas) {
  const TemporaryFolder folder;
  save_module(folder / "subject.pt", "def forward(self, x):\n    return torch.relu(x)\n");
  EXPECT_THAT(error_of([&] { opened(folder / "subject.pt"); }),
              AllOf(HasSubstr("subject.pt"), HasSubstr("features(x) and head(f)"), HasSubstr("only forward"),
                    HasSubstr("record arrays")));
}

TEST(TorchSubject, AFileThatCannotBeReadNamesTheWayOut) {
  const TemporaryFolder folder;
  std::ofstream(folder / "subject.pt") << "not a zip archive";
  const std::string error = error_of([&] { opened(folder / "subject.pt"); });
  EXPECT_THAT(error,
              AllOf(HasSubstr("subject.pt"), HasSubstr("head_weight.npy"), HasSubstr("newer PyTorch")));
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  EXPECT_THAT(error_of([&] { opened(folder / "none.pt"); }), HasSubstr("found none"));
}

TEST(TorchSubject, AWrongFeatureDimensionOrClassCountIsNamed) {
  const TemporaryFolder folder;
  save_module(folder / "subject.pt", linear_source);
  EXPECT_THAT(error_of([&] { opened(folder / "subject.pt", dim, 5); }),
              AllOf(HasSubstr("(1, 5)"), HasSubstr("(1, 4)")));
  EXPECT_THAT(error_of([&] { opened(folder / "subject.pt", dim + 1); }),
              AllOf(HasSubstr("(1, 25)"), HasSubstr("head")));
}

TEST(TorchSubject, InputsOfAnotherShapeThanTheModelTakesAreNamed) {
  const TemporaryFolder folder;
  save_module(folder / "subject.pt", linear_source);
  const auto subject = opened(folder / "subject.pt");
  Matrix features(2, dim);
  const std::string error = error_of([&] {
    subject->features(Matrix(2, 28), std::vector<int64_t>{1, 7, 4}, features.mut());
  });
  EXPECT_THAT(error, AllOf(HasSubstr("(2, 1, 7, 4)"), HasSubstr("shapes cannot be multiplied"),
                           HasSubstr("recorded inputs")));
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

/// Writes the archive anew, entry by entry: `edit` is Python code that may change `data` by `name`, or
/// `extra`, a dict of further entries. False where there is no Python.
bool rewrite_archive(const TemporaryFolder& folder, const std::string& edit) {
  std::ofstream(folder / "rewrite.py") << R"(
import sys, zipfile
path, extra = sys.argv[1], {}
with zipfile.ZipFile(path) as old:
    entries = [(name, old.read(name)) for name in old.namelist()]
root = entries[0][0].split("/")[0]
with zipfile.ZipFile(path, "w") as new:
    for name, data in entries:
)" + edit + R"(
        new.writestr(name, data)
    for name, data in extra.items():
        new.writestr(root + "/" + name, data)
)";
  const std::string command =
      "python3 " + (folder / "rewrite.py").string() + " " + (folder / "subject.pt").string();
  return std::system("python3 -c 'import zipfile' 2> /dev/null") == 0 && std::system(command.c_str()) == 0;
}

TEST(TorchSubject, AnArchiveThatANewerPyTorchWroteNamesTheWayOut) {
  // What LibTorch of another version cannot know: a later file format, an operator, an argument of one.
  const std::vector<std::pair<std::string, std::string>> newer = {
      {R"(        if name.endswith("/version"): data = b"99\n")", "version 99"},
      {R"(        if name.endswith(".py"): data = data.replace(b"torch.relu(", b"torch.relu_of_2030("))",
       "relu_of_2030"},
      {R"(        if name.endswith(".py"): data = data.replace(b"torch.relu(", b"torch.relu(of=2030, self="))",
       "Arguments"},
  };
  for (const auto& [edit, found] : newer) {
    const TemporaryFolder folder;
    save_module(folder / "subject.pt", linear_source);
    if (!rewrite_archive(folder, edit)) GTEST_SKIP() << "needs python3";
    const std::string error = error_of([&] { opened(folder / "subject.pt"); });
    EXPECT_THAT(error, AllOf(HasSubstr("subject.pt"), HasSubstr("LibTorch " TORCH_VERSION), HasSubstr(found),
                             HasSubstr("newer PyTorch"), HasSubstr("head_weight.npy")));
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(TorchSubject, EntriesThatNewerVersionsAddToTheirArchivesDoNoHarm) {
  const TemporaryFolder folder;
  save_module(folder / "subject.pt", linear_source);
  const std::string added =
      R"(        extra = {".format_version": b"1", "byteorder": b"little", ".storage_alignment": b"64",
                 ".data/serialization_id": b"0123456789012345678901234567890123456789"})";
  if (!rewrite_archive(folder, added)) GTEST_SKIP() << "needs python3";
  EXPECT_NE(opened(folder / "subject.pt")->linear_head(), nullptr);
}

// A module with batch normalisation and dropout, as users write them.
TEST(TorchSubject, ReadsWhatPyTorchWrites) {
  const TemporaryFolder folder;
  if (std::system("/usr/bin/python3 -c 'import torch, numpy' 2> /dev/null") != 0)
    GTEST_SKIP() << "needs Debian's python3-torch";
  std::ofstream(folder / "write.py") << R"(
import sys, numpy as np, torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
                                        torch.nn.Flatten(), torch.nn.Linear(120, 24), torch.nn.ReLU())
        self.drop = torch.nn.Dropout(0.5)
        self.last = torch.nn.Linear(24, 4)
    @torch.jit.export
    def features(self, x):
        return self.body(x)
    @torch.jit.export
    def head(self, f):
        return self.last(self.drop(f))
    def forward(self, x):
        return self.head(self.features(x))
torch.manual_seed(1)
net = Net()
for _ in range(5):
    net(torch.randn(64, 1, 6, 5) * 3 + 1)  # moves the statistics of the batch normalisation
folder = sys.argv[1]
torch.jit.script(net).save(folder + "/subject.pt")
net.eval()
x = torch.randn(300, 1, 6, 5)
with torch.no_grad():
    np.save(folder + "/inputs.npy", x.reshape(300, -1).numpy())
    np.save(folder + "/features.npy", net.features(x).numpy())
    np.save(folder + "/logits.npy", net(x).numpy())
)";
  const std::string command =
      "/usr/bin/python3 " + (folder / "write.py").string() + " " + folder.path().string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto subject = opened(folder / "subject.pt");
  EXPECT_NE(subject->linear_head(), nullptr);
  Matrix features(300, dim), logits(300, classes);
  subject->features(NpyArray::open(folder / "inputs.npy").matrix(), shape, features.mut());
  subject->head(features, logits.mut());
  const Matrix expected_features = NpyArray::open(folder / "features.npy").to_matrix();
  const Matrix expected_logits = NpyArray::open(folder / "logits.npy").to_matrix();
  for (int64_t i = 0; i < 300 * dim; ++i) ASSERT_NEAR(features.data()[i], expected_features.data()[i], 1e-5);
  for (int64_t i = 0; i < 300 * classes; ++i) ASSERT_NEAR(logits.data()[i], expected_logits.data()[i], 1e-5);
}

}  // namespace
}  // namespace dvi
