#include "services/extraction/helper/ocr.h"

#include <tesseract/baseapi.h>
#include <tesseract/resultiterator.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "poppler-image.h"
#include "poppler-page-renderer.h"

namespace foundry::extraction {
namespace {

constexpr double kDpi = 200;
constexpr double kMostPixels = 30e6;
constexpr float kLeastConfidence = 45;  // of 100, mean over a line's words

poppler::image Render(const poppler::page& page, double dpi) {
  poppler::page_renderer renderer;
  renderer.set_image_format(poppler::image::format_gray8);
  renderer.set_render_hint(poppler::page_renderer::antialiasing);
  renderer.set_render_hint(poppler::page_renderer::text_antialiasing);
  return renderer.render_page(&page, dpi, dpi);
}

// A page of poster size is rendered coarser.
double DpiFor(const poppler::page& page, double wanted) {
  const poppler::rectf box = page.page_rect();
  const double pixels = box.width() * box.height() / (72.0 * 72.0) * wanted * wanted;
  return pixels > kMostPixels ? wanted * std::sqrt(kMostPixels / pixels) : wanted;
}

}  // namespace

struct Ocr::Impl {
  tesseract::TessBaseAPI api;
};

Ocr::Ocr(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ocr::~Ocr() { impl_->api.End(); }

absl::StatusOr<std::unique_ptr<Ocr>> Ocr::Make(const std::string& languages) {
  auto impl = std::make_unique<Impl>();
  if (impl->api.Init(nullptr, languages.c_str(), tesseract::OEM_LSTM_ONLY) != 0) {
    return absl::NotFoundError(absl::StrCat("tesseract has no data for \"", languages,
                                            "\": install tesseract-ocr-", languages.substr(0, 3)));
  }
  impl->api.SetPageSegMode(tesseract::PSM_AUTO);
  impl->api.SetVariable("debug_file", "/dev/null");
  return std::unique_ptr<Ocr>(new Ocr(std::move(impl)));
}

absl::StatusOr<std::vector<PageLine>> Ocr::Recognise(const poppler::page& page) {
  const double dpi = DpiFor(page, kDpi);
  const poppler::image image = Render(page, dpi);
  if (!image.is_valid()) return absl::InternalError("the page cannot be rendered");
  tesseract::TessBaseAPI& api = impl_->api;
  api.SetImage(reinterpret_cast<const unsigned char*>(image.const_data()), image.width(),
               image.height(), 1, image.bytes_per_row());
  api.SetSourceResolution(static_cast<int>(dpi));
  std::vector<PageLine> lines;
  if (api.Recognize(nullptr) != 0) return absl::InternalError("tesseract failed on the page");
  const std::unique_ptr<tesseract::ResultIterator> it(api.GetIterator());
  const double scale = 72.0 / dpi;
  for (bool more = it != nullptr; more; more = it->Next(tesseract::RIL_TEXTLINE)) {
    const std::unique_ptr<char[]> text(it->GetUTF8Text(tesseract::RIL_TEXTLINE));
    int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
    if (text == nullptr || it->Confidence(tesseract::RIL_TEXTLINE) < kLeastConfidence) continue;
    if (!it->BoundingBox(tesseract::RIL_TEXTLINE, &x0, &y0, &x1, &y1)) continue;
    PageLine line;
    line.text = std::string(absl::StripAsciiWhitespace(text.get()));
    line.x0 = x0 * scale, line.y0 = y0 * scale, line.x1 = x1 * scale, line.y1 = y1 * scale;
    if (!line.text.empty()) lines.push_back(std::move(line));
  }
  api.Clear();
  return lines;
}

bool IsBlankPage(const poppler::page& page) {
  const poppler::image image = Render(page, DpiFor(page, 24));
  if (!image.is_valid()) return false;
  for (int y = 0; y < image.height(); ++y) {
    const char* row = image.const_data() + static_cast<ptrdiff_t>(y) * image.bytes_per_row();
    if (std::any_of(row, row + image.width(),
                    [](char c) { return static_cast<unsigned char>(c) < 250; }))
      return false;
  }
  return true;
}

}  // namespace foundry::extraction
