// Noun phrases of a tagged sentence and what kind of thing they name. Thread-safe (no state).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "services/teacher/extractive/words.h"

namespace foundry::teacher::extractive {

enum class Kind { kPerson, kPlace, kGroup, kDate, kNumber, kThing };

struct Chunk {
  Range range;      // words of the noun phrase
  size_t head = 0;  // its main noun
  Kind kind = Kind::kThing;
  bool proper = false;
  bool plural = false;
  bool pronoun = false;  // he, it, this: no answer by itself
};

// What the document says of its names: lower-case entity texts by kind.
struct Names {
  std::set<std::string> persons, places, groups;
};

// Base noun phrases in order, not overlapping: "the Norman noble Jean de Bethencourt".
std::vector<Chunk> FindChunks(const Sentence& sentence, const Names& names);

// The phrase that starts with chunk `i`, with the of-phrases and coordinated phrases that belong to
// it: "the islands of Lanzarote, Fuerteventura and El Hierro".
Range Extended(const Sentence& sentence, const std::vector<Chunk>& chunks, size_t i);

}  // namespace foundry::teacher::extractive
