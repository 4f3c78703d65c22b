// The normaliser of tokenizer.json: what happens to text before it is cut into words.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/json.h"

namespace foundry::tokenizer {

// Thread-safe. Null: the text stays as it is.
using Normalizer = std::function<std::string(absl::string_view)>;

// `json`: the "normalizer" member. Unimplemented names a type that isn't known.
absl::StatusOr<Normalizer> MakeNormalizer(const Json& json);

}  // namespace foundry::tokenizer
