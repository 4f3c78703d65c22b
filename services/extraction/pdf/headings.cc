#include "services/extraction/pdf/headings.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/normalize.h"
#include "common/text/utf8.h"
#include "common/text/words.h"

namespace foundry::extraction {
namespace {

constexpr int64_t kLongestHeading = 160;  // code points
constexpr double kLarger = 1.12;          // than the body

// Letters and digits only, without a leading number: outlines often leave numbers out.
std::string Key(absl::string_view text) {
  std::string out;
  for (const std::string& word : text::FoldedWords(text)) {
    if (out.empty() && word.find_first_not_of("0123456789.") == std::string::npos) continue;
    out += word;
  }
  return out;
}

int64_t Letters(absl::string_view text) {
  int64_t letters = 0;
  for (size_t at = 0; at < text.size();) letters += text::IsLetter(text::DecodeUtf8(text, &at));
  return letters;
}

// "2.1.3 Title" → 3.
int NumberDepth(absl::string_view text) {
  size_t at = 0;
  int depth = 0;
  while (at < text.size() &&
         (absl::ascii_isdigit(text[at]) || (at == 0 && absl::ascii_isupper(text[at])))) {
    const bool letter = absl::ascii_isupper(text[at]);
    while (at < text.size() && absl::ascii_isdigit(text[at])) ++at;
    if (letter) ++at;
    ++depth;
    if (at >= text.size() || text[at] != '.')
      return at < text.size() && text[at] == ' ' && (depth > 1 || !letter) ? depth : 0;
    ++at;
  }
  return at < text.size() && text[at] == ' ' ? depth : 0;
}

bool CanBeHeading(const Block& block) {
  if (block.kind == Block::Kind::kTable || block.kind == Block::Kind::kContents || block.lines > 4)
    return false;
  if (text::CountCodePoints(block.text) > kLongestHeading || Letters(block.text) < 2) return false;
  const char last = block.text.back();
  return last != ',' && last != ';' && block.text.find('\n') == std::string::npos;
}

bool LooksLikeHeading(const Block& block, double body) {
  if (block.kind != Block::Kind::kParagraph) return false;
  const char last = block.text.back();
  const bool prose = last == '.' || last == ':';
  if (block.size >= kLarger * body) return !prose || block.size >= 1.4 * body;
  return block.bold && block.lines <= 2 && block.size >= 0.95 * body && !prose &&
         text::CountCodePoints(block.text) <= 100;
}

bool IsChapterWord(absl::string_view text) {
  const std::string folded = text::FoldCase(text);
  for (const absl::string_view word :
       {"chapter", "appendix", "part", "kapitel", "anhang", "capítulo", "chapitre"}) {
    if (folded == word ||
        (absl::StartsWith(folded, absl::StrCat(word, " ")) && folded.size() < word.size() + 8))
      return true;
  }
  return false;
}

// "CHAPTER", "ONE", "ABOUT THIS MANUAL": the title carries the other two.
void MergeChapterLines(std::vector<Block>* blocks) {
  std::vector<Block> out;
  for (Block& block : *blocks) {
    if (!out.empty() && block.kind == Block::Kind::kHeading &&
        out.back().kind == Block::Kind::kHeading && out.back().page == block.page) {
      const bool second = text::WordSpans(out.back().text).size() == 2 &&
                          IsChapterWord(out.back().text.substr(0, out.back().text.find(' ')));
      if (IsChapterWord(out.back().text) || second) {
        block.text = absl::StrCat(out.back().text, second ? ": " : " ", block.text);
        out.back() = std::move(block);
        continue;
      }
    }
    out.push_back(std::move(block));
  }
  *blocks = std::move(out);
}

}  // namespace

void MarkHeadings(const std::vector<PdfOutlineItem>& outline, double body,
                  std::vector<Block>* blocks) {
  std::map<std::string, int> titles;
  for (const PdfOutlineItem& item : outline) {
    const std::string key = Key(item.title);
    if (!key.empty()) titles.try_emplace(key, item.level);
  }
  std::set<double, std::greater<>> sizes;
  for (Block& block : *blocks) {
    if (!CanBeHeading(block)) continue;
    const auto named = titles.find(Key(block.text));
    const bool prominent = LooksLikeHeading(block, body);
    // An outline's title inside running text (a cross-reference) has the body's looks.
    if (named != titles.end() && (prominent || block.bold || NumberDepth(block.text) > 0)) {
      block.kind = Block::Kind::kHeading;
      block.level = named->second;
    } else if (prominent) {
      block.kind = Block::Kind::kHeading;
      block.level = NumberDepth(block.text);
      if (block.level == 0 && block.size >= kLarger * body) sizes.insert(block.size);
    }
  }
  for (Block& block : *blocks) {
    if (block.kind != Block::Kind::kHeading || block.level > 0) continue;
    const auto larger = std::distance(sizes.begin(), sizes.lower_bound(block.size));
    block.level = std::min<int>(6, static_cast<int>(larger) + 1);
  }
  MergeChapterLines(blocks);
}

}  // namespace foundry::extraction
