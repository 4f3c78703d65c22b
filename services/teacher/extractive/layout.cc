#include "services/teacher/extractive/layout.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text/sentences.h"
#include "services/teacher/extractive/lexicon.h"
#include "services/teacher/extractive/words.h"

namespace foundry::teacher::extractive {
namespace {

constexpr size_t kLongestHeading = 9;  // words of a heading before a sentence

// Words that begin a sentence but no noun phrase of a heading.
bool Opens(const Word& word) {
  if (!absl::ascii_isupper(word.text[0])) return false;
  static constexpr absl::string_view kOpeners[] = {"the", "this", "these", "there", "it",  "they",
                                                   "in",  "if",   "some",  "no",    "for", "when",
                                                   "all", "each", "a",     "an",    "to",  "on"};
  return std::find(std::begin(kOpeners), std::end(kOpeners), word.lower) != std::end(kOpeners);
}

std::string WithoutHeading(std::string text) {
  const std::vector<Word> words = CutWords(text);
  for (size_t i = 1; i < words.size() && i <= kLongestHeading; ++i) {
    const Word& before = words[i - 1];
    if (Opens(words[i]) && (before.tag < Tag::kComma || before.tag == Tag::kClose)) {
      return text.substr(words[i].begin);
    }
    // A heading holds no verb and no article.
    const std::string& w = before.lower;
    if (before.tag == Tag::kNoun && (IsBe(w) || IsModal(w) || IsHave(w) || IsDeterminer(w) ||
                                     IsPronoun(w) || (IsPreposition(w) && i == 1))) {
      break;
    }
    if (before.tag == Tag::kComma || before.tag == Tag::kQuote) break;
  }
  return text;
}

}  // namespace

std::string TrimToSentence(absl::string_view text) {
  std::string cleaned = CleanSentence(text);
  absl::string_view view = cleaned;
  size_t marker = 0;
  if (text::StartsWithListMarker(view, &marker)) view.remove_prefix(std::min(marker, view.size()));
  view = absl::StripLeadingAsciiWhitespace(view);
  while (absl::ConsumePrefix(&view, "•") || absl::ConsumePrefix(&view, "–")) {
    view = absl::StripLeadingAsciiWhitespace(view);
  }
  // A footnote's number before a capital: "16 Historically".
  size_t digits = 0;
  while (digits < view.size() && absl::ascii_isdigit(view[digits])) ++digits;
  if (digits > 0 && digits <= 2 && digits + 1 < view.size() && view[digits] == ' ' &&
      absl::ascii_isupper(view[digits + 1])) {
    const std::vector<Word> words = CutWords(view.substr(digits + 1));
    if (!words.empty() && !IsMonth(words[0].lower)) view.remove_prefix(digits + 1);
  }
  // … and one that stands right at it: "16If".
  if (digits > 0 && digits <= 2 && digits + 1 < view.size() && absl::ascii_isupper(view[digits]) &&
      absl::ascii_islower(view[digits + 1])) {
    view.remove_prefix(digits);
  }
  // "(Other layouts are possible.)"
  if (absl::StartsWith(view, "(") && absl::EndsWith(view, ".)") &&
      view.find(')') == view.size() - 1) {
    view = view.substr(1, view.size() - 2);
  }
  return WithoutHeading(std::string(view));
}

std::string HeadingName(absl::string_view heading) {
  heading = absl::StripAsciiWhitespace(heading);
  if (absl::StartsWithIgnoreCase(heading, "chapter ")) heading.remove_prefix(8);
  while (!heading.empty() && (absl::ascii_isdigit(heading[0]) || heading[0] == '.')) {
    heading.remove_prefix(1);
  }
  return std::string(absl::StripAsciiWhitespace(heading));
}

std::string SectionLabel(const dataset::Document& document, int64_t at) {
  static constexpr absl::string_view kGeneral[] = {
      "purpose",     "requirements",    "specific options", "rationale", "introduction",
      "overview",    "examples",        "example",          "notes",     "scope",
      "description", "details",         "general",          "summary",   "background",
      "abstract",    "dedication",      "appendix",         "preface",   "foreword",
      "conclusion",  "acknowledgements"};
  int level = 1 << 20;
  for (size_t i = document.sections.size(); i-- > 0;) {
    const dataset::Section& section = document.sections[i];
    if (section.span.begin > at || section.heading.empty() || section.level >= level) continue;
    const std::string name = HeadingName(section.heading);
    const std::string folded = absl::AsciiStrToLower(name);
    level = section.level;
    if (std::find(std::begin(kGeneral), std::end(kGeneral), folded) != std::end(kGeneral)) continue;
    return folded == absl::AsciiStrToLower(document.title) ? std::string() : name;
  }
  return "";
}

}  // namespace foundry::teacher::extractive
