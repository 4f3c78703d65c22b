// One form for every text that enters Foundry: valid UTF-8, NFC, LF line ends, no control
// characters, no presentation ligatures, no invisible characters, no trailing blanks.
// Thread-safe (no state).
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace foundry::text {

struct NormalizeOptions {
  bool collapse_spaces = false;       // runs of blanks inside a line become one (prose, not code)
  int most_blank_lines = 1;           // longer runs of empty lines are cut to this; < 0: kept
  bool expand_tabs_to_space = false;  // a tab becomes one space
};

struct NormalizeStats {
  int64_t invalid_utf8 = 0;  // ill-formed parts that became U+FFFD
  int64_t controls = 0;      // control and invisible characters removed
};

// Idempotent: normalising twice changes nothing.
std::string Normalize(absl::string_view text, const NormalizeOptions& options = {},
                      NormalizeStats* stats = nullptr);

// Every run of white space becomes one space; none at the ends. For titles and single lines.
std::string OneLine(absl::string_view text);

// NFKC case folding, for comparisons only ("Straße" and "STRASSE" agree).
std::string FoldCase(absl::string_view text);

}  // namespace foundry::text
