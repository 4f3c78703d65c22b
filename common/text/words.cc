#include "common/text/words.h"

#include <unicode/uchar.h>

#include "common/text/normalize.h"
#include "common/text/utf8.h"

namespace foundry::text {

bool IsLetter(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & (U_GC_L_MASK | U_GC_M_MASK)) != 0;
}

bool IsDigit(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return u_charType(static_cast<UChar32>(c)) == U_DECIMAL_DIGIT_NUMBER;
}

bool IsUpper(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z';
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & (U_GC_LU_MASK | U_GC_LT_MASK)) != 0;
}

bool IsLower(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z';
  return u_charType(static_cast<UChar32>(c)) == U_LOWERCASE_LETTER;
}

bool IsSpace(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }

bool IsCjk(char32_t c) {
  return (c >= 0x3000 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0xFF01 && c <= 0xFF9F) || (c >= 0x20000 && c <= 0x3FFFF);
}

std::vector<Span> WordSpans(absl::string_view text) {
  std::vector<Span> words;
  constexpr size_t kNone = absl::string_view::npos;
  size_t begin = kNone;
  bool digit_before = false;
  const auto end_word = [&](size_t end) {
    if (begin != kNone) words.push_back({static_cast<int64_t>(begin), static_cast<int64_t>(end)});
    begin = kNone;
  };
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = DecodeUtf8(text, &at);
    const bool digit = IsDigit(c);
    if (IsCjk(c) && IsLetter(c)) {
      end_word(start);
      words.push_back({static_cast<int64_t>(start), static_cast<int64_t>(at)});
    } else if (IsLetter(c) || digit || c == '_') {
      if (begin == kNone) begin = start;
    } else if (begin != kNone && at < text.size()) {
      size_t peek = at;
      const char32_t next = DecodeUtf8(text, &peek);
      const bool joins = ((c == '\'' || c == 0x2019 || c == '-') && IsLetter(next)) ||
                         ((c == '.' || c == ',' || c == '-') && digit_before && IsDigit(next));
      if (!joins) end_word(start);
    } else {
      end_word(start);
    }
    digit_before = digit;
  }
  end_word(text.size());
  return words;
}

std::vector<std::string> FoldedWords(absl::string_view text) {
  std::vector<std::string> out;
  for (const Span& span : WordSpans(text)) out.push_back(FoldCase(Slice(text, span)));
  return out;
}

}  // namespace foundry::text
