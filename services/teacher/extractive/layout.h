// What a document's layout says about a sentence: remains of headings, bullets and numbers before
// it, and the section it stands in. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/dataset/records.h"

namespace foundry::teacher::extractive {

// The sentence without a bullet, a footnote's number or a heading that the extraction left before
// it: "16 Historically, …", "• man2: …", "Purpose This directory …".
std::string TrimToSentence(absl::string_view text);

// A heading without its number: "5.5.1. Purpose" gives "Purpose".
std::string HeadingName(absl::string_view heading);

// What the section at byte `at` is about: its heading, or the one above where that only says what
// every section has ("Purpose", "Requirements"). Empty: no heading, or the document's own title.
std::string SectionLabel(const dataset::Document& document, int64_t at);

}  // namespace foundry::teacher::extractive
