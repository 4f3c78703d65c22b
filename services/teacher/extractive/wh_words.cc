#include "services/teacher/extractive/wh_words.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/lexicon.h"

namespace foundry::teacher::extractive {
namespace {

// "king" of "the king", "Mongol army": the head noun with its noun modifiers, for "Which …".
std::string HeadNoun(const Sentence& s, const Chunk& chunk) {
  size_t begin = chunk.head;
  while (begin > chunk.range.begin && s.Is(begin - 1, Tag::kNoun)) --begin;
  return s.Inner({begin, chunk.head + 1});
}

}  // namespace

bool Vague(const Sentence& s, Range range) {
  if (range.empty()) return true;
  if (range.size() == 1) {
    const std::string& w = s[range.begin].lower;
    return s.Is(range.begin, Tag::kPronoun) || IsStopWord(w) || w.size() < 2;
  }
  return false;
}

const Chunk* ChunkAt(const Parsed& parsed, size_t begin) {
  for (const Chunk& chunk : parsed.chunks) {
    if (chunk.range.begin == begin) return &chunk;
  }
  return nullptr;
}

size_t IndexOf(const Parsed& parsed, const Chunk* chunk) {
  return static_cast<size_t>(chunk - parsed.chunks.data());
}

std::string WhFor(const Sentence& s, const Chunk& chunk, Range whole, bool object) {
  if (chunk.kind == Kind::kNumber) {
    for (size_t i = chunk.range.begin; i < chunk.range.end; ++i) {
      if (!s.Is(i, Tag::kNumber)) continue;
      if (absl::StrContains(s[i].text, '$') || absl::StrContains(s[i].text, "€") ||
          absl::StrContains(s[i].text, "£")) {
        return "How much";
      }
      if (absl::EndsWith(s[i].text, "%") || s.IsWord(i + 1, "percent") || s.IsWord(i + 1, "%")) {
        return i + 1 >= whole.end || s.IsWord(i + 1, "of") ? "What percentage" : "How much";
      }
    }
    if (chunk.plural && !s.Is(chunk.head, Tag::kNumber)) {
      size_t number = chunk.range.begin;
      while (number < chunk.range.end && !s.Is(number, Tag::kNumber)) ++number;
      size_t noun = number;
      while (noun < chunk.range.end && s.Is(noun, Tag::kNumber)) ++noun;
      if (noun < whole.end && !IsYear(s[number].text)) {
        return absl::StrCat("How many ", s.Text({noun, whole.end}));
      }
    }
    return "What";
  }
  if (Human(chunk.kind)) return object ? "Whom" : "Who";
  return "What";
}

std::string WhichFor(const Sentence& s, const Chunk& chunk) {
  if (chunk.pronoun || chunk.kind == Kind::kNumber || chunk.kind == Kind::kDate) return "";
  if (s.Is(chunk.head, Tag::kProper)) {
    if (IsGroupNoun(s[chunk.head].lower) || IsPlaceNoun(s[chunk.head].lower)) {
      return absl::StrCat("Which ", s[chunk.head].lower);
    }
    size_t name = chunk.head;
    while (name > chunk.range.begin && !s.Is(name - 1, Tag::kNoun)) --name;
    size_t noun = name;
    while (noun > chunk.range.begin &&
           (s.Is(noun - 1, Tag::kNoun) || s.Is(noun - 1, Tag::kAdjective))) {
      --noun;
    }
    if (noun == name) return "";
    return absl::StrCat("Which ", s.Inner({noun, name}));
  }
  const std::string noun = HeadNoun(s, chunk);
  if (noun.empty() || s.Is(chunk.head, Tag::kNumber) || noun.size() < 3) return "";
  // Only where the phrase says more than its noun: "the town of Otrar", "the adjacent port".
  size_t known = chunk.head;
  while (known > chunk.range.begin && s.Is(known - 1, Tag::kNoun)) --known;
  size_t first = chunk.range.begin;
  while (first < known && (s.Is(first, Tag::kDeterminer) || s.Is(first, Tag::kPossessive))) ++first;
  const bool of_name = s.IsWord(chunk.range.end, "of") && s.Is(chunk.range.end + 1, Tag::kProper);
  if (first >= known && !of_name) return "";
  return absl::StrCat("Which ", noun);
}

bool HumanDeed(const Sentence& s, const Clause& clause) {
  static constexpr absl::string_view kDeeds[] = {
      "say",     "write",    "order",   "flee",   "marry",   "hire",   "argue",     "claim",
      "believe", "think",    "appoint", "arrive", "visit",   "refuse", "decide",    "die",
      "publish", "invent",   "tell",    "ask",    "teach",   "preach", "travel",    "study",
      "execute", "persuade", "suggest", "note",   "propose", "sign",   "criticise", "criticize",
      "love",    "hate",     "want",    "try"};
  if (clause.form == Clause::Form::kPassive) return s.IsWord(clause.verb, "born");
  const std::string base = BaseOf(s[clause.verb].lower);
  return std::find(std::begin(kDeeds), std::end(kDeeds), base) != std::end(kDeeds);
}

}  // namespace foundry::teacher::extractive
