#include "services/extraction/pdf/furniture.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace foundry::extraction {
namespace {

constexpr double kMargin = 0.13;  // share of the page's height looked at on either side

// "Chapter 3: Scope 17" → "chapter #: scope #": what repeats is the form. Roman numerals of front
// matter count too.
std::string Form(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isdigit(c)) {
      if (out.empty() || out.back() != '#') out += '#';
    } else if (!absl::ascii_isspace(c)) {
      out += absl::ascii_tolower(c);
    }
  }
  return out;
}

bool IsRoman(const std::string& form) {
  return !form.empty() && form.size() <= 6 && form.find_first_not_of("ivxlc") == std::string::npos;
}

// "#", "-#-", "page#of#", "#/#", "xii": nothing but a page's number.
bool IsPageNumber(const std::string& form) {
  static const std::set<std::string> kForms = {
      "#",     "-#-",    "–#–",      "—#—",        "[#]",  "(#)",     "#/#", "p.#",
      "page#", "seite#", "page#of#", "seite#von#", "#of#", "página#", "|#|"};
  return kForms.count(form) > 0 || IsRoman(form);
}

struct Candidate {
  size_t page = 0, line = 0;
  bool top = false;
  std::string form;
  int y = 0;           // of the baseline, rounded to 3 points, from the nearer edge
  bool apart = false;  // a gap as high as the line stands between it and the body
};

// Lines in the margins. A line counts as apart when nothing else stands within its height of it on
// the body's side.
std::vector<Candidate> Candidates(const std::vector<PdfPage>& pages) {
  std::vector<Candidate> out;
  for (size_t p = 0; p < pages.size(); ++p) {
    const PdfPage& page = pages[p];
    for (size_t l = 0; l < page.lines.size(); ++l) {
      const PdfLine& line = page.lines[l];
      if (line.rotation != 0 || page.height <= 0) continue;
      const bool top = line.y1 < kMargin * page.height;
      const bool bottom = line.y0 > (1 - kMargin) * page.height;
      if (!top && !bottom) continue;
      bool apart = true;
      for (const PdfLine& other : page.lines) {
        const double gap = top ? other.y0 - line.y1 : line.y0 - other.y1;
        if (other.rotation == 0 && gap > -0.3 * line.height() && gap < 0.8 * line.height())
          apart = false;
      }
      const double y = top ? line.y1 : page.height - line.y1;
      out.push_back({p, l, top, Form(line.text), static_cast<int>(std::lround(y / 3)), apart});
    }
  }
  return out;
}

}  // namespace

int64_t RemoveFurniture(std::vector<PdfPage>* pages) {
  const std::vector<Candidate> candidates = Candidates(*pages);
  std::map<std::string, std::set<size_t>> by_form;      // pages with this text
  std::map<std::string, std::set<size_t>> by_position;  // pages with a line apart at this height
  std::map<std::string, double> least_size;             // a title page shows the same words larger
  const auto place = [](const Candidate& c) { return absl::StrCat(c.top ? "t" : "b", c.y); };
  for (const Candidate& c : candidates) {
    by_form[absl::StrCat(c.top ? "t" : "b", c.form)].insert(c.page);
    if (c.apart) by_position[place(c)].insert(c.page);
    const double size = (*pages)[c.page].lines[c.line].height();
    const auto [it, added] = least_size.try_emplace(c.form, size);
    if (!added) it->second = std::min(it->second, size);
  }
  const size_t count = pages->size();
  std::vector<std::set<size_t>> gone(count);
  for (const Candidate& c : candidates) {
    const size_t same_form = by_form[absl::StrCat(c.top ? "t" : "b", c.form)].size();
    const auto at = by_position.find(place(c));
    const size_t same_place = at == by_position.end() ? 0 : at->second.size();
    const bool repeats = same_form >= 3 && same_form * 6 >= count;
    const bool numbers = IsPageNumber(c.form) && c.apart && (count <= 3 || same_place >= 3);
    const bool stands = c.apart && count >= 6 && same_place * 10 >= count * 4;
    if ((*pages)[c.page].lines[c.line].height() > 1.3 * least_size[c.form]) continue;
    if (repeats || numbers || stands) gone[c.page].insert(c.line);
  }
  int64_t removed = 0;
  for (size_t p = 0; p < count; ++p) {
    std::vector<PdfLine>& lines = (*pages)[p].lines;
    // A page of nothing but furniture keeps it: it may be a short page that looks like one.
    if (gone[p].empty() || (gone[p].size() == lines.size() && count < 6)) continue;
    std::vector<PdfLine> kept;
    for (size_t l = 0; l < lines.size(); ++l) {
      if (gone[p].count(l) == 0) kept.push_back(std::move(lines[l]));
    }
    removed += static_cast<int64_t>(gone[p].size());
    lines = std::move(kept);
  }
  return removed;
}

}  // namespace foundry::extraction
