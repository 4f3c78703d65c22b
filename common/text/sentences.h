// Sentence boundaries: ICU's sentence break iterator (UAX #29) with the corrections that running
// text needs: abbreviations, initials, numbered items, hard-wrapped lines. Thread-safe (no state).
#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "common/text/words.h"

namespace foundry::text {

// Spans of `text` (normalised UTF-8), in order, without surrounding white space. A single line
// break inside a sentence is soft; an empty line, or a line that begins with a bullet or an item
// number, ends a sentence.
std::vector<Span> SplitSentences(absl::string_view text);

// Whether `line` begins with a list marker ("• ", "- ", "1. ", "(a) "). Sets *marker_bytes.
bool StartsWithListMarker(absl::string_view line, size_t* marker_bytes = nullptr);

}  // namespace foundry::text
