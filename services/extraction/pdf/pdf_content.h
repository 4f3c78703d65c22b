// What the helper program found in a PDF, before any interpretation.
#pragma once

#include <string>
#include <vector>

namespace foundry::extraction {

// A line of text, or a cell or column's part of one. Points from the page's upper left corner.
struct PdfLine {
  std::string text;
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  double size = 0;  // font size; 0: not known (recognised text)
  bool bold = false;
  bool fixed = false;
  int rotation = 0;  // quarter turns

  double height() const { return y1 - y0; }
  double width() const { return x1 - x0; }
};

struct PdfPage {
  int number = 0;  // from 1
  double width = 0, height = 0;
  bool blank = false;          // shows nothing
  bool ocr = false;            // the lines were recognised from its image
  bool damaged = false;        // could not be read
  std::vector<PdfLine> lines;  // in the order of the file's text flow

  // Shows something, but has no text.
  bool scanned() const { return lines.empty() && !blank && !damaged; }
};

struct PdfOutlineItem {
  std::string title;
  int level = 1;
};

struct PdfContent {
  std::string title, author, subject, keywords, producer, created, modified;
  bool encrypted = false;
  int page_count = 0;
  std::string ocr_unavailable;  // why pages were not recognised, when that was wanted
  std::vector<PdfOutlineItem> outline;
  std::vector<PdfPage> pages;
};

}  // namespace foundry::extraction
