// Which language a text is in: by script, then by its share of function words. Good for passages of
// some twenty words or more. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace foundry::text {

struct LanguageGuess {
  std::string code;       // ISO 639-1; "und" when nothing speaks for any
  double confidence = 0;  // 0..1: lead over the runner-up
};

// Reads at most the first 20,000 bytes.
LanguageGuess GuessLanguage(absl::string_view text);

}  // namespace foundry::text
