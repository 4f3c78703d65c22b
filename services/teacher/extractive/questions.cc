#include "services/teacher/extractive/questions.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/inversion.h"
#include "services/teacher/extractive/lexicon.h"

namespace foundry::teacher::extractive {
namespace {

constexpr size_t kLongestSentence = 34;  // words; longer statements are cut to their clause

// Everything that the rules of one clause share.
struct Context {
  const Parsed& parsed;
  const Sentence& s;
  const Clause& clause;
  Frame frame;
  std::string statement;
  bool past = false;
  std::vector<Fact>& facts;

  // What a short question keeps of the rest besides the phrase asked for: the object, if it comes
  // first.
  std::string ShortTail(size_t phrase_begin) const {
    size_t end = frame.rest.begin;
    while (end < phrase_begin && s[end].tag != Tag::kPreposition && s[end].tag != Tag::kTo) ++end;
    while (end < phrase_begin && s.IsWord(end, "of")) {
      ++end;
      while (end < phrase_begin && s[end].tag != Tag::kPreposition && s[end].tag != Tag::kTo) ++end;
    }
    return s.Text({frame.rest.begin, end});
  }

  Fact& Add(const std::string& answer, const std::string& type, double value) {
    Fact fact;
    fact.answer = answer;
    fact.statement = statement;
    fact.type = type;
    fact.value = value;
    facts.push_back(std::move(fact));
    return facts.back();
  }
};

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

bool Human(Kind kind) { return kind == Kind::kPerson; }

// "king" of "the king", "Mongol army": the head noun with its noun modifiers, for "Which …".
std::string HeadNoun(const Sentence& s, const Chunk& chunk) {
  size_t begin = chunk.head;
  while (begin > chunk.range.begin && s.Is(begin - 1, Tag::kNoun)) --begin;
  return s.Inner({begin, chunk.head + 1});
}

// "Which town", "Who", "How many men", "What": what asks for the phrase; empty: nothing fits.
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

// "Which town" of "the town of Otrar", "Which Swiss politician" of "the Swiss politician …".
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

// Deeds of people: an unknown name that does them is asked for with "who".
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

void AskSubject(Context& c) {
  const Chunk* found = ChunkAt(c.parsed, c.clause.subject.begin);
  if (found == nullptr || Vague(c.s, c.clause.subject) || found->pronoun) return;
  Chunk copy = *found;
  const Chunk* chunk = &copy;
  if (copy.kind == Kind::kThing && copy.proper && !c.s.Is(copy.range.begin, Tag::kDeterminer) &&
      HumanDeed(c.s, c.clause)) {
    copy.kind = Kind::kPerson;
  }
  const std::string rest = c.s.Text(c.frame.rest);
  if (rest.empty()) return;
  if (c.clause.form == Clause::Form::kCopula && c.frame.rest.size() < 2) return;
  std::string wh = WhFor(c.s, *chunk, c.clause.subject, false);
  Fact& fact = c.Add(c.s.Inner(c.clause.subject), "factual", chunk->proper ? 1.2 : 1.0);
  const std::string lead = c.s.Inner(c.clause.lead);
  if (absl::StartsWith(wh, "How many")) {
    fact.questions.push_back(AsQuestion(Joined({wh, c.frame.verbs, rest})));
    return;
  }
  if (wh == "How much" || wh == "What percentage") wh = "What";
  fact.questions.push_back(AsQuestion(Joined({wh, c.frame.third, rest})));
  if (const std::string which = WhichFor(c.s, *chunk); !which.empty()) {
    fact.questions.push_back(AsQuestion(Joined({which, c.frame.verbs, rest})));
  }
  if (!lead.empty()) {
    fact.questions.push_back(AsQuestion(
        Joined({absl::StrCat(lead, ","), wh == "Who" ? "who" : "what", c.frame.third, rest})));
  }
}

// What follows the verbs directly: the object, or what the subject is.
void AskObject(Context& c) {
  const Sentence& s = c.s;
  size_t at = c.frame.rest.begin;
  while (c.frame.rest.holds(at) && s.Is(at, Tag::kAdverb)) ++at;
  const Chunk* chunk = ChunkAt(c.parsed, at);
  if (chunk == nullptr || c.frame.rest.empty()) return;
  Range whole = Extended(s, c.parsed.chunks, IndexOf(c.parsed, chunk));
  whole.end = std::min(whole.end, c.frame.rest.end);
  if (Vague(s, whole) || chunk->pronoun) return;
  const std::string tail = Without(c.parsed, c.frame.rest, {c.frame.rest.begin, whole.end});
  if (c.clause.form == Clause::Form::kCopula) {
    if (c.clause.verbs.size() != 1 || chunk->kind == Kind::kNumber) return;
    // "X is a Y …": what X is.
    const Chunk* subject = ChunkAt(c.parsed, c.clause.subject.begin);
    const bool who = subject != nullptr && Human(subject->kind);
    Fact& fact = c.Add(s.Inner({whole.begin, c.frame.rest.end}), "definition", 1.3);
    fact.questions.push_back(
        AsQuestion(Joined({who ? "Who" : "What", c.frame.front, c.frame.subject})));
    if (!who) {
      fact.questions.push_back(AsQuestion(
          Joined({"How", c.frame.front == "are" || c.frame.front == "were" ? "are" : "is",
                  c.frame.subject, "described"})));
    }
    return;
  }
  if (!c.frame.invertible) return;
  std::string wh = WhFor(s, *chunk, whole, true);
  Fact& fact =
      c.Add(s.Inner(whole), "factual", chunk->proper || HasDigit(s.Text(whole)) ? 1.3 : 1.0);
  if (wh == "Whom") wh = "Who";
  fact.questions.push_back(Invert(wh, c.frame, tail));
  if (const std::string which = WhichFor(s, *chunk); !which.empty() && whole.size() > 1) {
    fact.questions.push_back(Invert(which, c.frame, tail));
  }
  std::string in_place = Human(chunk->kind) ? "whom" : "what";
  if (absl::StartsWith(wh, "How many")) in_place = absl::StrCat("how many", wh.substr(8));
  if (wh == "How much" || wh == "What percentage")
    in_place = wh == "How much" ? "how much" : "what percentage";
  fact.questions.push_back(AsQuestion(Joined({c.frame.subject, c.frame.verbs, in_place, tail})));
}

// One prepositional phrase of the rest.
void AskPhrase(Context& c, size_t preposition, const Chunk& chunk) {
  const Sentence& s = c.s;
  Range whole = Extended(s, c.parsed.chunks, IndexOf(c.parsed, &chunk));
  whole.end = std::min(whole.end, c.frame.rest.end);
  const Range phrase{preposition, whole.end};
  const std::string prep = s[preposition].lower;
  if (prep == "of" || chunk.pronoun || Vague(s, whole) || !c.frame.invertible) return;
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
  if (const std::string which = WhichFor(s, chunk); !which.empty()) {
    fact.questions.push_back(
        Invert(absl::StrCat(Capitalized(prep), " which", which.substr(5)), c.frame, tail));
  } else {
    fact.questions.push_back(
        Invert(absl::StrCat(Capitalized(prep), who ? " whom" : " what"), c.frame, tail));
  }
  fact.questions.push_back(
      AsQuestion(Joined({c.frame.subject, c.frame.verbs, s.Text({c.frame.rest.begin, phrase.begin}),
                         prep, who ? "whom" : "what", s.Text({phrase.end, c.frame.rest.end})})));
}

void AskPhrases(Context& c) {
  for (const Chunk& chunk : c.parsed.chunks) {
    if (chunk.range.begin == 0 || !c.frame.rest.holds(chunk.range.begin)) continue;
    const size_t before = chunk.range.begin - 1;
    if (!c.frame.rest.holds(before)) continue;
    if (c.s.Is(before, Tag::kPreposition) || c.s.Is(before, Tag::kTo)) AskPhrase(c, before, chunk);
  }
}

// "In 1805, …": when and where of the lead.
void AskLead(Context& c) {
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
void AskReasons(Context& c) {
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

// "What did Luther do?": the predicate as a whole.
void AskAction(Context& c) {
  if (c.clause.form != Clause::Form::kActive || c.clause.auxiliary || !c.frame.invertible) return;
  if (c.clause.rest.size() < 3 || c.s[c.clause.verb].tag != Tag::kPast) return;
  const Chunk* subject = ChunkAt(c.parsed, c.clause.subject.begin);
  if (subject == nullptr || (subject->pronoun && c.parsed.subject.empty())) return;
  const bool actor = Human(subject->kind) || subject->kind == Kind::kGroup || subject->proper;
  if (!actor) return;
  Fact& fact = c.Add(c.s.Text({c.clause.verbs.begin, c.clause.rest.end}), "factual", 0.9);
  const std::string lead = c.s.Inner(c.clause.lead);
  fact.questions.push_back(AsQuestion(Joined({"What did", c.frame.subject, "do", lead})));
}

std::string EndMark(const Sentence& s) {
  const std::string& text = s.text();
  return !text.empty() && absl::StrContains(".!?", text.back()) ? std::string() : ".";
}

}  // namespace

Parsed Parse(absl::string_view sentence, const Names& names, const Capitals* capitals) {
  Parsed parsed{Sentence(sentence, capitals), {}, {}, {}};
  parsed.chunks = FindChunks(parsed.sentence, names);
  parsed.clauses = FindClauses(parsed.sentence, parsed.chunks);
  return parsed;
}

std::string ClauseText(const Parsed& parsed, const Clause& clause) {
  const Sentence& s = parsed.sentence;
  const std::string lead = s.Text(clause.lead);
  std::string text = Joined({lead.empty() ? "" : absl::StrCat(lead, ","),
                             lead.empty() ? s.Text(clause.subject) : s.Inner(clause.subject),
                             s.Text(clause.verbs), s.Text(clause.rest)});
  return absl::StrCat(Capitalized(text), ".");
}

std::vector<Fact> AskAbout(const Parsed& parsed) {
  std::vector<Fact> facts;
  const std::string whole =
      absl::StrCat(Capitalized(parsed.sentence.text()), EndMark(parsed.sentence));
  for (const Clause& clause : parsed.clauses) {
    if (clause.rest.empty() && clause.lead.empty()) continue;
    Context context{parsed, parsed.sentence, clause, MakeFrame(parsed, clause), "", false, facts};
    const bool there = parsed.sentence.IsWord(clause.subject.begin, "there");
    if (there) continue;
    // "He" and "it" alone make questions that nobody can answer.
    const bool pronoun =
        clause.subject.size() == 1 && parsed.sentence.Is(clause.subject.begin, Tag::kPronoun);
    const bool known = pronoun && context.frame.subject != parsed.sentence.Inner(clause.subject);
    if (pronoun && !known && (clause.subordinate || clause.relative)) continue;
    const size_t first = facts.size();
    context.statement =
        parsed.sentence.size() <= kLongestSentence ? whole : ClauseText(parsed, clause);
    AskSubject(context);
    AskObject(context);
    AskPhrases(context);
    AskLead(context);
    AskAction(context);
    AskReasons(context);
    for (size_t i = first; i < facts.size(); ++i) {
      if (pronoun && !known) facts[i].value *= 0.5;
      if (clause.subordinate || clause.relative) facts[i].value *= 0.9;
      if (!absl::StrContains(facts[i].statement, facts[i].answer)) facts[i].statement = whole;
    }
  }
  for (Fact& fact : facts) {
    auto bad = [&](const std::string& question) {
      return question.size() < 12 ||
             absl::StrContains(question, "(") != absl::StrContains(question, ")") ||
             std::count(question.begin(), question.end(), '"') % 2 != 0;
    };
    fact.questions.erase(std::remove_if(fact.questions.begin(), fact.questions.end(), bad),
                         fact.questions.end());
  }
  facts.erase(std::remove_if(facts.begin(), facts.end(),
                             [](const Fact& fact) { return fact.questions.empty(); }),
              facts.end());
  return facts;
}

}  // namespace foundry::teacher::extractive
