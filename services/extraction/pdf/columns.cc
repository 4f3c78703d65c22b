#include "services/extraction/pdf/columns.h"

#include <algorithm>
#include <cmath>

#include "common/text/utf8.h"

namespace foundry::extraction {
namespace {

constexpr double kLeastGutter = 7;   // points
constexpr double kRunningText = 26;  // characters in a line, on average
constexpr size_t kManyLines = 8;

double SizeOf(const PdfLine& line) { return line.size > 0 ? line.size : line.height(); }

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

double MeanCharacters(const LinePointers& lines) {
  double sum = 0;
  for (const PdfLine* line : lines) sum += text::CountCodePoints(line->text);
  return lines.empty() ? 0 : sum / lines.size();
}

// Boxes of different fonts on one baseline agree in one of their edges, or nearly in the middle.
bool SameBaseline(const PdfLine& a, const PdfLine& b, double shift) {
  const double top = a.y0 - b.y0 - shift, bottom = a.y1 - b.y1 - shift;
  const double nearest = std::min({std::abs(top), std::abs(bottom), std::abs(top + bottom) / 2});
  return nearest < 0.2 * std::max(4.0, std::min(a.height(), b.height()));
}

double Tallest(const LinePointers& lines) {
  double tallest = 0;
  for (const PdfLine* line : lines) tallest = std::max(tallest, line->height());
  return tallest;
}

// Share of the lines of `a` that stand on a baseline of `b`, which is moved down by `shift`. Both
// are sorted by y0.
double Aligned(const LinePointers& a, const LinePointers& b, double shift) {
  const double reach = std::max(Tallest(a), Tallest(b));
  int aligned = 0;
  for (const PdfLine* line : a) {
    const double top = line->y0 - shift;
    auto other = std::lower_bound(b.begin(), b.end(), top - reach,
                                  [](const PdfLine* l, double y) { return l->y0 < y; });
    while (other != b.end() && (*other)->y0 <= top + reach && !SameBaseline(*line, **other, shift))
      ++other;
    aligned += other != b.end() && (*other)->y0 <= top + reach;
  }
  return a.empty() ? 0 : static_cast<double>(aligned) / a.size();
}

// The usual distance of lines.
double Pitch(const LinePointers& lines) {
  std::vector<double> tops, steps;
  for (const PdfLine* line : lines) tops.push_back(line->y1);
  std::sort(tops.begin(), tops.end());
  for (size_t i = 1; i < tops.size(); ++i) {
    if (tops[i] - tops[i - 1] > 3) steps.push_back(tops[i] - tops[i - 1]);
  }
  return Median(steps);
}

// How much better the two sides align than by chance, 0..1: lines of dense columns lie on each
// other's baselines often enough, but no more so where they are than when one side is moved.
double Alignment(const LinePointers& a, const LinePointers& b) {
  const double here = Aligned(a, b, 0);
  const double pitch = Pitch(b);
  if (pitch <= 0) return here;
  double moved = 0;
  const double shifts[] = {-0.65, -0.5, -0.35, 0.35, 0.5, 0.65};
  for (const double shift : shifts) moved += Aligned(a, b, shift * pitch) / std::size(shifts);
  return moved >= 1 ? 0 : (here - moved) / (1 - moved);
}

// Headings on the right that the left side does not share: its own sections, so no table.
bool HasOwnHeadings(const LinePointers& left, const LinePointers& right) {
  LinePointers all = left;
  all.insert(all.end(), right.begin(), right.end());
  const HeadingLooks heading(all);
  int own = 0;
  for (const PdfLine* line : right) {
    own += heading(*line) && std::none_of(left.begin(), left.end(), [&](const PdfLine* other) {
             return heading(*other) && SameBaseline(*line, *other, 0);
           });
  }
  return own >= 2 && own * 3 <= static_cast<int>(right.size());
}

// Programs are read across: comments beside them are no column.
bool IsCode(const LinePointers& left, const LinePointers& right) {
  size_t fixed = 0;
  for (const LinePointers& side : {left, right}) {
    for (const PdfLine* line : side) fixed += line->fixed;
  }
  return fixed * 10 > (left.size() + right.size()) * 8 &&
         std::min(MeanCharacters(left), MeanCharacters(right)) < kRunningText;
}

// Both sides of it have a fair share of the lines.
bool HasColumns(const LinePointers& lines, const Gutter& gutter, LinePointers* left,
                LinePointers* right) {
  left->clear(), right->clear();
  for (const PdfLine* line : lines) {
    if (!gutter.Crosses(*line)) (gutter.IsLeft(*line) ? left : right)->push_back(line);
  }
  return std::min(left->size(), right->size()) >= std::max<size_t>(2, lines.size() / 8);
}

// How many lines lie over each point of the width from `from` on.
std::vector<int> Cover(const LinePointers& lines, double from, int width) {
  std::vector<int> cover(width + 2, 0);
  for (const PdfLine* line : lines) {
    ++cover[std::clamp(static_cast<int>(line->x0 - from), 0, width)];
    --cover[std::clamp(static_cast<int>(std::ceil(line->x1 - from)), 0, width + 1)];
  }
  for (int x = 1; x <= width; ++x) cover[x] += cover[x - 1];
  return cover;
}

}  // namespace

HeadingLooks::HeadingLooks(const LinePointers& lines) {
  std::vector<std::pair<double, size_t>> sizes;  // and letters set in it
  size_t bold = 0, all = 0;
  for (const PdfLine* line : lines) {
    sizes.emplace_back(SizeOf(*line), line->text.size());
    all += line->text.size();
    bold += line->bold ? line->text.size() : 0;
  }
  std::sort(sizes.begin(), sizes.end());
  size_t seen = 0;
  for (const auto& [size, letters] : sizes) {
    size_ = size;
    if ((seen += letters) * 2 >= all) break;
  }
  bold_ = bold * 4 < all;
}

bool HeadingLooks::operator()(const PdfLine& line) const {
  return SizeOf(line) > 1.12 * size_ + 0.5 || (bold_ && line.bold);
}

bool IsTable(const LinePointers& left, const LinePointers& right) {
  const double shorter = std::min(MeanCharacters(left), MeanCharacters(right));
  if (shorter >= kRunningText) return false;
  const double wanted = shorter < 14 ? 0.5 : 0.8;
  const double plain = std::max(Aligned(left, right, 0), Aligned(right, left, 0));
  if (plain <= wanted) return false;
  // Of few lines, none can be said to align by chance.
  if (std::min(left.size(), right.size()) < kManyLines) return true;
  return !HasOwnHeadings(left, right) &&
         std::max(Alignment(left, right), Alignment(right, left)) > wanted;
}

Gutter FindGutter(const LinePointers& lines) {
  if (lines.size() < 4) return {};
  double from = 1e9, to = -1e9;
  for (const PdfLine* line : lines) from = std::min(from, line->x0), to = std::max(to, line->x1);
  const int width = static_cast<int>(std::ceil(to - from));
  if (width < 60 || width > 100000) return {};
  const std::vector<int> cover = Cover(lines, from, width);
  LinePointers left, right;
  // First stripes that nothing crosses, then ones that ever more titles and page numbers do.
  for (const double share : {0.0, 0.04, 0.1, 0.2, 0.3}) {
    const int allowed = static_cast<int>(share * lines.size() + (share > 0 ? 1 : 0));
    Gutter best;
    for (int x = width / 10; x < width * 9 / 10; ++x) {
      if (cover[x] > allowed) continue;
      int end = x;
      while (end < width && cover[end] <= allowed) ++end;
      Gutter candidate{from + x, from + end, allowed > 0};
      if (end - x >= kLeastGutter && HasColumns(lines, candidate, &left, &right) &&
          !IsCode(left, right)) {
        candidate.table = IsTable(left, right);
        const bool wider = end - x > best.right - best.left;
        if (!best.found() || (best.table == candidate.table ? wider : best.table)) best = candidate;
      }
      x = end;
    }
    if (best.found()) return best;
  }
  return {};
}

namespace {

// Whether `part` has columns of text that `rest` does not share.
bool HasOther(const LinePointers& part, const LinePointers& rest) {
  const Gutter gutter = FindGutter(part);
  if (!gutter.found() || gutter.table) return false;
  LinePointers left, right;
  HasColumns(part, gutter, &left, &right);
  if (std::min(left.size(), right.size()) < kManyLines / 2 ||
      std::min(MeanCharacters(left), MeanCharacters(right)) < 0.7 * kRunningText)
    return false;
  const auto crossing = std::count_if(rest.begin(), rest.end(),
                                      [&](const PdfLine* line) { return gutter.Crosses(*line); });
  return crossing * 20 > static_cast<int64_t>(rest.size()) * 7;
}

}  // namespace

double FindRegionBreak(const LinePointers& lines) {
  constexpr size_t kLeastLines = 6, kMostTried = 6;
  const double least = 1.3 * Pitch(lines);
  std::vector<std::pair<double, size_t>> gaps;  // size, index of the line below
  double bottom = lines.empty() ? 0 : lines.front()->y1;
  for (size_t i = 0; i < lines.size(); ++i) {
    const double gap = lines[i]->y0 - bottom;
    if (gap > least && i >= kLeastLines) gaps.emplace_back(gap, i);
    bottom = std::max(bottom, lines[i]->y1);
  }
  std::sort(gaps.rbegin(), gaps.rend());
  gaps.resize(std::min(gaps.size(), kMostTried));
  for (const auto& [gap, index] : gaps) {
    const LinePointers above(lines.begin(), lines.begin() + index);
    const LinePointers below(lines.begin() + index, lines.end());
    if (HasOther(above, below) || HasOther(below, above)) return lines[index]->y0;
  }
  return 0;
}

}  // namespace foundry::extraction
