// UTF-8 and the Unicode properties that tokenizers split and normalise by (from ICU).
// Thread-safe (no state).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry::tokenizer {

inline constexpr char32_t kReplacement = 0xFFFD;

// The code point at text[*pos], moving *pos behind it. `text` is valid UTF-8 and *pos inside it.
char32_t NextCodePoint(absl::string_view text, size_t* pos);
// Bytes of the code point that starts with this byte (valid UTF-8).
size_t CodePointLength(char lead);
void AppendUtf8(char32_t c, std::string* out);

bool IsValidUtf8(absl::string_view text);
// Each maximal ill-formed sequence becomes one U+FFFD (Unicode 15, section 3.9; as Rust and Python
// do it).
std::string ToValidUtf8(absl::string_view text);

// General categories L* and N*.
bool IsLetter(char32_t c);
bool IsNumber(char32_t c);
// P*, Mn and C* but for unassigned characters, as in Unicode 8: what the tokenizers library's BERT
// steps go by.
bool IsPunctuation(char32_t c);
bool IsNonspacingMark(char32_t c);
bool IsControl(char32_t c);
// As Python's str.isprintable(): what repr() writes as it is.
bool IsPrintable(char32_t c);
// The property White_Space.
bool IsWhitespace(char32_t c);

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };
std::string NormalizeUnicode(absl::string_view text, NormalForm form);
// Full lower-case mapping of each code point by itself, without context (no final sigma).
std::string LowercaseEach(absl::string_view text);

// Full case mappings of a text in its context, in no particular language (as Python's).
std::string ToLower(absl::string_view text);
std::string ToUpper(absl::string_view text);
// The first code point in title case, the others in lower case.
std::string Capitalize(absl::string_view text);

}  // namespace foundry::tokenizer
