#include "services/teacher/extractive/inversion.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/lexicon.h"

namespace foundry::teacher::extractive {
namespace {

constexpr size_t kLongestRest = 18;  // words

std::string BaseOfVerb(const Word& word) {
  if (word.tag == Tag::kHave) return "have";
  if (word.tag == Tag::kDo) return "do";
  const std::string base = BaseOf(word.lower);
  // A form in -s of a verb that no list holds: "evades".
  if (base.empty() && word.tag == Tag::kPresent && absl::EndsWith(word.lower, "s")) {
    return word.lower.substr(0, word.lower.size() - 1);
  }
  return base;
}

std::string Singular(const Sentence& s, const Clause& clause, const std::string& verbs) {
  const Word& finite = s[clause.verbs.begin];
  const std::string tail = verbs.substr(std::min(verbs.size(), finite.text.size()));
  if (finite.lower == "are") return absl::StrCat("is", tail);
  if (finite.lower == "were") return absl::StrCat("was", tail);
  if (finite.lower == "have") return absl::StrCat("has", tail);
  if (finite.lower == "do") return absl::StrCat("does", tail);
  if (finite.tag == Tag::kPresent && BaseOf(finite.lower) == finite.lower) {
    return absl::StrCat(ThirdPerson(finite.lower), tail);
  }
  return verbs;
}

// Where the rest's core ends: at a comma, bracket, quote or subordinate clause that is no part of a
// list.
size_t CoreEnd(const Parsed& parsed, Range rest) {
  const Sentence& s = parsed.sentence;
  size_t end = rest.begin;
  for (size_t c = 0; c < parsed.chunks.size(); ++c) {
    if (!rest.holds(parsed.chunks[c].range.begin)) continue;
    const Range whole = Extended(s, parsed.chunks, c);
    for (size_t i = end; i < whole.begin; ++i) {
      const Tag tag = s[i].tag;
      if (tag == Tag::kComma || tag == Tag::kOpen || tag == Tag::kSubordinator) return i;
    }
    end = std::max(end, std::min(whole.end, rest.end));
  }
  for (size_t i = end; i < rest.end; ++i) {
    const Tag tag = s[i].tag;
    if (tag == Tag::kComma || tag == Tag::kOpen || tag == Tag::kSubordinator) return i;
  }
  return rest.end;
}

}  // namespace

std::string Joined(std::initializer_list<absl::string_view> parts) {
  std::string out;
  for (absl::string_view part : parts) {
    if (part.empty()) continue;
    if (!out.empty()) out += ' ';
    out.append(part.data(), part.size());
  }
  return out;
}

std::string AsQuestion(std::string text) {
  while (!text.empty() && absl::StrContains(" ,;:.-", text.back())) text.pop_back();
  return absl::StrCat(Capitalized(text), "?");
}

Frame MakeFrame(const Parsed& parsed, const Clause& clause) {
  const Sentence& s = parsed.sentence;
  Frame frame;
  frame.subject = s.Inner(clause.subject);
  const bool pronoun = clause.subject.size() == 1 && s.Is(clause.subject.begin, Tag::kPronoun);
  if (pronoun && !parsed.subject.empty() &&
      (s.IsWord(clause.subject.begin, "he") || s.IsWord(clause.subject.begin, "she"))) {
    frame.subject = parsed.subject;
  }
  frame.verbs = s.Text(clause.verbs);
  frame.third = Singular(s, clause, frame.verbs);
  frame.rest = {clause.rest.begin, CoreEnd(parsed, clause.rest)};
  if (frame.rest.size() > kLongestRest) frame.rest.end = frame.rest.begin;
  for (absl::string_view word : {"that", "whether", "how", "what", "why"}) {
    frame.incomplete |= s.IsWord(frame.rest.end, word) && s.Is(frame.rest.end, Tag::kSubordinator);
  }
  const Word& finite = s[clause.verbs.begin];
  if (clause.auxiliary) {
    frame.front = finite.text;
    frame.verb = s.Text({clause.verbs.begin + 1, clause.verbs.end});
    frame.invertible = true;
    return frame;
  }
  const std::string base = BaseOfVerb(finite);
  if (base.empty()) return frame;
  frame.verb = base;
  const bool present = finite.tag == Tag::kPresent || finite.lower == "has" ||
                       finite.lower == "have" || finite.lower == "do" || finite.lower == "does";
  if (!present) {
    frame.front = "did";
  } else {
    frame.front = finite.lower == base ? "do" : "does";
  }
  frame.invertible = true;
  return frame;
}

std::string Without(const Parsed& parsed, Range rest, Range skip) {
  const Sentence& s = parsed.sentence;
  if (skip.empty()) return s.Text(rest);
  size_t before_end = skip.begin;
  while (before_end > rest.begin &&
         (s.Is(before_end - 1, Tag::kComma) || s.Is(before_end - 1, Tag::kConjunction))) {
    --before_end;
  }
  size_t after = skip.end;
  while (after < rest.end && s.Is(after, Tag::kComma)) ++after;
  return Joined({s.Text({rest.begin, before_end}), s.Text({after, rest.end})});
}

std::string Invert(const std::string& wh, const Frame& frame, const std::string& tail) {
  return AsQuestion(Joined({wh, frame.front, frame.subject, frame.verb, tail}));
}

}  // namespace foundry::teacher::extractive
