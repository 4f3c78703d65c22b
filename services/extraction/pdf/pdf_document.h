// A document record from a PDF's content. Thread-safe (no state).
#pragma once

#include <string>

#include "common/dataset/records.h"
#include "services/extraction/pdf/pdf_content.h"

namespace foundry::extraction {

struct PdfDocument {
  dataset::Document document;    // id and url are the caller's
  int64_t pages = 0;             // that were read
  int64_t scanned_pages = 0;     // shown, but without text (after recognition, if any)
  int64_t recognised_pages = 0;  // text by OCR
};

// `file_stem` is the title when the file has none of its own.
PdfDocument MakePdfDocument(PdfContent content, const std::string& file_stem);

}  // namespace foundry::extraction
