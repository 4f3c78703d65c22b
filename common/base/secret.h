// Secrets by reference: env:NAME or file:PATH, never the value itself in a file or a log.
// Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry {

// The secret that `reference` names; "" gives "". A file's surrounding white space is dropped.
// Errors name the reference and never hold the value: NotFound when the variable or file is missing
// or empty, InvalidArgument when `reference` has another form (its text is not repeated: it might
// be the key itself).
absl::StatusOr<std::string> ReadSecret(absl::string_view reference);

// `text` with every occurrence of `secret` replaced by "***".
std::string Redact(absl::string_view text, absl::string_view secret);

}  // namespace foundry
