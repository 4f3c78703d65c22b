// Statements to be confirmed or corrected: a name, number or date of a sentence swapped for another
// of its kind from the same document, the hardest kind of wrong premise. Thread-safe (no state).
#pragma once

#include <vector>

#include "services/teacher/extractive/item.h"

namespace foundry::teacher::extractive {

// For each sentence with something to swap: one false item and one true one, so that neither answer
// can be guessed. `all`: the document's sentences, where the other names come from.
std::vector<std::vector<Item>> PremiseItems(const std::vector<SourceSentence>& all, uint64_t seed);

}  // namespace foundry::teacher::extractive
