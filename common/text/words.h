// Words and character classes. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/dataset/records.h"

namespace foundry::text {

using dataset::Span;

bool IsLetter(char32_t c);  // general categories L and M
bool IsDigit(char32_t c);   // Nd
bool IsUpper(char32_t c);   // Lu or Lt
bool IsLower(char32_t c);   // Ll
bool IsSpace(char32_t c);
// Scripts written without spaces between words: Han, Hiragana, Katakana, and their punctuation.
bool IsCjk(char32_t c);

// Letters and digits, with inner apostrophes, hyphens, full stops between digits and underscores;
// in CJK text every character is a word. Spans are bytes of `text`.
std::vector<Span> WordSpans(absl::string_view text);

// The words themselves, case-folded.
std::vector<std::string> FoldedWords(absl::string_view text);

inline absl::string_view Slice(absl::string_view text, const Span& span) {
  return text.substr(span.begin, span.end - span.begin);
}

}  // namespace foundry::text
