#include <algorithm>

#include "image/fit_square.h"
#include "image/png.h"
#include "server/api.h"

namespace dvi {
namespace {

HttpResponse png_response(const Picture& picture) {
  HttpResponse response = binary_response(encode_png(picture));
  response.content_type = "image/png";
  return response;
}

Picture picture_of(const InputReader& reader, int64_t sample) {
  auto pixels = reader.pixels(sample);
  return {pixels.width, pixels.height, pixels.channels, std::move(pixels.values)};
}

void expect_images(const ServedRun& served) {
  const auto& inputs = served.run().manifest().inputs;
  if (!served.run().inputs() || !inputs || inputs->kind != "image")
    throw HttpError(
        404, "this run has no images; they are shown where inputs.npy was recorded with kind \"image\"");
}

std::shared_ptr<const InputReader> reader_for(ServedRun& served, const Call& call) {
  expect_images(served);
  if (!call.query("epoch")) return served.inputs();
  return served.inputs(static_cast<int>(call.number("epoch", 0, 999999)));
}

HttpResponse thumbnails(ServedRun& served, const Call& call) {
  const auto ids = call.ids("ids", served.run().manifest().sample_count(), 256);
  const int64_t side = call.number("size", 8, 256, 32);
  if (ids.empty()) throw HttpError(400, "ids: expected at least one");
  const auto reader = reader_for(served, call);
  const auto count = static_cast<int64_t>(ids.size());
  Picture atlas{side * count, side, 4, std::vector<uint8_t>(static_cast<size_t>(side * side * count * 4))};
  for (int64_t i = 0; i < count; ++i) {
    const Picture square = fit_square(picture_of(*reader, ids[static_cast<size_t>(i)]), side);
    for (int64_t y = 0; y < side; ++y)
      std::copy_n(square.values.begin() + y * side * 4, side * 4,
                  atlas.values.begin() + (y * atlas.width + i * side) * 4);
  }
  return png_response(atlas);
}

}  // namespace

void add_image_routes(Router& router, ApiState& state) {
  router.add("GET", "/api/runs/:run/inputs/:sample.png", [&](const Call& call) {
    ServedRun& served = run_of(state, call);
    const int64_t sample = call.place_number("sample");
    if (sample < 0 || sample >= served.run().manifest().sample_count())
      throw HttpError(404, fmt::format("there is no sample {} in this run", sample));
    return png_response(picture_of(*reader_for(served, call), sample));
  });
  router.add("GET", "/api/runs/:run/thumbnails.png",
             [&](const Call& call) { return thumbnails(run_of(state, call), call); });
}

}  // namespace dvi
