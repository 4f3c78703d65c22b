// What a training run learns from: which pairs train, which choose the checkpoint, and what is
// added. Thread-safe (no state).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/dataset/records.h"

namespace foundry::trainer {

struct MixOptions {
  double validation_share = 0.05;  // of pairs that carry no split
  int max_samples = 0;             // training pairs; 0: all
  int64_t seed = 7;
};

struct Mix {
  std::vector<dataset::Pair> train;
  std::vector<dataset::Pair> dev;
  std::set<std::string> held_out;  // dataset::QuestionKey of all that is dev or test
  int64_t refused_test = 0;        // test pairs: only the evaluation may read them
  int64_t empty_targets = 0;       // left out: nothing to learn
  int64_t held_out_questions = 0;  // left out of training: a dev or test pair asks the same
};

// Splits pairs; those without a split train, but for a share of the questions, chosen by hash, that
// validates.
// FailedPrecondition when nothing is left to train on (says what was left out).
absl::StatusOr<Mix> MakeMix(const std::vector<dataset::Pair>& pairs, const MixOptions& options);

// Statements of the passages behind the pairs and of the documents: each sentence once as the
// answer to "State a fact.", worded as it will be asked, so that facts that no question touches are
// seen too.
std::vector<dataset::Pair> PassageStatements(const std::vector<dataset::Pair>& pairs,
                                             const std::vector<dataset::Document>& documents);

// The extractive teacher's items about the passages behind pairs that it did not write itself: the
// wordings of a fact that a handful of questions lacks. Documents that it has taught already are
// left out, and so are pairs without a passage and items that ask what is `held_out` (keys as in
// Mix). Worded as they will be asked.
std::vector<dataset::Pair> PassageItems(const std::vector<dataset::Pair>& pairs,
                                        const std::vector<dataset::Document>& documents,
                                        const std::set<std::string>& held_out, int64_t seed);

}  // namespace foundry::trainer
