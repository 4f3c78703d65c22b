// The pre-tokenizer of tokenizer.json: how normalised text is cut into words.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/json.h"

namespace foundry::tokenizer {

// Words under way. Views point into the caller's text or into `owned`.
struct Words {
  std::vector<absl::string_view> views;
  std::deque<std::string> owned;  // texts that a step changed
};

// One step: cuts `word` further into out->views. `first`: the word starts the whole input.
// Thread-safe.
using PreTokenizerStep = std::function<void(absl::string_view word, bool first, Words* out)>;

struct PreTokenizer {
  std::vector<PreTokenizerStep> steps;
  bool byte_level = false;  // the model's tokens are spelled in GPT-2's byte alphabet

  // Appends nothing for empty text.
  void Split(absl::string_view text, bool first, Words* words) const;
};

// `json`: the "pre_tokenizer" member. Unimplemented names a type or option that isn't known.
absl::StatusOr<PreTokenizer> MakePreTokenizer(const Json& json);

}  // namespace foundry::tokenizer
