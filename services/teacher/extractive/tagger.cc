// Tags by closed classes, suffixes and neighbours. Right for plain expository prose most of the
// time; the generator drops clauses that do not parse, so errors cost items, not truth.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "services/teacher/extractive/lexicon.h"
#include "services/teacher/extractive/words.h"

namespace foundry::teacher::extractive {
namespace {

bool Upper(const Word& word) {
  const unsigned char c = word.text.empty() ? 0 : word.text[0];
  // UTF-8 capitals of Latin-1 (É, Ö, …): C3 80 to C3 9E.
  if (c == 0xC3 && word.text.size() > 1) {
    const unsigned char second = word.text[1];
    return second >= 0x80 && second <= 0x9E;
  }
  return absl::ascii_isupper(c);
}

bool Mark(Tag tag) { return tag >= Tag::kComma && tag <= Tag::kQuote; }

bool AdjectiveSuffix(absl::string_view word) {
  if (word.size() < 5) return false;
  for (absl::string_view suffix : {"al", "ic", "ous", "ive", "ful", "less", "able", "ible", "ish",
                                   "ary", "ian", "ese", "ular", "istic", "ent", "ant", "oid"}) {
    if (absl::EndsWith(word, suffix)) return true;
  }
  return false;
}

// A finite verb of its own stands between the last boundary and word `i`.
bool FiniteBefore(const std::vector<Word>& words, size_t i) {
  while (i > 0) {
    const Word& word = words[--i];
    if (Mark(word.tag) || word.tag == Tag::kConjunction || word.tag == Tag::kSubordinator) {
      return false;
    }
    if (FiniteVerb(word)) return true;
  }
  return false;
}

bool VerbTag(Tag tag) {
  return tag == Tag::kPast || tag == Tag::kPresent || tag == Tag::kBase || tag == Tag::kBe ||
         tag == Tag::kHave || tag == Tag::kDo || tag == Tag::kModal;
}

// What a word is by itself; Tag::kOther: context decides.
Tag Lexical(const std::vector<Word>& words, size_t i) {
  const Word& word = words[i];
  const std::string& w = word.lower;
  if (HasDigit(w)) return Tag::kNumber;
  if (w == "%") return Tag::kNoun;
  if (w == "to") return Tag::kTo;
  if (w == "and" || w == "or" || w == "but" || w == "nor" || w == "&") return Tag::kConjunction;
  if ((IsHave(w) || IsDo(w)) && i > 0 &&
      (words[i - 1].tag == Tag::kTo || words[i - 1].tag == Tag::kModal)) {
    // "to do", "can have": no finite verb; "have" goes on as an auxiliary.
    return IsDo(w) ? Tag::kBase : Tag::kHave;
  }
  if (absl::EndsWith(w, "n't") || absl::EndsWith(w, "n’t")) {
    const std::string stem = w.substr(0, w.size() - (absl::EndsWith(w, "n't") ? 3 : 5));
    return IsBe(stem) ? Tag::kBe : IsHave(stem) ? Tag::kHave : IsDo(stem) ? Tag::kDo : Tag::kModal;
  }
  if (IsBe(w)) return Tag::kBe;
  if (IsHave(w)) return Tag::kHave;
  if (IsDo(w)) return Tag::kDo;
  if (IsModal(w) && !(w == "may" && Upper(word) && i > 0)) return Tag::kModal;
  if (i > 0 && IsVerbBase(w) && !Upper(word) &&
      (words[i - 1].tag == Tag::kModal || words[i - 1].tag == Tag::kTo)) {
    return Tag::kBase;
  }
  const bool first = i == 0 || words[i - 1].tag == Tag::kQuote;
  // "Doctor Who", "World War I": a name goes on with what is a pronoun elsewhere.
  const bool after_name = i > 0 && words[i - 1].tag == Tag::kProper;
  if (Upper(word) && !first && (!IsPronoun(w) || after_name)) return Tag::kProper;
  if (IsPossessive(w)) return Tag::kPossessive;
  if (w == "that" || w == "which" || w == "who" || w == "whom" || w == "where" || w == "when" ||
      w == "because" || w == "although" || w == "though" || w == "while" || w == "whereas" ||
      w == "if" || w == "unless" || w == "whose") {
    return Tag::kSubordinator;
  }
  if (IsPronoun(w) && w != "one") return Tag::kPronoun;
  if (IsDeterminer(w)) return Tag::kDeterminer;
  if (IsPreposition(w)) return Tag::kPreposition;
  if (IsSubordinator(w)) return Tag::kSubordinator;
  if (IsNumberWord(w)) return Tag::kNumber;
  if (IsAdverb(w) && (IsAdjective(w) || IsOrdinalWord(w)) && i > 0 && i + 1 < words.size()) {
    // "later became", "was first applied": an adverb before a verb.
    const std::string& next = words[i + 1].lower;
    const Tag before = words[i - 1].tag;
    const bool verb = IsIrregularPast(next) || absl::EndsWith(next, "ed");
    if (verb && before != Tag::kDeterminer && before != Tag::kPossessive &&
        before != Tag::kGenitive && before != Tag::kPreposition) {
      return Tag::kAdverb;
    }
  }
  if (IsOrdinalWord(w)) return Tag::kAdjective;
  if (IsAdjective(w)) return Tag::kAdjective;
  if (IsAdverb(w)) return Tag::kAdverb;
  return Tag::kOther;
}

// Whether the previous words ask for a noun: "the use", "of plans", "large increase".
bool NounExpected(const std::vector<Word>& words, size_t i) {
  if (i == 0) return false;
  const Tag before = words[i - 1].tag;
  return before == Tag::kDeterminer || before == Tag::kPossessive || before == Tag::kAdjective ||
         before == Tag::kPreposition || before == Tag::kGenitive || before == Tag::kNumber;
}

// Nearest auxiliary to the left, over adverbs; Tag::kOther when there is none.
Tag AuxiliaryBefore(const std::vector<Word>& words, size_t i) {
  for (size_t steps = 0; i > 0 && steps < 4; ++steps) {
    const Tag tag = words[--i].tag;
    if (tag == Tag::kAdverb) continue;
    if (tag == Tag::kBe || tag == Tag::kHave || tag == Tag::kModal || tag == Tag::kDo ||
        tag == Tag::kTo) {
      return tag;
    }
    break;
  }
  return Tag::kOther;
}

Tag AfterAuxiliary(Tag auxiliary, const std::string& w) {
  const bool participle = absl::EndsWith(w, "ed") || IsIrregularParticiple(w);
  switch (auxiliary) {
    case Tag::kModal:
      return Tag::kBase;  // a verb that no list holds
    case Tag::kDo:
    case Tag::kTo:
      return IsVerbBase(w) ? Tag::kBase : Tag::kOther;
    case Tag::kBe:
    case Tag::kHave:
      return participle && (!BaseOf(w).empty() || absl::EndsWith(w, "ed")) ? Tag::kParticiple
                                                                           : Tag::kOther;
    default:
      return Tag::kOther;
  }
}

Tag Guess(std::vector<Word>& words, size_t i) {
  const std::string& w = words[i].lower;
  const bool last = i + 1 >= words.size();
  const Tag next = last ? Tag::kStop : words[i + 1].tag;
  if (const Tag tag = AfterAuxiliary(AuxiliaryBefore(words, i), w); tag != Tag::kOther) return tag;
  if (absl::EndsWith(w, "ly") && w.size() > 4 && w != "family" && w != "supply" && w != "apply") {
    return Tag::kAdverb;
  }
  if (absl::EndsWith(w, "ing") && w.size() > 5 && i > 0 && words[i - 1].tag == Tag::kPreposition &&
      (next == Tag::kDeterminer || next == Tag::kPossessive)) {
    return Tag::kGerund;
  }
  if (absl::EndsWith(w, "ing") && w.size() > 5 && !BaseOf(w).empty()) {
    return NounExpected(words, i) && words[i - 1].tag != Tag::kPreposition ? Tag::kNoun
                                                                           : Tag::kGerund;
  }
  if (absl::EndsWith(w, "ing") && w.size() > 5 && i > 0 && words[i - 1].tag == Tag::kComma) {
    return Tag::kGerund;
  }
  if (absl::EndsWith(w, "ed") && absl::StrContains(w, '-')) return Tag::kAdjective;
  const bool regular = absl::EndsWith(w, "ed") && w.size() > 3;
  const bool noun_expected = NounExpected(words, i);
  if (regular || IsIrregularPast(w) || IsIrregularParticiple(w)) {
    const bool preposed =
        i > 0 && (words[i - 1].tag == Tag::kDeterminer || words[i - 1].tag == Tag::kPossessive ||
                  words[i - 1].tag == Tag::kGenitive || words[i - 1].tag == Tag::kAdjective);
    if (preposed && (regular || w != "found")) return Tag::kAdjective;
    if (noun_expected && words[i - 1].tag == Tag::kPreposition) return Tag::kAdjective;
    if (words[i].lower == "born" || words[i].lower == "known" || words[i].lower == "called" ||
        words[i].lower == "named" || words[i].lower == "located" || words[i].lower == "based") {
      return Tag::kParticiple;
    }
    // "The expedition led by …": a participle, unless it is the only verb (checked later).
    if (!last && words[i + 1].lower == "by") return Tag::kParticiple;
    if (!regular && IsIrregularParticiple(w) && !IsIrregularPast(w)) return Tag::kParticiple;
    if (i > 0 && words[i - 1].tag == Tag::kSubordinator && words[i - 1].lower == "as") {
      return Tag::kParticiple;
    }
    if (i == 0) return Tag::kParticiple;
    // "small groups concentrated in cities": the clause has its verb already.
    if (words[i - 1].tag != Tag::kPronoun && FiniteBefore(words, i)) return Tag::kParticiple;
    return Tag::kPast;
  }
  if (absl::EndsWith(w, "s") && w.size() > 3 && !absl::EndsWith(w, "ss") && i > 0) {
    // "it evades", "this includes": a singular word cannot determine a plural noun.
    const std::string& before = words[i - 1].lower;
    if (before == "it" || before == "he" || before == "she") return Tag::kPresent;
    if ((before == "this" || before == "that") && !BaseOf(w).empty() &&
        words[i - 1].tag != Tag::kSubordinator) {
      words[i - 1].tag = Tag::kPronoun;
      return Tag::kPresent;
    }
    static constexpr absl::string_view kRarelyNouns[] = {
        "includes",  "contains", "provides", "requires", "allows",  "consists", "becomes",
        "means",     "makes",    "gives",    "takes",    "exists",  "holds",    "describes",
        "specifies", "defines",  "becomes",  "belongs",  "depends", "refers",   "remains",
        "follows",   "comes",    "goes",     "says",     "shows",   "begins",   "enables"};
    const Tag tag = words[i - 1].tag;
    for (absl::string_view known : kRarelyNouns) {
      if (w == known &&
          (tag == Tag::kNoun || tag == Tag::kProper || tag == Tag::kNumber || tag == Tag::kClose ||
           tag == Tag::kQuote) &&
          !FiniteBefore(words, i)) {
        return Tag::kPresent;
      }
    }
  }
  // "also contains antibodies", "still holds".
  if (absl::EndsWith(w, "s") && !BaseOf(w).empty() && i > 1 && words[i - 1].tag == Tag::kAdverb &&
      (words[i - 2].tag == Tag::kNoun || words[i - 2].tag == Tag::kProper ||
       words[i - 2].tag == Tag::kPronoun) &&
      !FiniteBefore(words, i)) {
    return Tag::kPresent;
  }
  const bool clause_has_verb = i > 0 && words[i - 1].tag != Tag::kPronoun && FiniteBefore(words, i);
  if (absl::EndsWith(w, "s") && !BaseOf(w).empty() && !noun_expected && i > 0) {
    const Tag before = words[i - 1].tag;
    const bool subject = before == Tag::kNoun || before == Tag::kProper ||
                         before == Tag::kPronoun || before == Tag::kAdverb ||
                         before == Tag::kSubordinator || before == Tag::kClose ||
                         before == Tag::kComma || before == Tag::kConjunction;
    const bool object = next == Tag::kDeterminer || next == Tag::kPossessive ||
                        next == Tag::kPreposition || next == Tag::kTo || next == Tag::kNumber ||
                        next == Tag::kSubordinator || next == Tag::kPronoun ||
                        next == Tag::kAdverb || next == Tag::kAdjective || next == Tag::kProper;
    const bool plural_before = i > 0 && LooksPlural(words[i - 1].lower) && before == Tag::kNoun;
    // After a comma or "and" a word in -s is a noun of a list more often than a verb, unless
    // something that only an object begins with follows.
    const bool list = before == Tag::kComma || before == Tag::kConjunction;
    const bool clear_object = next == Tag::kDeterminer || next == Tag::kPossessive ||
                              (next == Tag::kTo && !clause_has_verb) || next == Tag::kPronoun ||
                              (next == Tag::kNumber && !clause_has_verb && !list);
    // Commoner as nouns: "armed forces of", "two works on".
    static constexpr absl::string_view kNouns[] = {
        "forces",   "plans",  "uses",  "causes", "results", "works",  "states",  "claims",
        "changes",  "grants", "names", "needs",  "rates",   "views",  "reports", "studies",
        "records",  "links",  "lines", "stages", "places",  "groups", "tests",   "effects",
        "attempts", "plots",  "plays", "moves",  "ends",    "votes",  "tends",   "fees",
        "funds",    "kinds",  "terms", "issues", "members", "laws",   "rules",   "years",
        "times",    "parts",  "areas"};
    bool noun = false;
    for (absl::string_view known : kNouns) noun |= w == known;
    // "uses stones and stands in the sea": a second predicate in the same tense.
    bool same_tense =
        before == Tag::kConjunction && !noun && (next == Tag::kAdverb || next == Tag::kPreposition);
    if (same_tense) {
      same_tense = false;
      for (size_t k = 0; k < i; ++k) {
        same_tense |= (words[k].tag == Tag::kPresent && absl::EndsWith(words[k].lower, "s")) ||
                      words[k].lower == "has";
      }
    }
    if (same_tense) return Tag::kPresent;
    if (subject && object && !plural_before && (!(list || noun) || clear_object) &&
        (!clause_has_verb || clear_object)) {
      return Tag::kPresent;
    }
  }
  if (IsVerbBase(w) && !noun_expected && i > 0) {
    const Word& before = words[i - 1];
    const bool plural = ((before.tag == Tag::kNoun || before.tag == Tag::kProper) &&
                         LooksPlural(before.lower) && !clause_has_verb) ||
                        before.lower == "they" || before.lower == "we" || before.lower == "you" ||
                        before.lower == "who" || before.lower == "which" || before.lower == "that";
    const bool object = next == Tag::kDeterminer || next == Tag::kPossessive ||
                        next == Tag::kPreposition || next == Tag::kTo || next == Tag::kNumber ||
                        next == Tag::kPronoun || next == Tag::kAdverb || next == Tag::kAdjective ||
                        next == Tag::kProper || next == Tag::kOther || next == Tag::kNoun;
    const bool adverb_plural = before.tag == Tag::kAdverb && i > 1 &&
                               LooksPlural(words[i - 2].lower) && words[i - 2].tag == Tag::kNoun;
    if ((plural || adverb_plural) && object) return Tag::kPresent;
  }
  if (AdjectiveSuffix(w) && !last && !IsPersonNoun(w) && next != Tag::kBe && next != Tag::kStop &&
      next != Tag::kComma && next != Tag::kPreposition) {
    return Tag::kAdjective;
  }
  return Tag::kNoun;
}

// "The expedition led by him." has no other verb: the participle is its predicate.
void RepairVerbless(std::vector<Word>& words) {
  for (const Word& word : words) {
    if (VerbTag(word.tag)) return;
  }
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i].tag == Tag::kParticiple && IsIrregularPast(words[i].lower)) {
      words[i].tag = Tag::kPast;
      return;
    }
  }
}

