#include "common/text/sentences.h"

#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/text/normalize.h"
#include "common/text/utf8.h"

namespace foundry::text {
namespace {

// Followed by a full stop that ends no sentence when more text comes; lower case.
bool IsAbbreviation(absl::string_view word) {
  static const auto* words = new absl::flat_hash_set<std::string>{
      "mr",     "mrs",  "ms",   "dr",  "prof", "st",   "sr",   "jr",   "gen",   "col",  "maj",
      "capt",   "lt",   "sgt",  "adm", "rev",  "hon",  "gov",  "sen",  "rep",   "pres", "vs",
      "cf",     "e.g",  "i.e",  "eg",  "ie",   "fig",  "figs", "eq",   "eqs",   "sec",  "sect",
      "ch",     "chap", "no",   "nos", "vol",  "vols", "pp",   "p",    "ed",    "eds",  "al",
      "approx", "ca",   "dept", "est", "inc",  "ltd",  "co",   "corp", "bros",  "resp", "viz",
      "ref",    "refs", "tab",  "op",  "jan",  "feb",  "mar",  "apr",  "jun",   "jul",  "aug",
      "sep",    "sept", "oct",  "nov", "dec",  "u.s",  "u.k",  "u.n",  "a.k.a", "z.b",  "d.h",
      "u.a",    "bzw",  "usw",  "ggf", "evtl", "vgl",  "abb",  "nr",   "bspw",  "ing",  "sra",
      "srta",   "av",   "núm",  "pág", "ej",   "mme",  "mlle", "art",  "par",   "ex",   "ph.d",
      "b.c",    "a.d",  "mt",   "ft",  "hr",   "fr"};
  return words->contains(word);
}

// The word before a final full stop, without brackets and quotes: "(e.g." → "e.g".
std::string WordBeforeStop(absl::string_view sentence) {
  while (!sentence.empty() && absl::ascii_isspace(sentence.back())) sentence.remove_suffix(1);
  if (sentence.empty() || sentence.back() != '.') return "";
  sentence.remove_suffix(1);
  const size_t at = sentence.find_last_of(" \n\t([\"'/");
  return std::string(at == absl::string_view::npos ? sentence : sentence.substr(at + 1));
}

// Whether the break between `before` and `after` is none.
bool FalseBreak(absl::string_view before, absl::string_view after) {
  after = absl::StripLeadingAsciiWhitespace(after);
  if (after.empty()) return true;
  size_t at = 0;
  const char32_t first = DecodeUtf8(after, &at);
  if (IsLower(first)) return true;
  const std::string word = WordBeforeStop(before);
  if (word.empty()) return false;
  // An initial, "J. Smith"; but "vitamin C. The" does end: a one-letter word that begins no name.
  if (word.size() == 1 && absl::ascii_isupper(word[0])) {
    const absl::string_view trimmed = absl::StripAsciiWhitespace(before);
    const bool sole = trimmed.size() == 2;
    const absl::string_view rest = trimmed.substr(0, trimmed.size() - 2);
    const size_t space = absl::StripTrailingAsciiWhitespace(rest).find_last_of(" \n");
    const absl::string_view previous =
        absl::StripAsciiWhitespace(space == absl::string_view::npos ? rest : rest.substr(space));
    const bool after_name =
        !previous.empty() && (absl::ascii_isupper(previous[0]) || previous.back() == '.');
    return (sole || after_name || previous.empty() || previous == "by" || previous == "and") &&
           IsUpper(first);
  }
  if (IsAbbreviation(absl::AsciiStrToLower(word))) {
    // "…of the U.S. The…": an article or pronoun speaks for a new sentence.
    const bool dotted = word.find('.') != std::string::npos;
    return !(dotted && (absl::StartsWith(after, "The ") || absl::StartsWith(after, "It ") ||
                        absl::StartsWith(after, "In ") || absl::StartsWith(after, "This ")));
  }
  // "1." or "2.3." alone is an item's number, not a sentence.
  const absl::string_view whole = absl::StripAsciiWhitespace(before);
  return whole.size() <= 8 && whole.find_first_not_of("0123456789.") == absl::string_view::npos;
}

// The text with soft line breaks as blanks, byte for byte as long as the original: ICU takes every
// line feed for a paragraph's end.
std::string WithSoftBreaks(absl::string_view text) {
  std::string out(text);
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] != '\n') continue;
    const bool empty_line =
        (i + 1 < out.size() && text[i + 1] == '\n') || (i > 0 && text[i - 1] == '\n');
    if (!empty_line && !StartsWithListMarker(text.substr(i + 1))) out[i] = ' ';
  }
  return out;
}

void AddTrimmed(absl::string_view text, int64_t begin, int64_t end, std::vector<Span>* out) {
  while (begin < end && absl::ascii_isspace(text[begin])) ++begin;
  while (end > begin && absl::ascii_isspace(text[end - 1])) --end;
  if (begin < end) out->push_back({begin, end});
}

}  // namespace

bool StartsWithListMarker(absl::string_view line, size_t* marker_bytes) {
  size_t at = 0;
  while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
  const absl::string_view rest = line.substr(at);
  const auto found = [&](size_t length) {
    if (marker_bytes != nullptr) *marker_bytes = at + length;
    return true;
  };
  for (const absl::string_view bullet :
       {"• ", "‣ ", "◦ ", "▪ ", "■ ", "● ", "– ", "— ", "- ", "* ", "· "}) {
    if (absl::StartsWith(rest, bullet)) return found(bullet.size());
  }
  size_t i = 0;
  const bool open = !rest.empty() && rest[0] == '(';
  if (open) ++i;
  const size_t start = i;
  while (i < rest.size() && absl::ascii_isdigit(rest[i]) && i - start < 3) ++i;
  if (i == start && i < rest.size() && absl::ascii_isalpha(rest[i]) &&
      (open || (i + 1 < rest.size() && rest[i + 1] == ')')))
    ++i;
  if (i == start || i + 1 >= rest.size()) return false;
  if ((rest[i] == ')' || (rest[i] == '.' && !open)) && rest[i + 1] == ' ') return found(i + 2);
  return false;
}

std::vector<Span> SplitSentences(absl::string_view text) {
  std::vector<Span> out;
  if (text.empty()) return out;
  const std::string soft = WithSoftBreaks(text);
  UErrorCode error = U_ZERO_ERROR;
  UText* utext = utext_openUTF8(nullptr, soft.data(), static_cast<int64_t>(soft.size()), &error);
  std::unique_ptr<icu::BreakIterator> iterator(
      icu::BreakIterator::createSentenceInstance(icu::Locale::getEnglish(), error));
  if (U_FAILURE(error)) {
    if (utext != nullptr) utext_close(utext);
    AddTrimmed(text, 0, static_cast<int64_t>(text.size()), &out);
    return out;
  }
  iterator->setText(utext, error);
  int64_t begin = 0, last = 0;  // of the sentence, and the break before this one
  iterator->first();
  for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE; end = iterator->next()) {
    const absl::string_view before(soft.data() + begin, end - begin);
    // What lies before the last break holds none: looking again would cost long runs their square.
    const bool hard =
        absl::string_view(soft.data() + last, end - last).find('\n') != absl::string_view::npos;
    last = end;
    if (!hard && FalseBreak(before, absl::string_view(soft).substr(end, 40)) &&
        end < static_cast<int32_t>(soft.size())) {
      continue;
    }
    AddTrimmed(text, begin, end, &out);
    begin = end;
  }
  AddTrimmed(text, begin, static_cast<int64_t>(text.size()), &out);
  utext_close(utext);
  return out;
}

}  // namespace foundry::text
