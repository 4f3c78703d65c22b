// The regular expressions by which byte-level tokenizers cut text into words.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry::tokenizer {

// The patterns as tokenizer.json spells them.
extern const char kGpt2Pattern[];    // GPT-2: its ByteLevel step
extern const char kLlama3Pattern[];  // numbers in groups of up to three
extern const char kQwen2Pattern[];   // every digit by itself

// A stretch of the text that matched the pattern, or one between two matches.
struct Span {
  absl::string_view text;
  bool match = true;
};

// Cuts valid UTF-8 into matches and the gaps between them. Thread-safe.
using RegexSplitter = std::function<void(absl::string_view text, std::vector<Span>* out)>;

// The known patterns run as hand-written scanners, any other one through ICU. InvalidArgument when
// it doesn't compile.
absl::StatusOr<RegexSplitter> MakeRegexSplitter(absl::string_view pattern);

}  // namespace foundry::tokenizer