// "as it allowed", "after the French attacked": what looks like a preposition opens a clause.
void FindSubordinators(std::vector<Word>& words) {
  for (size_t i = 0; i + 2 < words.size(); ++i) {
    const std::string& w = words[i].lower;
    if (w != "as" && w != "after" && w != "before" && w != "since" && w != "until") continue;
    if (words[i].tag != Tag::kPreposition) continue;
    size_t k = i + 1;
    while (k < words.size() && k < i + 9 &&
           (words[k].tag <= Tag::kNumber || words[k].tag == Tag::kGenitive ||
            (words[k].lower == "of" && k > i + 1))) {
      ++k;
    }
    if (k > i + 1 && k < words.size() && FiniteVerb(words[k])) words[i].tag = Tag::kSubordinator;
  }
}

// "A term used in derision has …": a participle, as the clause's own verb comes later.
void FindReducedRelatives(std::vector<Word>& words) {
  for (size_t i = 1; i + 1 < words.size(); ++i) {
    const std::string& w = words[i].lower;
    if (words[i].tag != Tag::kPast || words[i - 1].tag == Tag::kPronoun) continue;
    if (!absl::EndsWith(w, "ed") && !IsIrregularParticiple(w)) continue;
    const Tag next = words[i + 1].tag;
    if (next != Tag::kPreposition && next != Tag::kAdverb && next != Tag::kTo) continue;
    if (words[i - 1].tag == Tag::kConjunction || words[i - 1].tag == Tag::kSubordinator) continue;
    int commas = 0;
    for (size_t k = i + 1; k < words.size(); ++k) {
      const Tag tag = words[k].tag;
      if (tag == Tag::kConjunction || tag == Tag::kSubordinator || tag == Tag::kStop) break;
      if (tag == Tag::kComma && ++commas > 1) break;
      if (tag == Tag::kPronoun) break;  // the subject of another clause
      if (FiniteVerb(words[k])) {
        // After a comma another subject may stand before the verb: "He fled to Rome, Anna stayed".
        if (commas == 0 || words[k].tag == Tag::kBe || words[k].tag == Tag::kHave) {
          words[i].tag = Tag::kParticiple;
        }
        break;
      }
    }
  }
}

