// Text recognition of rendered pages by tesseract.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "poppler-page.h"
#include "services/extraction/helper/pdf_lines.h"

namespace foundry::extraction {

class Ocr {
 public:
  // NotFound when the language's data is not installed. `languages` as tesseract takes them:
  // "eng+deu".
  static absl::StatusOr<std::unique_ptr<Ocr>> Make(const std::string& languages);
  ~Ocr();

  // Lines in reading order; those that tesseract itself distrusts are left out.
  absl::StatusOr<std::vector<PageLine>> Recognise(const poppler::page& page);

 private:
  struct Impl;
  explicit Ocr(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether the page shows nothing at all.
bool IsBlankPage(const poppler::page& page);

}  // namespace foundry::extraction
