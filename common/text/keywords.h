// Keywords without a model: candidate phrases between function words (RAKE, Rose et al. 2010)
// scored by statistics of their words in the document (after YAKE, Campos et al. 2020): frequency,
// spread over sentences, early position, capitals. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/text/words.h"

namespace foundry::text {

struct KeywordOptions {
  int count = 10;
  int longest_phrase = 3;  // words
  std::string language = "en";
};

// Best first, each in its most frequent spelling; a phrase inside a better one is left out.
// `sentences` are spans of `text`.
std::vector<std::string> ExtractKeywords(absl::string_view text, const std::vector<Span>& sentences,
                                         const KeywordOptions& options = {});

}  // namespace foundry::text
