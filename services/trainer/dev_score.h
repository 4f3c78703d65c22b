// How well a student answers held-out wordings closed-book: what chooses the best checkpoint.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "common/base/cancel.h"
#include "common/dataset/records.h"
#include "common/lm/language_model.h"

namespace foundry::trainer {

struct DevScore {
  double contains = 0;        // share of answers that hold the target
  double f1 = 0;              // mean token F1 (SQuAD's rule)
  double standard_error = 0;  // of combined()
  // Targets may be words or whole sentences: the mean of both figures serves either.
  double combined() const { return (contains + f1) / 2; }
};

// Greedy answers to the inputs, as they are worded, of at most kMostDevQuestions of the pairs,
// evenly spread. `pairs` not empty.
inline constexpr size_t kMostDevQuestions = 48;
absl::StatusOr<DevScore> ScoreDev(const lm::LanguageModel& model,
                                  const std::vector<dataset::Pair>& pairs,
                                  const CancelToken& cancel);

}  // namespace foundry::trainer
