// ROUGE-L (Lin 2004) as google-research's rouge_score computes it without stemming: words are runs
// of [a-z0-9] of the lower-cased text. Thread-safe (no state).
#pragma once

#include "absl/strings/string_view.h"

namespace foundry::evaluator {

struct RougeScore {
  double precision = 0, recall = 0, f1 = 0;
};
// By the longest common subsequence of words; time is the product of the lengths.
RougeScore RougeL(absl::string_view prediction, absl::string_view gold);

}  // namespace foundry::evaluator
