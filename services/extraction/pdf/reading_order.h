// Puts the lines of a page into reading order: columns one after another, headings that span them
// in between, the cells of a table row by row. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "services/extraction/pdf/pdf_content.h"

namespace foundry::extraction {

struct OrderedLine {
  PdfLine line;     // of a table: the whole row, cells joined by " | "
  double left = 0;  // edges of the column that it stands in
  double right = 0;
  int column = 0;         // differs between columns and tables of a page
  bool row = false;       // a row of a table
  bool contents = false;  // a line of a table of contents, without its leader
};

std::vector<OrderedLine> ReadingOrder(const std::vector<PdfLine>& lines);

}  // namespace foundry::extraction
