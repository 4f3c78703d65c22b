// Extractive summaries: TextRank (Mihalcea and Tarau 2004) over sentences, with a prior for early
// ones, chosen without repeating each other (maximal marginal relevance). Thread-safe (no state).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/text/words.h"

namespace foundry::text {

// Unit vectors of texts, one row each; see common/lm/embedder.h.
using EmbedFunction =
    std::function<absl::StatusOr<std::vector<std::vector<float>>>(absl::Span<const std::string>)>;

struct SummaryOptions {
  int sentences = 3;
  int most_candidates = 300;  // the document's first sentences of fitting length
  std::string language = "en";
  EmbedFunction embed;  // null: similarity by TF-IDF
};

// Indices into `sentences` (spans of `text`), ascending. Fails only when `embed` does.
absl::StatusOr<std::vector<int>> SummarySentences(absl::string_view text,
                                                  const std::vector<Span>& sentences,
                                                  const SummaryOptions& options = {});

// The chosen sentences as one line of text.
absl::StatusOr<std::string> Summarize(absl::string_view text, const std::vector<Span>& sentences,
                                      const SummaryOptions& options = {});

}  // namespace foundry::text
