#include "services/teacher/extractive/chunks.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "services/teacher/extractive/lexicon.h"

namespace foundry::teacher::extractive {
namespace {

bool Nominal(Tag tag) { return tag == Tag::kNoun || tag == Tag::kProper || tag == Tag::kNumber; }

bool Modifier(const Sentence& s, size_t i) {
  const Tag tag = s[i].tag;
  if (tag == Tag::kAdjective) return true;
  if (tag == Tag::kGerund || tag == Tag::kParticiple) {
    // "carefully chosen words", "a growing number"; not "using the", "led by".
    return i + 1 < s.size() && (Nominal(s[i + 1].tag) || s.Is(i + 1, Tag::kAdjective)) && i > 0 &&
           (s.Is(i - 1, Tag::kDeterminer) || s.Is(i - 1, Tag::kPossessive) ||
            s.Is(i - 1, Tag::kAdjective) || s.Is(i - 1, Tag::kAdverb));
  }
  if (tag == Tag::kAdverb) {
    // "very large rivers", "most closely regulated systems".
    return i + 1 < s.size() && (s.Is(i + 1, Tag::kAdjective) || s.Is(i + 1, Tag::kNumber)) &&
           s[i].lower != "not" && s[i].lower != "also";
  }
  return false;
}

// "Jean de Bethencourt", "Archduke Sigismund of Austria" keeps only the particles of names.
bool NameParticle(const Sentence& s, size_t i) {
  static constexpr absl::string_view kParticles[] = {"de", "la", "le", "von", "van", "der", "den",
                                                     "du", "di", "da", "bin", "ibn", "al",  "el"};
  if (i == 0 || i + 1 >= s.size() || !s.Is(i - 1, Tag::kProper)) return false;
  for (absl::string_view particle : kParticles) {
    if (s[i].lower == particle) {
      return s.Is(i + 1, Tag::kProper) || NameParticle(s, i + 1) ||
             (i + 2 < s.size() && s.Is(i + 2, Tag::kProper));
    }
  }
  return false;
}

bool DateWords(const Sentence& s, Range range) {
  bool year_or_month = false;
  for (size_t i = range.begin; i < range.end; ++i) {
    const std::string& w = s[i].lower;
    if (IsYear(w) || IsMonth(w) || IsWeekday(w) || w == "century" || w == "centuries" ||
        w == "decade") {
      year_or_month = true;
    }
  }
  return year_or_month;
}

Kind KindOf(const Sentence& s, const Chunk& chunk, const Names& names) {
  const std::string& head = s[chunk.head].lower;
  // The head decides: "the 1708 passage" is no date, "the late 1870s" is one.
  if (DateWords(s, chunk.range) && (HasDigit(head) || IsTimeNoun(head) || IsMonth(head) ||
                                    IsWeekday(head) || head == "ad" || head == "bc")) {
    return Kind::kDate;
  }
  for (size_t i = chunk.range.begin; i < chunk.range.end; ++i) {
    if (s.Is(i, Tag::kNumber) && head != "one") return Kind::kNumber;
  }
  if (chunk.pronoun) {
    for (absl::string_view who : {"he", "she", "him", "who", "himself", "herself"}) {
      if (head == who) return Kind::kPerson;
    }
    return Kind::kThing;
  }
  Range proper{chunk.head, chunk.head + 1};
  while (proper.begin > chunk.range.begin &&
         (s.Is(proper.begin - 1, Tag::kProper) || NameParticle(s, proper.begin - 1))) {
    --proper.begin;
  }
  if (chunk.proper) {
    const std::string name = absl::AsciiStrToLower(s.Text(proper));
    const std::string& first = s[proper.begin].lower;
    // "the Mongol army": the head decides before the names do.
    if (IsGroupNoun(head)) return Kind::kGroup;
    if (IsPlaceNoun(head)) return Kind::kPlace;
    const bool titled =
        proper.begin > chunk.range.begin &&
        (IsPersonNoun(s[proper.begin - 1].lower) || IsPersonTitle(s[proper.begin - 1].lower));
    if (titled || (IsPersonTitle(first) && proper.size() > 1) || IsFirstName(first)) {
      return Kind::kPerson;
    }
    if (names.persons.count(name) > 0) return Kind::kPerson;
    if (names.places.count(name) > 0) return Kind::kPlace;
    if (names.groups.count(name) > 0) return Kind::kGroup;
    for (const std::string& person : names.persons) {
      if (absl::EndsWith(person, " " + name)) return Kind::kPerson;
    }
    return Kind::kThing;
  }
  if (IsPersonNoun(head)) return Kind::kPerson;
  if (IsPlaceNoun(head)) return Kind::kPlace;
  if (IsGroupNoun(head)) return Kind::kGroup;
  return Kind::kThing;
}

// The end of the noun phrase that begins at `begin`; `begin` when none does.
size_t PhraseEnd(const Sentence& s, size_t begin) {
  size_t i = begin;
  if (s.Is(i, Tag::kPronoun)) return i + 1;
  while (i < s.size() && (s.Is(i, Tag::kDeterminer) || s.Is(i, Tag::kPossessive))) ++i;
  size_t nominal_end = begin;
  while (i < s.size()) {
    if (Nominal(s[i].tag)) {
      // "by 1206 Temüjin had": a year ends its phrase, unless a noun takes it: "the 1708 passage".
      if (i > begin && IsYear(s[i - 1].text) && s.Is(i, Tag::kProper)) break;
      nominal_end = ++i;
    } else if (s.Is(i, Tag::kGenitive)) {
      ++i;  // belongs to what follows
    } else if (s.Is(i, Tag::kAdjective) && i + 2 < s.size() &&
               (s.Is(i + 1, Tag::kConjunction) || s.Is(i + 1, Tag::kComma)) &&
               s.Is(i + 2, Tag::kAdjective) && nominal_end == begin) {
      i += 2;  // "rural and under-served urban areas"
    } else if (NameParticle(s, i) || Modifier(s, i)) {
      // A modifier after the head belongs to another phrase, unless a noun follows.
      size_t next = i + 1;
      while (next < s.size() && Modifier(s, next)) ++next;
      if (next >= s.size() || !(Nominal(s[next].tag) || NameParticle(s, next))) break;
      if (nominal_end > begin && !s.Is(i - 1, Tag::kGenitive) && !s.Is(i, Tag::kAdjective) &&
          !NameParticle(s, i)) {
        break;
      }
      i = next;
    } else {
      break;
    }
  }
  return nominal_end;
}

}  // namespace

std::vector<Chunk> FindChunks(const Sentence& s, const Names& names) {
  std::vector<Chunk> chunks;
  for (size_t i = 0; i < s.size();) {
    const Tag tag = s[i].tag;
    const bool opens = tag == Tag::kPronoun || tag == Tag::kDeterminer || tag == Tag::kPossessive ||
                       Nominal(tag) || tag == Tag::kAdjective ||
                       (tag == Tag::kAdverb && Modifier(s, i));
    const size_t end = opens ? PhraseEnd(s, i) : i;
    if (end == i) {
      ++i;
      continue;
    }
    Chunk chunk;
    chunk.range = {i, end};
    chunk.head = end - 1;
    chunk.pronoun = tag == Tag::kPronoun;
    for (size_t k = i; k < end; ++k) chunk.proper |= s.Is(k, Tag::kProper);
    chunk.plural = LooksPlural(s[chunk.head].lower) && !s.Is(chunk.head, Tag::kProper);
    if (s[i].lower == "they" || s[i].lower == "them" || s[i].lower == "these") chunk.plural = true;
    chunk.kind = KindOf(s, chunk, names);
    chunks.push_back(chunk);
    i = end;
  }
  return chunks;
}

Range Extended(const Sentence& s, const std::vector<Chunk>& chunks, size_t i) {
  Range range = chunks[i].range;
  for (size_t next = i + 1; next < chunks.size(); ++next) {
    const Chunk& chunk = chunks[next];
    const size_t gap = chunk.range.begin - range.end;
    const bool of = gap == 1 && s.IsWord(range.end, "of");
    const bool both = gap == 1 && (s.IsWord(range.end, "and") || s.IsWord(range.end, "or"));
    const bool list = gap == 1 && s.Is(range.end, Tag::kComma);
    const bool list_end = gap == 2 && s.Is(range.end, Tag::kComma) &&
                          (s.IsWord(range.end + 1, "and") || s.IsWord(range.end + 1, "or"));
    if (of) {
      range.end = chunk.range.end;
      continue;
    }
    if (chunk.pronoun) break;
    if (both || list_end) {
      // "X and Y fled": Y may be the subject of the next clause; then a verb follows it.
      const bool verb_follows =
          s.Is(chunk.range.end, Tag::kPast) || s.Is(chunk.range.end, Tag::kPresent) ||
          s.Is(chunk.range.end, Tag::kBe) || s.Is(chunk.range.end, Tag::kHave) ||
          s.Is(chunk.range.end, Tag::kModal);
      if (verb_follows && range.begin > 0 && !(range.begin == chunks[0].range.begin)) break;
      range.end = chunk.range.end;
      if (list_end) break;
      continue;
    }
    if (list) {
      // Only a list that ends in "and" or "or" goes on over commas.
      bool closes = false;
      for (size_t k = next + 1; k < chunks.size() && k < next + 6; ++k) {
        const size_t between = chunks[k].range.begin - chunks[k - 1].range.end;
        const size_t at = chunks[k - 1].range.end;
        if (between > 2) break;
        if (s.IsWord(at, "and") || s.IsWord(at, "or") || s.IsWord(at + 1, "and") ||
            s.IsWord(at + 1, "or")) {
          closes = true;
          break;
        }
        if (!s.Is(at, Tag::kComma) && !s.IsWord(at, "of")) break;
      }
      if (!closes) break;
      range.end = chunk.range.end;
      continue;
    }
    break;
  }
  return range;
}

}  // namespace foundry::teacher::extractive
