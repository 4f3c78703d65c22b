// Items about one sentence: questions, cloze, "what does the text say about", continuations.
// Deterministic under `seed`. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <vector>

#include "services/teacher/extractive/item.h"

namespace foundry::teacher::extractive {

// `number`: of the sentence in its document, part of the facts' names.
std::vector<Item> SentenceItems(const SourceSentence& source, size_t number, uint64_t seed);

// Phrases worth asking about, most telling first: names, numbers, then long noun phrases.
std::vector<Range> KeyPhrases(const Parsed& parsed);

}  // namespace foundry::teacher::extractive
