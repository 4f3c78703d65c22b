#include "common/tokenizer/regex_split.h"

#include <unicode/regex.h>
#include <unicode/utext.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/tokenizer/unicode.h"

namespace foundry::tokenizer {

const char kGpt2Pattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const char kLlama3Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char kQwen2Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

enum class Class { kLetter, kNumber, kSpace, kOther };

Class Classify(char32_t c) {
  if (IsLetter(c)) return Class::kLetter;
  if (IsNumber(c)) return Class::kNumber;
  return IsWhitespace(c) ? Class::kSpace : Class::kOther;
}

Class ClassAt(absl::string_view text, size_t pos) { return Classify(NextCodePoint(text, &pos)); }

// End of the run of `wanted` that starts at `pos`, of at most `limit` code points.
size_t RunEnd(absl::string_view text, size_t pos, Class wanted, size_t limit = SIZE_MAX) {
  while (pos < text.size() && limit-- > 0) {
    size_t next = pos;
    if (Classify(NextCodePoint(text, &next)) != wanted) break;
    pos = next;
  }
  return pos;
}

// Length of 's 't 're 've 'm 'll 'd at `pos`, or 0.
size_t Contraction(absl::string_view text, size_t pos, bool any_case) {
  if (text[pos] != '\'' || pos + 1 >= text.size()) return 0;
  const auto at = [&](size_t i) -> char {
    if (pos + i >= text.size()) return 0;
    const char c = text[pos + i];
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  const char a = at(1), b = at(2);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return 3;
  return 0;
}

// `\s+(?!\S)|\s+` over the run [begin, end): leaves the last character to what follows it.
size_t SpaceEnd(absl::string_view text, size_t begin, size_t end) {
  if (end == text.size()) return end;
  size_t last = end - 1;
  while ((static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
  return last > begin ? last : end;
}

size_t NextGpt2(absl::string_view text, size_t pos) {
  if (const size_t n = Contraction(text, pos, false)) return pos + n;
  const bool space = text[pos] == ' ' && pos + 1 < text.size();
  const size_t word = space ? pos + 1 : pos;
  const Class kind = ClassAt(text, word);
  if (kind != Class::kSpace) return RunEnd(text, word, kind);
  return SpaceEnd(text, pos, RunEnd(text, pos, Class::kSpace));
}

bool IsNewline(char c) { return c == '\r' || c == '\n'; }

size_t NextLlama3(absl::string_view text, size_t pos, size_t digits) {
  if (const size_t n = Contraction(text, pos, true)) return pos + n;
  size_t after = pos;
  const Class kind = Classify(NextCodePoint(text, &after));
  if (kind == Class::kLetter) return RunEnd(text, pos, Class::kLetter);
  if (kind == Class::kNumber) return RunEnd(text, pos, Class::kNumber, digits);
  if (!IsNewline(text[pos]) && after < text.size() && ClassAt(text, after) == Class::kLetter) {
    return RunEnd(text, after, Class::kLetter);
  }
  const bool space = text[pos] == ' ' && after < text.size();
  const size_t word = space ? after : pos;
  if (ClassAt(text, word) == Class::kOther) {
    size_t end = RunEnd(text, word, Class::kOther);
    while (end < text.size() && IsNewline(text[end])) ++end;
    return end;
  }
  const size_t end = RunEnd(text, pos, Class::kSpace);
  for (size_t i = end; i > pos; --i) {
    if (IsNewline(text[i - 1])) return i;
  }
  return SpaceEnd(text, pos, end);
}

template <typename Next>
RegexSplitter Scanner(Next next) {
  return [next](absl::string_view text, std::vector<Span>* out) {
    for (size_t pos = 0; pos < text.size();) {
      const size_t end = next(text, pos);
      out->push_back({text.substr(pos, end - pos), true});
      pos = end;
    }
  };
}

void SplitWithIcu(const icu::RegexPattern& pattern, absl::string_view text,
                  std::vector<Span>* out) {
  UErrorCode status = U_ZERO_ERROR;
  UText utext = UTEXT_INITIALIZER;
  utext_openUTF8(&utext, text.data(), static_cast<int64_t>(text.size()), &status);
  std::unique_ptr<icu::RegexMatcher> matcher(pattern.matcher(status));
  matcher->reset(&utext);
  size_t done = 0;
  while (matcher->find(status) && U_SUCCESS(status)) {
    const auto begin = static_cast<size_t>(matcher->start64(status));
    const auto end = static_cast<size_t>(matcher->end64(status));
    if (begin == end) continue;
    if (begin > done) out->push_back({text.substr(done, begin - done), false});
    out->push_back({text.substr(begin, end - begin), true});
    done = end;
  }
  if (done < text.size()) out->push_back({text.substr(done), false});
  utext_close(&utext);
}

}  // namespace

absl::StatusOr<RegexSplitter> MakeRegexSplitter(absl::string_view pattern) {
  if (pattern == kGpt2Pattern) return Scanner(NextGpt2);
  if (pattern == kLlama3Pattern || pattern == kQwen2Pattern) {
    const size_t digits = pattern == kLlama3Pattern ? 3 : 1;
    return Scanner(
        [digits](absl::string_view text, size_t pos) { return NextLlama3(text, pos, digits); });
  }
  // Oniguruma's \s is the property White_Space; ICU's lacks U+0085.
  const std::string translated =
      absl::StrReplaceAll(pattern, {{"\\s", "\\p{White_Space}"}, {"\\S", "\\P{White_Space}"}});
  UErrorCode status = U_ZERO_ERROR;
  UParseError where;
  std::shared_ptr<icu::RegexPattern> compiled(
      icu::RegexPattern::compile(icu::UnicodeString::fromUTF8(translated), 0, where, status));
  if (U_FAILURE(status)) {
    return absl::InvalidArgumentError(absl::StrCat("the pattern '", pattern,
                                                   "' does not compile: ", u_errorName(status),
                                                   " at character ", where.offset));
  }
  return [compiled](absl::string_view text, std::vector<Span>* out) {
    SplitWithIcu(*compiled, text, out);
  };
}

}  // namespace foundry::tokenizer
