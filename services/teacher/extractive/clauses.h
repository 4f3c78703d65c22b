// Subject, verb group and complement of the finite clauses of a sentence. Thread-safe (no state).
#pragma once

#include <vector>

#include "services/teacher/extractive/chunks.h"
#include "services/teacher/extractive/words.h"

namespace foundry::teacher::extractive {

struct Clause {
  enum class Form { kActive, kPassive, kCopula };
  Range lead;       // adjunct before the subject, without its comma: "In 1805"
  Range subject;    // may lie far before the verb: of a relative or coordinated clause
  Range verbs;      // "was first built": from the finite word to the main verb
  size_t verb = 0;  // main verb; of a copula the form of be
  Form form = Form::kActive;
  bool auxiliary = false;    // the finite word is an auxiliary or a form of be
  Range rest;                // what follows the verbs, without the final mark
  bool relative = false;     // "…, who led the community"
  bool shared = false;       // "… and died in 1531": the subject of the clause before
  bool subordinate = false;  // "because he …", "that he …"
};

// Clauses whose subject was found, in order. A sentence that is a question has none.
std::vector<Clause> FindClauses(const Sentence& sentence, const std::vector<Chunk>& chunks);

}  // namespace foundry::teacher::extractive
