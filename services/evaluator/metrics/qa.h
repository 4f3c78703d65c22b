// Scores of an answer against gold answers; the best gold answer counts.
//
// Exact match and F1 are SQuAD's (squad v1.1 rule: F1 of no common word is 0, even when both are
// empty). Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace foundry::evaluator {

double ExactMatch(absl::string_view prediction, absl::string_view gold);  // 0 or 1
double TokenF1(absl::string_view prediction, absl::string_view gold);     // 0 to 1
// Share of the gold answer's words found in the prediction.
double TokenRecall(absl::string_view prediction, absl::string_view gold);
// 1 when the normalised gold answer stands in the normalised prediction. A number must stand as a
// whole: "19" is not in "1973"; so must an answer of up to three letters: "no" is not in "know". An
// empty gold answer (all articles and punctuation) is compared as it is.
double Contains(absl::string_view prediction, absl::string_view gold);

struct QaScores {
  double exact = 0;
  double f1 = 0;
  double contains = 0;
  double recall = 0;
};
QaScores ScoreAnswer(absl::string_view prediction, absl::Span<const std::string> golds);

}  // namespace foundry::evaluator
