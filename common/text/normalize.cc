#include "common/text/normalize.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>

#include "common/text/utf8.h"

namespace foundry::text {
namespace {

// Presentation ligatures of Latin (U+FB00..FB06); NFC keeps them, readers and tokenizers suffer.
const char* Ligature(char32_t c) {
  static const char* const kLatin[] = {"ff", "fi", "fl", "ffi", "ffl", "st", "st"};
  return c >= 0xFB00 && c <= 0xFB06 ? kLatin[c - 0xFB00] : nullptr;
}

bool IsInvisible(char32_t c) {
  return c == 0x00AD || c == 0x200B || c == 0x2060 || c == 0xFEFF || c == 0x200E || c == 0x200F ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFFF9 ||
         c == 0xFFFA || c == 0xFFFB;
}

bool IsBlank(char32_t c) {
  return c == 0x00A0 || c == 0x202F || c == 0x205F || (c >= 0x2000 && c <= 0x200A);
}

bool IsControl(char32_t c) {
  return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) ||
         (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE || (c >= 0xE0000 && c <= 0xE007F);
}

std::string Nfc(const std::string& text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(error);
  if (U_FAILURE(error)) return text;
  std::string out;
  icu::StringByteSink<std::string> sink(&out, static_cast<int32_t>(text.size()));
  nfc->normalizeUTF8(0, icu::StringPiece(text), sink, nullptr, error);
  return U_FAILURE(error) ? text : out;
}

// Characters: line ends become LF, blanks a space, ligatures letters; controls go.
std::string CleanCharacters(absl::string_view text, const NormalizeOptions& options,
                            NormalizeStats* stats) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    bool valid = true;
    const char32_t c = DecodeUtf8(text, &at, &valid);
    if (!valid) ++stats->invalid_utf8;
    if (c == '\r') {
      if (at >= text.size() || text[at] != '\n') out.push_back('\n');
    } else if (c == 0x2028 || c == 0x0085 || c == '\f' || c == '\v') {
      out.push_back('\n');
    } else if (c == 0x2029) {
      out.append("\n\n");
    } else if (c == '\t' && options.expand_tabs_to_space) {
      out.push_back(' ');
    } else if (IsBlank(c)) {
      out.push_back(' ');
    } else if (IsControl(c) || IsInvisible(c)) {
      ++stats->controls;
    } else if (const char* letters = Ligature(c)) {
      out.append(letters);
    } else {
      AppendUtf8(c, &out);
    }
  }
  return out;
}

// Lines: no trailing blanks, no long runs of empty lines, none at either end of the text.
std::string CleanLines(absl::string_view text, const NormalizeOptions& options) {
  std::string out;
  out.reserve(text.size());
  int empty = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    absl::string_view line = text.substr(0, end);
    text = end == absl::string_view::npos ? absl::string_view() : text.substr(end + 1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty()) {
      ++empty;
      continue;
    }
    if (!out.empty()) {
      out.push_back('\n');
      const int kept =
          options.most_blank_lines < 0 ? empty : std::min(empty, options.most_blank_lines);
      out.append(kept, '\n');
    }
    empty = 0;
    bool blank = false;
    for (const char c : line) {
      const bool is_blank = c == ' ' || c == '\t';
      if (options.collapse_spaces && is_blank) {
        blank = true;
        continue;
      }
      if (blank && !out.empty() && out.back() != '\n') out.push_back(' ');
      blank = false;
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

std::string Normalize(absl::string_view text, const NormalizeOptions& options,
                      NormalizeStats* stats) {
  NormalizeStats ignored;
  const std::string clean = CleanCharacters(text, options, stats != nullptr ? stats : &ignored);
  return CleanLines(Nfc(clean), options);
}

std::string OneLine(absl::string_view text) {
  NormalizeOptions options;
  options.collapse_spaces = true;
  options.most_blank_lines = 0;
  std::string out = Normalize(text, options);
  for (char& c : out) {
    if (c == '\n') c = ' ';
  }
  return out;
}

std::string FoldCase(absl::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* fold = icu::Normalizer2::getNFKCCasefoldInstance(error);
  if (U_FAILURE(error)) return std::string(text);
  std::string out;
  icu::StringByteSink<std::string> sink(&out, static_cast<int32_t>(text.size()));
  fold->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink,
                      nullptr, error);
  return U_FAILURE(error) ? std::string(text) : out;
}

}  // namespace foundry::text
