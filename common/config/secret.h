// Secrets by reference: files and messages carry env:NAME or file:PATH, never the value.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry::config {

// The value behind env:NAME or file:PATH (without white space at the ends). Errors name the
// reference and never the value. An empty value is FailedPrecondition. Never log the result.
absl::StatusOr<std::string> ResolveSecret(absl::string_view reference);

}  // namespace foundry::config
