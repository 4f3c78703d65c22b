// Which pairs are worth keeping. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/teacher/options.h"

namespace foundry::teacher {

// How far the context supports the answer, 0 to 1: the share of the answer's content words, names
// and numbers (which count threefold) that stand in the context or the question. With `similarity`
// (cosine of the answer and its nearest context sentence; negative: not known) the mean of both.
double SupportScore(absl::string_view question, absl::string_view answer, absl::string_view context,
                    double similarity = -1);

// Sets scores["support"] of pairs that a chat model wrote, and drops those below min_score
// ("unsupported"), those without a usable question or answer ("malformed": empty, no letters,
// answers that repeat the question) and refusals ("refused"). Pairs without a passage are not
// judged for support.
absl::Status FilterSupported(double min_score, const EmbedFunction& embed,
                             std::vector<dataset::Pair>& pairs, Counts& counts);

// Drops inputs that came before ("duplicate": case-folded equality) and, among pairs of chat
// models, questions that nearly repeat an earlier one of the same document ("near_duplicate":
// MinHash, and with `embed` cosine of question and answer above 0.97). A further target for the
// same input stays when another teacher wrote it.
absl::Status FilterDuplicates(const EmbedFunction& embed, std::vector<dataset::Pair>& pairs,
                              Counts& counts);

}  // namespace foundry::teacher
