// How much of a text is words. Thread-safe (no state).
#pragma once

#include "absl/strings/string_view.h"

namespace foundry::text {

// 0 (binary, broken encodings, one endless token) to 1 (clean prose or code): the share of visible
// characters that belong to word-like tokens, numbers or ordinary punctuation, lowered by
// replacement characters and by repetition. Empty text: 0. Reads at most the first 200,000 bytes.
double TextQuality(absl::string_view text);

}  // namespace foundry::text