// "the Mongol military was", "the poor": an adjective that ends its noun phrase is its noun.
void FindAdjectiveHeads(std::vector<Word>& words) {
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i].tag != Tag::kAdjective) continue;
    const Tag before = words[i - 1].tag;
    if (before != Tag::kDeterminer && before != Tag::kProper && before != Tag::kPossessive)
      continue;
    const Tag next = i + 1 < words.size() ? words[i + 1].tag : Tag::kStop;
    if (next == Tag::kPreposition || next == Tag::kConjunction || Mark(next) ||
        (i + 1 < words.size() && FiniteVerb(words[i + 1]))) {
      const bool coordinated =
          next == Tag::kConjunction && i + 2 < words.size() && words[i + 2].tag == Tag::kAdjective;
      if (!coordinated) words[i].tag = Tag::kNoun;
    }
  }
}

}  // namespace

bool FiniteVerb(const Word& word) {
  switch (word.tag) {
    case Tag::kPast:
    case Tag::kPresent:
    case Tag::kDo:
    case Tag::kModal:
      return true;
    case Tag::kBe:
      return word.lower != "be" && word.lower != "been" && word.lower != "being";
    case Tag::kHave:
      return word.lower != "having";
    default:
      return false;
  }
}

void TagWords(std::vector<Word>& words, const Capitals* capitals) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (Mark(words[i].tag) || words[i].tag == Tag::kGenitive) continue;
    words[i].tag = Lexical(words, i);
  }
  // Whether the first word is a name.
  if (!words.empty() && words[0].tag == Tag::kOther && Upper(words[0])) {
    const std::string& w = words[0].lower;
    const bool next_name = words.size() > 1 && words[1].tag == Tag::kProper;
    const bool genitive = words.size() > 1 && words[1].tag == Tag::kGenitive;
    const bool caps = words[0].text.size() > 1 && absl::ascii_isupper(words[0].text[1]);
    const bool as_name = capitals != nullptr && capitals->names.count(w) > 0;
    const bool as_common = capitals != nullptr && capitals->common.count(w) > 0;
    const bool common_form = !BaseOf(w).empty() || AdjectiveSuffix(w) || LooksPlural(w) ||
                             absl::EndsWith(w, "ly") || absl::EndsWith(w, "ion") ||
                             absl::EndsWith(w, "ment") || absl::EndsWith(w, "ness") ||
                             absl::EndsWith(w, "ity") || absl::EndsWith(w, "ing");
    if (caps || IsFirstName(w) || IsPersonTitle(w) || (as_name && !as_common) ||
        ((next_name || genitive) && !common_form && !as_common)) {
      words[0].tag = Tag::kProper;
    }
    for (size_t i = 1; i < words.size() && words[0].tag == Tag::kOther; ++i) {
      if (words[i].text == words[0].text) words[0].tag = Tag::kProper;
    }
  }
  for (size_t i = 0; i < words.size(); ++i) {
    Word& word = words[i];
    if (word.tag == Tag::kOther) word.tag = Guess(words, i);
    // "from that time", "of that".
    if (word.lower == "that" && i + 1 < words.size() && i > 0 &&
        words[i - 1].tag == Tag::kPreposition) {
      word.tag = words[i + 1].tag == Tag::kPreposition ? Tag::kPronoun : Tag::kDeterminer;
    }
    if (word.tag != Tag::kDeterminer || word.lower == "the" || word.lower == "a" ||
        word.lower == "an" || word.lower == "no" || word.lower == "every") {
      continue;
    }
    // Determiners that stand alone: "this is", "most of the islands".
    if (i + 1 == words.size() || VerbTag(words[i + 1].tag) || Mark(words[i + 1].tag)) {
      word.tag = Tag::kPronoun;
    } else if (words[i + 1].lower == "of") {
      word.tag = Tag::kNoun;
    }
  }
  FindSubordinators(words);
  FindReducedRelatives(words);
  FindAdjectiveHeads(words);
  RepairVerbless(words);
}

}  // namespace foundry::teacher::extractive
