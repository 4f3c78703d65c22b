// Lines of a page in reading order, from poppler's words.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "poppler-page.h"

namespace foundry::extraction {

struct PageLine {
  std::string text;                       // UTF-8
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // points from the page's upper left corner
  double size = 0;                        // font size of most of it, points; 0: not known
  bool bold = false;
  bool fixed = false;  // fixed-pitch font
  int rotation = 0;  // quarter turns; x runs along the line and y across it, whatever the rotation
};

// Columns are kept apart; pages in right-to-left scripts keep logical order (without geometry).
std::vector<PageLine> LinesOfPage(const poppler::page& page);

std::string ToUtf8(const poppler::ustring& text);

}  // namespace foundry::extraction
