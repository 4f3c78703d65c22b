#include "common/text/lines.h"

#include "absl/strings/str_cat.h"
#include "common/text/normalize.h"
#include "common/text/utf8.h"
#include "common/text/words.h"

namespace foundry::text {
namespace {

char32_t FirstCodePoint(absl::string_view text) {
  size_t at = 0;
  return text.empty() ? 0 : DecodeUtf8(text, &at);
}

char32_t LastCodePoint(absl::string_view text) {
  if (text.empty()) return 0;
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return DecodeUtf8(text, &at);
}

// The letters (and inner hyphens) that end `text`.
absl::string_view LastWord(absl::string_view text) {
  size_t begin = text.size();
  while (begin > 0) {
    size_t at = begin - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
    size_t next = at;
    const char32_t c = DecodeUtf8(text, &next);
    if (!IsLetter(c) && c != '-') break;
    begin = at;
  }
  return text.substr(begin);
}

absl::string_view FirstWord(absl::string_view text) {
  size_t end = 0;
  while (end < text.size()) {
    size_t next = end;
    if (!IsLetter(DecodeUtf8(text, &next))) break;
    end = next;
  }
  return text.substr(0, end);
}

// What to do with "left-" + "right".
bool HyphenGoes(absl::string_view left, absl::string_view right, const Vocabulary& vocabulary) {
  if (left.empty() || right.empty()) return false;
  if (!IsLower(FirstCodePoint(right))) return false;
  if (vocabulary.contains(FoldCase(absl::StrCat(left, right)))) return true;
  if (vocabulary.contains(FoldCase(absl::StrCat(left, "-", right)))) return false;
  if (left.find('-') != absl::string_view::npos) return false;
  // "x-axis", "e-mail": a single letter is no syllable that a typesetter would split off.
  return CountCodePoints(left) >= 2 && IsLower(LastCodePoint(left));
}

}  // namespace

void AddToVocabulary(absl::string_view text, Vocabulary* vocabulary) {
  size_t begin = absl::string_view::npos;
  size_t at = 0;
  const auto add = [&](size_t end) {
    if (begin == absl::string_view::npos) return;
    absl::string_view word = text.substr(begin, end - begin);
    begin = absl::string_view::npos;
    if (word.back() == '-') return;  // perhaps half a word
    vocabulary->insert(FoldCase(word));
  };
  while (at < text.size()) {
    const size_t start = at;
    const char32_t c = DecodeUtf8(text, &at);
    const bool inside = IsLetter(c) || (c == '-' && begin != absl::string_view::npos);
    if (inside && begin == absl::string_view::npos) begin = start;
    if (!inside) add(start);
  }
  add(text.size());
}

void AppendLine(absl::string_view line, const Vocabulary& vocabulary, std::string* paragraph) {
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
  if (line.empty()) return;
  if (paragraph->empty()) {
    paragraph->assign(line.data(), line.size());
    return;
  }
  const char32_t last = LastCodePoint(*paragraph);
  if (last == '-' || last == 0x2010) {
    const size_t hyphen = last == '-' ? 1 : 3;
    const absl::string_view before(paragraph->data(), paragraph->size() - hyphen);
    if (HyphenGoes(LastWord(before), FirstWord(line), vocabulary)) {
      paragraph->resize(before.size());
    } else if (LastWord(before).empty()) {
      paragraph->push_back(' ');  // a dash, not a hyphen
    }
  } else if (!(IsCjk(last) && IsCjk(FirstCodePoint(line)))) {
    paragraph->push_back(' ');
  }
  absl::StrAppend(paragraph, line);
}

std::string JoinLines(const std::vector<std::string>& lines, const Vocabulary& vocabulary) {
  std::string paragraph;
  for (const std::string& line : lines) AppendLine(line, vocabulary, &paragraph);
  return paragraph;
}

}  // namespace foundry::text
