#include "services/teacher/extractive/questions.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/teacher/extractive/rules.h"

namespace foundry::teacher::extractive {
namespace {

constexpr size_t kLongestSentence = 26;  // words; longer statements are cut to their clause

// The sentence, or of a long one the clause, where it stands by itself: not what is only reported,
// supposed or said of something that a negation may deny.
std::string StatementFor(const Parsed& parsed, const Clause& clause, const std::string& whole) {
  const Sentence& s = parsed.sentence;
  if (s.size() <= kLongestSentence || clause.relative || clause.subordinate) return whole;
  for (const Word& word : s.words()) {
    if (word.tag == Tag::kQuote && s.size() < 60) return whole;
  }
  const bool ends = clause.rest.end >= s.size() || s[clause.rest.end].tag >= Tag::kComma ||
                    s.Is(clause.rest.end, Tag::kConjunction) ||
                    s.Is(clause.rest.end, Tag::kSubordinator) ||
                    s.Is(clause.rest.end, Tag::kPreposition);
  const bool dangling = clause.rest.empty() || s.Is(clause.rest.end - 1, Tag::kBase) ||
                        s.Is(clause.rest.end - 1, Tag::kTo);
  return ends && !dangling ? ClauseText(parsed, clause) : whole;
}

}  // namespace

Parsed Parse(absl::string_view sentence, const Names& names, const Capitals* capitals) {
  Parsed parsed{Sentence(sentence, capitals), {}, {}, {}};
  parsed.chunks = FindChunks(parsed.sentence, names);
  parsed.clauses = FindClauses(parsed.sentence, parsed.chunks);
  return parsed;
}

std::string StatementOf(const Parsed& parsed) {
  std::string text = Capitalized(parsed.sentence.text());
  if (!text.empty() && !absl::StrContains(".!?\"”", text.back())) {
    if (absl::StrContains(":;,", text.back())) text.pop_back();
    text += '.';
  }
  return text;
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
  const std::string whole = StatementOf(parsed);
  for (const Clause& clause : parsed.clauses) {
    if (clause.rest.empty() && clause.lead.empty()) continue;
    RuleContext context{parsed, parsed.sentence, clause, MakeFrame(parsed, clause), "", facts};
    const bool there = parsed.sentence.IsWord(clause.subject.begin, "there");
    if (there) continue;
    bool list = false;  // "The following files must be in /etc": the list comes later
    for (size_t i = clause.subject.begin; i < clause.subject.end; ++i) {
      list |= parsed.sentence.IsWord(i, "following");
    }
    if (list) continue;
    // "He" and "it" alone make questions that nobody can answer.
    const bool pronoun =
        clause.subject.size() == 1 && parsed.sentence.Is(clause.subject.begin, Tag::kPronoun);
    const bool known = pronoun && context.frame.subject != parsed.sentence.Inner(clause.subject);
    if (pronoun && !known && (clause.subordinate || clause.relative)) continue;
    const size_t first = facts.size();
    context.statement = StatementFor(parsed, clause, whole);
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
  AskNames(parsed, whole, facts);
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
