// Where a region of a page falls into columns, and whether those are columns of running text or of
// a table. Thread-safe (no state).
//
// Gutters are stripes of white that few lines cross, as in the recursive X-Y cut over bounding
// boxes (Ha, Haralick, Phillips: "Recursive X-Y cut using bounding boxes of connected components",
// ICDAR 1995). What lies on both sides tells columns from a table: the rows of a table share their
// baselines, more than the lines of two independent columns do by chance.
#pragma once

#include <vector>

#include "services/extraction/pdf/pdf_content.h"

namespace foundry::extraction {

using LinePointers = std::vector<const PdfLine*>;

struct Gutter {
  double left = 0, right = 0;
  bool crossed = false;  // some lines may cross it
  bool table = false;    // it parts the cells of a table
  bool found() const { return right > left; }
  double middle() const { return (left + right) / 2; }
  bool Crosses(const PdfLine& line) const { return line.x0 < middle() && line.x1 > middle(); }
  bool IsLeft(const PdfLine& line) const { return line.x1 <= middle(); }
};

// The widest stripe that few lines cross; one between columns of text goes before one inside a
// table. Titles and page numbers may cross it. `lines` are sorted by y0.
Gutter FindGutter(const LinePointers& lines);

// Whether the lines on either side of a gutter are cells of common rows. Both are sorted by y0.
bool IsTable(const LinePointers& left, const LinePointers& right);

// Where a region that no gutter parts as a whole is to be cut, because its upper or its lower part
// has columns of text that the other does not: the y0 of the lower part's first line; 0: nowhere.
// `lines` are sorted by y0.
double FindRegionBreak(const LinePointers& lines);

// Larger than most of the text of `lines`, or bold where that is not.
class HeadingLooks {
 public:
  explicit HeadingLooks(const LinePointers& lines);
  bool operator()(const PdfLine& line) const;

 private:
  double size_ = 0;   // the median
  bool bold_ = true;  // bold type stands out
};

}  // namespace foundry::extraction
