// UTF-8: decoding, validity and repair. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace foundry::text {

inline constexpr char32_t kReplacement = 0xFFFD;

// Decodes the code point at `*at` and moves `*at` behind it. Ill-formed input gives kReplacement
// and moves over its maximal ill-formed part (Unicode 15, section 3.9, table 3-7): surrogates,
// overlong forms and values above U+10FFFF are ill-formed. `*valid`, when given, tells.
char32_t DecodeUtf8(absl::string_view text, size_t* at, bool* valid = nullptr);

void AppendUtf8(char32_t code_point, std::string* out);

bool IsValidUtf8(absl::string_view text);

// Byte offset of the first ill-formed byte, or text.size().
size_t FirstInvalidUtf8(absl::string_view text);

// Replaces ill-formed parts by U+FFFD; adds their number to `*repaired` when given.
std::string RepairUtf8(absl::string_view text, int64_t* repaired = nullptr);

int64_t CountCodePoints(absl::string_view text);

// The longest prefix of at most `bytes` bytes that does not cut a code point.
absl::string_view Utf8Prefix(absl::string_view text, size_t bytes);

}  // namespace foundry::text
