// Questions for the arguments of the verb: subject, object, the whole predicate.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/lexicon.h"
#include "services/teacher/extractive/rules.h"
#include "services/teacher/extractive/wh_words.h"

namespace foundry::teacher::extractive {

void AskSubject(RuleContext& c) {
  const Chunk* found = ChunkAt(c.parsed, c.clause.subject.begin);
  if (found == nullptr || Vague(c.s, c.clause.subject) || found->pronoun) return;
  Chunk copy = *found;
  const Chunk* chunk = &copy;
  if (copy.kind == Kind::kThing && copy.proper && !c.s.Is(copy.range.begin, Tag::kDeterminer) &&
      HumanDeed(c.s, c.clause)) {
    copy.kind = Kind::kPerson;
  }
  const std::string rest = c.s.Text(c.frame.rest);
  if (rest.empty() || c.frame.incomplete) return;
  if (c.clause.form == Clause::Form::kCopula && c.frame.rest.size() < 2) return;
  std::string wh = WhFor(c.s, *chunk, c.clause.subject, false);
  Fact& fact = c.Add(c.s.Inner(c.clause.subject), "factual", chunk->proper ? 1.2 : 1.0);
  const std::string lead = c.s.Inner(c.clause.lead);
  if (absl::StartsWith(wh, "How many")) {
    fact.questions.push_back(AsQuestion(Joined({wh, c.frame.verbs, rest})));
    return;
  }
  if (wh == "What percentage") {
    fact.questions.push_back(AsQuestion(Joined({wh, c.frame.verbs, rest})));
    return;
  }
  if (wh == "How much") wh = "What";
  fact.questions.push_back(AsQuestion(Joined({wh, c.frame.third, rest})));
  if (const std::string which = WhichFor(c.s, *chunk); !which.empty()) {
    fact.questions.push_back(AsQuestion(Joined({which, c.frame.verbs, rest})));
  }
  if (!lead.empty()) {
    fact.questions.push_back(AsQuestion(
        Joined({absl::StrCat(lead, ","), wh == "Who" ? "who" : "what", c.frame.third, rest})));
  }
}

void AskObject(RuleContext& c) {
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
  static constexpr absl::string_view kIdioms[] = {"place", "part", "care", "advantage", "effect"};
  const std::string bare = whole.size() == 1 ? s[whole.begin].lower : "";
  if (std::find(std::begin(kIdioms), std::end(kIdioms), bare) != std::end(kIdioms)) return;
  std::string wh = WhFor(s, *chunk, whole, true);
  Fact& fact =
      c.Add(s.Inner(whole), "factual", chunk->proper || HasDigit(s.Text(whole)) ? 1.3 : 1.0);
  if (wh == "Whom") wh = BaseOf(s[c.clause.verb].lower) == "become" ? "What" : "Who";
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

void AskAction(RuleContext& c) {
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

}  // namespace foundry::teacher::extractive
