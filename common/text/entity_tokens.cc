#include "common/text/entity_tokens.h"

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "common/text/utf8.h"

namespace foundry::text {
namespace {

// "J", "U.S", "St", "Inc": the full stop behind belongs to the token.
bool KeepsStop(absl::string_view word) {
  static const auto* abbreviations = new absl::flat_hash_set<absl::string_view>{
      "Mr",  "Mrs", "Ms",   "Dr", "Prof", "St",   "Jr",  "Sr",  "Gen",
      "Col", "Maj", "Capt", "Lt", "Sgt",  "Adm",  "Rev", "Gov", "Sen",
      "Rep", "Inc", "Ltd",  "Co", "Corp", "Bros", "Mt",  "Ft",  "D.C"};
  if (abbreviations->contains(word)) return true;
  if (word.size() == 1) return absl::ascii_isupper(word[0]);
  for (size_t i = 0; i < word.size(); ++i) {
    if (i % 2 == 0 ? !absl::ascii_isalpha(word[i]) : word[i] != '.') return false;
  }
  return word.size() >= 3;
}

}  // namespace

std::vector<Span> EntityTokens(absl::string_view text) {
  std::vector<Span> out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    char32_t c = DecodeUtf8(text, &at);
    if (IsSpace(c)) continue;
    const auto add = [&](size_t from, size_t to) {
      out.push_back({static_cast<int64_t>(from), static_cast<int64_t>(to)});
    };
    if (!IsLetter(c) && !IsDigit(c)) {
      add(begin, at);
      continue;
    }
    size_t end = at;
    while (end < text.size()) {
      size_t next = end;
      c = DecodeUtf8(text, &next);
      bool inside = IsLetter(c) || IsDigit(c);
      if (!inside && next < text.size() &&
          (c == '-' || c == '.' || c == '&' || c == '\'' || c == 0x2019)) {
        size_t peek = next;
        const char32_t after = DecodeUtf8(text, &peek);
        // Inner stops only in abbreviations and numbers: "U.S", "3.5", but "end.Next" is two.
        const bool short_part = end - begin <= 1 || text[end - 2] == '.' || IsDigit(after);
        inside = (IsLetter(after) || IsDigit(after)) && (c != '.' || short_part);
        const absl::string_view rest = text.substr(next, 2);
        const bool possessive = (c == '\'' || c == 0x2019) && absl::StartsWith(rest, "s") &&
                                (rest.size() < 2 || !absl::ascii_isalpha(rest[1]));
        if (possessive) inside = false;
      }
      if (!inside) break;
      end = next;
    }
    if (end < text.size() && text[end] == '.' && KeepsStop(text.substr(begin, end - begin))) ++end;
    add(begin, end);
    at = end;
    // "'s" is a token of its own.
    for (const absl::string_view mark : {"'s", "’s"}) {
      if (absl::StartsWith(text.substr(at), mark)) {
        add(at, at + mark.size());
        at += mark.size();
        break;
      }
    }
  }
  return out;
}

}  // namespace foundry::text
