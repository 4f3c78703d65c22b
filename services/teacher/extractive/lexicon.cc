#include "services/teacher/extractive/lexicon.h"

#include <map>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/teacher/extractive/lexicon_words.h"

namespace foundry::teacher::extractive {
namespace {

using WordSet = absl::flat_hash_set<absl::string_view>;

WordSet* MakeSet(absl::string_view list) {
  return new WordSet(absl::StrSplit(list, ' ', absl::SkipEmpty()));
}

#define FOUNDRY_WORD_CLASS(function, list)               \
  bool function(absl::string_view word) {                \
    static const WordSet& words = *MakeSet(words::list); \
    return words.contains(word);                         \
  }

struct Irregular {
  absl::string_view base, past, participle;
};

struct Verbs {
  WordSet bases;
  std::vector<Irregular> irregular;
  absl::flat_hash_map<absl::string_view, absl::string_view> base_of;  // irregular forms
  WordSet pasts, participles;
  absl::flat_hash_map<absl::string_view, absl::string_view> past_of_participle;

  Verbs() {
    for (absl::string_view base : absl::StrSplit(words::kVerbs, ' ', absl::SkipEmpty())) {
      bases.insert(base);
    }
    const std::vector<absl::string_view> forms =
        absl::StrSplit(words::kIrregular, ' ', absl::SkipEmpty());
    for (size_t i = 0; i + 2 < forms.size(); i += 3) {
      bases.insert(forms[i]);
      pasts.insert(forms[i + 1]);
      participles.insert(forms[i + 2]);
      // "lay" is both a base and a past; "found" too: the irregular past is the commoner reading.
      base_of.emplace(forms[i + 1], forms[i]);
      base_of.emplace(forms[i + 2], forms[i]);
      past_of_participle.emplace(forms[i + 2], forms[i + 1]);
    }
  }
};

const Verbs& AllVerbs() {
  static const Verbs& verbs = *new Verbs();
  return verbs;
}

bool Vowel(char c) { return absl::StrContains("aeiou", absl::string_view(&c, 1)); }

// "refill", "overcome", "mislead": a known verb behind a prefix.
bool KnownBase(absl::string_view word) {
  const WordSet& bases = AllVerbs().bases;
  if (bases.contains(word)) return true;
  for (absl::string_view prefix : {"re", "over", "under", "mis", "dis", "un", "out"}) {
    if (absl::StartsWith(word, prefix) && word.size() > prefix.size() + 3 &&
        bases.contains(word.substr(prefix.size()))) {
      return true;
    }
  }
  return false;
}

// The base that gives `stem` + a suffix that begins with a vowel (-ed, -ing).
std::string BaseOfStem(absl::string_view stem) {
  if (stem.size() < 2) return "";
  const std::string with_e = absl::StrCat(stem, "e");
  if (KnownBase(stem)) return std::string(stem);
  if (KnownBase(with_e)) return with_e;
  const size_t n = stem.size();
  if (n > 2 && stem[n - 1] == stem[n - 2] && KnownBase(stem.substr(0, n - 1))) {
    return std::string(stem.substr(0, n - 1));
  }
  return "";
}

}  // namespace

FOUNDRY_WORD_CLASS(IsDeterminer, kDeterminers)
FOUNDRY_WORD_CLASS(IsPossessive, kPossessives)
FOUNDRY_WORD_CLASS(IsPronoun, kPronouns)
FOUNDRY_WORD_CLASS(IsPreposition, kPrepositions)
FOUNDRY_WORD_CLASS(IsSubordinator, kSubordinators)
FOUNDRY_WORD_CLASS(IsModal, kModals)
FOUNDRY_WORD_CLASS(IsBe, kBe)
FOUNDRY_WORD_CLASS(IsHave, kHave)
FOUNDRY_WORD_CLASS(IsDo, kDo)
FOUNDRY_WORD_CLASS(IsAdverb, kAdverbs)
FOUNDRY_WORD_CLASS(IsAdjective, kAdjectives)
FOUNDRY_WORD_CLASS(IsMonth, kMonths)
FOUNDRY_WORD_CLASS(IsWeekday, kWeekdays)
FOUNDRY_WORD_CLASS(IsNumberWord, kNumberWords)
FOUNDRY_WORD_CLASS(IsOrdinalWord, kOrdinals)
FOUNDRY_WORD_CLASS(IsUnit, kUnits)
FOUNDRY_WORD_CLASS(IsTimeNoun, kTimeNouns)
FOUNDRY_WORD_CLASS(IsPersonNoun, kPersonNouns)
FOUNDRY_WORD_CLASS(IsPersonTitle, kPersonTitles)
FOUNDRY_WORD_CLASS(IsFirstName, kFirstNames)
FOUNDRY_WORD_CLASS(IsPlaceNoun, kPlaceNouns)
FOUNDRY_WORD_CLASS(IsGroupNoun, kGroupNouns)

bool IsStopWord(absl::string_view word) {
  static const WordSet& extra = *MakeSet(words::kStopExtra);
  return extra.contains(word) || IsDeterminer(word) || IsPossessive(word) || IsPronoun(word) ||
         IsPreposition(word) || IsSubordinator(word) || IsModal(word) || IsBe(word) ||
         IsHave(word) || IsDo(word) || IsAdverb(word);
}

bool IsVerbBase(absl::string_view word) { return KnownBase(word); }

bool IsIrregularPast(absl::string_view word) { return AllVerbs().pasts.contains(word); }

bool IsIrregularParticiple(absl::string_view word) { return AllVerbs().participles.contains(word); }

std::string BaseOf(absl::string_view word) {
  const Verbs& verbs = AllVerbs();
  if (const auto it = verbs.base_of.find(word); it != verbs.base_of.end()) {
    return std::string(it->second);
  }
  if (KnownBase(word)) return std::string(word);
  const size_t n = word.size();
  if (n > 4 && absl::EndsWith(word, "ied")) {
    const std::string base = absl::StrCat(word.substr(0, n - 3), "y");
    if (KnownBase(base)) return base;
  }
  if (n > 4 && absl::EndsWith(word, "ies")) {
    const std::string base = absl::StrCat(word.substr(0, n - 3), "y");
    if (KnownBase(base)) return base;
  }
  if (n > 3 && absl::EndsWith(word, "ed")) return BaseOfStem(word.substr(0, n - 2));
  if (n > 4 && absl::EndsWith(word, "ing")) return BaseOfStem(word.substr(0, n - 3));
  if (n > 3 && absl::EndsWith(word, "s")) {
    if (KnownBase(word.substr(0, n - 1))) return std::string(word.substr(0, n - 1));
    if (absl::EndsWith(word, "es") && KnownBase(word.substr(0, n - 2))) {
      return std::string(word.substr(0, n - 2));
    }
  }
  return "";
}

std::string ThirdPerson(absl::string_view base) {
  if (base == "be") return "is";
  if (base == "have") return "has";
  if (base == "do" || base == "go") return absl::StrCat(base, "es");
  const size_t n = base.size();
  if (n > 1 && base[n - 1] == 'y' && !Vowel(base[n - 2])) {
    return absl::StrCat(base.substr(0, n - 1), "ies");
  }
  for (absl::string_view hiss : {"s", "x", "z", "ch", "sh"}) {
    if (absl::EndsWith(base, hiss)) return absl::StrCat(base, "es");
  }
  return absl::StrCat(base, "s");
}

std::string PastOfParticiple(absl::string_view participle) {
  const auto& map = AllVerbs().past_of_participle;
  const auto it = map.find(participle);
  return std::string(it == map.end() ? participle : it->second);
}

bool LooksPlural(absl::string_view word) {
  for (absl::string_view irregular : {"people", "men", "women", "children", "feet", "data", "media",
                                      "bacteria", "police", "algae", "criteria", "phenomena"}) {
    if (word == irregular) return true;
  }
  return word.size() > 3 && word.back() == 's' && !absl::EndsWith(word, "ss") &&
         !absl::EndsWith(word, "us") && !absl::EndsWith(word, "is") && !absl::EndsWith(word, "ics");
}

}  // namespace foundry::teacher::extractive
