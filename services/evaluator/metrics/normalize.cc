#include "services/evaluator/metrics/normalize.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "absl/strings/str_join.h"

namespace foundry::evaluator {
namespace {

// str.isspace() of Python 3.
bool IsPythonSpace(UChar32 c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

// \w of Python's re: letters, numbers and the underscore; marks are not word characters.
bool IsPythonWord(UChar32 c) {
  return c == '_' || (U_MASK(u_charType(c)) & (U_GC_L_MASK | U_GC_N_MASK)) != 0;
}

bool IsAsciiPunctuation(UChar32 c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

icu::UnicodeString WithoutPunctuation(const icu::UnicodeString& text) {
  icu::UnicodeString kept;
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 c = text.char32At(i);
    if (!IsAsciiPunctuation(c)) kept.append(c);
  }
  return kept;
}

bool IsArticle(const icu::UnicodeString& run) {
  return run == icu::UnicodeString("a") || run == icu::UnicodeString("an") ||
         run == icu::UnicodeString("the");
}

}  // namespace

std::vector<std::string> AnswerTokens(absl::string_view text) {
  icu::UnicodeString lower =
      icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int>(text.size())));
  lower.toLower(icu::Locale::getRoot());
  const icu::UnicodeString clean = WithoutPunctuation(lower);

  std::vector<std::string> tokens;
  icu::UnicodeString token, run;  // run: the word characters at the token's end
  auto flush_run = [&] {
    // An article becomes a space, which ends the token: "l’a" gives "l’".
    if (IsArticle(run)) {
      if (!token.isEmpty()) tokens.emplace_back(), token.toUTF8String(tokens.back());
      token.remove();
    } else {
      token.append(run);
    }
    run.remove();
  };
  auto flush_token = [&] {
    flush_run();
    if (!token.isEmpty()) tokens.emplace_back(), token.toUTF8String(tokens.back());
    token.remove();
  };
  for (int32_t i = 0; i < clean.length(); i = clean.moveIndex32(i, 1)) {
    const UChar32 c = clean.char32At(i);
    if (IsPythonSpace(c)) {
      flush_token();
    } else if (IsPythonWord(c)) {
      run.append(c);
    } else {
      flush_run();
      token.append(c);
    }
  }
  flush_token();
  return tokens;
}

std::string NormalizeAnswer(absl::string_view text) {
  return absl::StrJoin(AnswerTokens(text), " ");
}

}  // namespace foundry::evaluator
