// The rules that make facts out of clauses, one function each. To add a rule: declare it here, call
// it in AskAbout (questions.cc). Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "services/teacher/extractive/inversion.h"

namespace foundry::teacher::extractive {

// Everything that the rules of one clause share.
struct RuleContext {
  const Parsed& parsed;
  const Sentence& s;
  const Clause& clause;
  Frame frame;
  std::string statement;
  std::vector<Fact>& facts;

  // What a short question keeps of the rest besides the phrase asked for: the object, if it comes
  // first.
  std::string ShortTail(size_t phrase_begin) const {
    size_t end = frame.rest.begin;
    auto stops = [this](size_t i) {
      return s[i].tag == Tag::kPreposition || (s[i].tag == Tag::kTo && !s.Is(i + 1, Tag::kBase));
    };
    while (end < phrase_begin && !stops(end)) ++end;
    while (end < phrase_begin && s.IsWord(end, "of")) {
      ++end;
      while (end < phrase_begin && !stops(end)) ++end;
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

void AskSubject(RuleContext& c);  // who or what does it
void AskObject(RuleContext& c);   // what follows the verbs: the object, or what the subject is
void AskAction(RuleContext& c);   // "What did Luther do?"
void AskPhrases(RuleContext& c);  // when, where, by whom, with what: prepositional phrases
void AskLead(RuleContext& c);     // "In 1805, …"
void AskReasons(RuleContext& c);  // why, how, what for: adjuncts

// Facts of noun phrases, without a clause: appositions, other names, abbreviations, offices.
void AskNames(const Parsed& parsed, const std::string& statement, std::vector<Fact>& facts);

}  // namespace foundry::teacher::extractive
