// What asks for a phrase: who, which town, how many men. Thread-safe (no state).
#pragma once

#include <string>

#include "services/teacher/extractive/questions.h"

namespace foundry::teacher::extractive {

// Too little to be an answer: a pronoun or function word.
bool Vague(const Sentence& s, Range range);

// The noun phrase that begins at a word; null: none does.
const Chunk* ChunkAt(const Parsed& parsed, size_t begin);
size_t IndexOf(const Parsed& parsed, const Chunk* chunk);

inline bool Human(Kind kind) { return kind == Kind::kPerson; }

// "Who" ("Whom" for an `object`), "How many men", "How much", "What percentage", "What".
std::string WhFor(const Sentence& s, const Chunk& chunk, Range whole, bool object);

// "Which town" of "the town of Otrar", "Which Swiss politician" of "the Swiss politician …"; empty:
// nothing fits.
std::string WhichFor(const Sentence& s, const Chunk& chunk);

// Deeds of people: an unknown name that does them is asked for with "who".
bool HumanDeed(const Sentence& s, const Clause& clause);

}  // namespace foundry::teacher::extractive
