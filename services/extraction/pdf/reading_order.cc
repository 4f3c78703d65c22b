#include "services/extraction/pdf/reading_order.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/text/utf8.h"

namespace foundry::extraction {
namespace {

using Lines = std::vector<const PdfLine*>;

constexpr double kLeastGutter = 7;  // points
constexpr int kDeepest = 6;         // columns inside columns

struct Gutter {
  double left = 0, right = 0;
  bool found() const { return right > left; }
  double middle() const { return (left + right) / 2; }
  bool Crosses(const PdfLine& line) const { return line.x0 < middle() && line.x1 > middle(); }
  bool IsLeft(const PdfLine& line) const { return line.x1 <= middle(); }
};

bool ByPosition(const PdfLine* a, const PdfLine* b) {
  return a->y0 != b->y0 ? a->y0 < b->y0 : a->x0 < b->x0;
}

double MeanCharacters(const Lines& lines) {
  double sum = 0;
  for (const PdfLine* line : lines) sum += text::CountCodePoints(line->text);
  return lines.empty() ? 0 : sum / lines.size();
}

// Share of the lines of `a` that stand on a baseline of `b`.
double Aligned(const Lines& a, const Lines& b) {
  int aligned = 0;
  for (const PdfLine* line : a) {
    aligned += std::any_of(b.begin(), b.end(), [&](const PdfLine* other) {
      return std::abs(line->y1 - other->y1) < 0.35 * std::max(4.0, line->height());
    });
  }
  return a.empty() ? 0 : static_cast<double>(aligned) / a.size();
}

// Both sides of it have a fair share of the lines.
bool HasColumns(const Lines& lines, const Gutter& gutter) {
  size_t left = 0, right = 0;
  for (const PdfLine* line : lines) {
    if (!gutter.Crosses(*line)) ++(gutter.IsLeft(*line) ? left : right);
  }
  return std::min(left, right) >= std::max<size_t>(2, lines.size() / 8);
}

// The widest stripe that few lines cross.
Gutter FindGutter(const Lines& lines) {
  if (lines.size() < 4) return {};
  double from = 1e9, to = -1e9;
  for (const PdfLine* line : lines) from = std::min(from, line->x0), to = std::max(to, line->x1);
  const int width = static_cast<int>(std::ceil(to - from));
  if (width < 60 || width > 100000) return {};
  std::vector<int> cover(width + 2, 0);
  for (const PdfLine* line : lines) {
    ++cover[std::clamp(static_cast<int>(line->x0 - from), 0, width)];
    --cover[std::clamp(static_cast<int>(std::ceil(line->x1 - from)), 0, width + 1)];
  }
  for (int x = 1; x <= width; ++x) cover[x] += cover[x - 1];
  // First a stripe that nothing crosses, then ones that ever more titles and page numbers do.
  for (const double share : {0.0, 0.04, 0.1, 0.2, 0.3}) {
    const int allowed = static_cast<int>(share * lines.size() + (share > 0 ? 1 : 0));
    Gutter best;
    for (int x = width / 10; x < width * 9 / 10; ++x) {
      if (cover[x] > allowed) continue;
      int end = x;
      while (end < width && cover[end] <= allowed) ++end;
      const Gutter candidate{from + x, from + end};
      const bool wider = end - x >= kLeastGutter && end - x > best.right - best.left;
      if (wider && HasColumns(lines, candidate)) best = candidate;
      x = end;
    }
    if (best.found()) return best;
  }
  return {};
}

// Short cells on common baselines are a table (or a list of terms, a table of contents), not
// columns of running text.
bool IsTable(const Lines& left, const Lines& right) {
  const double left_characters = MeanCharacters(left), right_characters = MeanCharacters(right);
  const double aligned = std::max(Aligned(left, right), Aligned(right, left));
  if (std::min(left_characters, right_characters) < 14) return aligned > 0.5;
  return std::min(left_characters, right_characters) < 26 && aligned > 0.8;
}

class Orderer {
 public:
  std::vector<OrderedLine> Take() { return std::move(out_); }

  void Order(Lines lines, int depth) {
    std::sort(lines.begin(), lines.end(), ByPosition);
    const Gutter gutter = depth < kDeepest ? FindGutter(lines) : Gutter{};
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
    for (Lines& row : rows) {
      std::sort(row.begin(), row.end(),
                [](const PdfLine* a, const PdfLine* b) { return a->x0 < b->x0; });
      OrderedLine out{*row[0], left, right, column_, table};
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
