#include "common/text/quality.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_split.h"
#include "common/text/utf8.h"
#include "common/text/words.h"

namespace foundry::text {
namespace {

constexpr size_t kMostBytes = 200000;
constexpr int64_t kLongestWord = 40;  // code points

bool IsLatinVowel(char32_t c) {
  if (c >= 0x80) return IsLetter(c);  // accented letters and other scripts: not judged by vowels
  const char lower = static_cast<char>(c | 0x20);
  return lower == 'a' || lower == 'e' || lower == 'i' || lower == 'o' || lower == 'u' ||
         lower == 'y';
}

struct Token {
  int64_t characters = 0, letters = 0, digits = 0, vowels = 0, capitals = 0;
};

Token Measure(absl::string_view word) {
  Token t;
  for (size_t at = 0; at < word.size();) {
    const char32_t c = DecodeUtf8(word, &at);
    ++t.characters;
    t.digits += IsDigit(c);
    if (!IsLetter(c)) continue;
    ++t.letters;
    t.vowels += IsLatinVowel(c);
    t.capitals += IsUpper(c);
  }
  return t;
}

bool WordLike(const Token& t) {
  if (t.characters > kLongestWord) return false;
  if (t.letters == 0) return true;  // a number
  const bool acronym = t.capitals == t.letters && t.letters <= 8;
  return t.vowels > 0 || acronym || t.letters <= 4;
}

// Share of the lines that repeat an earlier one of at least three words.
double RepeatedLines(absl::string_view text) {
  absl::flat_hash_map<absl::string_view, int> seen;
  int64_t lines = 0, repeated = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (line.size() < 20) continue;
    ++lines;
    repeated += seen[line]++ > 0;
  }
  return lines < 5 ? 0 : static_cast<double>(repeated) / lines;
}

}  // namespace

double TextQuality(absl::string_view text) {
  text = Utf8Prefix(text, kMostBytes);
  int64_t visible = 0, replaced = 0, symbols = 0;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = DecodeUtf8(text, &at);
    if (IsSpace(c)) continue;
    ++visible;
    replaced += c == kReplacement || (c >= 0xE000 && c <= 0xF8FF);  // private use: a font's secret
    symbols += !IsLetter(c) && !IsDigit(c);
  }
  if (visible == 0) return 0;
  int64_t good = 0;
  for (const Span& span : WordSpans(text)) {
    const Token token = Measure(Slice(text, span));
    if (WordLike(token)) good += token.characters;
  }
  // Prose has some 4 % punctuation, code 30 %: up to a third of the text it speaks against nothing.
  const int64_t punctuation = std::min(symbols, visible / 3);
  double score = std::min(1.0, static_cast<double>(good + punctuation) / visible);
  score *= 1.0 - std::min(1.0, 3.0 * replaced / visible);
  score *= 1.0 - 0.5 * RepeatedLines(text);
  return score;
}

}  // namespace foundry::text
