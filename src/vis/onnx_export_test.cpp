#include "vis/onnx_export.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/file.h"
#include "subject/onnx_runtime.h"

namespace dvi {
namespace {

Autoencoder some_model() {
  Random random(4);
  Autoencoder out;
  out.encoder = {Mlp({6, 16, 20}, random), Matrix(20, 2)};
  for (int64_t i = 0; i < 40; ++i) out.encoder.landmarks.data()[i] = static_cast<float>(random.normal());
  out.decoder.grid = FeatureGrid({4, 16}, {-1, -2, 5});
  for (float& value : out.decoder.grid.parameters()) value = static_cast<float>(random.normal());
  out.decoder.network = Mlp({out.decoder.grid.width(), 16, 6}, random);
  return out;
}

Matrix normal(int64_t rows, int64_t cols, double spread) {
  Random random(5);
  Matrix out(rows, cols);
  for (int64_t i = 0; i < rows * cols; ++i) out.data()[i] = static_cast<float>(spread * random.normal());
  return out;
}

TEST(OnnxExport, NamesWhatItTakesAndGives) {
  const std::string encoder = onnx_model(some_model(), 1, OnnxPart::encoder),
                    both = onnx_model(some_model(), 1, OnnxPart::both);
  EXPECT_NE(encoder.find("features"), std::string::npos);
  EXPECT_EQ(encoder.find("decoded"), std::string::npos);
  EXPECT_NE(both.find("decoded"), std::string::npos);
}

TEST(OnnxExport, OnnxRuntimeGivesOurNumbers) {
  if (!have_onnx_runtime()) GTEST_SKIP() << "there is no ONNX Runtime here";
  const Autoencoder model = some_model();
  const auto file = std::filesystem::temp_directory_path() / "dvi-onnx-export-test.onnx";
  for (const float scale : {1.f, 0.25f}) {
    const Matrix features = normal(50, 6, 1);
    Matrix scaled = normal(50, 6, 1), places(50, 2);
    for (int64_t i = 0; i < 300; ++i) scaled.data()[i] *= scale;
    model.encoder.apply(scaled, places.mut());
    write_file_atomically(file, onnx_model(model, scale, OnnxPart::encoder));
    const int64_t shape[] = {50, 6};
    const auto encoded = OnnxModel(file).run(features.view().span(), shape);
    for (size_t i = 0; i < 100; ++i) EXPECT_NEAR(encoded.values[i], places.data()[i], 1e-5);

    const Matrix points = normal(200, 2, 3);  // beyond the box too
    Matrix back(200, 6);
    model.decoder.apply(points, back.mut());
    write_file_atomically(file, onnx_model(model, scale, OnnxPart::decoder));
    const int64_t plane[] = {200, 2};
    const auto decoded = OnnxModel(file).run(points.view().span(), plane);
    for (size_t i = 0; i < 1200; ++i) EXPECT_NEAR(decoded.values[i] * scale, back.data()[i], 1e-4);
  }
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace dvi
