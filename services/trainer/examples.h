// Pairs and passages as training examples.
//
// A pair is one chat turn: its input as the user, worded as it will be asked
// (dataset::WordClosedBook), the target and the end of the turn as the assistant. The answer's
// tokens weigh `pair.weight`, the question's a share of that, the rest of the template nothing.
// Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/dataset/records.h"
#include "common/lm/language_model.h"
#include "common/lm/trainer.h"

namespace foundry::trainer {

struct ExampleOptions {
  double question_loss_weight = 0.3;
  int max_length = 1024;  // tokens; longer examples are cut at the end
};

struct BuiltExamples {
  std::vector<lm::Example> examples;
  std::vector<size_t> pair_of;  // index of each example's pair
  int64_t cut = 0;              // examples that were longer than max_length
  int64_t unscored = 0;         // pairs left out: of weight 0, or cut before the first scored token
};

// FailedPrecondition when the model has no chat template.
absl::StatusOr<lm::Example> PairExample(const lm::LanguageModel& model, const dataset::Pair& pair,
                                        const ExampleOptions& options, bool* cut);

absl::StatusOr<BuiltExamples> PairExamples(const lm::LanguageModel& model,
                                           const std::vector<dataset::Pair>& pairs,
                                           const ExampleOptions& options);

}  // namespace foundry::trainer
