// Questions for what surrounds the verb and its arguments: time, place, means, reason, purpose.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/lexicon.h"
#include "services/teacher/extractive/rules.h"
#include "services/teacher/extractive/wh_words.h"

namespace foundry::teacher::extractive {
namespace {

// One prepositional phrase of the rest.
void AskPhrase(RuleContext& c, size_t preposition, const Chunk& chunk) {
  const Sentence& s = c.s;
  Range whole = Extended(s, c.parsed.chunks, IndexOf(c.parsed, &chunk));
  whole.end = std::min(whole.end, c.frame.rest.end);
  // "referred to as", "out of": both words are the preposition.
  const size_t last_preposition = preposition;
  while (preposition > c.frame.rest.begin &&
         (s.Is(preposition - 1, Tag::kPreposition) || s.Is(preposition - 1, Tag::kTo))) {
    --preposition;
  }
  if (preposition > 0 && (s.IsWord(preposition - 1, "such") || s.IsWord(preposition - 1, "well") ||
                          s.IsWord(preposition - 1, "other"))) {
    return;
  }
  const Range phrase{preposition, whole.end};
  const std::string prep = absl::AsciiStrToLower(s.Text({preposition, last_preposition + 1}));
  if (prep == "of" || chunk.pronoun || Vague(s, whole) || !c.frame.invertible) return;
  // "adequate to boot": a verb that no list holds, rather than a goal.
  if (prep == "to" && chunk.range.size() == 1 && s.Is(chunk.head, Tag::kNoun)) return;
  if (prep == "as" && s.IsWord(preposition + 1, "well")) return;
  if (prep == "than" || s.Is(phrase.end, Tag::kConjunction)) return;
  const std::string tail = Without(c.parsed, c.frame.rest, phrase);
  const std::string answer = s.Text(phrase);
  const bool last = phrase.end == c.frame.rest.end;
  if (chunk.kind == Kind::kDate) {
    Fact& fact = c.Add(answer, "factual", 1.5);
    fact.questions.push_back(Invert("When", c.frame, tail));
    if (prep == "in" && IsYear(s[chunk.head].text)) {
      fact.questions.push_back(Invert("In what year", c.frame, tail));
      fact.questions.push_back(Invert("What year", c.frame, tail));
    } else if (s.IsWord(chunk.head, "century")) {
      fact.questions.push_back(Invert("In what century", c.frame, tail));
    }
    if (const std::string brief = c.ShortTail(preposition); brief != tail) {
      fact.questions.push_back(Invert("When", c.frame, brief));
    }
    fact.questions.push_back(AsQuestion(Joined({c.frame.subject, c.frame.verbs, tail, "when"})));
    return;
  }
  const bool location = prep == "in" || prep == "at" || prep == "near" || prep == "on" ||
                        prep == "within" || prep == "under" || prep == "outside" ||
                        prep == "across" || prep == "along" || prep == "inside" || prep == "around";
  if (location && (chunk.kind == Kind::kPlace || (chunk.proper && chunk.kind != Kind::kPerson))) {
    Fact& fact = c.Add(answer, "factual", 1.4);
    fact.questions.push_back(Invert("Where", c.frame, tail));
    if (const std::string brief = c.ShortTail(preposition); brief != tail) {
      fact.questions.push_back(Invert("Where", c.frame, brief));
    }
    if (const std::string which = WhichFor(s, chunk); !which.empty()) {
      fact.questions.push_back(
          Invert(absl::StrCat(Capitalized(prep), " which", which.substr(5)), c.frame, tail));
    }
    fact.questions.push_back(AsQuestion(Joined({c.frame.subject, c.frame.verbs, tail, "where"})));
    return;
  }
  if ((prep == "to" || prep == "into" || prep == "from") && chunk.kind == Kind::kPlace && last) {
    Fact& fact = c.Add(s.Inner(whole), "factual", 1.4);
    fact.questions.push_back(
        Invert("Where", c.frame, prep == "from" ? Joined({tail, "from"}) : tail));
    fact.questions.push_back(
        AsQuestion(Joined({c.frame.subject, c.frame.verbs, tail, prep, "where"})));
    return;
  }
  const bool who = Human(chunk.kind);
  Fact& fact = c.Add(s.Inner(whole), "factual", chunk.proper || HasDigit(answer) ? 1.3 : 0.9);
  if (chunk.kind == Kind::kNumber) {
    const std::string wh = WhFor(s, chunk, whole, true);
    std::string in_place = wh;
    in_place[0] = static_cast<char>(absl::ascii_tolower(in_place[0]));
    fact.questions.push_back(Invert(absl::StrCat(Capitalized(prep), " ", in_place), c.frame, tail));
    fact.questions.push_back(AsQuestion(
        Joined({c.frame.subject, c.frame.verbs, s.Text({c.frame.rest.begin, phrase.begin}), prep,
                in_place, s.Text({phrase.end, c.frame.rest.end})})));
    return;
  }
  // The doer of a passive: "was seized by the army" gives "Who seized …?".
  if (c.clause.form == Clause::Form::kPassive && prep == "by" && c.clause.verbs.size() == 2) {
    const std::string past = PastOfParticiple(s[c.clause.verb].lower);
    const bool present =
        s[c.clause.verbs.begin].lower == "is" || s[c.clause.verbs.begin].lower == "are";
    const std::string base = BaseOf(s[c.clause.verb].lower);
    if (!present) {
      fact.questions.push_back(
          AsQuestion(Joined({who ? "Who" : "What", past, c.frame.subject, tail})));
    } else if (!base.empty()) {
      fact.questions.push_back(
          AsQuestion(Joined({who ? "Who" : "What", ThirdPerson(base), c.frame.subject, tail})));
    }
  }
  if (last) fact.questions.push_back(Invert(who ? "Who" : "What", c.frame, Joined({tail, prep})));
  if (const std::string brief = c.ShortTail(preposition); brief != tail) {
    fact.questions.push_back(Invert(who ? "Who" : "What", c.frame, Joined({brief, prep})));
  }
  static constexpr absl::string_view kFronted[] = {"in",   "on",     "at",      "by",     "with",
                                                   "for",  "from",   "to",      "under",  "into",
                                                   "from", "during", "against", "between"};
  const bool fronted =
      std::find(std::begin(kFronted), std::end(kFronted), prep) != std::end(kFronted);
  const std::string which = WhichFor(s, chunk);
  if (fronted && !which.empty()) {
    fact.questions.push_back(
        Invert(absl::StrCat(Capitalized(prep), " which", which.substr(5)), c.frame, tail));
  } else if (fronted) {
    fact.questions.push_back(
        Invert(absl::StrCat(Capitalized(prep), who ? " whom" : " what"), c.frame, tail));
  }
  fact.questions.push_back(
      AsQuestion(Joined({c.frame.subject, c.frame.verbs, s.Text({c.frame.rest.begin, phrase.begin}),
                         prep, who ? "whom" : "what", s.Text({phrase.end, c.frame.rest.end})})));
}

}  // namespace

void AskPhrases(RuleContext& c) {
  for (const Chunk& chunk : c.parsed.chunks) {
    if (chunk.range.begin == 0 || !c.frame.rest.holds(chunk.range.begin)) continue;
    const size_t before = chunk.range.begin - 1;
    if (!c.frame.rest.holds(before)) continue;
    if (c.s.Is(before, Tag::kPreposition) || c.s.Is(before, Tag::kTo)) AskPhrase(c, before, chunk);
  }
}

// "In 1805, …": when and where of the lead.
void AskLead(RuleContext& c) {
  if (c.clause.lead.empty() || !c.frame.invertible) return;
  const Chunk* chunk = ChunkAt(c.parsed, c.clause.lead.begin + 1);
  if (chunk == nullptr) return;
  const std::string rest = c.s.Text(c.frame.rest);
  const std::string answer = c.s.Inner(c.clause.lead);
  if (chunk->kind == Kind::kDate) {
    Fact& fact = c.Add(answer, "factual", 1.5);
    fact.questions.push_back(Invert("When", c.frame, rest));
    if (IsYear(c.s[chunk->head].text)) {
      fact.questions.push_back(Invert("In what year", c.frame, rest));
      fact.questions.push_back(Invert("What year", c.frame, rest));
    }
    return;
  }
  if (chunk->kind == Kind::kPlace ||
      (chunk->proper && c.s.IsWord(c.clause.lead.begin, "in") && chunk->kind == Kind::kThing)) {
    Fact& fact = c.Add(answer, "factual", 1.3);
    fact.questions.push_back(Invert("Where", c.frame, rest));
    return;
  }
  if (c.s.IsWord(c.clause.lead.begin, "for") || c.s.IsWord(c.clause.lead.begin, "as")) return;
  Fact& fact = c.Add(c.s.Inner({c.clause.lead.begin + 1, c.clause.lead.end}), "factual", 0.8);
  fact.questions.push_back(
      Invert(Joined({Capitalized(c.s[c.clause.lead.begin].lower), "what"}), c.frame, rest));
}

// Adjuncts that say why, how and what for.
void AskReasons(RuleContext& c) {
  const Sentence& s = c.s;
  if (!c.frame.invertible || c.clause.relative) return;
  size_t sentence_end = s.size();
  while (sentence_end > 0 &&
         (s.Is(sentence_end - 1, Tag::kStop) || s.Is(sentence_end - 1, Tag::kQuote))) {
    --sentence_end;
  }
  for (size_t i = c.clause.rest.begin; i < sentence_end; ++i) {
    if (s.Is(i, Tag::kStop)) break;
    const bool two = i + 1 < sentence_end;
    const bool because =
        s.IsWord(i, "because") || (two && s.IsWord(i, "due") && s.IsWord(i + 1, "to"));
    const bool purpose = (two && s.IsWord(i, "in") && s.IsWord(i + 1, "order")) ||
                         (s.Is(i, Tag::kTo) && s.Is(i + 1, Tag::kBase) && i > c.clause.rest.begin &&
                          (s.Is(i - 1, Tag::kNoun) || s.Is(i - 1, Tag::kProper)));
    const bool manner = s.IsWord(i, "by") && s.Is(i + 1, Tag::kGerund);
    const bool time =
        s.Is(i, Tag::kSubordinator) && (s.IsWord(i, "when") || s.IsWord(i, "after") ||
                                        s.IsWord(i, "before") || s.IsWord(i, "until"));
    if (!because && !purpose && !manner && !time) continue;
    // Only what belongs to this clause: no other subject may stand between.
    size_t end = i + 1;
    while (end < sentence_end && !s.Is(end, Tag::kStop)) ++end;
    size_t rest_end = i;
    while (rest_end > c.clause.rest.begin && (s.Is(rest_end - 1, Tag::kComma))) --rest_end;
    bool foreign = false;
    for (size_t k = c.clause.rest.begin; k < rest_end; ++k) foreign |= FiniteVerb(s[k]);
    if (foreign || rest_end - c.clause.rest.begin > 16 || end - i > 24 || end - i < 3) break;
    const std::string rest = s.Text({c.clause.rest.begin, rest_end});
    Fact& fact = c.Add(s.Text({i, end}), because ? "reason" : purpose ? "purpose" : "factual", 1.3);
    if (because) {
      fact.questions.push_back(Invert("Why", c.frame, rest));
      fact.questions.push_back(Invert("For what reason", c.frame, rest));
    } else if (purpose) {
      fact.questions.push_back(Invert("Why", c.frame, rest));
      fact.questions.push_back(Invert("For what purpose", c.frame, rest));
    } else if (manner) {
      fact.questions.push_back(Invert("How", c.frame, rest));
      fact.questions.push_back(Invert("By what means", c.frame, rest));
    } else {
      fact.questions.push_back(Invert("When", c.frame, rest));
    }
    break;
  }
}

}  // namespace foundry::teacher::extractive
