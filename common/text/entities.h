// People, organisations and locations by rules and gazetteers: capitalised sequences, titles,
// given names, suffixes (Inc, University, River), context words, and what the rest of the document
// says about a name. English rules; other languages get what the gazetteers know. Precision before
// recall. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/dataset/records.h"
#include "common/text/words.h"

namespace foundry::text {

// Half-open range of tokens in a sentence.
struct TaggedEntity {
  int begin = 0;
  int end = 0;
  std::string type;  // person, organization, location
};

// Tags the sentences of one document; result by sentence. Tokens as EntityTokens makes them.
std::vector<std::vector<TaggedEntity>> TagEntities(
    absl::Span<const std::vector<std::string>> sentences);

// Distinct entities of a document, most frequent first (then by first occurrence). `sentences` are
// spans of `text`.
std::vector<dataset::Entity> FindEntities(absl::string_view text,
                                          const std::vector<Span>& sentences);

}  // namespace foundry::text
