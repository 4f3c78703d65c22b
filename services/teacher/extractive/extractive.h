// The extractive teacher: question-answer pairs from the text itself, without a model.
//
// Items are faithful by construction: every target is a sentence, clause or phrase of the document,
// or corrects a swapped name or number with one. Each fact gets several wordings and every input
// names the document, as small models need (Allen-Zhu and Li, arXiv 2309.14316 and 2404.05405).
// The rules are for English; other languages get the items that need no grammar (cloze,
// continuation, recital). Deterministic under the seed. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/dataset/records.h"

namespace foundry::teacher::extractive {

struct ExtractiveOptions {
  int pairs_per_document = 0;  // 0: kPairsPerSentence for each sentence, at most kMostPairs
  std::vector<std::string> question_types = {"factual", "conceptual", "application", "analysis"};
  std::vector<std::string> levels = {"document", "section", "paragraph", "sentence"};
  uint64_t seed = 7;
};

inline constexpr char kTeacherName[] = "extractive";  // Pair.teacher of its pairs
inline constexpr int kPairsPerSentence = 16;
inline constexpr int kMostPairs = 2000;

// Up to the wanted number of pairs, in rounds over the sentences: the most natural question of each
// fact first, then other wordings, cloze and the rest. Sentence spans that are missing are
// computed.
std::vector<dataset::Pair> ExtractPairs(const dataset::Document& document,
                                        const ExtractiveOptions& options = {});

}  // namespace foundry::teacher::extractive
