#include "services/extraction/pdf/reading_order.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/extraction/pdf/columns.h"

namespace foundry::extraction {
namespace {

using Lines = LinePointers;

constexpr int kDeepest = 6;  // columns inside columns

bool ByPosition(const PdfLine* a, const PdfLine* b) {
  return a->y0 != b->y0 ? a->y0 < b->y0 : a->x0 < b->x0;
}

class Orderer {
 public:
  std::vector<OrderedLine> Take() { return std::move(out_); }

  void Order(Lines lines, int depth) {
    std::sort(lines.begin(), lines.end(), ByPosition);
    const Gutter gutter = depth < kDeepest ? FindGutter(lines) : Gutter{};
    if ((!gutter.found() || gutter.crossed) && depth < kDeepest && OrderRegions(lines, depth))
      return;
    if (!gutter.found()) {
      AddRows(lines, false);
      return;
    }
    Lines wide, band;
    for (const PdfLine* line : lines) {
      if (gutter.Crosses(*line)) {
        AddBand(band, gutter, depth, &wide);
        band.clear();
        wide.push_back(line);
      } else {
        band.push_back(line);
      }
    }
    AddBand(band, gutter, depth, &wide);
    AddRows(wide, false);
  }

 private:
  // The upper and the lower part by themselves, where their columns differ.
  bool OrderRegions(const Lines& lines, int depth) {
    const double below = FindRegionBreak(lines);
    if (below <= 0) return false;
    const auto middle = std::find_if(lines.begin(), lines.end(),
                                     [&](const PdfLine* line) { return line->y0 >= below; });
    Order(Lines(lines.begin(), middle), depth + 1);
    Order(Lines(middle, lines.end()), depth + 1);
    return true;
  }

  // What lies between two lines that span the gutter. `wide` collects lines that belong to the text
  // across both columns; it is written out before columns or a table begin.
  void AddBand(const Lines& band, const Gutter& gutter, int depth, Lines* wide) {
    Lines left, right;
    for (const PdfLine* line : band) (gutter.IsLeft(*line) ? left : right).push_back(line);
    if (left.empty() || right.empty()) {
      // The short last line of a paragraph, unless there are columns inside.
      if (!FindGutter(band).found()) {
        wide->insert(wide->end(), band.begin(), band.end());
        return;
      }
      Flush(wide);
      Order(band, depth + 1);
      return;
    }
    if (!IsTable(left, right)) {
      Flush(wide);
      Order(left, depth + 1);
      Order(right, depth + 1);
      return;
    }
    // The table reaches from the first to the last line with a neighbour across the gutter.
    double top = 1e9, bottom = -1e9;
    for (const PdfLine* line : right)
      top = std::min(top, line->y0), bottom = std::max(bottom, line->y1);
    Lines table, after;
    for (const PdfLine* line : band) {
      const double middle = (line->y0 + line->y1) / 2;
      (middle < top ? *wide : middle > bottom ? after : table).push_back(line);
    }
    Flush(wide);
    AddRows(table, true);
    *wide = std::move(after);
  }

  void Flush(Lines* wide) {
    AddRows(*wide, false);
    wide->clear();
  }

  // One column: lines on the same baseline form a row.
  void AddRows(const Lines& lines, bool table) {
    if (lines.empty()) return;
    ++column_;
    double left = 1e9, right = -1e9;
    for (const PdfLine* line : lines)
      left = std::min(left, line->x0), right = std::max(right, line->x1);
    std::vector<Lines> rows;
    for (const PdfLine* line : lines) {
      Lines* row = nullptr;
      for (size_t back = 1; back <= std::min<size_t>(3, rows.size()) && row == nullptr; ++back) {
        const PdfLine& other = *rows[rows.size() - back].front();
        const double overlap = std::min(line->y1, other.y1) - std::max(line->y0, other.y0);
        if (overlap > 0.5 * std::min(line->height(), other.height()))
          row = &rows[rows.size() - back];
      }
      if (row == nullptr) row = &rows.emplace_back();
      row->push_back(line);
    }
    const HeadingLooks heading(lines);
    for (Lines& row : rows) {
      std::sort(row.begin(), row.end(),
                [](const PdfLine* a, const PdfLine* b) { return a->x0 < b->x0; });
      // A section's heading between the rows of several tables.
      const bool alone = row.size() == 1 && heading(*row[0]);
      OrderedLine out{*row[0], left, right, column_, table && !alone};
      for (size_t i = 1; i < row.size(); ++i) {
        absl::StrAppend(&out.line.text, table ? " | " : " ", row[i]->text);
        out.line.x1 = std::max(out.line.x1, row[i]->x1);
        out.line.y0 = std::min(out.line.y0, row[i]->y0),
        out.line.y1 = std::max(out.line.y1, row[i]->y1);
        out.line.bold &= row[i]->bold;
        out.line.fixed &= row[i]->fixed;
      }
      out_.push_back(std::move(out));
    }
  }

  std::vector<OrderedLine> out_;
  int column_ = 0;
};

int MainRotation(const std::vector<PdfLine>& lines) {
  int64_t characters[4] = {0, 0, 0, 0};
  for (const PdfLine& line : lines) characters[line.rotation & 3] += line.text.size();
  return static_cast<int>(std::max_element(characters, characters + 4) - characters);
}

}  // namespace

std::vector<OrderedLine> ReadingOrder(const std::vector<PdfLine>& lines) {
  // Text at another angle (a stamp in the margin, an axis' label) comes last.
  const int main = MainRotation(lines);
  Orderer orderer;
  for (int turn = 0; turn < 4; ++turn) {
    Lines part;
    for (const PdfLine& line : lines) {
      if ((line.rotation & 3) == ((main + turn) & 3)) part.push_back(&line);
    }
    if (!part.empty()) orderer.Order(part, 0);
  }
  return orderer.Take();
}

}  // namespace foundry::extraction
