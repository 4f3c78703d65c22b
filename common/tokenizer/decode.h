// The decoder of tokenizer.json: tokens back to text.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/json.h"

namespace foundry::tokenizer {

// Tokens as the vocabulary spells them, to text that may hold ill-formed UTF-8. Thread-safe.
using Decoder = std::function<std::string(std::vector<std::string> tokens)>;

// `json`: the "decoder" member. Unimplemented names a type that isn't known.
absl::StatusOr<Decoder> MakeDecoder(const Json& json);

}  // namespace foundry::tokenizer
