// Joining the lines of a justified paragraph: hyphens at line ends, scripts without spaces.
// Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace foundry::text {

// Words of a document, folded: what tells "inter-\nnational" from "well-\nknown".
using Vocabulary = absl::flat_hash_set<std::string>;

// Adds the words of `text` that do not stand at a line's end with a hyphen.
void AddToVocabulary(absl::string_view text, Vocabulary* vocabulary);

// Appends `line` to `paragraph` (lines of one paragraph, in order): a hyphen that only breaks a
// word goes, one that belongs to it stays, and between CJK characters no space is put. Words known
// to `vocabulary` decide where the hyphen may be either; without evidence it goes when both halves
// are lower-case letters.
void AppendLine(absl::string_view line, const Vocabulary& vocabulary, std::string* paragraph);

// Joins hard-wrapped lines by AppendLine. Empty lines are ignored.
std::string JoinLines(const std::vector<std::string>& lines, const Vocabulary& vocabulary = {});

}  // namespace foundry::text
