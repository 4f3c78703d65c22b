// Checks that several services make of requests. Thread-safe (no state).
#pragma once

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"

namespace foundry::coordinator {

// InvalidArgument with a field violation.
inline absl::Status FieldError(absl::string_view field, absl::string_view problem) {
  return WithFieldViolation(absl::InvalidArgumentError(absl::StrCat(field, ": ", problem)), field,
                            problem);
}

// Whether the field holds the hash of a blob.
inline absl::Status CheckManifest(absl::string_view field, const std::string& manifest) {
  const bool hex = std::all_of(manifest.begin(), manifest.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (manifest.size() == 64 && hex) return absl::OkStatus();
  return FieldError(field, "must be the SHA-256 of the stored manifest, 64 lower-case hex digits");
}

}  // namespace foundry::coordinator
