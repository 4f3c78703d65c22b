// Questions that one sentence answers, by rules over its clauses. Thread-safe (no state).
//
// Every answer is a phrase of the sentence, so that items are faithful by construction; rules that
// do not fit a clause make nothing.
#pragma once

#include <string>
#include <vector>

#include "services/teacher/extractive/clauses.h"

namespace foundry::teacher::extractive {

// A sentence ready for the rules.
struct Parsed {
  Sentence sentence;
  std::vector<Chunk> chunks;
  std::vector<Clause> clauses;
  std::string subject;  // what a leading "he" or "she" stands for; empty: not known
};

struct Fact {
  std::string answer;                  // as the sentence has it: "in 1013", "Sweyn Forkbeard"
  std::string statement;               // sentence or clause that says it, with its final mark
  std::string type;                    // factual, definition, reason, purpose, description
  std::vector<std::string> questions;  // wordings, the most natural first; end in "?"
  double value = 1;                    // worth of asking
};

Parsed Parse(absl::string_view sentence, const Names& names, const Capitals* capitals);

std::vector<Fact> AskAbout(const Parsed& parsed);

// The whole sentence as a statement: capital first, a final mark.
std::string StatementOf(const Parsed& parsed);

// The statement of a clause by itself: "Genghis Khan executed Inalchuq by pouring molten silver …".
std::string ClauseText(const Parsed& parsed, const Clause& clause);

}  // namespace foundry::teacher::extractive
