#include "render/picture_file.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>

#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "core/file.h"

namespace dvi {
namespace {

cairo_status_t append(void* text, const unsigned char* bytes, unsigned int count) {
  static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(bytes), count);
  return CAIRO_STATUS_SUCCESS;
}

void expect_success(cairo_status_t status) {
  if (status != CAIRO_STATUS_SUCCESS)
    fail("the picture could not be drawn: {}", cairo_status_to_string(status));
}

/// Enough pixels for print, and no more than a file can bear.
double vector_image_scale(const Figure& figure) { return std::clamp(1200 / figure.plot().width, 1.0, 2.5); }

}  // namespace

std::string file_ending(const std::filesystem::path& file) {
  std::string ending = file.extension().string();
  if (!ending.empty()) ending.erase(0, 1);
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending;
}

bool is_picture_file(const std::filesystem::path& file) {
  const std::string ending = file_ending(file);
  return ending == "png" || ending == "svg" || ending == "pdf";
}

std::string picture_bytes(Figure& figure, double time, const std::string& ending) {
  const bool png = ending == "png";
  std::string bytes;
  CairoSurface surface;
  if (png)
    surface = make_picture(figure.width(), figure.height());
  else if (ending == "svg") {
    surface.reset(cairo_svg_surface_create_for_stream(append, &bytes, figure.width(), figure.height()));
    cairo_svg_surface_set_document_unit(surface.get(), CAIRO_SVG_UNIT_PX);
  } else
    surface.reset(cairo_pdf_surface_create_for_stream(append, &bytes, figure.width(), figure.height()));
  if (ending == "pdf") {
    // What every LaTeX includes without a warning; Cairo 1.18 would write 1.7.
    cairo_pdf_surface_restrict_to_version(surface.get(), CAIRO_PDF_VERSION_1_4);
    cairo_pdf_surface_set_metadata(surface.get(), CAIRO_PDF_METADATA_TITLE, figure.title().c_str());
  }
  expect_success(cairo_surface_status(surface.get()));
  {
    const CairoContext cairo(cairo_create(surface.get()));
    figure.draw(cairo.get(), time, png ? 1 : vector_image_scale(figure));
    expect_success(cairo_status(cairo.get()));
  }
  if (png) {
    expect_success(cairo_surface_write_to_png_stream(surface.get(), append, &bytes));
  } else {
    cairo_surface_finish(surface.get());
    expect_success(cairo_surface_status(surface.get()));
  }
  return bytes;
}

void write_picture(Figure& figure, double time, const std::filesystem::path& file) {
  write_file_atomically(file, picture_bytes(figure, time, file_ending(file)));
}

}  // namespace dvi
