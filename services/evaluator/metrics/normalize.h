// Answer normalisation of SQuAD (Rajpurkar et al., arXiv 1606.05250; the official
// evaluate-v1.1.py): lower case, ASCII punctuation removed, the words a/an/the removed, white space
// folded.
//
// Lower case, word boundaries and white space follow Python 3's str and re, so that scores equal
// the official script's on any UTF-8. Invalid UTF-8 counts as U+FFFD. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace foundry::evaluator {

std::string NormalizeAnswer(absl::string_view text);

// Words of the normalised text.
std::vector<std::string> AnswerTokens(absl::string_view text);

}  // namespace foundry::evaluator
