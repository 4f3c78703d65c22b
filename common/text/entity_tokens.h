// Tokens as named-entity data sets cut them: words, numbers and single punctuation marks, with
// possessive 's split off and the full stop kept on abbreviations and initials ("J.", "U.S.").
// Thread-safe (no state).
#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "common/text/words.h"

namespace foundry::text {

// Spans of `sentence`.
std::vector<Span> EntityTokens(absl::string_view sentence);

}  // namespace foundry::text
