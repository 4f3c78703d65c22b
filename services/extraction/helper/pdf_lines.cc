#include "services/extraction/helper/pdf_lines.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/text/utf8.h"
#include "poppler-global.h"

namespace foundry::extraction {
namespace {

struct Word {
  std::string text;
  double x0, y0, x1, y1;  // along and across the line, whatever the text's rotation
  double size;
  int rotation;
  bool space_after;
  std::string font;
};

Word FromBox(const poppler::text_box& box) {
  Word word;
  word.text = ToUtf8(box.text());
  const poppler::rectf r = box.bbox();
  word.x0 = r.left(), word.y0 = r.top(), word.x1 = r.right(), word.y1 = r.bottom();
  word.rotation = box.rotation();
  // Text that runs up or down the page: swap the axes, so that lines are found the same way.
  if (word.rotation == 1) {
    word = {word.text, r.top(), -r.right(), r.bottom(), -r.left(), 0, 1, false, ""};
  } else if (word.rotation == 3) {
    word = {word.text, -r.bottom(), r.left(), -r.top(), r.right(), 0, 3, false, ""};
  } else if (word.rotation == 2) {
    word = {word.text, -r.right(), -r.bottom(), -r.left(), -r.top(), 0, 2, false, ""};
  }
  word.space_after = box.has_space_after();
  word.size = box.has_font_info() ? box.get_font_size() : 0;
  if (word.size <= 0) word.size = word.y1 - word.y0;
  word.font = box.has_font_info() ? absl::AsciiStrToLower(box.get_font_name()) : "";
  return word;
}

bool IsBoldFont(const std::string& font) {
  return absl::StrContains(font, "bold") || absl::StrContains(font, "black") ||
         absl::StrContains(font, "heavy") || absl::StrContains(font, "cmbx") ||
         absl::StrContains(font, "sfbx") || absl::StrContains(font, "demi");
}

bool IsFixedFont(const std::string& font) {
  return absl::StrContains(font, "mono") || absl::StrContains(font, "courier") ||
         absl::StrContains(font, "cmtt") || absl::StrContains(font, "sftt") ||
         absl::StrContains(font, "typewriter") || absl::StrContains(font, "consol") ||
         absl::StrContains(font, "nimbusmon") || absl::StrContains(font, "menlo");
}

class LineBuilder {
 public:
  void Add(const Word& word) {
    if (!words_.empty() && !Continues(words_.back(), word)) Flush();
    words_.push_back(word);
  }

  void Flush() {
    if (words_.empty()) return;
    PageLine line;
    line.x0 = words_[0].x0, line.y0 = words_[0].y0, line.x1 = words_[0].x1, line.y1 = words_[0].y1;
    std::map<double, size_t> sizes;
    size_t bold = 0, fixed = 0, all = 0;
    for (size_t i = 0; i < words_.size(); ++i) {
      const Word& word = words_[i];
      if (i > 0 && SpaceBetween(words_[i - 1], word)) line.text += ' ';
      line.text += word.text;
      line.x0 = std::min(line.x0, word.x0), line.x1 = std::max(line.x1, word.x1);
      line.y0 = std::min(line.y0, word.y0), line.y1 = std::max(line.y1, word.y1);
      const size_t weight = word.text.size();
      sizes[std::round(word.size * 10) / 10] += weight;
      bold += IsBoldFont(word.font) ? weight : 0;
      fixed += IsFixedFont(word.font) ? weight : 0;
      all += weight;
    }
    line.size = std::max_element(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) {
                  return a.second < b.second;
                })->first;
    line.bold = bold * 10 > all * 8;
    line.fixed = fixed * 10 > all * 8;
    line.rotation = words_[0].rotation;
    lines_.push_back(std::move(line));
    words_.clear();
  }

  std::vector<PageLine> Take() {
    Flush();
    return std::move(lines_);
  }

 private:
  // The next word stands on the same line, a little to the right.
  static bool Continues(const Word& a, const Word& b) {
    if (a.rotation != b.rotation) return false;
    const double height = std::max(1.0, std::max(a.y1 - a.y0, b.y1 - b.y0));
    const double overlap = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
    // A small word inside a tall one's band is a superscript or a subscript.
    if (overlap < 0.35 * std::min(a.y1 - a.y0, b.y1 - b.y0)) return false;
    const double gap = b.x0 - a.x1;
    return gap > -0.6 * height && gap < 1.6 * height;
  }

  static bool SpaceBetween(const Word& a, const Word& b) {
    return a.space_after || b.x0 - a.x1 > 0.15 * std::max(a.size, b.size);
  }

  std::vector<Word> words_;
  std::vector<PageLine> lines_;
};

bool IsRightToLeft(char32_t c) {
  return (c >= 0x0590 && c <= 0x08FF) || (c >= 0xFB1D && c <= 0xFEFC);
}

bool MostlyRightToLeft(const std::vector<Word>& words) {
  int64_t rtl = 0, all = 0;
  for (const Word& word : words) {
    for (size_t at = 0; at < word.text.size(); ++all)
      rtl += IsRightToLeft(text::DecodeUtf8(word.text, &at));
  }
  return rtl * 5 > all;
}

// poppler's own dump puts bidirectional text into logical order; its words do not.
std::vector<PageLine> LinesOfDump(const poppler::page& page, double size) {
  std::vector<PageLine> lines;
  const std::string dump =
      ToUtf8(page.text(poppler::rectf(), poppler::page::non_raw_non_physical_layout));
  double y = 0;
  for (absl::string_view text : absl::StrSplit(dump, '\n')) {
    text = absl::StripAsciiWhitespace(text);
    y += 1.25 * size;
    if (!text.empty())
      lines.push_back({std::string(text), 0, y, 100, y + size, size, false, false});
  }
  return lines;
}

}  // namespace

std::string ToUtf8(const poppler::ustring& text) {
  const poppler::byte_array bytes = text.to_utf8();
  return text::RepairUtf8(absl::string_view(bytes.data(), bytes.size()));
}

std::vector<PageLine> LinesOfPage(const poppler::page& page) {
  std::vector<Word> words;
  for (const poppler::text_box& box : page.text_list(poppler::page::text_list_include_font)) {
    Word word = FromBox(box);
    if (!word.text.empty()) words.push_back(std::move(word));
  }
  if (words.empty()) return {};
  if (MostlyRightToLeft(words)) return LinesOfDump(page, words[0].size);
  LineBuilder builder;
  for (const Word& word : words) builder.Add(word);
  return builder.Take();
}

}  // namespace foundry::extraction
